// SPDX-License-Identifier: GPL-3.0-or-later
#include "quant/convert.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/cpu/cpu_ops.h"
#include "quant/blocks.h"

namespace rookery::engine {

float halfToFloat(std::uint16_t half) noexcept { return kernels::halfToFloat(half); }

std::uint16_t floatToHalf(float value) noexcept { return kernels::floatToHalf(value); }

float bfloatToFloat(std::uint16_t bfloat) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat) << 16);
}

std::uint16_t floatToBfloat(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

namespace {

template <class T>
T readAt(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

}  // namespace

void decodeToF32(DType type, std::span<const std::byte> in, std::span<float> out) {
  if (out.empty()) return;
  const std::byte* p = in.data();
  switch (type) {
    case DType::F32: std::memcpy(out.data(), p, out.size_bytes()); break;
    case DType::F16:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = halfToFloat(readAt<std::uint16_t>(p + 2 * i));
      break;
    case DType::BF16:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = bfloatToFloat(readAt<std::uint16_t>(p + 2 * i));
      break;
    default: {
      if (!isBlockType(type)) return std::fill(out.begin(), out.end(), 0.0F);
      BlockParts parts;
      const DTypeTraits& t = traits(type);
      for (std::size_t at = 0; at < out.size(); at += t.blockSize, p += t.blockBytes) {
        unpackBlock(type, p, parts);
        blockValues(type, parts, out.subspan(at, t.blockSize));
      }
    }
  }
}

void encodeFromF32(DType type, std::span<const float> in, std::span<std::byte> out) {
  if (in.empty()) return;
  std::byte* p = out.data();
  switch (type) {
    case DType::F32: std::memcpy(p, in.data(), in.size_bytes()); break;
    case DType::F16:
      for (std::size_t i = 0; i < in.size(); ++i) {
        const std::uint16_t half = floatToHalf(in[i]);
        std::memcpy(p + 2 * i, &half, 2);
      }
      break;
    case DType::BF16:
      for (std::size_t i = 0; i < in.size(); ++i) {
        const std::uint16_t bfloat = floatToBfloat(in[i]);
        std::memcpy(p + 2 * i, &bfloat, 2);
      }
      break;
    default: {
      if (!isBlockType(type)) return;
      BlockParts parts;
      const DTypeTraits& t = traits(type);
      for (std::size_t at = 0; at < in.size(); at += t.blockSize, p += t.blockBytes) {
        quantiseBlock(type, in.subspan(at, t.blockSize), parts);
        packBlock(type, parts, p);
      }
    }
  }
}

}  // namespace rookery::engine
