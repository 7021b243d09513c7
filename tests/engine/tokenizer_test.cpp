// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/tokenizer.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <openssl/sha.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "rookery/model_info.h"
#include "text/utf8.h"
#include "tokenizer/vocabulary.h"

using namespace rookery::engine;

namespace {

using TokenizerPointer = std::shared_ptr<const Tokenizer>;

/// The embedded World vocabulary, or the one of the whole golden set; null where neither is there.
TokenizerPointer worldOrNull() {
  if (const char* golden = std::getenv("ROOKERY_GOLDEN_DIR")) {
    const auto tokenizer = Tokenizer::fromFile(std::filesystem::path(golden) / "tokenizer/rwkv_vocab_v20230424.txt");
    REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
    return *tokenizer;
  }
  const auto tokenizer = Tokenizer::world();
  if (tokenizer) return *tokenizer;
  CHECK(tokenizer.error().code == ErrorCode::VocabularyMissing);
  MESSAGE("SKIP: this build has no World vocabulary and ROOKERY_GOLDEN_DIR is not set");
  return nullptr;
}

std::string fromHex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::vector<nlohmann::json> goldenRows(const std::string& name) {
  std::ifstream file(std::string(ROOKERY_TEST_DATA "/golden/tokenizer/") + name);
  REQUIRE(file);
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

/// Ids 1 to 256: the single bytes, as every vocabulary of ours must have them.
std::string singleBytes() {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text += fmt::format("{} b'\\x{:02x}' 1\n", byte + 1, byte);
  return text;
}

TokenizerPointer tokenizerOf(const std::string& text) {
  const auto tokenizer = Tokenizer::fromText(text);
  REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
  return *tokenizer;
}

/// A GGUF file that holds nothing but a vocabulary.
class VocabularyGguf {
 public:
  explicit VocabularyGguf(const std::string& model) {
    text("general.architecture", "rwkv7");
    text("tokenizer.ggml.model", model);
  }
  void text(const std::string& key, const std::string& value) {
    entry(key, 8);
    string(value);
  }
  void tokens(const std::vector<std::string>& values) {
    entry("tokenizer.ggml.tokens", 9);
    number<std::uint32_t>(8);
    number<std::uint64_t>(values.size());
    for (const std::string& value : values) string(value);
  }
  void types(const std::vector<int>& values) {
    entry("tokenizer.ggml.token_type", 9);
    number<std::uint32_t>(5);
    number<std::uint64_t>(values.size());
    for (const int value : values) number<std::int32_t>(value);
  }
  Result<TokenizerPointer> tokenizer() const {
    std::string bytes = "GGUF";
    append<std::uint32_t>(bytes, 3);
    append<std::uint64_t>(bytes, 0);  // tensors
    append<std::uint64_t>(bytes, m_count);
    bytes += m_entries;
    bytes.resize((bytes.size() + 31) / 32 * 32);
    const auto file = ModelFile::fromMemory(std::as_bytes(std::span(bytes)), "vocabulary.gguf");
    REQUIRE_MESSAGE(file.has_value(), file.error().message);
    return Tokenizer::fromGguf(**file);
  }

 private:
  template <class T>
  static void append(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <class T>
  void number(T value) {
    append(m_entries, value);
  }
  void string(const std::string& value) {
    number<std::uint64_t>(value.size());
    m_entries += value;
  }
  void entry(const std::string& key, std::uint32_t type) {
    string(key);
    number(type);
    ++m_count;
  }

  std::string m_entries;
  std::uint64_t m_count = 0;
};

/// End of text and the single bytes, escaped as GGUF files have them.
std::vector<std::string> ggufBytes() {
  std::vector<std::string> tokens = {"<s>"};
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(fmt::format("\\x{:02x}", byte));
  return tokens;
}

std::string streamed(std::string_view bytes, std::size_t chunk) {
  Utf8Stream stream;
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += chunk) text += stream.push(bytes.substr(at, chunk));
  return text + stream.flush();
}

}  // namespace

TEST_CASE("World: the table is the official one") {
  const auto tokenizer = worldOrNull();
  if (!tokenizer) return;
  std::string table;
  for (TokenId id = 1; id < tokenizer->size(); ++id) {
    const std::string_view bytes = tokenizer->bytesOf(id);
    for (const std::uint32_t value : {id, static_cast<std::uint32_t>(bytes.size())}) {
      for (unsigned shift = 0; shift < 32; shift += 8) table.push_back(static_cast<char>(value >> shift));
    }
    table.append(bytes);
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(table.data()), table.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  CHECK(tokenizer->size() == 65530);
  CHECK(hex == "1e6e1adc8d10aeee528862d6d6ce66db9c4ae254a7e6636f81cd6765ca053219");
}

TEST_CASE("World: every golden text encodes to the official ids, and decodes back") {
  const auto tokenizer = worldOrNull();
  if (!tokenizer) return;
  const auto rows = goldenRows("encode.jsonl");
  CHECK(rows.size() == 556);
  for (const auto& row : rows) {
    CAPTURE(row["n"]);
    const std::string bytes = fromHex(row["hex"]);
    const auto ids = row["ids"].get<std::vector<TokenId>>();
    CHECK(tokenizer->encode(bytes) == ids);
    const auto back = tokenizer->decode(ids);
    REQUIRE(back);
    CHECK(*back == bytes);
  }
}

TEST_CASE("World: every golden id sequence decodes to the official bytes, unknown ids are refused") {
  const auto tokenizer = worldOrNull();
  if (!tokenizer) return;
  for (const auto& row : goldenRows("decode.jsonl")) {
    CAPTURE(row.dump());
    auto ids = row["ids"].get<std::vector<TokenId>>();
    if (row["hex"].is_null()) std::erase(ids, kEndOfText);  // the official class has no id 0; here it adds nothing
    const bool known = std::all_of(ids.begin(), ids.end(), [](TokenId id) { return id < 65530; });
    const auto bytes = tokenizer->decode(ids);
    REQUIRE(bytes.has_value() == known);
    if (!known) {
      CHECK(bytes.error().code == ErrorCode::FormatUnknown);
    } else if (!row["hex"].is_null()) {
      CHECK(*bytes == fromHex(row["hex"]));
    }
  }
}

TEST_CASE("World: any bytes survive encode and decode") {
  const auto tokenizer = worldOrNull();
  if (!tokenizer) return;
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string bytes(random() % 300, '\0');
    for (char& byte : bytes) byte = static_cast<char>(round % 2 == 0 ? random() : random() % 4 + 0xE2);
    const auto back = tokenizer->decode(tokenizer->encode(bytes));
    REQUIRE(back);
    CHECK(*back == bytes);
  }
}

TEST_CASE("World: one shared instance, and what end of text and reserved ids are") {
  const auto tokenizer = worldOrNull();
  if (!tokenizer) return;
  CHECK(tokenizer->contains(kEndOfText));
  CHECK(tokenizer->bytesOf(kEndOfText).empty());
  CHECK(tokenizer->decode(std::vector<TokenId>{kEndOfText}).value().empty());
  CHECK_FALSE(tokenizer->contains(65530));
  CHECK(tokenizer->bytesOf(65535).empty());
  CHECK(tokenizer->bytesOf(261) == "\n\n");
  if (Tokenizer::world()) CHECK(Tokenizer::world()->get() == Tokenizer::world()->get());
}

TEST_CASE("a vocabulary file: literals as Python writes them") {
  const auto tokenizer = tokenizerOf(singleBytes() +
                                     "300 'it\\'s' 4\n"
                                     "301 \"don't\" 5\r\n"
                                     "302 ' a b ' 5\n"
                                     "303 '\\xe9\\u4e2d' 5\n"
                                     "304 b'\\xe9\\x00\\t\\n\\r\\\\' 6\n"
                                     "305 '\xE4\xB8\xAD\xF0\x9F\x98\x80' 7\n"
                                     "306 '\\U0001f600' 4\n"
                                     "\n"
                                     "400 'last' 4");
  CHECK(tokenizer->size() == 401);
  CHECK(tokenizer->bytesOf(300) == "it's");
  CHECK(tokenizer->bytesOf(301) == "don't");
  CHECK(tokenizer->bytesOf(302) == " a b ");
  CHECK(tokenizer->bytesOf(303) == "\xC3\xA9\xE4\xB8\xAD");
  CHECK(tokenizer->bytesOf(304) == std::string_view("\xE9\0\t\n\r\\", 6));
  CHECK(tokenizer->bytesOf(306) == "\xF0\x9F\x98\x80");
  CHECK_FALSE(tokenizer->contains(350));
  CHECK(tokenizer->encode("it's a b last") == std::vector<TokenId>{300, 302, 400});
}

TEST_CASE("a vocabulary file: the longest token wins, even past a shorter one that ends later in the trie") {
  const auto tokenizer = tokenizerOf(singleBytes() + "300 'ab' 2\n301 'abcde' 5\n302 'cd' 2\n");
  CHECK(tokenizer->encode("abcde") == std::vector<TokenId>{301});
  CHECK(tokenizer->encode("abcdf") == std::vector<TokenId>{300, 302, 'f' + 1});
  CHECK(tokenizer->encode("").empty());
}

TEST_CASE("a damaged vocabulary is refused with its line") {
  const auto check = [](const std::string& row, const std::string& reason) {
    CAPTURE(row);
    const auto tokenizer = Tokenizer::fromText(singleBytes() + row + "\n");
    REQUIRE_FALSE(tokenizer);
    CHECK(tokenizer.error().code == ErrorCode::FileDamaged);
    CHECK_MESSAGE(tokenizer.error().message.find("line 257") != std::string::npos, tokenizer.error().message);
    CHECK_MESSAGE(tokenizer.error().message.find(reason) != std::string::npos, tokenizer.error().message);
  };
  check("no spaces", "`id literal length`");
  check("300", "`id literal length`");
  check("x 'ab' 2", "id");
  check("-1 'ab' 2", "id");
  check("0 'ab' 2", "id 0");
  check("4294967295 'ab' 2", "id");
  check("99999999999999999999 'ab' 2", "id");
  check("300 'ab' two", "length");
  check("300 'ab' 3", "2 bytes, but 3");
  check("300 '' 0", "empty");
  check("300 ab 2", "literal");
  check("300 ' 1", "literal");
  check("300 'ab\" 2", "literal");
  check("300 'a'b' 3", "quote");
  check("300 'ab\\' 3", "escaped");
  check("300 '\\x4' 1", "escape");
  check("300 '\\q' 1", "escape");
  check("300 '\\ud800' 3", "escape");
  check("300 '\\U00110000' 4", "escape");
  check("300 b'\\u0041' 1", "escape");
  check("300 b'\xC3\xA9' 2", "ASCII");
  check("300 '\xC3' 1", "UTF-8");
  check("256 'ab' 2", "twice");
  check("300 'a' 1", "same bytes as token 98");
}

TEST_CASE("a vocabulary file: tokens of 4096 bytes are the longest, and a byte order mark is skipped") {
  const auto withToken = [](std::size_t length) { return singleBytes() + "300 '" + std::string(length, 'a') + "' " + std::to_string(length) + "\n"; };
  CHECK(Tokenizer::fromText(withToken(4096)).has_value());
  for (const std::size_t length : {std::size_t{4097}, std::size_t{1'000'000}}) {
    const auto tokenizer = Tokenizer::fromText(withToken(length));
    REQUIRE_FALSE(tokenizer);
    CHECK(tokenizer.error().code == ErrorCode::FileDamaged);
    CHECK_MESSAGE(tokenizer.error().message.find("4096") != std::string::npos, tokenizer.error().message);
    CHECK(tokenizer.error().message.size() < 200);
  }
  const auto marked = Tokenizer::fromText("\xEF\xBB\xBF" + singleBytes());
  REQUIRE_MESSAGE(marked.has_value(), marked.error().message);
  CHECK((*marked)->size() == Tokenizer::fromText(singleBytes()).value()->size());
}

TEST_CASE("a vocabulary that cannot encode every byte is no byte vocabulary") {
  const std::string all = singleBytes();
  for (const auto& [text, says] : {std::pair<std::string, const char*>{all.substr(0, all.rfind("256 ")), "1 of the 256 single bytes have no token (0xFF is one)"},
                                   {"1 'a' 1\n2 'b' 1\n3 'ab' 2\n", "254 of the 256 single bytes have no token (0x00 is one)"},
                                   {"1 'Rain' 4\n2 ' falls' 6\n", "256 of the 256 single bytes"},
                                   {R"({"1": "Rain", "2": "4 5"})", "256 of the 256 single bytes"}}) {
    const auto tokenizer = Tokenizer::fromText(text);
    REQUIRE_FALSE(tokenizer);
    CHECK(tokenizer.error().code == ErrorCode::FormatUnknown);
    CHECK_MESSAGE(tokenizer.error().message.starts_with("This is not a byte vocabulary"), tokenizer.error().message);
    CHECK_MESSAGE(tokenizer.error().message.find(says) != std::string::npos, tokenizer.error().message);
  }
  CHECK(Tokenizer::fromText("").error().code == ErrorCode::FileDamaged);
}

TEST_CASE("a first line for the end of a text is read") {
  for (const char* line : {"0 '' 0\n", "0 \"\" 0\r\n", "0 b'' 0\n"}) {
    const auto tokenizer = tokenizerOf(line + singleBytes() + "257 'ab' 2\n");
    CHECK(tokenizer->size() == 258);
    CHECK(tokenizer->bytesOf(kEndOfText).empty());
    CHECK(tokenizer->encode("abc") == std::vector<TokenId>{257, 'c' + 1});
  }
}

TEST_CASE("a vocabulary as web-rwkv and Ai00 write it, in JSON") {
  nlohmann::json file = {{"0", ""}, {"257", "ab"}, {"258", "\u4e2d"}, {"300", "it's"}};
  for (int byte = 0; byte < 256; ++byte) {
    if (byte < 128) file[std::to_string(byte + 1)] = std::string(1, static_cast<char>(byte));
    else file[std::to_string(byte + 1)] = {byte};
  }
  file["259"] = {0xE4, 0xB8};
  const auto tokenizer = tokenizerOf(" \n" + file.dump(1));
  CHECK(tokenizer->size() == 301);
  CHECK(tokenizer->isLongestMatch());
  CHECK(tokenizer->bytesOf(1) == std::string_view("\0", 1));
  CHECK(tokenizer->encode("ab\xFF\u4e2d\xE4\xB8") == std::vector<TokenId>{257, 256, 258, 259});
  for (const auto& [key, value, says] : {std::tuple<const char*, nlohmann::json, const char*>{"1x", "a", "\"1x\" is not an id"},
                                         {"4294967296", "a", "is not an id"},
                                         {"1048576", "a", "is not an id"},
                                         {"301", {256}, "token 301 is neither a text nor a list of bytes"},
                                         {"301", {-1}, "neither"},
                                         {"301", {1.5}, "neither"},
                                         {"301", nullptr, "neither"},
                                         {"301", {{"a", 1}}, "neither"},
                                         {"301", "", "empty"},
                                         {"301", "ab", "same bytes as token 257"},
                                         {"301", std::string(4097, 'a'), "4096"},
                                         {"0", "a", "id 0"}}) {
    nlohmann::json bad = file;
    bad[key] = value;
    const auto refused = Tokenizer::fromText(bad.dump());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::FileDamaged);
    CHECK_MESSAGE(refused.error().message.find(says) != std::string::npos, refused.error().message);
  }
  const std::string text = file.dump();
  CHECK(Tokenizer::fromText(text.substr(0, text.size() / 2)).error().code == ErrorCode::FileDamaged);
  CHECK(Tokenizer::fromText(R"({"1": "a", "1": "b"})").error().code == ErrorCode::FileDamaged);
}

