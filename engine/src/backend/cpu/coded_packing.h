// SPDX-License-Identifier: GPL-3.0-or-later
// Packing of the coded formats (kernels/cpu/coded_format.h).
#pragma once

#include <functional>
#include <optional>

#include "backend/cpu/packing.h"

namespace rookery::engine {

/// packTiles() for the coded formats.
void packCoded(const WeightView& view, DType type, const MatrixExtremes& extremes, const kernels::PackedMatrix& target,
               std::byte* out, std::int64_t tileBegin, std::int64_t tileEnd);

/// Offsets and ranges of rows and columns as the rwkv package computes them (rwkv/model.py): nullopt if `proceed`, which
/// is asked row by row, says no.
std::optional<MatrixExtremes> measureExtremes(const WeightView& view, const std::function<bool()>& proceed);
/// What FP16I8 has in front of its panels.
void packColumns(const MatrixExtremes& extremes, std::byte* out);

/// Bytes of a weight on the CPU before its rows are padded to whole tiles. Embedding: as in a file.
std::uint64_t placedBytes(DType type, bool embedding, std::int64_t rows, std::int64_t cols) noexcept;

}  // namespace rookery::engine
