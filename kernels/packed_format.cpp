// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/packed_format.h"

#include "kernels/coded_format.h"

namespace rookery::kernels {

std::int64_t packedBytes(Format format, std::int64_t rows, std::int64_t cols) noexcept {
  const std::int64_t padded = (rows + kTileRows - 1) / kTileRows * kTileRows;
  switch (format) {
    case Format::F32: return padded * cols * 4;
    case Format::F16:
    case Format::BF16: return padded * cols * 2;
    case Format::Q8_0: return padded * (cols / kQ8Block) * (kQ8Block + 2);
    default: break;
  }
  const CodedFormat f = coded(format);
  return columnBytes(f, cols) + padded * rowBytes(f, cols);
}

}  // namespace rookery::kernels
