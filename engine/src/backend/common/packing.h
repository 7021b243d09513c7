// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>

#include "backend/common/coded_packing.h"
#include "backend/common/thread_pool.h"
#include "backend/common/weight_rows.h"
#include "kernels/packed_format.h"

namespace rookery::engine {

/// Writes the tiles [tileBegin, tileEnd) of `view` as `type` into `out` (layout of PackedMatrix, `panelRows` 16 or all
/// rows, `format` = kernelFormat(type)). Same types are moved bit for bit; others go through fp32. Padding rows are zero.
void packTiles(const WeightView& view, DType type, const MatrixExtremes& extremes, const kernels::PackedMatrix& target,
               std::byte* out, std::int64_t tileBegin, std::int64_t tileEnd);

/// Bytes of a weight before its rows are padded to whole tiles. Embedding: as in a file.
std::uint64_t placedBytes(DType type, bool embedding, std::int64_t rows, std::int64_t cols) noexcept;

/// Runs `place(begin, end)` over [0, items) on all workers of `pool`, in slices of about 32 MB of source bytes, so that a
/// stop need not wait for an embedding of half a gigabyte; of 1 MB where codes are looked for (`quantises`), which takes
/// about a fifth of a microsecond a weight. Between slices `proceed` gets the source bytes done; false: it ended there.
bool inSlices(ThreadPool& pool, std::int64_t items, std::uint64_t bytes, bool quantises, const std::function<bool(std::uint64_t done)>& proceed,
              const std::function<void(std::int64_t begin, std::int64_t end)>& place);

}  // namespace rookery::engine
