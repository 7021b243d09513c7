// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cpu/cpu_ops.h"
#include "rookery/dtype.h"
#include "weights/weight_source.h"

namespace rookery::engine {

kernels::Format kernelFormat(DType type) noexcept;

/// Weights of one row, from input `k` on; both ends on whole blocks.
void readWeights(const WeightView& view, std::int64_t row, std::int64_t k, std::span<float> out);

/// What FP16I8 takes off and divides by, from the whole matrix; empty for other types.
struct MatrixExtremes {
  std::vector<float> outputOffset, outputRange;  ///< [rows]
  std::vector<float> inputOffset, inputRange;    ///< [cols]
};

/// Writes the tiles [tileBegin, tileEnd) of `view` as `type` into `out` (layout of PackedMatrix, `panelRows` 16 or all
/// rows, `format` = kernelFormat(type)). Same types are moved bit for bit; others go through fp32. Padding rows are zero.
void packTiles(const WeightView& view, DType type, const MatrixExtremes& extremes, const kernels::PackedMatrix& target,
               std::byte* out, std::int64_t tileBegin, std::int64_t tileEnd);

}  // namespace rookery::engine
