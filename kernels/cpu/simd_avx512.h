// SPDX-License-Identifier: GPL-3.0-or-later
// Sixteen lanes: AVX-512 F/BW/VL/DQ.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/cpu_ops.h"

namespace rookery::kernels::avx512 {

struct Vec {
  static constexpr int kLanes = 16;
  static constexpr int kGemmTokens = 6;  // 6 x 4 accumulators + 4 weights of 32 registers
  static constexpr int kGemmTiles = 4;
  static constexpr int kGemvTiles = 4;
  static constexpr int kQ8Tokens = 6;
  static constexpr int kQ8Tiles = 2;
  static constexpr int kCodedTokens = 6;
  __m512 v;

  static Vec zero() { return {_mm512_setzero_ps()}; }
  static Vec set(float x) { return {_mm512_set1_ps(x)}; }
  static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Vec loadHalf(const std::uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static Vec loadBfloat(const std::uint16_t* p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
  }
  static Vec loadInt8(const std::int8_t* p) {
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
  }
  static Vec loadUint8(const std::uint8_t* p) {
    return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
  }
  /// The low and the high halves of 16 bytes: table[code]; one shuffle serves every table, code - bias included.
  template <bool Linear>
  static void loadNibbles(const std::uint8_t* p, const float* table, float, Vec& even, Vec& odd) {
    const __m512i raw = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __m512 values = _mm512_load_ps(table);
    even = {_mm512_permutexvar_ps(raw, values)};  // looks at four bits only
    odd = {_mm512_permutexvar_ps(_mm512_srli_epi32(raw, 4), values)};
  }
  /// v + amount in the lanes whose bit is set; lane 0 is bit `first` of `bits`, a multiple of 16.
  static Vec addBits(Vec v, const std::uint8_t* bits, std::int64_t first, float amount) {
    std::uint16_t mask;
    __builtin_memcpy(&mask, bits + first / 8, 2);
    return {_mm512_mask_add_ps(v.v, mask, v.v, _mm512_set1_ps(amount))};
  }
  static float halfValue(std::uint16_t half) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half))); }
  static float roundHalf(float x) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT))); }
  void store(float* p) const { _mm512_storeu_ps(p, v); }

  friend Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
  static Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  static Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
  static Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
  static Vec round(Vec a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
  /// a * 2^n for integral n in [-126, 127].
  static Vec scale(Vec a, Vec n) { return {_mm512_scalef_ps(a.v, n.v)}; }
  float sum() const {
    // The same tree as the 8-lane version after one folding step, spelled out so that it never changes.
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
};

}  // namespace rookery::kernels::avx512
