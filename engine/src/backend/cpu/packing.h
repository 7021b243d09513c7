// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "backend/cpu/thread_pool.h"
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

/// Rows [begin, end) of a table into `out` as `type`, one after the other.
void encodeRows(const WeightView& view, DType type, std::byte* out, std::int64_t begin, std::int64_t end);

/// Runs `place(begin, end)` over [0, items) on all workers of `pool`, in slices of about 32 MB of source bytes, so that a
/// stop need not wait for an embedding of half a gigabyte; of 1 MB where codes are looked for (`quantises`), which takes
/// about a fifth of a microsecond a weight. Between slices `proceed` gets the source bytes done; false: it ended there.
bool inSlices(ThreadPool& pool, std::int64_t items, std::uint64_t bytes, bool quantises, const std::function<bool(std::uint64_t done)>& proceed,
              const std::function<void(std::int64_t begin, std::int64_t end)>& place);

}  // namespace rookery::engine