TEST_CASE("World: the same vocabulary in JSON is the same tokenizer") {
  const auto world = worldOrNull();
  if (!world) return;
  nlohmann::json file;
  for (TokenId id = 1; id < world->size(); ++id) {
    const std::string_view bytes = world->bytesOf(id);
    if (isUtf8(bytes)) file[std::to_string(id)] = bytes;
    else
      for (const char c : bytes) file[std::to_string(id)].push_back(static_cast<unsigned char>(c));
  }
  const auto tokenizer = tokenizerOf(file.dump());
  REQUIRE(tokenizer->size() == world->size());
  for (TokenId id = 0; id < world->size(); ++id) CHECK(tokenizer->bytesOf(id) == world->bytesOf(id));
}

TEST_CASE("a GGUF's vocabulary is the World one, cut") {
  const auto file = ModelFile::open(ROOKERY_TEST_DATA "/golden/models/v7_micro/model.f32.gguf");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  const auto tokenizer = Tokenizer::fromGguf(**file);
  REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
  CHECK((*tokenizer)->size() == 270);
  CHECK((*tokenizer)->encode("a\n\n\t\n") == std::vector<TokenId>{'a' + 1, 261, 258});
  if (const auto world = worldOrNull()) {
    for (TokenId id = 0; id < 270; ++id) CHECK((*tokenizer)->bytesOf(id) == world->bytesOf(id));
  }
}

