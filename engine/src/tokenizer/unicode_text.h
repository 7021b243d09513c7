// SPDX-License-Identifier: GPL-3.0-or-later
// What byte-level BPE asks of Unicode. Bytes that are not UTF-8 are carried through unchanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace rookery::engine {

enum class CharClass : std::uint8_t { Letter, Number, Space, Other };

/// The character at the start of `text` (not empty): its class and its length in bytes. A byte that starts no
/// character is one of class Other.
struct CharStep {
  CharClass kind{};
  std::size_t length = 0;
};
/// Letter: general category L*, Number: N*, Space: property White_Space.
CharStep charStep(std::string_view text) noexcept;

/// Normalisation form C (UAX 15), in linear time. nullopt if `stop` asked for an end. May throw std::bad_alloc.
std::optional<std::string> toNfc(std::string_view text, const std::stop_token& stop = {});

}  // namespace rookery::engine
