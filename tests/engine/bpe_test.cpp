// SPDX-License-Identifier: GPL-3.0-or-later
// Byte-level BPE against the `tokenizers` package (tests/data/bpe/make_vectors.py): with a small tokenizer of our own,
// always, and with 20B_tokenizer.json of RWKV-4 Pile where it is there.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include "rookery/model_info.h"
#include "rookery/tokenizer.h"
#include "support/format_builders.h"
#include "support/process.h"
#include "tokenizer/unicode_text.h"

using namespace rookery::engine;
using namespace rookery::test;
using nlohmann::json;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kWithin = 1;
#else
constexpr double kWithin = 0.1;
#endif

using TokenizerPointer = std::shared_ptr<const Tokenizer>;
const std::filesystem::path kData = std::filesystem::path(ROOKERY_TEST_DATA) / "data/bpe";

std::string fromHex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

TokenizerPointer own() {
  const auto tokenizer = Tokenizer::fromFile(kData / "own_tokenizer.json");
  REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
  return *tokenizer;
}

/// The file that ROOKERY_20B_TOKENIZER names, or the one built in; null where neither is there.
TokenizerPointer pileOrNull() {
  if (const char* path = std::getenv("ROOKERY_20B_TOKENIZER")) {
    const auto tokenizer = Tokenizer::fromFile(path);
    REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
    return *tokenizer;
  }
  const auto tokenizer = Tokenizer::pile20b();
  if (tokenizer) return *tokenizer;
  CHECK(tokenizer.error().code == ErrorCode::VocabularyMissing);
  MESSAGE("SKIP: this build has no 20B tokenizer and ROOKERY_20B_TOKENIZER is not set");
  return nullptr;
}

std::vector<json> rowsOf(const std::string& name) {
  std::ifstream file(kData / name);
  REQUIRE(file);
  std::vector<json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

void checkVectors(const Tokenizer& tokenizer, const std::string& name, std::size_t encodings, std::size_t decodings) {
  const auto encode = rowsOf(name + "_encode.jsonl"), decode = rowsOf(name + "_decode.jsonl");
  CHECK(encode.size() == encodings);
  CHECK(decode.size() == decodings);
  for (const json& row : encode) {
    CAPTURE(row["kind"]);
    CAPTURE(row["hex"]);
    CHECK(tokenizer.encode(fromHex(row["hex"])) == row["ids"].get<std::vector<TokenId>>());
  }
  for (const json& row : decode) {
    CAPTURE(row.dump());
    const auto ids = row["ids"].get<std::vector<TokenId>>();
    const auto bytes = tokenizer.decode(ids);
    REQUIRE_MESSAGE(bytes.has_value(), bytes.error().message);
    CHECK(*bytes == fromHex(row["hex"]));
    // A stream says the same, token by token.
    Utf8Stream stream;
    std::string text;
    for (const TokenId id : ids) text += stream.push(tokenizer.bytesOf(id));
    CHECK(text + stream.flush() == *bytes);
  }
}

json ownJson() {
  std::ifstream file(kData / "own_tokenizer.json");
  return json::parse(file);
}

}  // namespace

TEST_CASE("a small BPE tokenizer encodes and decodes as the tokenizers package does") {
  const auto tokenizer = own();
  CHECK(tokenizer->size() == 663);
  checkVectors(*tokenizer, "own", 437, 98);
}

TEST_CASE("20B: the tokenizer of RWKV-4 Pile encodes and decodes as the tokenizers package does") {
  const auto tokenizer = pileOrNull();
  if (!tokenizer) return;
  CHECK(tokenizer->size() == 50277);
  checkVectors(*tokenizer, "20b", 443, 159);
  // No text has these bytes, and no token stands for them.
  CHECK(tokenizer->encode("a\xC0z\xFF") == tokenizer->encode("a\xEF\xBF\xBDz\xEF\xBF\xBD"));
  CHECK(tokenizer->decode(tokenizer->encode("\x80z\xF0\x9F")).value() == "\x80z\xF0\x9F");
}

