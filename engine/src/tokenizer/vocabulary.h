// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/tokenizer.h"

namespace rookery::engine {

/// Ids are indices of tables, so a file must not be able to ask for huge ones: 16 times the World vocabulary.
inline constexpr TokenId kHighestTokenId = (1U << 20U) - 1;
/// Far above any vocabulary (World: 1.1 MB).
inline constexpr std::size_t kMaxVocabularyBytes = std::size_t{16} << 20U;
inline constexpr std::size_t kLongestToken = 4096;  ///< in bytes; far above any real one (World: 128)

/// The tokens that can match text, in any order, before they are checked against each other.
struct Vocabulary {
  struct Entry {
    TokenId id = 0;
    std::uint32_t offset = 0;  ///< into `bytes`
    std::uint32_t length = 0;
    std::uint32_t line = 0;    ///< of the text file, from 1; 0 for a GGUF
  };
  std::string bytes;
  std::vector<Entry> entries;
  std::vector<TokenId> silent;  ///< ascending; tokens without bytes, besides kEndOfText

  std::string_view bytesOf(const Entry& entry) const noexcept {
    return std::string_view(bytes).substr(entry.offset, entry.length);
  }
};

/// rwkv_vocab_*.txt: `id literal length` per line, the literal as Python writes str or bytes. Id 0 may be there as the
/// empty token that it is.
Result<Vocabulary> parseVocabularyText(std::string_view text);
/// Whether a text begins as such a vocabulary does in the JSON of web-rwkv and Ai00: {"1": "text", "129": [128], ...}.
bool looksLikeVocabularyJson(std::string_view text) noexcept;
Result<Vocabulary> parseVocabularyJson(std::string_view text);
/// tokenizer.ggml.tokens: Python-escaped bytes without quotes.
Result<Vocabulary> readGgufVocabulary(const ModelFile& file);

/// Appends what a Python literal's inside stands for. `byteLiteral`: \xNN is a byte, else a code point.
/// False if an escape is unknown, cut off or no character.
bool appendUnescaped(std::string& out, std::string_view inside, bool byteLiteral);

/// Checks the entries against each other and builds the tables. FileDamaged: an id or a text twice, an id out of
/// range, an empty token. FormatUnknown: a single byte without a token (then some text could not be encoded).
Result<std::shared_ptr<const Tokenizer>> buildTokenizer(Vocabulary vocabulary, std::filesystem::path file = {});

/// What is wrong with reading text for a model of `rows` ids by this vocabulary; VocabularyMismatch. `what` begins the
/// sentence ("The vocabulary x.txt"). Tables of embeddings are often padded to a round number of rows, so some may be missing.
Result<void> checkFit(const Tokenizer& tokenizer, int rows, const std::string& what);

}  // namespace rookery::engine