TEST_CASE("a GGUF's tokens are escaped bytes; control and unused ones never match") {
  auto tokens = ggufBytes();
  auto types = std::vector<int>(257, 1);
  types[0] = 3;
  const auto add = [&](const std::string& token, int type) {
    tokens.push_back(token);
    types.push_back(type);
  };
  add("it's", 1);              // 257
  add("say \"\\'\\\\", 1);    // 258
  add("\\xe4\\xb8", 1);        // 259: half a character
  add("\xC3\xA9t", 4);         // 260: bytes as they are
  add("User", 3);              // 261
  add("[PAD262]", 5);          // 262
  VocabularyGguf gguf("rwkv");
  gguf.tokens(tokens);
  gguf.types(types);
  const auto tokenizer = gguf.tokenizer();
  REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
  const Tokenizer& t = **tokenizer;
  CHECK(t.bytesOf(257) == "it's");
  CHECK(t.bytesOf(258) == "say \"'\\");
  CHECK(t.encode("\xE4\xB8\xAD") == std::vector<TokenId>{259, 0xAD + 1});
  CHECK(t.encode("\xC3\xA9t") == std::vector<TokenId>{260});
  CHECK(t.encode("User").size() == 4);
  CHECK(t.encode("[PAD262]").size() == 8);
  CHECK(t.encode("<s>").size() == 3);
  CHECK(t.contains(261));  // control: in the vocabulary, but no text
  CHECK(t.decode(std::vector<TokenId>{'a' + 1, 261}).value() == "a");
  CHECK_FALSE(t.contains(262));

  VocabularyGguf untyped("rwkv");
  tokens.resize(261);
  tokens.push_back("[PAD261]");
  untyped.tokens(tokens);
  CHECK(untyped.tokenizer().value()->encode("[PAD261]").size() == 8);
}

