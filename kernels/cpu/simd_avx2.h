// SPDX-License-Identifier: GPL-3.0-or-later
// Eight lanes: AVX2 + FMA + F16C.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/cpu_ops.h"

namespace rookery::kernels::avx2 {

struct Vec {
  static constexpr int kLanes = 8;
  static constexpr int kGemmTokens = 6;  // 6 x 2 accumulators + 2 weights + 1 broadcast of 16 registers
  static constexpr int kGemmTiles = 1;
  static constexpr int kGemvTiles = 4;
  static constexpr int kQ8Tokens = 3;
  static constexpr int kQ8Tiles = 1;
  static constexpr int kCodedTokens = 3;
  __m256 v;

  static Vec zero() { return {_mm256_setzero_ps()}; }
  static Vec set(float x) { return {_mm256_set1_ps(x)}; }
  static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vec loadHalf(const std::uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static Vec loadBfloat(const std::uint16_t* p) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
  }
  static Vec loadInt8(const std::int8_t* p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))))};
  }
  static Vec loadUint8(const std::uint8_t* p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))))};
  }
  /// The low and the high halves of 8 bytes: table[code], which is code - bias where `Linear`.
  template <bool Linear>
  static void loadNibbles(const std::uint8_t* p, const float* table, float bias, Vec& even, Vec& odd) {
    const __m256i raw = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    if constexpr (Linear) {
      even = Vec{_mm256_cvtepi32_ps(_mm256_and_si256(raw, _mm256_set1_epi32(15)))} - set(bias);
      odd = Vec{_mm256_cvtepi32_ps(_mm256_srli_epi32(raw, 4))} - set(bias);
    } else {
      even = lookUp(raw, table);
      odd = lookUp(_mm256_srli_epi32(raw, 4), table);
    }
  }
  /// v + amount in the lanes whose bit is set; lane 0 is bit `first` of `bits`, a multiple of 8.
  static Vec addBits(Vec v, const std::uint8_t* bits, std::int64_t first, float amount) {
    const __m256i select = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i mask = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(bits[first / 8]), select), select);
    return {_mm256_add_ps(v.v, _mm256_and_ps(_mm256_castsi256_ps(mask), _mm256_set1_ps(amount)))};
  }
  static float halfValue(std::uint16_t half) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half))); }
  static float roundHalf(float x) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT))); }
  void store(float* p) const { _mm256_storeu_ps(p, v); }

  friend Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
  static Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  static Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
  static Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
  static Vec round(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
  /// a * 2^n for integral n in [-126, 127].
  static Vec scale(Vec a, Vec n) {
    const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127)), 23);
    return {_mm256_mul_ps(a.v, _mm256_castsi256_ps(exponent))};
  }
  float sum() const {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }

 private:
  // table[index mod 16]: the shuffles look at three bits, the fourth chooses between them.
  static Vec lookUp(__m256i index, const float* table) {
    const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), index);
    const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), index);
    return {_mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(index, 28)))};
  }
};

}  // namespace rookery::kernels::avx2
