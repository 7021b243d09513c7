// SPDX-License-Identifier: GPL-3.0-or-later
#include "weights/rescale.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/convert.h"

namespace rookery::engine {

namespace {

// Offsets within a block of the fp16 numbers that all its weights are proportional to; none: not a block type.
std::span<const std::size_t> scalesOf(DType type) {
  static constexpr std::array<std::size_t, 1> kFirst{0};
  switch (type) {
    case DType::Q8_0: return kFirst;
    case DType::F32:
    case DType::F16:
    case DType::BF16:
    case DType::F64:
    case DType::I8:
    case DType::I16:
    case DType::I32:
    case DType::I64:
    case DType::U8:
    case DType::Bool: break;
  }
  return {};
}

void scaleNumbers(DType type, std::span<std::byte> bytes, float factor) {
  std::array<float, 1024> run;
  const std::size_t size = byteSize(type, 1), runBytes = run.size() * size;
  for (std::size_t at = 0; at < bytes.size(); at += runBytes) {
    const auto part = bytes.subspan(at, std::min(runBytes, bytes.size() - at));
    const auto numbers = std::span(run).first(part.size() / size);
    decodeToF32(type, part, numbers);
    for (float& number : numbers) number *= factor;
    encodeFromF32(type, numbers, part);
  }
}

}  // namespace

void scaleByPowerOfTwo(DType type, std::span<std::byte> bytes, int exponent) {
  const float factor = std::ldexp(1.0F, exponent);
  if (traits(type).blockSize == 1) return scaleNumbers(type, bytes, factor);
  const std::size_t block = traits(type).blockBytes, scale = byteSize(DType::F16, 1);
  for (std::size_t at = 0; at + block <= bytes.size(); at += block)
    for (const std::size_t offset : scalesOf(type)) scaleNumbers(DType::F16, bytes.subspan(at + offset, scale), factor);
}

}  // namespace rookery::engine
