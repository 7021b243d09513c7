// SPDX-License-Identifier: GPL-3.0-or-later
// What conversion writes, and reading it back where files could be wrong.
#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "convert/gguf_metadata.h"
#include "quant/convert.h"
#include "rookery/model.h"
#include "rookery/prompt.h"
#include "tests/support/format_builders.h"
#include "tokenizer/vocabulary.h"

using namespace rookery::engine;
using rookery::test::Bytes;
using nlohmann::json;

namespace {

Bytes file(const json& header, std::size_t dataBytes) {
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  Bytes bytes;
  bytes.number<std::uint64_t>(text.size()).text(text).zeros(dataBytes);
  return bytes;
}

json blockFile(const char* layout, const char* name, const json& shape, std::size_t bytes, const char* dtype = "U8") {
  return {{"__metadata__", {{"rookery.block_layout", layout}}}, {name, {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {0, bytes}}}}};
}

}  // namespace

TEST_CASE("tokens are escaped as repr() does, and come back") {
  CHECK(pythonEscaped("a b") == "a b");
  CHECK(pythonEscaped(std::string_view("\0\x7f\xff\t\n\r\\", 7)) == "\\x00\\x7f\\xff\\t\\n\\r\\\\");
  CHECK(pythonEscaped("it's") == "it's");       // repr: b"it's"
  CHECK(pythonEscaped("'\"") == "\\'\"");       // repr: b'\'"'
  for (int a = 0; a < 256; ++a) {
    for (const int b : {0, 0x22, 0x27, 0x5C, 0x6E, 0x78, 0xFF}) {
      const std::string bytes{static_cast<char>(a), static_cast<char>(b)};
      std::string back;
      REQUIRE(appendUnescaped(back, pythonEscaped(bytes), true));
      REQUIRE(back == bytes);
    }
  }
}

TEST_CASE("the chat template gives llama.cpp the prompt that is read here") {
  const json vectors = json::parse(std::ifstream(std::string(ROOKERY_TEST_DATA) + "/data/chat_template.json"));
  CHECK(vectors["template"] == kChatTemplate);  // rendered with this one
  const std::map<std::string, Thinking> ways{
      {"auto", Thinking::Auto}, {"off", Thinking::Off}, {"fast", Thinking::Fast}, {"on", Thinking::On}};
  const std::map<std::string, Role> roles{
      {"system", Role::System}, {"user", Role::User}, {"assistant", Role::Assistant}};
  CHECK(vectors["cases"].size() == 9);
  for (const json& one : vectors["cases"]) {
    std::vector<ChatMessage> messages;
    for (const json& message : one["messages"]) messages.push_back({roles.at(message["role"]), message["content"]});
    CHECK(wholePrompt(messages, ways.at(one["thinking"])) == one["prompt"].get<std::string>());
  }
  CHECK(std::get<std::string>((*Model::guideFile())->metadata().at("tokenizer.chat_template")) == kChatTemplate);
}

TEST_CASE("the tokens of llama.cpp's own file are escaped letter for letter") {
  const auto gguf = ModelFile::open(std::string(ROOKERY_TEST_DATA) + "/golden/models/v7_quant/model.f16.gguf");
  REQUIRE(gguf.has_value());
  const auto tokenizer = Tokenizer::fromGguf(**gguf);
  REQUIRE(tokenizer.has_value());
  const auto tokens = std::get<MetaArray>((*gguf)->metadata().find("tokenizer.ggml.tokens")->second).texts();
  REQUIRE(tokens.size() == 300);
  for (std::size_t id = 1; id < tokens.size(); ++id) CHECK(pythonEscaped((*tokenizer)->bytesOf(static_cast<TokenId>(id))) == tokens[id]);
}

TEST_CASE("block types in safetensors are found by name where the file says so, and only then") {
  const auto open = [](const Bytes& bytes) { return ModelFile::fromMemory(bytes, "x.safetensors"); };
  const Bytes good = file(blockFile("1", "head.weight.int8", {3, 132}, 396), 396);
  const auto opened = open(good);
  REQUIRE(opened.has_value());
  const TensorSource* tensor = (*opened)->find("head.weight");
  REQUIRE(tensor != nullptr);
  CHECK(tensor->dtype == DType::Int8);
  CHECK(tensor->shape == std::vector<std::int64_t>{3, 128});

  const Bytes plain = file({{"head.weight.int8", {{"dtype", "U8"}, {"shape", {3, 132}}, {"data_offsets", {0, 396}}}}}, 396);
  REQUIRE(open(plain).has_value());
  CHECK((*open(plain))->find("head.weight.int8")->dtype == DType::U8);
  const Bytes later = file(blockFile("2", "head.weight.int8", {3, 132}, 396), 396);
  CHECK((*open(later))->find("head.weight") == nullptr);
  const Bytes floats = file(blockFile("1", "head.weight.int8", {3, 33}, 396, "F32"), 396);
  CHECK((*open(floats))->find("head.weight") == nullptr);
  const Bytes none = file(blockFile("1", "head.weight.fp16", {3, 132}, 396), 396);
  CHECK((*open(none))->find("head.weight.fp16") != nullptr);

  const Bytes broken = file(blockFile("1", "head.weight.int8", {3, 100}, 300), 300);
  const auto refused = open(broken);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::FileDamaged);
  CHECK(refused.error().message.find("whole number of blocks") != std::string::npos);
  json twice = blockFile("1", "head.weight.int8", {3, 132}, 396);
  twice["head.weight"] = {{"dtype", "U8"}, {"shape", {4}}, {"data_offsets", {396, 400}}};
  CHECK_FALSE(open(file(twice, 400)).has_value());
  json odd = blockFile("1", "head.weight.int8", {3, 132}, 396);
  odd["__metadata__"]["rookery.block_layout"] = 1;
  CHECK(open(file(odd, 396)).has_value());
}
