// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/names.h"

#include <fmt/format.h>

namespace rookery::engine {
namespace {

/// Length of the UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t utf8Length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) {
    return 1;
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
    return 0;
  }
  // The second byte's range excludes overlong forms, surrogates and code points above U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (at(1) < low || at(1) > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xC0u) != 0x80) {
      return 0;
    }
  }
  return length;
}

}  // namespace

bool isPlainName(std::string_view name) noexcept {
  if (name.empty() || name.size() > 1024) {
    return false;
  }
  while (!name.empty()) {
    const auto first = static_cast<unsigned char>(name.front());
    const std::size_t length = utf8Length(name);
    if (length == 0 || first < 0x20 || first == 0x7F) {
      return false;
    }
    name.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view sentence) {
  constexpr std::size_t kLongest = 400;
  std::string out;
  for (const char c : sentence) {
    if (out.size() >= kLongest) return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  return out;
}

}  // namespace rookery::engine
