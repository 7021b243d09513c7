// SPDX-License-Identifier: GPL-3.0-or-later
#include "quant/convert.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/cpu/cpu_ops.h"

namespace rookery::engine {

float halfToFloat(std::uint16_t half) noexcept { return kernels::halfToFloat(half); }

std::uint16_t floatToHalf(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U | ((magnitude >> 13) & 0x3FFU));  // NaN
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);  // 65520 and more round to infinity
  if (magnitude >= 0x38800000U) {  // normal: drop 13 bits, ties to even; a carry grows the exponent as it should
    magnitude += 0xFFFU + ((magnitude >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000U) >> 13));
  }
  // Subnormal: adding 2^-1 * 2^-13 scaled aligns the last bit at 2^-24 and rounds in hardware, to nearest even.
  const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
  return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000U));
}

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

constexpr std::size_t kQ8Block = 32;

void decodeQ8(const std::byte* in, std::span<float> out) {
  for (std::size_t block = 0; block < out.size() / kQ8Block; ++block, in += 2 + kQ8Block) {
    const float d = halfToFloat(readAt<std::uint16_t>(in));
    for (std::size_t i = 0; i < kQ8Block; ++i) out[block * kQ8Block + i] = d * static_cast<float>(readAt<std::int8_t>(in + 2 + i));
  }
}

// NaN, infinities and scales so small that their inverse overflows must not reach the cast: there it is undefined.
std::int8_t toCode(float scaled) {
  if (std::isnan(scaled)) return 0;
  return static_cast<std::int8_t>(std::clamp(std::round(scaled), -128.0F, 127.0F));
}

void encodeQ8(std::span<const float> in, std::byte* out) {
  for (std::size_t block = 0; block < in.size() / kQ8Block; ++block, out += 2 + kQ8Block) {
    const auto x = in.subspan(block * kQ8Block, kQ8Block);
    float most = 0;
    for (const float value : x) most = std::max(most, std::fabs(value));
    const float d = most / 127.0F;
    const float inverse = d != 0 ? 1.0F / d : 0.0F;
    const std::uint16_t half = floatToHalf(d);
    std::memcpy(out, &half, 2);
    for (std::size_t i = 0; i < kQ8Block; ++i) out[2 + i] = static_cast<std::byte>(toCode(x[i] * inverse));
  }
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
    case DType::Q8_0: decodeQ8(p, out); break;
    default: std::fill(out.begin(), out.end(), 0.0F); break;
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
    case DType::Q8_0: encodeQ8(in, p); break;
    default: break;
  }
}

}  // namespace rookery::engine
