// SPDX-License-Identifier: GPL-3.0-or-later
#include "tokenizer/unicode_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <numeric>
#include <vector>

#include "text/utf8.h"

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

constexpr std::size_t kPollEvery = 4096;

/// Nothing before this character changes with it: it joins nothing to its left, and what is sorted ends here. Not all
/// such characters are among these ranges, but what joins to the left (marks, vowel signs, Hangul jamo) is in none.
bool startsAnew(utf8proc_int32_t c) noexcept { return c < 0x300 || (c >= 0x3400 && c < 0xA000) || (c >= 0xAC00 && c < 0xD7A4); }

/// Puts runs of marks into canonical order: a stable sort by combining class. (utf8proc_map sorts by exchanging
/// neighbours, which takes minutes for a megabyte of marks.)
void sortMarks(std::vector<utf8proc_int32_t>& chars) {
  const auto classOfMark = [](utf8proc_int32_t c) { return static_cast<std::size_t>(utf8proc_get_property(c)->combining_class); };
  std::vector<utf8proc_int32_t> sorted;
  for (auto begin = chars.begin(); begin != chars.end();) {
    auto end = begin;
    std::array<std::size_t, 256> place{};  // of each class, at first how many there are
    for (; end != chars.end() && classOfMark(*end) != 0; ++end) ++place[classOfMark(*end)];
    if (end - begin > 1) {
      std::exclusive_scan(place.begin(), place.end(), place.begin(), std::size_t{0});
      sorted.resize(static_cast<std::size_t>(end - begin));
      for (auto c = begin; c != end; ++c) sorted[place[classOfMark(*c)]++] = *c;
      std::copy(sorted.begin(), sorted.end(), begin);
    }
    begin = end == chars.end() ? end : end + 1;
  }
}

/// `text` begins and ends where characters start anew.
bool appendNfc(std::string& out, std::string_view wellFormed, const std::stop_token& stop) {
  if (isAscii(wellFormed)) {
    out += wellFormed;
    return true;
  }
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  std::vector<utf8proc_int32_t> chars;
  chars.reserve(wellFormed.size());
  constexpr std::size_t kLongestDecomposition = 32;
  std::array<utf8proc_int32_t, kLongestDecomposition> parts;
  for (std::size_t count = 0; !wellFormed.empty(); ++count) {
    if (count % kPollEvery == 0 && stop.stop_requested()) return false;
    utf8proc_int32_t c = -1;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(wellFormed.data()), static_cast<utf8proc_ssize_t>(wellFormed.size()), &c);
    int boundary = 0;
    const auto made = utf8proc_decompose_char(c, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()), kOptions, &boundary);
    assert(length > 0 && made >= 0 && made <= static_cast<utf8proc_ssize_t>(parts.size()));
    chars.insert(chars.end(), parts.begin(), parts.begin() + made);
    wellFormed.remove_prefix(static_cast<std::size_t>(length));
  }
  sortMarks(chars);
  if (stop.stop_requested()) return false;
  const auto count = utf8proc_normalize_utf32(chars.data(), static_cast<utf8proc_ssize_t>(chars.size()), kOptions);
  assert(count >= 0);
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    if (static_cast<std::size_t>(i) % kPollEvery == 0 && stop.stop_requested()) return false;
    std::array<utf8proc_uint8_t, 4> bytes;
    const auto length = utf8proc_encode_char(chars[static_cast<std::size_t>(i)], bytes.data());
    out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
  }
  return true;
}

}  // namespace

CharStep charStep(std::string_view text) noexcept {
  const Utf8Step step = utf8Step(text);
  if (step.kind != Utf8Kind::Character) return {CharClass::Other, 1};
  utf8proc_int32_t c = -1;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(step.length), &c);
  return {classOf(c), step.length};
}

std::optional<std::string> toNfc(std::string_view text, const std::stop_token& stop) {
  if (isAscii(text)) return std::string(text);
  constexpr std::size_t kSlice = std::size_t{64} << 10U;
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t good = 0;
    for (std::size_t count = 1; good < text.size(); ++count) {
      if (count % kPollEvery == 0 && stop.stop_requested()) return std::nullopt;
      const Utf8Step step = utf8Step(text.substr(good));
      if (step.kind != Utf8Kind::Character) break;
      if (good >= kSlice) {
        utf8proc_int32_t c = -1;
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + good), static_cast<utf8proc_ssize_t>(step.length), &c);
        if (startsAnew(c)) break;
      }
      good += step.length;
    }
    if (!appendNfc(out, text.substr(0, good), stop)) return std::nullopt;
    text.remove_prefix(good);
    if (!text.empty() && utf8Step(text).kind != Utf8Kind::Character) {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace rookery::engine
