// SPDX-License-Identifier: GPL-3.0-or-later
// The format is that of rwkv_vocab_v20230424.txt, read by rwkv_tokenizer.py of ChatRWKV with ast.literal_eval.
#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <optional>

#include "text/utf8.h"
#include "tokenizer/vocabulary.h"

namespace rookery::engine {
namespace {

constexpr std::size_t kLongestRow = 10 * kLongestToken + 64;  // written, a byte takes at most ten characters

template <class Number>
std::optional<Number> parseNumber(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The literal between the first and the last space of a line; a reason if it is not one.
std::optional<std::string_view> appendLiteral(std::string& out, std::string_view literal) {
  const bool byteLiteral = literal.starts_with('b');
  if (byteLiteral) literal.remove_prefix(1);
  if (literal.size() < 2 || (literal.front() != '\'' && literal.front() != '"') || literal.back() != literal.front()) {
    return "the token is not a quoted Python literal";
  }
  const char quote = literal.front();
  const std::string_view inside = literal.substr(1, literal.size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == quote) return "the token has a quote in the middle";
    if (inside[i] == '\\') ++i;
    if (i == inside.size()) return "the closing quote of the token is escaped";
    if (byteLiteral && static_cast<unsigned char>(inside[i]) >= 0x80) return "a bytes literal holds a byte that is not ASCII";
  }
  if (!byteLiteral && !isUtf8(inside)) return "the token is not valid UTF-8";
  if (!appendUnescaped(out, inside, byteLiteral)) return "the token holds an escape that is not understood";
  return std::nullopt;
}

}  // namespace

bool appendUnescaped(std::string& out, std::string_view inside, bool byteLiteral) {
  const auto hex = [&](std::size_t at, std::size_t digits) -> std::optional<std::uint32_t> {
    if (at + digits > inside.size()) return std::nullopt;
    return parseNumber<std::uint32_t>(inside.substr(at, digits), 16);
  };
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\') {
      out.push_back(inside[i]);
      continue;
    }
    if (++i == inside.size()) return false;
    const char kind = inside[i];
    switch (kind) {
      case 't': out.push_back('\t'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case '\\':
      case '\'':
      case '"': out.push_back(kind); break;
      case 'x':
      case 'u':
      case 'U': {
        if (byteLiteral && kind != 'x') return false;
        const std::size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
        const auto value = hex(i + 1, digits);
        if (!value) return false;
        i += digits;
        if (byteLiteral) {
          out.push_back(static_cast<char>(*value));
        } else if (!appendUtf8(out, *value)) {
          return false;
        }
        break;
      }
      default: return false;
    }
  }
  return true;
}

Result<Vocabulary> parseVocabularyText(std::string_view text) {
  if (text.size() > kMaxVocabularyBytes) {
    return fail(ErrorCode::FileDamaged, "The vocabulary is larger than 16 MiB, so it is not one.");
  }
  Vocabulary vocabulary;
  vocabulary.bytes.reserve(text.size() / 2);
  vocabulary.entries.reserve(text.size() / 14);  // World: 16.7 bytes a line
  std::uint32_t line = 0;
  const auto damaged = [&](std::string_view why) {
    if (line == 1)
      return fail(ErrorCode::FormatUnknown,
                  fmt::format("This is no vocabulary that can be read: its first line is not `id literal length` in UTF-8 "
                              "({}).", why));
    return fail(ErrorCode::FileDamaged, fmt::format("The vocabulary is damaged in line {}: {}.", line, why));
  };
  while (!text.empty()) {
    ++line;
    const std::size_t end = text.find('\n');
    std::string_view row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (row.ends_with('\r')) row.remove_suffix(1);
    if (row.empty()) continue;

    const std::size_t first = row.find(' ');
    const std::size_t last = row.rfind(' ');
    if (first == last) return damaged("it does not read `id literal length`");
    const auto id = parseNumber<TokenId>(row.substr(0, first));
    if (!id || *id > kHighestTokenId) {
      return damaged(fmt::format("the id is not a number from 0 to {}", kHighestTokenId));
    }
    const auto declared = parseNumber<std::uint32_t>(row.substr(last + 1));
    if (!declared) return damaged("the length is not a number");
    if (row.size() > kLongestRow) return damaged(fmt::format("the token is longer than the {} bytes that a token may have", kLongestToken));

    const std::size_t offset = vocabulary.bytes.size();
    if (const auto why = appendLiteral(vocabulary.bytes, row.substr(first + 1, last - first - 1))) return damaged(*why);
    const std::size_t length = vocabulary.bytes.size() - offset;
    if (length != *declared) {
      return damaged(fmt::format("the token has {} bytes, but {} are declared", length, *declared));
    }
    if (length > kLongestToken) return damaged(fmt::format("the token has {} bytes; at most {} are allowed", length, kLongestToken));
    if (*id == kEndOfText) {
      if (length != 0) return damaged("the token of id 0, the end of a text, is not empty");
      continue;
    }
    vocabulary.entries.push_back({*id, static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(length), line});
  }
  return vocabulary;
}

}  // namespace rookery::engine
