// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rookery/tokenizer.h"

namespace rookery::engine {

/// What every vocabulary has: the bytes of its tokens. How text becomes tokens is up to the implementation.
struct Tokenizer::Impl {
  virtual ~Impl() = default;
  /// Appends the tokens of any bytes. False if `stop` asked for an end before all was done.
  virtual bool encode(std::string_view text, std::vector<TokenId>& out, const std::stop_token& stop) const = 0;

  /// True if encode() takes the longest match at each place, as the World tokenizer does.
  virtual bool isLongestMatch() const noexcept { return true; }

  std::string bytes;                   ///< of all tokens, by ascending id
  std::vector<std::uint32_t> offsets;  ///< token id is bytes[offsets[id] .. offsets[id + 1]); empty: no text, or not in the vocabulary
  std::vector<TokenId> silent;         ///< ascending; in the vocabulary, but no text, besides kEndOfText
};

/// tokenizer.json of the `tokenizers` package, as 20B_tokenizer.json has it: byte-level BPE of GPT-2.
Result<std::shared_ptr<const Tokenizer>> buildBpeTokenizer(std::string_view jsonText, std::filesystem::path file = {});

}  // namespace rookery::engine