TEST_CASE("special tokens are in the vocabulary and stand for no text") {
  const auto tokenizer = own();
  CHECK(tokenizer->contains(0));
  CHECK(tokenizer->contains(1));
  CHECK(tokenizer->bytesOf(1).empty());
  CHECK(tokenizer->decode(std::vector<TokenId>{0, 1}).value().empty());
  CHECK_FALSE(tokenizer->contains(663));
  CHECK(tokenizer->decode(std::vector<TokenId>{663}).error().code == ErrorCode::FormatUnknown);
}

TEST_CASE("bytes that are not UTF-8 survive, wherever they stand") {
  const auto tokenizer = own();
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(random() % 60, '\0');
    for (char& byte : bytes) byte = static_cast<char>(round % 2 == 0 ? random() % 128 : 0x80 + random() % 64);  // followers without a lead
    const auto back = tokenizer->decode(tokenizer->encode(bytes));
    REQUIRE(back);
    CHECK(*back == bytes);
  }
  // The letter after a stray byte starts a piece of its own.
  CHECK(tokenizer->encode("\xFFhello").size() == 1 + tokenizer->encode("hello").size());
}

TEST_CASE("a long text without a space is no trouble") {
  const auto tokenizer = own();
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += static_cast<char>('a' + i * 7 % 26);
  CHECK(tokenizer->decode(tokenizer->encode(text)).value() == text);
}