TEST_CASE("a GGUF without a usable vocabulary is refused") {
  const VocabularyGguf empty("rwkv");
  CHECK(empty.tokenizer().error().code == ErrorCode::VocabularyMissing);
  VocabularyGguf other("gpt2");
  other.tokens(ggufBytes());
  CHECK(other.tokenizer().error().code == ErrorCode::FormatUnknown);
  VocabularyGguf types("rwkv");
  types.tokens(ggufBytes());
  types.types({1, 2, 3});
  CHECK(types.tokenizer().error().code == ErrorCode::FileDamaged);
  for (const char* bad : {"\\x4", "\\q", "\\", "\\u0041", "a", ""}) {
    CAPTURE(bad);
    auto tokens = ggufBytes();
    tokens.push_back(bad);
    VocabularyGguf gguf("rwkv");
    gguf.tokens(tokens);
    CHECK(gguf.tokenizer().error().code == ErrorCode::FileDamaged);
  }
  auto short256 = ggufBytes();
  short256.pop_back();
  VocabularyGguf gguf("rwkv");
  gguf.tokens(short256);
  CHECK(gguf.tokenizer().error().code == ErrorCode::FormatUnknown);
}

TEST_CASE("a vocabulary file that is missing or no file is told apart") {
  CHECK(Tokenizer::fromFile(ROOKERY_TEST_DATA "/no-such-file").error().code == ErrorCode::FileNotFound);
  CHECK(Tokenizer::fromFile(ROOKERY_TEST_DATA).error().code == ErrorCode::FileUnreadable);
}

