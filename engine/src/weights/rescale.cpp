// SPDX-License-Identifier: GPL-3.0-or-later
#include "weights/rescale.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/convert.h"

namespace rookery::engine {

namespace {

// Offsets within a block of the fp16 numbers that all its weights are proportional to, the minima's among them.
std::span<const std::size_t> scalesOf(DType type) {
  static constexpr std::array<std::size_t, 1> kFirst{0}, kEndOfQ3{108}, kEndOfQ6{208};
  static constexpr std::array<std::size_t, 2> kFirstTwo{0, 2}, kEndOfQ2{80, 82};
  switch (type) {
    case DType::Q4_1: case DType::Q5_1: case DType::Q4_K: case DType::Q5_K: return kFirstTwo;
    case DType::Q2_K: return kEndOfQ2;
    case DType::Q3_K: return kEndOfQ3;
    case DType::Q6_K: return kEndOfQ6;
    default: return kFirst;
  }
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
