// SPDX-License-Identifier: GPL-3.0-or-later
#include "quant/blocks.h"

#include "quant/convert.h"
#include "quant/k_blocks.h"
#include "quant/small_blocks.h"

namespace rookery::engine {

const std::array<std::int8_t, 16> kIq4Table{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
const std::array<float, 16> kNf4Table{-1.0F, -0.6961928009986877F, -0.5250730514526367F, -0.39491748809814453F,
                                      -0.28444138169288635F, -0.18477343022823334F, -0.09105003625154495F, 0.0F,
                                      0.07958029955625534F, 0.16093020141124725F, 0.24611230194568634F, 0.33791524171829224F,
                                      0.44070982933044434F, 0.5626170039176941F, 0.7229568362236023F, 1.0F};

bool isBlockType(DType type) noexcept { return isWeightType(type) && traits(type).blockSize > 1; }

void unpackBlock(DType type, const std::byte* in, BlockParts& parts) noexcept {
  isKType(type) ? unpackK(type, in, parts) : unpackSmall(type, in, parts);
}

void packBlock(DType type, const BlockParts& parts, std::byte* out) noexcept {
  isKType(type) ? packK(type, parts, out) : packSmall(type, parts, out);
}

namespace {

// y = (d * scale) * (code - bias) - dmin * minimum
void valuesK(DType type, const BlockParts& parts, std::span<float> out) {
  const std::size_t sub = subBlock(type);
  const int bias = type == DType::Q6_K ? 32 : type == DType::Q3_K ? 4 : 0;
  const bool hasMin = type != DType::Q6_K && type != DType::Q3_K;
  const float d = halfToFloat(parts.d), dmin = hasMin ? halfToFloat(parts.m) : 0.0F;
  for (std::size_t j = 0; j < 256 / sub; ++j) {
    const float scale = d * static_cast<float>(parts.scales[j]);
    const float low = dmin * static_cast<float>(parts.mins[j]);
    for (std::size_t i = j * sub; i < (j + 1) * sub; ++i) {
      const float product = scale * static_cast<float>(parts.codes[i] - bias);
      out[i] = hasMin ? product - low : product;
    }
  }
}

}  // namespace

void blockValues(DType type, const BlockParts& parts, std::span<float> out) noexcept {
  if (isKType(type)) return valuesK(type, parts, out);
  const float d = halfToFloat(parts.d), m = halfToFloat(parts.m);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint8_t code = parts.codes[i];
    switch (type) {
      case DType::Q4_0: case DType::Int4: out[i] = static_cast<float>(code - 8) * d; break;
      case DType::Q5_0: out[i] = static_cast<float>(code - 16) * d; break;
      case DType::Q4_1: case DType::Q5_1: out[i] = static_cast<float>(code) * d + m; break;
      case DType::IQ4_NL: out[i] = d * static_cast<float>(kIq4Table[code]); break;
      case DType::NF4: out[i] = d * kNf4Table[code]; break;
      default: out[i] = static_cast<float>(static_cast<std::int8_t>(code)) * d; break;  // Q8_0, Int8
    }
  }
}

}  // namespace rookery::engine
