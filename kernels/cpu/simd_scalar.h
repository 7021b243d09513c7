// SPDX-License-Identifier: GPL-3.0-or-later
// One lane: the portable fallback, and the reading help for the vector versions.
#pragma once

#include <math.h>  // the C names: no std:: inline functions here

#include <cstdint>
#include <cstring>

#include "kernels/cpu/cpu_ops.h"

namespace rookery::kernels::scalar {

struct Vec {
  static constexpr int kLanes = 1;
  static constexpr int kGemmTokens = 4;     ///< token rows per micro-kernel
  static constexpr int kGemmTiles = 1;      ///< tiles per micro-kernel
  static constexpr int kGemvTiles = 1;
  static constexpr int kQ8Tokens = 2;
  static constexpr int kQ8Tiles = 1;
  static constexpr int kCodedTokens = 2;
  float v;

  static Vec zero() { return {0.0F}; }
  static Vec set(float x) { return {x}; }
  static Vec load(const float* p) { return {*p}; }
  static Vec loadHalf(const std::uint16_t* p) {
    std::uint16_t h;
    std::memcpy(&h, p, 2);
    return {halfToFloat(h)};
  }
  static Vec loadBfloat(const std::uint16_t* p) {
    std::uint16_t h;
    std::memcpy(&h, p, 2);
    const std::uint32_t bits = static_cast<std::uint32_t>(h) << 16;
    float f;
    std::memcpy(&f, &bits, 4);
    return {f};
  }
  static Vec loadInt8(const std::int8_t* p) { return {static_cast<float>(*p)}; }
  static Vec loadUint8(const std::uint8_t* p) { return {static_cast<float>(*p)}; }
  /// The low and the high half of a byte: table[code].
  template <bool Linear>
  static void loadNibbles(const std::uint8_t* p, const float* table, float, Vec& even, Vec& odd) {
    even = {table[*p & 15]};
    odd = {table[*p >> 4]};
  }
  /// v + amount if bit `first` of `bits` is set.
  static Vec addBits(Vec v, const std::uint8_t* bits, std::int64_t first, float amount) {
    return {v.v + ((bits[first / 8] >> (first % 8) & 1) != 0 ? amount : 0.0F)};
  }
  static float halfValue(std::uint16_t half) { return halfToFloat(half); }
  static float roundHalf(float x) { return halfToFloat(floatToHalf(x)); }
  void store(float* p) const { *p = v; }

  friend Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
  friend Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
  friend Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
  friend Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
  static Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
  static Vec max(Vec a, Vec b) { return {a.v > b.v ? a.v : b.v}; }
  static Vec min(Vec a, Vec b) { return {a.v < b.v ? a.v : b.v}; }
  static Vec round(Vec a) { return {::rintf(a.v)}; }
  /// a * 2^n for integral n in [-126, 127].
  static Vec scale(Vec a, Vec n) { return {::ldexpf(a.v, static_cast<int>(n.v))}; }
  float sum() const { return v; }
};

}  // namespace rookery::kernels::scalar