TEST_CASE("random damage to a vocabulary never crashes") {
  const std::string good = singleBytes() + "300 'it\\'s' 4\n303 '\\xe9\\u4e2d' 5\n";
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    for (int change = 0; change < 3; ++change) bad[random() % bad.size()] = static_cast<char>(random());
    if (const auto tokenizer = Tokenizer::fromText(bad)) {
      CHECK((*tokenizer)->decode((*tokenizer)->encode(bad)).value() == bad);
    } else {
      const ErrorCode code = tokenizer.error().code;  // a byte that became another one is missing
      CHECK((code == ErrorCode::FileDamaged || code == ErrorCode::FormatUnknown));
    }
  }
}

TEST_CASE("Utf8Stream: text comes out whole whatever the chunks") {
  const std::string text = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80 z";
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) CHECK(streamed(text, chunk) == text);
}

TEST_CASE("Utf8Stream: holds an unfinished character back and nothing else") {
  Utf8Stream stream;
  CHECK(stream.push("ab\xF0\x9F") == "ab");
  CHECK(stream.push("\x98") == "");
  CHECK(stream.push("\x80!") == "\xF0\x9F\x98\x80!");
  CHECK(stream.push("\xE4\xB8") == "");
  CHECK(stream.flush() == "\xEF\xBF\xBD");
  CHECK(stream.flush() == "");
}

