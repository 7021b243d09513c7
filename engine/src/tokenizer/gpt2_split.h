// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <stop_token>
#include <string_view>

namespace rookery::engine {

/// Length of the first piece of `text` (not empty) under GPT-2's pre-tokenisation, never 0:
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// (openai/gpt-2, encoder.py). Merges never cross pieces.
/// Shorter where `stop` asks for an end; the caller has to ask it, too.
std::size_t gpt2PieceLength(std::string_view text, const std::stop_token& stop = {}) noexcept;

}  // namespace rookery::engine
