// SPDX-License-Identifier: GPL-3.0-or-later
#include "tokenizer/unicode_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "tokenizer/utf8.h"

namespace rookery::engine {
namespace {

bool isAscii(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

/// PropList.txt, White_Space; the property is closed to all but very few new characters.
bool isWhiteSpace(utf8proc_int32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

CharClass classOf(utf8proc_int32_t c) noexcept {
  if (isWhiteSpace(c)) return CharClass::Space;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return CharClass::Letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return CharClass::Number;
    default: return CharClass::Other;
  }
}

void appendNfc(std::string& out, std::string_view wellFormed) {
  if (isAscii(wellFormed)) {
    out += wellFormed;
    return;
  }
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(wellFormed.data()), static_cast<utf8proc_ssize_t>(wellFormed.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length < 0) throw std::bad_alloc();  // the only error that well-formed text leaves
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  out.append(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
}

}  // namespace

CharStep charStep(std::string_view text) noexcept {
  const Utf8Step step = utf8Step(text);
  if (step.kind != Utf8Kind::Character) return {CharClass::Other, 1};
  utf8proc_int32_t c = -1;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(step.length), &c);
  return {classOf(c), step.length};
}

std::string toNfc(std::string_view text) {
  if (isAscii(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t good = 0;
    while (good < text.size()) {
      const Utf8Step step = utf8Step(text.substr(good));
      if (step.kind != Utf8Kind::Character) break;
      good += step.length;
    }
    appendNfc(out, text.substr(0, good));
    text.remove_prefix(good);
    if (!text.empty()) {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace rookery::engine