TEST_CASE("Utf8Stream: invalid bytes become U+FFFD, one for each part that could have started a character") {
  const std::string r = "\xEF\xBF\xBD";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\x80", r},
      {"a\xFFz", "a" + r + "z"},
      {"\xC0\xAF", r + r},                          // overlong
      {"\xE0\x80\xAF", r + r + r},                  // overlong
      {"\xED\xA0\x80", r + r + r},                  // surrogate
      {"\xF4\x90\x80\x80", r + r + r + r},          // above U+10FFFF
      {"\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63", r + r + r + "b" + r + "c"},  // Unicode 15, table 3-8
      {"\xE4\xB8z", r + "z"},
      {"\xE4\xB8", r},
  };
  for (const auto& [bytes, text] : cases) {
    for (std::size_t chunk = 1; chunk <= bytes.size(); ++chunk) CHECK(streamed(bytes, chunk) == text);
  }
}

TEST_CASE("Utf8Stream agrees with the official decoding of valid sequences") {
  for (const auto& row : goldenRows("encode.jsonl")) {
    if (row["valid_utf8"].get<bool>()) CHECK(streamed(fromHex(row["hex"]), 3) == fromHex(row["hex"]));
  }
}

TEST_CASE("speed: building and encoding the World vocabulary" * doctest::skip()) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };
  REQUIRE(std::getenv("ROOKERY_GOLDEN_DIR") != nullptr);
  auto start = Clock::now();
  const auto tokenizer = worldOrNull();
  const double build = seconds(start);
  std::string text;
  for (const auto& row : goldenRows("encode.jsonl")) {
    if (row["valid_utf8"].get<bool>()) text += fromHex(row["hex"]);
  }
  while (text.size() < 20'000'000) text += text;
  start = Clock::now();
  const std::size_t count = tokenizer->encode(text).size();
  MESSAGE("built in ", build * 1e3, " ms; ", static_cast<double>(text.size()) / 1e6 / seconds(start), " MB/s, ",
          static_cast<double>(text.size()) / static_cast<double>(count), " bytes a token");
}

namespace {

/// What a model of `rows` ids says to a vocabulary.
Result<TokenizerPointer> readBy(const std::filesystem::path& vocabulary, int rows) {
  ModelInfo info;
  info.shape.vocab = rows;
  info.tokenizer = rows == 65536 ? TokenizerKind::World : TokenizerKind::Unknown;
  const auto file = ModelFile::open(ROOKERY_TEST_DATA "/golden/models/v7_micro/model.safetensors");
  REQUIRE(file);
  return Tokenizer::forModel(**file, info, vocabulary);
}

class VocabularyFile {
 public:
  explicit VocabularyFile(const std::string& text)
      : m_path(std::filesystem::temp_directory_path() / fmt::format("rookery-vocabulary-{}.txt", std::random_device{}())) {
    std::ofstream(m_path, std::ios::binary) << text;
  }
  ~VocabularyFile() { std::filesystem::remove(m_path); }
  VocabularyFile(const VocabularyFile&) = delete;
  VocabularyFile& operator=(const VocabularyFile&) = delete;
  const std::filesystem::path& path() const { return m_path; }

