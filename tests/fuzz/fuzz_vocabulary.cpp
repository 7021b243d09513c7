// SPDX-License-Identifier: GPL-3.0-or-later
// A vocabulary file from a stranger: text lines `id literal length`, the same as JSON, or a tokenizer.json. What it
// accepts must encode anything and give the same bytes back.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rookery/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rookery::engine;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // No fuzzer writes the 256 lines of single bytes that every vocabulary needs, so they come with the input.
  static const std::string kBytes = [] {
    std::string lines;
    constexpr char kHex[] = "0123456789abcdef";
    for (int i = 0; i < 256; ++i) lines += std::to_string(i + 1) + " b'\\x" + kHex[i / 16] + kHex[i % 16] + "' 1\n";
    return lines;
  }();
  for (const std::string& vocabulary : {std::string(text), kBytes + std::string(text)}) {
    const auto tokenizer = Tokenizer::fromText(vocabulary);
    if (!tokenizer) {
      if (tokenizer.error().message.empty()) std::abort();
      continue;
    }
    const auto ids = (*tokenizer)->encode(text);
    const auto bytes = (*tokenizer)->decode(ids);
    // BPE reads decomposed letters as composed ones, and its special tokens have no text.
    if (!bytes || ((*tokenizer)->isLongestMatch() && *bytes != text)) std::abort();
    Utf8Stream stream;
    std::string shown;
    for (const TokenId id : ids) shown += stream.push((*tokenizer)->bytesOf(id));
    shown += stream.flush();
    Utf8Stream whole;
    const std::string atOnce = whole.push(*bytes) + whole.flush();
    if (shown != atOnce) std::abort();  // how the text is cut must not show
  }
  return 0;
}
