// SPDX-License-Identifier: GPL-3.0-or-later
// How weights lie in memory for the kernels of every device.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rookery::kernels {

/// What packed weights are; from Q4_0 on "coded" (kernels/coded_format.h).
enum class Format : std::uint8_t {
  F32, F16, BF16, Q8_0,
  Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, NF4, Int8, FP16I8, A16W8, A16W4,
};

inline constexpr int kTileRows = 16;   ///< output rows that are interleaved: one AVX-512 vector, two AVX2 vectors
inline constexpr int kQ8Block = 32;    ///< inputs per Q8_0 scale

/// y[rows] = W[rows, cols] x[cols]. Rows are padded to a multiple of 16 and grouped in panels of `panelRows` rows;
/// within a panel input after input, its rows side by side: element (row, k) of panel p is at
/// (p * cols + k) * panelRows + row. Q8_0: per panel and block of 32 inputs first `panelRows` fp16 scales, then
/// 32 * panelRows int8 codes. panelRows = 16: rows stream (the normal form); panelRows = all rows: one input's
/// weights lie together, so inputs that are zero need not be read.
struct PackedMatrix {
  const std::byte* data = nullptr;
  Format format = Format::F32;
  std::int64_t rows = 0;       ///< as stored by the model
  std::int64_t cols = 0;
  std::int64_t panelRows = kTileRows;

  std::int64_t tiles() const noexcept { return (rows + kTileRows - 1) / kTileRows; }
  std::int64_t paddedRows() const noexcept { return tiles() * kTileRows; }
};

/// Bytes of a packed matrix.
std::int64_t packedBytes(Format format, std::int64_t rows, std::int64_t cols) noexcept;

}  // namespace rookery::kernels
