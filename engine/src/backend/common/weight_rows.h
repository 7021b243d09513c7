// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of weights as a source has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/packed_format.h"
#include "rookery/dtype.h"
#include "weights/weight_source.h"

namespace rookery::engine {

kernels::Format kernelFormat(DType type) noexcept;

/// Weights of one row, from input `k` on; both ends on whole blocks.
void readWeights(const WeightView& view, std::int64_t row, std::int64_t k, std::span<float> out);

/// Rows [begin, end) of a table into `out` as `type`, one after the other.
void encodeRows(const WeightView& view, DType type, std::byte* out, std::int64_t begin, std::int64_t end);

}  // namespace rookery::engine
