// SPDX-License-Identifier: GPL-3.0-or-later
// Text from files, models and drivers on its way to a terminal, a log or JSON. Exports have formats/plain_text.h, the window
// its own support/plain_text.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rookery::engine {

/// Whether one character (valid UTF-8) is a control character: U+0000-1F, 7F-9F, the line and paragraph separators, or one
/// that turns the direction of what follows it (U+202A-2E, 2066-69).
bool isControl(std::string_view character) noexcept;
/// The same, and those that are seen nowhere but act: marks of direction, zero width space, byte order mark. Joiners are
/// parts of words and belong to neither.
bool actsUnseen(std::string_view character) noexcept;

inline constexpr std::size_t kLongestName = 1024;
/// What we accept as the name of a tensor or key: valid UTF-8 without control characters, 1 to kLongestName.
bool isPlainName(std::string_view name) noexcept;

/// A sentence that may quote names and bytes of a file, in one line and fit for a terminal: letters of every script stay,
/// bytes that are no UTF-8 and ASCII controls become \xNN, other characters that act unseen \uNNNN. Past `most` characters
/// it is cut and ends with "...".
std::string printable(std::string_view sentence, std::size_t most = 400);

/// What a model writes, fit for a terminal: as printable(), but its line breaks, tabs and marks of direction stay, and
/// nothing is cut.
std::string printableText(std::string_view text);

/// A JSON document: the characters that JSON lets stand in texts and terminals act on become \uNNNN, the same to any reader.
std::string printableJson(std::string_view document);

}  // namespace rookery::engine
