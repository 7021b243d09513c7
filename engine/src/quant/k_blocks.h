// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "quant/blocks.h"

namespace rookery::engine {

bool isKType(DType type) noexcept;
/// Codes under one 8-bit scale: 32 for Q4_K and Q5_K, else 16.
std::size_t subBlock(DType type) noexcept;
void unpackK(DType type, const std::byte* in, BlockParts& parts) noexcept;
void packK(DType type, const BlockParts& parts, std::byte* out) noexcept;

}  // namespace rookery::engine
