// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>

#include "rookery/dtype.h"

namespace rookery::engine {

/// Multiplies weights by 2^exponent in their own type: exact while the results stay in its range (block types: only
/// their scales change). `type` is a weight type; `bytes` hold whole elements or blocks.
void scaleByPowerOfTwo(DType type, std::span<std::byte> bytes, int exponent);

}  // namespace rookery::engine