TEST_CASE("a tokenizer file that is damaged or of another kind is refused with a sentence") {
  struct Case {
    const char* what;
    std::function<void(json&)> change;
    ErrorCode code;
    const char* says;
  };
  const auto damaged = ErrorCode::FileDamaged, other = ErrorCode::FormatUnknown;
  const std::vector<Case> cases{
      {"no model", [](json& j) { j.erase("model"); }, other, "names no model"},
      {"another model", [](json& j) { j["model"]["type"] = "Unigram"; }, other, "not of the type BPE"},
      {"no type", [](json& j) { j["model"].erase("type"); }, other, "not of the type BPE"},
      {"dropout", [](json& j) { j["model"]["dropout"] = 0.1; }, other, "dropout"},
      {"unknown token", [](json& j) { j["model"]["unk_token"] = "a"; }, other, "unk_token"},
      {"byte fallback", [](json& j) { j["model"]["byte_fallback"] = true; }, other, "byte_fallback"},
      {"prefix", [](json& j) { j["model"]["continuing_subword_prefix"] = "##"; }, other, "continuing_subword_prefix"},
      {"normaliser", [](json& j) { j["normalizer"]["type"] = "Lowercase"; }, other, "normaliser"},
      {"normaliser is text", [](json& j) { j["normalizer"] = "NFC"; }, other, "normaliser"},
      {"pre-tokenizer", [](json& j) { j["pre_tokenizer"]["type"] = "Whitespace"; }, other, "pre_tokenizer"},
      {"no pre-tokenizer", [](json& j) { j["pre_tokenizer"] = nullptr; }, other, "pre_tokenizer"},
      {"prefix space", [](json& j) { j["pre_tokenizer"]["add_prefix_space"] = true; }, other, "splits text"},
      {"no regex", [](json& j) { j["pre_tokenizer"]["use_regex"] = false; }, other, "splits text"},
      {"decoder", [](json& j) { j["decoder"] = nullptr; }, other, "decoder"},
      {"post-processor", [](json& j) { j["post_processor"] = {{"type", "TemplateProcessing"}}; }, other, "adds tokens"},
      {"truncation", [](json& j) { j["truncation"] = {{"max_length", 3}}; }, other, "truncation"},
      {"single word", [](json& j) { j["added_tokens"][2]["single_word"] = true; }, other, "single_word"},
      {"no vocabulary", [](json& j) { j["model"].erase("vocab"); }, damaged, "no vocabulary"},
      {"vocabulary is a list", [](json& j) { j["model"]["vocab"] = json::array(); }, damaged, "no vocabulary"},
      {"empty vocabulary", [](json& j) { j["model"]["vocab"] = json::object(); }, damaged, "single byte 0x00"},
      {"a byte is missing", [](json& j) { j["model"]["vocab"].erase("~"); }, damaged, "single byte 0x7E"},
      {"id too large", [](json& j) { j["model"]["vocab"]["~"] = 1U << 20U; }, damaged, "is not a number from 0"},
      {"id far too large", [](json& j) { j["model"]["vocab"]["~"] = 18446744073709551615U; }, damaged, "is not a number from 0"},
      {"id negative", [](json& j) { j["model"]["vocab"]["~"] = -1; }, damaged, "is not a number from 0"},
      {"id is text", [](json& j) { j["model"]["vocab"]["~"] = "5"; }, damaged, "is not a number from 0"},
      {"id is a fraction", [](json& j) { j["model"]["vocab"]["~"] = 5.5; }, damaged, "is not a number from 0"},
      {"id twice", [](json& j) { j["model"]["vocab"]["~"] = 2; }, damaged, "token 2 is there twice"},
      {"not in the alphabet", [](json& j) { j["model"]["vocab"]["a b"] = 900; }, damaged, "token 900 is not written"},
      {"empty token", [](json& j) { j["model"]["vocab"][""] = 900; }, damaged, "token 900 is not written"},
      {"no merges", [](json& j) { j["model"].erase("merges"); }, damaged, "no merges"},
      {"merge of one", [](json& j) { j["model"]["merges"][3] = json::array({"a"}); }, damaged, "merge 4 is not a pair"},
      {"merge of numbers", [](json& j) { j["model"]["merges"][3] = json::array({1, 2}); }, damaged, "merge 4 is not a pair"},
      {"merge without a space", [](json& j) { j["model"]["merges"][3] = "ab"; }, damaged, "merge 4 is not a pair"},
      {"merge of unknown", [](json& j) { j["model"]["merges"][3] = "zzz a"; }, damaged, "merge 4 joins \"zzz\""},
      {"merge into unknown", [](json& j) { j["model"]["merges"][3] = "~ ~"; }, damaged, "merge 4 makes \"~~\""},
      {"merge twice", [](json& j) { j["model"]["merges"][3] = j["model"]["merges"][2]; }, damaged, "merge 4 is there twice"},
      // A token made of itself would need an empty part, which is in no vocabulary.
      {"merge in a circle", [](json& j) { j["model"]["merges"][3] = json::array({"a", ""}); }, damaged, "merge 4 joins \"\""},
      {"added tokens no list", [](json& j) { j["added_tokens"] = json::object(); }, damaged, "added tokens"},
      {"added token without id", [](json& j) { j["added_tokens"][2].erase("id"); }, damaged, "added token 3 lacks"},
      {"added token without text", [](json& j) { j["added_tokens"][2]["content"] = ""; }, damaged, "added token 3 has a text of 0 bytes"},
      {"added token too long", [](json& j) { j["added_tokens"][2]["content"] = std::string(257, ' '); }, damaged, "added token 3 has a text of 257 bytes"},
      {"added token with an id too large", [](json& j) { j["added_tokens"][2]["id"] = 1U << 20U; }, damaged, "added token 3 has an id"},
      {"added token with another's id", [](json& j) { j["added_tokens"][2]["id"] = 5; }, damaged, "belongs to another token"},
      {"added token twice", [](json& j) { j["added_tokens"].push_back(j["added_tokens"][2]); }, damaged, "is there twice"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    json file = ownJson();
    c.change(file);
    const auto tokenizer = Tokenizer::fromText(file.dump());
    REQUIRE_FALSE(tokenizer);
    CHECK(tokenizer.error().code == c.code);
    CHECK_MESSAGE(tokenizer.error().message.find(c.says) != std::string::npos, tokenizer.error().message);
  }
  CHECK(Tokenizer::fromText(ownJson().dump()).has_value());  // the unchanged one is fine
}

TEST_CASE("NFC is that of Python's unicodedata, in linear time") {
  int compared = 0;
  for (const json& row : rowsOf("nfc.jsonl")) {
    ++compared;
    CAPTURE(row.dump());
    if (row.contains("hex")) {
      const auto nfc = toNfc(fromHex(row["hex"]));
      REQUIRE(nfc);
      CHECK(*nfc == fromHex(row["nfc_hex"]));
      continue;
    }
    std::string text;
    const std::string unit = fromHex(row["unit_hex"]);
    for (int i = 0; i < row["times"].get<int>(); ++i) text += unit;
    const std::clock_t start = std::clock();
    const auto nfc = toNfc(text);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    REQUIRE(nfc);
    std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
    for (const char c : *nfc) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
    CHECK(row["nfc_fnv1a"] == hex);
    CHECK(seconds < 2);  // well under a second without sanitizers; a sort by exchanging neighbours takes minutes
  }
  CHECK(compared == 163);
}

TEST_CASE("turning a text into tokens ends within 100 ms when asked to") {
  const TokenizerPointer tokenizer = own();
  std::string marks, letters, words;
  for (int i = 0; i < 1'000'000; ++i) marks += i % 2 == 0 ? "\xCC\x81" : "\xCC\xA3";
  for (int i = 0; i < 4'000'000; ++i) letters += static_cast<char>('a' + i % 1009 % 26);
  for (int i = 0; i < 4'000'000; ++i) words += "word ";
  for (const std::string* text : {&marks, &letters, &words}) {
    for (const int after : {0, 30, 200}) {
      std::stop_source source;
      std::chrono::steady_clock::time_point asked;
      std::jthread stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(after));
        asked = std::chrono::steady_clock::now();
        source.request_stop();
      });
      const auto tokens = tokenizer->encode(*text, source.get_token());
      const auto returned = std::chrono::steady_clock::now();
      stopper.join();
      if (tokens) continue;  // it was faster
      CHECK(tokens.error().code == ErrorCode::Cancelled);
      CAPTURE(text->substr(0, 5));
      CAPTURE(after);
      CHECK(std::chrono::duration<double>(returned - asked).count() < kWithin);
    }
  }
  CHECK(tokenizer->encode("plain text", std::stop_token{}).value() == tokenizer->encode("plain text"));
  CHECK(Tokenizer::fromText("\xEF\xBB\xBF" + ownJson().dump()).has_value());  // a byte order mark
}

