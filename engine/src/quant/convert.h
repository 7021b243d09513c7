// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <cstddef>
#include <span>
#include "rookery/dtype.h"
namespace rookery::engine {
void decodeToF32(DType type, std::span<const std::byte> in, std::span<float> out);
void encodeFromF32(DType type, std::span<const float> in, std::span<std::byte> out);
}