 private:
  std::filesystem::path m_path;
};

std::string textOf(const Tokenizer& tokenizer, TokenId end) {
  std::string text;
  for (TokenId id = 1; id < end; ++id) {
    text += fmt::format("{} b'", id);
    for (const char c : tokenizer.bytesOf(id)) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    text += fmt::format("' {}\n", tokenizer.bytesOf(id).size());
  }
  return text;
}

void checkMismatch(const Result<TokenizerPointer>& tokenizer, const std::string& says) {
  CAPTURE(says);
  REQUIRE_FALSE(tokenizer);
  CHECK(tokenizer.error().code == ErrorCode::VocabularyMismatch);
  CHECK_MESSAGE(tokenizer.error().message.find(says) != std::string::npos, tokenizer.error().message);
}

}  // namespace

TEST_CASE("a vocabulary that does not fit the model is refused") {
  const VocabularyFile bytes(singleBytes());  // ids 0 to 256
  for (const int rows : {257, 258, 270, 288, 320, 384}) {
    CAPTURE(rows);
    const auto tokenizer = readBy(bytes.path(), rows);
    REQUIRE_MESSAGE(tokenizer.has_value(), tokenizer.error().message);
    CHECK((*tokenizer)->file() == bytes.path());
  }
  checkMismatch(readBy(bytes.path(), 256), "has 257 tokens, the model only 256: it belongs to another model");
  checkMismatch(readBy(bytes.path(), 256), bytes.path().string());
  checkMismatch(readBy(bytes.path(), 256), "--vocab");
  for (const int rows : {273, 300, 352, 385, 512, 50277, 65536})
    checkMismatch(readBy(bytes.path(), rows), fmt::format("has 257 tokens, the model {}: it belongs to another model, or is not complete", rows));
  // Holes count, wherever they are.
  const VocabularyFile hole(singleBytes() + "400 'ab' 2\n");
  checkMismatch(readBy(hole.path(), 401), "has 258 tokens, the model 401");
  CHECK(readBy(hole.path(), 400).error().code == ErrorCode::VocabularyMismatch);
}

TEST_CASE("World: the whole vocabulary fits its models, and one that is cut anywhere does not") {
  const auto world = worldOrNull();
  if (!world) return;
  const VocabularyFile whole(textOf(*world, 65530));
  CHECK(readBy(whole.path(), 65536).has_value());
  checkMismatch(readBy(whole.path(), 50277), "has 65530 tokens, the model only 50277");
  for (const TokenId end : {TokenId{300}, TokenId{30'000}, TokenId{65'300}}) {
    const VocabularyFile cut(textOf(*world, end));
    checkMismatch(readBy(cut.path(), 65536), fmt::format("has {} tokens, the model 65536", end));
  }
  if (Tokenizer::world()) {
    const VocabularyFile cut(textOf(*world, 65529));
    checkMismatch(readBy(cut.path(), 65536), "is the World vocabulary without its last tokens: it ends after 65528");
  }
}

TEST_CASE("a GGUF's own vocabulary has to fit, too") {
  const auto fits = [](std::vector<std::string> tokens, std::vector<int> types, int rows) {
    VocabularyGguf gguf("rwkv");
    gguf.tokens(tokens);
    gguf.types(types);
    const auto tokenizer = gguf.tokenizer();
    REQUIRE(tokenizer);
    return checkFit(**tokenizer, rows, "It");
  };
  auto tokens = ggufBytes();
  std::vector<int> types(tokens.size(), 1);
  CHECK(fits(tokens, types, 257));
  CHECK_FALSE(fits(tokens, types, 256));
  CHECK_FALSE(fits(tokens, types, 300));
  while (tokens.size() < 512) {
    tokens.push_back(fmt::format("[PAD{}]", tokens.size()));
    types.push_back(5);
  }
  CHECK_FALSE(fits(tokens, types, 512));  // padding is no token
  std::fill(types.begin() + 257, types.begin() + 480, 3);
  CHECK(fits(tokens, types, 512));        // control tokens are
}
