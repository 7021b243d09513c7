// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "rookery/tokenizer.h"

namespace rookery::test {

/// A stop text that comes piece by piece: the text of three tokens in a row of an answer.
struct StopText {
  std::size_t begin = 0;  ///< index of the first of the three; 0: none found
  std::string text;
};

/// One that ends exactly with the third token and of which nothing is held back before the first.
inline StopText stopTextIn(const engine::Tokenizer& tokenizer, const std::vector<engine::TokenId>& answer) {
  const auto isPlain = [](std::string_view bytes) {
    return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  };
  std::string before;
  for (std::size_t i = 0; i + 3 <= answer.size(); ++i) {
    std::string text;
    bool plain = true;
    for (std::size_t t = i; t < i + 3; ++t) {
      text += tokenizer.bytesOf(answer[t]);
      plain = plain && isPlain(tokenizer.bytesOf(answer[t]));
    }
    const bool clean = i > 20 && isPlain(tokenizer.bytesOf(answer[i - 1]));
    if (plain && clean && before.find(text) == std::string::npos) {
      bool overlaps = false;  // the end of what came before must not be the beginning of the stop text
      for (std::size_t n = 1; n < text.size(); ++n) overlaps = overlaps || before.ends_with(text.substr(0, n));
      if (!overlaps) return {i, text};
    }
    before += tokenizer.bytesOf(answer[i]);
  }
  return {};
}

}  // namespace rookery::test
