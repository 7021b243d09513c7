// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "quant/blocks.h"

namespace rookery::engine {

void unpackSmall(DType type, const std::byte* in, BlockParts& parts) noexcept;
void packSmall(DType type, const BlockParts& parts, std::byte* out) noexcept;

}  // namespace rookery::engine
