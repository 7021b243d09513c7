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
/// rows, `format` = kernelFormat(type)). Same types are moved bit for bit; others go through fp32. Padding rows are
/// zero.
void packTiles(const WeightView& view, DType type, const MatrixExtremes& extremes, const kernels::PackedMatrix& target,
               std::byte* out, std::int64_t tileBegin, std::int64_t tileEnd);

/// Bytes of a weight before its rows are padded to whole tiles. Embedding: as in a file.
std::uint64_t placedBytes(DType type, bool embedding, std::int64_t rows, std::int64_t cols) noexcept;

/// Gets the source bytes done of what is being packed; false ends it there.
using ProceedFn = std::function<bool(std::uint64_t done)>;

/// All of a matrix, or of a table's rows, on all workers of `pool`. False where `proceed` said so, which is asked about
/// every 100 ms at most.
bool packMatrix(const WeightView& view, DType type, std::int64_t panelRows, std::byte* out, ThreadPool& pool,
                const ProceedFn& proceed);
bool packTable(const WeightView& view, DType type, std::byte* out, ThreadPool& pool, const ProceedFn& proceed);

}  // namespace rookery::engine
