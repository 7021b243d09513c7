// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/tokenizer.h"

namespace rookery::engine {

/// Byte-level BPE as a tokenizer.json describes it, checked: ids are in range and different, every byte that UTF-8 has
/// is a token, a merge joins two tokens into the token of their joined bytes (so merges cannot go in circles).
struct BpeModel {
  struct Token {
    TokenId id = 0;
    std::string bytes;
  };
  struct Merge {
    TokenId left = 0, right = 0, joined = 0;
  };
  struct Added {
    TokenId id = 0;
    std::string text;         ///< what it stands for
    std::string found;        ///< what is looked for: `text`, normalised if `normalized`; never empty
    bool special = false;     ///< stands for no text
    bool normalized = false;  ///< looked for after normalisation, else before
  };
  std::vector<Token> tokens;  ///< by ascending id; those of `added` that the model does not hold are not here
  std::vector<Merge> merges;  ///< the first is done first; no pair twice
  std::vector<Added> added;   ///< no id and no text twice
  static constexpr TokenId kNoToken = 0xFFFFFFFF;
  std::array<TokenId, 256> byteTokens{};  ///< kNoToken for some of C0, C1, F5 to FF, which 20B lacks
  bool nfc = false;
};

/// FileDamaged: it contradicts itself. FormatUnknown: it is no tokenizer file, or asks for something that
/// byte-level BPE as in 20B_tokenizer.json does not have.
Result<BpeModel> readBpeJson(std::string_view jsonText);

}  // namespace rookery::engine
