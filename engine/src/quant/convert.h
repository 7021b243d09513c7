// SPDX-License-Identifier: GPL-3.0-or-later
// The normative conversions between weight types, one number at a time. Kernels are tested against these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rookery/dtype.h"

namespace rookery::engine {

float halfToFloat(std::uint16_t half) noexcept;          ///< exact
std::uint16_t floatToHalf(float value) noexcept;         ///< round to nearest even; too large becomes infinity
float bfloatToFloat(std::uint16_t bfloat) noexcept;      ///< exact
std::uint16_t floatToBfloat(float value) noexcept;       ///< round to nearest even; NaN stays NaN

/// `out.size()` numbers, whole blocks, of a weight type from `in`, which may be unaligned. F64 and integers are not
/// weight types and give zeros.
void decodeToF32(DType type, std::span<const std::byte> in, std::span<float> out);

/// The reverse, for the weight types among precisions(). `in.size()` must be a multiple of the block size.
void encodeFromF32(DType type, std::span<const float> in, std::span<std::byte> out);

}  // namespace rookery::engine