TEST_CASE("a byte that is in no text may lack a token, and is read as U+FFFD") {
  json file = ownJson();
  file["model"]["vocab"].erase("\xC3\xBF");  // the letter of byte FF
  const auto tokenizer = Tokenizer::fromText(file.dump());
  REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
  CHECK((*tokenizer)->encode("a\xFF") == (*tokenizer)->encode("a\xEF\xBF\xBD"));
}

TEST_CASE("the old form of merges, \"left right\", is the same tokenizer") {
  json file = ownJson();
  for (json& merge : file["model"]["merges"]) merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  const auto tokenizer = Tokenizer::fromText(file.dump());
  REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
  checkVectors(**tokenizer, "own", 437, 98);
}

TEST_CASE("JSON that is none, cut, deep or with a key twice is damaged, never a crash") {
  const std::string good = ownJson().dump();
  for (const std::string& bad : {std::string("{"), std::string("{}{}"), good.substr(0, good.size() / 2), "{\"a\":" + std::string(100'000, '[') + "}",
                                 std::string("{\"model\":{\"type\":\"BPE\"},\"model\":{}}"), std::string("{\"a\":\"\xFF\"}")}) {
    const auto tokenizer = Tokenizer::fromText(bad);
    REQUIRE_FALSE(tokenizer);
    CHECK(tokenizer.error().code == ErrorCode::FileDamaged);
  }
  std::mt19937 random(13);
  for (int round = 0; round < 300; ++round) {
    std::string bad = good;
    for (int change = 0; change < 3; ++change) bad[random() % bad.size()] = static_cast<char>(random() % 128);
    if (const auto tokenizer = Tokenizer::fromText(bad)) CHECK((*tokenizer)->decode((*tokenizer)->encode("plain text")).has_value());
  }
}

TEST_CASE("a model reads text with the file beside it, the one chosen, or the one built in") {
  // As much of an RWKV-4 Pile model as tells that it is one.
  std::vector<FakeTensor> tensors{{"emb.weight", {50277, 16}}, {"blocks.0.ln0.weight", {16}}};
  const TemporaryFolder folder;
  const Bytes bytes = safetensors(tensors);
  writeFile(folder.file("pile.safetensors"), {reinterpret_cast<const char*>(std::span<const std::byte>(bytes).data()), bytes.size()});
  const auto file = ModelFile::open(folder.file("pile.safetensors"));
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  ModelInfo info;
  info.tokenizer = TokenizerKind::Pile20B;
  info.shape.vocab = 50277;

  const auto alone = Tokenizer::forModel(**file, info);
  if (Tokenizer::pile20b()) {
    REQUIRE_MESSAGE(alone.has_value(), alone.error().message);
    CHECK((*alone)->size() == 50277);
  } else {
    CHECK(alone.error().code == ErrorCode::VocabularyMissing);
    for (const char* word : {"20B_tokenizer.json", "pile.safetensors", "beside the model"})
      CHECK_MESSAGE(alone.error().message.find(word) != std::string::npos, alone.error().message);
  }
  // Another tokenizer under the name, and under the one of World's text.
  std::filesystem::copy_file(kData / "own_tokenizer.json", folder.file("20B_tokenizer.json"));
  std::filesystem::copy_file(kData / "own_tokenizer.json", folder.file("rwkv_vocab_v20230424.txt"));
  ModelInfo worldInfo;
  worldInfo.tokenizer = TokenizerKind::World;
  worldInfo.shape.vocab = 65536;
  for (const auto& [model, name] : {std::pair(info, "20B_tokenizer.json"), std::pair(worldInfo, "rwkv_vocab_v20230424.txt")}) {
    const auto wrong = Tokenizer::forModel(**file, model);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code == ErrorCode::VocabularyMismatch);
    for (const std::string& word : {folder.file(name), std::string("663 tokens"), std::string("take this one away")})
      CHECK_MESSAGE(wrong.error().message.find(word) != std::string::npos, wrong.error().message);
  }
  CHECK(Tokenizer::forModel(**file, info, kData / "own_tokenizer.json").error().code == ErrorCode::VocabularyMismatch);
  info.shape.vocab = 663;
  const auto beside = Tokenizer::forModel(**file, info).value();
  CHECK(beside->size() == 663);
  CHECK(beside->file() == folder.file("20B_tokenizer.json"));
  writeFile(folder.file("20B_tokenizer.json"), "{\"model\":{}}");
  const auto broken = Tokenizer::forModel(**file, info);
  REQUIRE_FALSE(broken);
  CHECK_MESSAGE(broken.error().message.find("20B_tokenizer.json, beside the model") != std::string::npos, broken.error().message);
  CHECK(Tokenizer::forModel(**file, info, kData / "own_tokenizer.json").value()->size() == 663);

  info.tokenizer = TokenizerKind::Unknown;
  info.shape.vocab = 1234;
  const auto unknown = Tokenizer::forModel(**file, info);
  CHECK(unknown.error().code == ErrorCode::VocabularyMissing);
  CHECK(unknown.error().message.find("1234 tokens") != std::string::npos);
}
