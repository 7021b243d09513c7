// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string_view>

namespace rookery::engine {

/// Length of the first piece of `text` (not empty) under GPT-2's pre-tokenisation, never 0:
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// (openai/gpt-2, encoder.py). Merges never cross pieces.
std::size_t gpt2PieceLength(std::string_view text) noexcept;

}  // namespace rookery::engine
