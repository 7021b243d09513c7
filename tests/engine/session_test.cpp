// SPDX-License-Identifier: GPL-3.0-or-later
// Answers that are cut off and go on, with the guide model: its tokens have text, so stop texts can be half there.
#include <doctest/doctest.h>

#include <chrono>

#include "rookery/session.h"
#include "support/stop_text.h"

using namespace rookery::engine;

namespace {

std::shared_ptr<const Model> guide() {
  LoadOptions options;
  options.threads = 1;
  auto model = Model::guide(options);
  REQUIRE(model.has_value());
  return *model;
}

GenerateRequest wildRequest() {
  GenerateRequest request;
  request.sampling.temperature = 1;
  request.sampling.topP = 1;
  request.seed = 5;
  request.maxTokens = 200;
  request.stopAtEndOfText = false;
  return request;
}

/// The guide with a question read.
Session asked(const std::shared_ptr<const Model>& model) {
  Session session(model);
  REQUIRE(session.prefill(model->tokenizer()->encode("User: Tell me a story\n\nAssistant:")).has_value());
  return session;
}

}  // namespace

TEST_CASE("an answer stopped inside a stop text goes on as if it had not been stopped") {
  const auto model = guide();
  GenerateRequest request = wildRequest();
  Session first = asked(model);
  const std::uint64_t promptTokens = first.tokensRead();
  const auto free = first.generate(request, {});
  REQUIRE(free.has_value());
  const auto stop = rookery::test::stopTextIn(*model->tokenizer(), free->tokens);
  REQUIRE(stop.begin > 0);
  request.stopTexts = {stop.text};

  Session unbroken = asked(model);
  const auto whole = unbroken.generate(request, {});
  REQUIRE(whole.has_value());
  REQUIRE(whole->reason == StopReason::StopText);
  REQUIRE(whole->tokens.size() == stop.begin);

  for (const std::size_t held : {std::size_t{1}, std::size_t{2}}) {
    for (const bool restored : {false, true}) {
      Session cut = asked(model);
      const auto part = cut.generate(request, [&](const GeneratedToken& token) { return token.index + 1 < stop.begin + held; });
      REQUIRE(part.has_value());
      REQUIRE(part->reason == StopReason::Cancelled);
      REQUIRE(part->tokens.size() == stop.begin + held);
      cut.undoHeldBack();
      CHECK(cut.tokensRead() == promptTokens + stop.begin);
      Session other(model);
      REQUIRE(other.restore(cut.snapshot().value()).has_value());
      Session& session = restored ? other : cut;

      GenerateRequest rest = request;
      rest.journal = part->tokens;
      rest.journalInState = static_cast<std::size_t>(session.tokensRead() - promptTokens);
      const auto result = session.generate(rest, {});
      REQUIRE(result.has_value());
      CHECK(result->reason == StopReason::StopText);
      CHECK(result->tokens == whole->tokens);
      CHECK(session.tokensRead() == unbroken.tokensRead());
      CHECK(session.snapshot().value().state.compare(unbroken.snapshot().value().state).maxAbs == 0.0F);
    }
  }
}

TEST_CASE("nothing is undone where nothing is held back") {
  const auto model = guide();
  Session session = asked(model);
  GenerateRequest request = wildRequest();
  request.maxTokens = 10;
  REQUIRE(session.generate(request, {}).has_value());
  const auto before = session.snapshot().value();
  const auto pending = session.pendingToken();
  session.undoHeldBack();
  CHECK(session.tokensRead() == before.tokens);
  CHECK(session.pendingToken() == pending);
  CHECK(session.snapshot().value().state.compare(before.state).maxAbs == 0.0F);
}

TEST_CASE("the seconds of an answer are those of the tokens drawn now, not of the journal before them") {
  const auto model = guide();
  GenerateRequest request = wildRequest();
  Session first = asked(model);
  const auto whole = first.generate(request, {});
  REQUIRE(whole.has_value());
  Session resumed = asked(model);
  request.journal.assign(whole->tokens.begin(), whole->tokens.end() - 1);
  const auto start = std::chrono::steady_clock::now();
  const auto result = resumed.generate(request, {});
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  REQUIRE(result.has_value());
  CHECK(result->tokens == whole->tokens);
  CHECK(result->drawn == 1);
  CHECK(result->seconds < wall / 2);  // one token of 200
}
