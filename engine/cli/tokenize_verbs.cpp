// SPDX-License-Identifier: GPL-3.0-or-later
// `tokenize` and `detokenize`: JSON Lines in, JSON Lines out.
#include <fmt/format.h>

#include <iostream>
#include <limits>
#include <memory>

#include "common.h"
#include "formats/strict_json.h"
#include "rookery/model_file.h"
#include "rookery/model_info.h"

namespace rookery::cli {
namespace {

using engine::Tokenizer;
using nlohmann::json;

struct TokenizeOptions {
  std::string vocabulary, model;
};

Result<std::shared_ptr<const Tokenizer>> openTokenizer(const TokenizeOptions& options) {
  if (!options.vocabulary.empty()) return Tokenizer::fromFile(options.vocabulary);
  if (options.model.empty()) return Tokenizer::world();
  const auto file = openModel(options.model);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto info = engine::detect(**file);
  if (!info) return tl::unexpected<Error>(info.error());
  return Tokenizer::forModel(**file, *info);
}

std::optional<std::string> fromHex(const std::string& hex) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string toHex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

/// nullopt: the line is not what the verb reads.
std::optional<json> encodeLine(const Tokenizer& tokenizer, const json& line) {
  if (!line.is_object() || !line.contains("hex") || !line["hex"].is_string()) return std::nullopt;
  const auto bytes = fromHex(line["hex"].get<std::string>());
  if (!bytes) return std::nullopt;
  return json{{"ids", tokenizer.encode(*bytes)}};
}

/// `hex` is null when an id has no bytes: not in the vocabulary, or special (0, end of text).
std::optional<json> decodeLine(const Tokenizer& tokenizer, const json& line) {
  if (!line.is_object() || !line.contains("ids") || !line["ids"].is_array()) return std::nullopt;
  std::string bytes;
  for (const json& id : line["ids"]) {
    if (!id.is_number_integer()) return std::nullopt;
    const bool inRange = id.is_number_unsigned() && id.get<std::uint64_t>() <= std::numeric_limits<engine::TokenId>::max();
    const std::string_view piece = inRange ? tokenizer.bytesOf(id.get<engine::TokenId>()) : std::string_view{};
    if (piece.empty()) return json{{"hex", nullptr}};
    bytes += piece;
  }
  return json{{"hex", toHex(bytes)}};
}

enum class Line { None, Read, TooLong };
/// Reads up to the next newline, but no more than `most` bytes.
Line readLine(std::istream& in, std::string& line, std::size_t most) {
  line.clear();
  auto* buffer = in.rdbuf();
  for (int c = buffer->sbumpc(); c != std::char_traits<char>::eof(); c = buffer->sbumpc()) {
    if (c == '\n') return Line::Read;
    if (line.size() == most) return Line::TooLong;
    line.push_back(static_cast<char>(c));
  }
  return line.empty() ? Line::None : Line::Read;
}

using LineFn = std::optional<json> (*)(const Tokenizer&, const json&);

Result<void> eachLine(const TokenizeOptions& options, LineFn convert, const char* form) {
  const auto tokenizer = openTokenizer(options);
  if (!tokenizer) return tl::unexpected<Error>(tokenizer.error());
  constexpr std::size_t kMostLineBytes = 32'000'000;
  constexpr int kDeepest = 2;  // the object and its array
  std::size_t number = 0;
  for (std::string line;;) {
    ++number;
    const Line read = readLine(std::cin, line, kMostLineBytes);
    if (read == Line::None) break;
    if (read == Line::TooLong)
      return fail(ErrorCode::InvalidArgument, fmt::format("Line {} of the input is longer than {} MB; give the text in several lines.", number, kMostLineBytes / 1'000'000));
    std::string_view text = line;
    if (number == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto document = engine::parseStrictJson(text, kDeepest);
    const auto answer = document ? convert(**tokenizer, *document) : std::nullopt;
    if (!answer)
      return fail(ErrorCode::InvalidArgument, fmt::format("Line {} of the input is not of the form {}.", number, form));
    printTable(stdout, answer->dump() + "\n");
  }
  return {};
}

Verb addVerb(CLI::App& app, const char* name, const char* description, LineFn convert, const char* form) {
  const auto options = std::make_shared<TokenizeOptions>();
  CLI::App* verb = app.add_subcommand(name, description);
  auto* vocabulary = verb->add_option("--vocab", options->vocabulary, "Vocabulary file (rwkv_vocab_*.txt or 20B_tokenizer.json)")->type_name("FILE")->check(notEmpty());
  verb->add_option("--model", options->model, "Model whose vocabulary is used (default: the built-in World vocabulary)")
      ->type_name("M")
      ->excludes(vocabulary);
  return {verb, [=] { return eachLine(*options, convert, form); }, false};
}

}  // namespace

Verb addTokenize(CLI::App& app, Context&) {
  return addVerb(app, "tokenize", R"(Read lines {"hex": "..."} (bytes), write {"ids": [...]})", encodeLine, R"({"hex": "48656c6c6f"})");
}

Verb addDetokenize(CLI::App& app, Context&) {
  return addVerb(app, "detokenize", R"(Read lines {"ids": [...]}, write {"hex": "..."} (bytes))", decodeLine, R"({"ids": [33155]})");
}

}  // namespace rookery::cli
