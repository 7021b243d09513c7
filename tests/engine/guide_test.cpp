// SPDX-License-Identifier: GPL-3.0-or-later
// The built-in guide model: the engine computes what its trainer computed, and its answers know their subject.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>

#include "rookery/prompt.h"
#include "rookery/session.h"

using namespace rookery::engine;
using nlohmann::json;

namespace {

const std::string kGuideFolder = std::string(ROOKERY_TEST_DATA) + "/../resources/guide/";

Session guideSession() {
  auto model = Model::guide();
  REQUIRE(model.has_value());
  return Session(*model);
}

GenerateRequest greedy() {
  GenerateRequest request;
  request.sampling = {0, 0, 0, 0, 0, 1};
  request.maxTokens = 120;
  request.stopTexts = chatStopTexts();
  return request;
}

std::string ask(Session& session, const std::string& question) {
  session.reset();
  REQUIRE(session.prefill(session.model()->tokenizer()->encode(userTurn("", question, true))).has_value());
  std::string answer;
  const auto result = session.generate(greedy(), [&](const GeneratedToken& token) {
    answer += token.text;
    return true;
  });
  REQUIRE(result.has_value());
  return answer + result->tail;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool containsOneOf(const std::string& answer, const json& words) {
  return std::any_of(words.begin(), words.end(), [&](const json& word) { return lower(answer).find(lower(word.get<std::string>())) != std::string::npos; });
}

}  // namespace

TEST_CASE("greedy answers are token for token those of the trainer's own forward pass") {
  const json rows = json::parse(std::ifstream(kGuideFolder + "reference.json"));
  REQUIRE(rows.size() == 20);
  Session session = guideSession();
  for (const json& row : rows) {
    CAPTURE(row["prompt"].get<std::string>());
    CHECK(session.model()->tokenizer()->encode(row["prompt"].get<std::string>()) == row["prompt_ids"].get<std::vector<TokenId>>());
    session.reset();
    REQUIRE(session.prefill(row["prompt_ids"].get<std::vector<TokenId>>()).has_value());
    const auto result = session.generate(greedy(), {});
    REQUIRE(result.has_value());
    CHECK(result->tokens == row["answer_ids"].get<std::vector<TokenId>>());
    CHECK(result->reason == StopReason::EndOfText);
  }
}

TEST_CASE("the evaluation questions are answered as the results file says") {
  std::ifstream questions(kGuideFolder + "eval/questions.jsonl");
  Session session = guideSession();
  int asked = 0, right = 0;
  for (std::string line; std::getline(questions, line);) {
    const json row = json::parse(line);
    const std::string answer = ask(session, row["q"].get<std::string>());
    ++asked;
    right += std::all_of(row["must"].begin(), row["must"].end(), [&](const json& words) { return containsOneOf(answer, words); }) ? 1 : 0;
  }
  MESSAGE(fmt::format("{} of {} evaluation questions", right, asked));
  CHECK(asked == 100);
  CHECK(right >= 90);
  std::ifstream results(kGuideFolder + "eval/results.md");
  const std::string text((std::istreambuf_iterator<char>(results)), {});
  CHECK(text.find(fmt::format("{} of 100", right)) != std::string::npos);
}

TEST_CASE("what is not its subject is refused, with the way to a real model") {
  Session session = guideSession();
  for (const char* question : {"What is the capital of France?", "Write a poem about the sea", "What is 17 times 23?"}) {
    const std::string answer = ask(session, question);
    CAPTURE(answer);
    CHECK(answer.find("tiny guide") != std::string::npos);
    CHECK(answer.find("Models page") != std::string::npos);
  }
}
