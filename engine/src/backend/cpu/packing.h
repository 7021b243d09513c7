// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/cpu/cpu_ops.h"
#include "rookery/dtype.h"
#include "weights/weight_source.h"

namespace rookery::engine {

kernels::Format kernelFormat(DType type) noexcept;
DType dtypeOf(kernels::Format format) noexcept;

/// Writes the tiles [tileBegin, tileEnd) of `view` into `out` (layout of PackedMatrix, `panelRows` 16 or all rows,
/// `format` as in `target`). Same formats are moved bit for bit; others go through fp32. Padding rows are zero.
void packTiles(const WeightView& view, const kernels::PackedMatrix& target, std::byte* out, std::int64_t tileBegin,
               std::int64_t tileEnd);

}  // namespace rookery::engine
