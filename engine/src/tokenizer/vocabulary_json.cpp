// SPDX-License-Identifier: GPL-3.0-or-later
// The form that web-rwkv and Ai00 give the World vocabulary: an object whose keys are the ids, each token a text, or an array
// of its bytes where it is no UTF-8 (web-rwkv, src/tokenizer.rs).
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "formats/names.h"
#include "tokenizer/vocabulary.h"

namespace rookery::engine {
namespace {

using nlohmann::json;

/// Takes the tokens as they are read, so that a file costs no more than they do.
class Reader : public nlohmann::json_sax<json> {
 public:
  Vocabulary vocabulary;
  std::string wrong;  ///< what is, where reading ended early

  bool start_object(std::size_t) override { return m_isOpen ? badToken() : (m_isOpen = true); }
  bool end_object() override { return true; }
  bool key(std::string& name) override {
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), m_id);
    m_begin = vocabulary.bytes.size();
    if (error == std::errc() && end == name.data() + name.size() && m_id <= kHighestTokenId) return true;
    return bad(fmt::format("\"{}\" is not an id from 0 to {}", printable(name, 40), kHighestTokenId));
  }
  bool string(std::string& text) override {
    if (!m_isOpen || m_inArray) return badToken();
    vocabulary.bytes += text;
    return endToken();
  }
  bool start_array(std::size_t) override { return !m_isOpen || m_inArray ? badToken() : (m_inArray = true); }
  bool number_unsigned(std::uint64_t value) override {
    if (!m_inArray || value > 255) return badToken();
    vocabulary.bytes += static_cast<char>(value);
    return true;
  }
  bool end_array() override {
    m_inArray = false;
    return endToken();
  }
  bool null() override { return badToken(); }
  bool boolean(bool) override { return badToken(); }
  bool number_integer(std::int64_t) override { return badToken(); }
  bool number_float(double, const std::string&) override { return badToken(); }
  bool binary(json::binary_t&) override { return badToken(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool bad(std::string what) {
    wrong = std::move(what);
    return false;
  }
  bool badToken() { return bad(fmt::format("token {} is neither a text nor a list of bytes", m_id)); }
  bool endToken() {
    const std::size_t length = vocabulary.bytes.size() - m_begin;
    if (length > kLongestToken) return bad(fmt::format("token {} has {} bytes; at most {} are allowed", m_id, length, kLongestToken));
    if (m_id != kEndOfText) vocabulary.entries.push_back({m_id, static_cast<std::uint32_t>(m_begin), static_cast<std::uint32_t>(length), 0});
    else if (length != 0) return bad("the token of id 0, the end of a text, is not empty");
    return true;
  }

  TokenId m_id = 0;
  std::size_t m_begin = 0;  ///< of the token in the vocabulary's bytes
  bool m_isOpen = false, m_inArray = false;
};

}  // namespace

bool looksLikeVocabularyJson(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t brace = text.find_first_not_of(kBlank);
  if (brace == std::string_view::npos || text[brace] != '{') return false;
  const std::size_t quote = text.find_first_not_of(kBlank, brace + 1);
  return quote != std::string_view::npos && text[quote] == '"' && quote + 1 < text.size() && text[quote + 1] >= '0' && text[quote + 1] <= '9';
}

Result<Vocabulary> parseVocabularyJson(std::string_view text) {
  Reader reader;
  if (json::sax_parse(text.begin(), text.end(), &reader)) return std::move(reader.vocabulary);
  return fail(ErrorCode::FileDamaged, fmt::format("The vocabulary is damaged: {}.", reader.wrong.empty() ? "it is not the JSON object it should be" : reader.wrong));
}

}  // namespace rookery::engine
