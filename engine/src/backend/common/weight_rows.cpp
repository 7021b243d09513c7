// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/weight_rows.h"

#include <cassert>
#include <cstring>
#include <vector>

#include "quant/convert.h"

namespace rookery::engine {

using kernels::Format;

kernels::Format kernelFormat(DType type) noexcept {
  switch (type) {
    case DType::F16: return Format::F16;
    case DType::BF16: return Format::BF16;
    case DType::Q8_0: return Format::Q8_0;
    case DType::Q4_0: case DType::Int4: return Format::Q4_0;
    case DType::Q4_1: return Format::Q4_1;
    case DType::Q5_0: return Format::Q5_0;
    case DType::Q5_1: return Format::Q5_1;
    case DType::Q2_K: return Format::Q2_K;
    case DType::Q3_K: return Format::Q3_K;
    case DType::Q4_K: return Format::Q4_K;
    case DType::Q5_K: return Format::Q5_K;
    case DType::Q6_K: return Format::Q6_K;
    case DType::IQ4_NL: return Format::IQ4_NL;
    case DType::NF4: return Format::NF4;
    case DType::Int8: return Format::Int8;
    case DType::FP16I8: return Format::FP16I8;
    case DType::A16W8: return Format::A16W8;
    case DType::A16W4: return Format::A16W4;
    default: return Format::F32;
  }
}

void readWeights(const WeightView& view, std::int64_t row, std::int64_t k, std::span<float> out) {
  const auto count = static_cast<std::int64_t>(out.size());
  const auto block = static_cast<std::int64_t>(traits(view.dtype).blockSize);
  assert(k % block == 0 && count % block == 0 && (block == 1 || !view.transposed));
  static_cast<void>(block);
  if (!view.transposed) {
    const std::uint64_t begin = byteSize(view.dtype, row * view.cols + k);
    return decodeToF32(view.dtype, view.bytes.subspan(begin, byteSize(view.dtype, count)), out);
  }
  const std::uint64_t size = byteSize(view.dtype, 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t at = byteSize(view.dtype, (k + i) * view.rows + row);
    decodeToF32(view.dtype, view.bytes.subspan(at, size), out.subspan(static_cast<std::size_t>(i), 1));
  }
}

void encodeRows(const WeightView& view, DType type, std::byte* out, std::int64_t begin, std::int64_t end) {
  std::vector<float> row(view.dtype == type ? 0 : static_cast<std::size_t>(view.cols));
  for (std::int64_t r = begin; r < end; ++r) {
    const auto in = view.bytes.subspan(byteSize(view.dtype, r * view.cols), byteSize(view.dtype, view.cols));
    std::byte* to = out + byteSize(type, r * view.cols);
    if (view.dtype == type) {
      std::memcpy(to, in.data(), in.size());
    } else {
      decodeToF32(view.dtype, in, row);
      encodeFromF32(type, row, {to, static_cast<std::size_t>(byteSize(type, view.cols))});
    }
  }
}

}  // namespace rookery::engine
