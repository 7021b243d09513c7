// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rookery::engine {

enum class Utf8Kind : std::uint8_t { Character, Unfinished, Invalid };

/// What `bytes` (not empty) starts with. `length` is the character's length, or that of the longest part that
/// could have started one: the unit that one U+FFFD replaces (Unicode 15, section 3.9, table 3-8).
/// Unfinished: all of `bytes` is such a part, more bytes may complete it.
struct Utf8Step {
  Utf8Kind kind{};
  std::size_t length = 0;
};
Utf8Step utf8Step(std::string_view bytes) noexcept;

bool isUtf8(std::string_view bytes) noexcept;

/// False for surrogates and values above U+10FFFF, which have no UTF-8 form.
bool appendUtf8(std::string& out, std::uint32_t codePoint);

}  // namespace rookery::engine
