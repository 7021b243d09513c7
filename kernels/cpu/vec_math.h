// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel files of one instruction set share, over its Vec. Included like ops_impl.h, and under its rules.

// Loops over accumulators must vanish, or the accumulators live in memory; -O2 of GCC 12 keeps such loops.
#if defined(__clang__)
#define ROOKERY_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define ROOKERY_UNROLL _Pragma("GCC unroll 32")
#else
#define ROOKERY_UNROLL
#endif

namespace {

constexpr int kVecs = kTileRows / Vec::kLanes;  // vectors per tile

// exp(x) = 2^n exp(r), |r| <= ln2 / 2; degree-6 polynomial, about 1 ulp. x is clamped so that 2^n stays normal.
inline Vec expVec(Vec x) {
  x = Vec::min(Vec::max(x, Vec::set(-87.0F)), Vec::set(87.0F));
  const Vec n = Vec::round(x * Vec::set(1.44269504F));
  Vec r = Vec::fma(n, Vec::set(-0.693359375F), x);
  r = Vec::fma(n, Vec::set(2.12194440e-4F), r);
  Vec p = Vec::set(1.3981999e-3F);
  p = Vec::fma(p, r, Vec::set(8.3334519e-3F));
  p = Vec::fma(p, r, Vec::set(4.1665796e-2F));
  p = Vec::fma(p, r, Vec::set(0.16666665F));
  p = Vec::fma(p, r, Vec::set(0.5F));
  p = Vec::fma(p, r, Vec::set(1.0F));
  p = Vec::fma(p, r, Vec::set(1.0F));
  return Vec::scale(p, n);
}

inline Vec sigmoidVec(Vec x) {
  const Vec one = Vec::set(1.0F);
  return one / (one + expVec(Vec::zero() - x));
}

inline Vec activate(Vec x, Activation activation) {
  switch (activation) {
    case Activation::None: return x;
    case Activation::Sigmoid: return sigmoidVec(x);
    case Activation::Silu: return x * sigmoidVec(x);
    case Activation::Tanh: return Vec::fma(Vec::set(2.0F), sigmoidVec(x + x), Vec::set(-1.0F));
    case Activation::ReluSquared: {
      const Vec r = Vec::max(x, Vec::zero());
      return r * r;
    }
  }
  return x;
}

template <int T, int N>
inline void storeBlock(const GemmArgs& a, std::int64_t tile, std::int64_t token, const Vec (&acc)[T][N * kVecs]) {
  ROOKERY_UNROLL
  for (int t = 0; t < T; ++t) {
    float* y = a.y + (token + t) * a.ldy + (tile - a.yFirstTile) * kTileRows;
    const float* gate = a.gate == nullptr ? nullptr : a.gate + (token + t) * a.ldGate + (tile - a.yFirstTile) * kTileRows;
    ROOKERY_UNROLL
    for (int i = 0; i < N * kVecs; ++i) {
      Vec value = activate(acc[t][i], a.activation);
      if (gate != nullptr) {
        value = Vec::fma(value, Vec::load(gate + i * Vec::kLanes), Vec::load(y + i * Vec::kLanes));
      } else if (a.accumulate) {
        value = Vec::load(y + i * Vec::kLanes) + value;
      }
      value.store(y + i * Vec::kLanes);
    }
  }
}

template <int N>
inline void storeStrip(const SparseGemvArgs& a, std::int64_t tile, const Vec (&acc)[N * kVecs]) {
  float* y = a.y + tile * kTileRows;
  if (a.gate != nullptr) {
    const float* gate = a.gate + tile * kTileRows;
    ROOKERY_UNROLL
    for (int i = 0; i < N * kVecs; ++i)
      Vec::fma(acc[i], Vec::load(gate + i * Vec::kLanes), Vec::load(y + i * Vec::kLanes)).store(y + i * Vec::kLanes);
    return;
  }
  ROOKERY_UNROLL
  for (int i = 0; i < N * kVecs; ++i) (Vec::load(y + i * Vec::kLanes) + acc[i]).store(y + i * Vec::kLanes);
}

}  // namespace
