// SPDX-License-Identifier: GPL-3.0-or-later
// Packing of the coded formats (kernels/coded_format.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "kernels/packed_format.h"
#include "rookery/dtype.h"
#include "weights/weight_source.h"

namespace rookery::engine {

/// What FP16I8 takes off and divides by, from the whole matrix; empty for other types.
struct MatrixExtremes {
  std::vector<float> outputOffset, outputRange;  ///< [rows]
  std::vector<float> inputOffset, inputRange;    ///< [cols]
};

/// packTiles() for the coded formats.
void packCoded(const WeightView& view, DType type, const MatrixExtremes& extremes, const kernels::PackedMatrix& target,
               std::byte* out, std::int64_t tileBegin, std::int64_t tileEnd);

/// Offsets and ranges of rows and columns as the rwkv package computes them (rwkv/model.py): nullopt if `proceed`, which
/// is asked row by row, says no.
std::optional<MatrixExtremes> measureExtremes(const WeightView& view, const std::function<bool()>& proceed);
/// What FP16I8 has in front of its panels.
void packColumns(const MatrixExtremes& extremes, std::byte* out);

}  // namespace rookery::engine
