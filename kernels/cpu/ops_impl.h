// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels, written once over `Vec`. Included by one file per instruction set, inside that set's namespace and
// after its Vec: everything here must have internal or namespace-local linkage and use no std:: templates, or the
// linker could pick a copy built for a newer processor.

#include "kernels/cpu/vec_math.h"

namespace {

template <Format F>
inline Vec loadWeights(const std::byte* p) {
  if constexpr (F == Format::F32) return Vec::load(reinterpret_cast<const float*>(p));
  if constexpr (F == Format::F16) return Vec::loadHalf(reinterpret_cast<const std::uint16_t*>(p));
  if constexpr (F == Format::BF16) return Vec::loadBfloat(reinterpret_cast<const std::uint16_t*>(p));
  return Vec::loadInt8(reinterpret_cast<const std::int8_t*>(p));
}

constexpr std::int64_t bytesPerWeight(Format f) { return f == Format::F32 ? 4 : f == Format::Q8_0 ? 1 : 2; }

// Bytes from one Q8_0 block (32 inputs) of a panel to the next.
inline std::int64_t q8BlockBytes(const PackedMatrix& w) { return w.panelRows * (2 + kQ8Block); }

// Where the tile's first weight (for Q8_0: its first scale) lies.
template <Format F>
inline const std::byte* tileBase(const PackedMatrix& w, std::int64_t tile) {
  const std::int64_t panelTiles = w.panelRows / kTileRows;
  const std::int64_t panel = tile / panelTiles;
  const std::int64_t row = (tile % panelTiles) * kTileRows;
  if constexpr (F == Format::Q8_0) {
    return w.data + panel * (w.cols / kQ8Block) * q8BlockBytes(w) + row * 2;
  } else {
    return w.data + (panel * w.cols * w.panelRows + row) * bytesPerWeight(F);
  }
}

// T token rows times N tiles. The weights of a (tile, input) are loaded once and used for all T rows.
template <Format F, int T, int N>
void gemmBlock(const GemmArgs& a, std::int64_t tile, std::int64_t token) {
  Vec acc[T][N * kVecs];
  ROOKERY_UNROLL
  for (int t = 0; t < T; ++t)
    ROOKERY_UNROLL
    for (int i = 0; i < N * kVecs; ++i) acc[t][i] = Vec::zero();
  const float* x[T];
  ROOKERY_UNROLL
  for (int t = 0; t < T; ++t) x[t] = a.x + (token + t) * a.ldx;
  const std::byte* base[N];
  ROOKERY_UNROLL
  for (int n = 0; n < N; ++n) base[n] = tileBase<F>(a.w, tile + n);

  if constexpr (F == Format::Q8_0) {
    const std::int64_t codes = a.w.panelRows * 2;  // from a tile's scales: past all scales ...
    for (std::int64_t block = 0; block < a.w.cols / kQ8Block; ++block) {
      Vec sum[T][N * kVecs];
      ROOKERY_UNROLL
      for (int t = 0; t < T; ++t)
        ROOKERY_UNROLL
        for (int i = 0; i < N * kVecs; ++i) sum[t][i] = Vec::zero();
      for (int k = 0; k < kQ8Block; ++k) {
        Vec w[N * kVecs];
        ROOKERY_UNROLL
        for (int n = 0; n < N; ++n) {
          // ... then back by the tile's row: scales are 2 bytes a row, codes one.
          const std::int64_t row = ((tile + n) % (a.w.panelRows / kTileRows)) * kTileRows;
          const std::byte* p = base[n] + codes - row + k * a.w.panelRows;
          ROOKERY_UNROLL
          for (int i = 0; i < kVecs; ++i) w[n * kVecs + i] = loadWeights<F>(p + i * Vec::kLanes);
        }
        ROOKERY_UNROLL
        for (int t = 0; t < T; ++t) {
          const Vec xv = Vec::set(x[t][block * kQ8Block + k]);
          ROOKERY_UNROLL
          for (int i = 0; i < N * kVecs; ++i) sum[t][i] = Vec::fma(w[i], xv, sum[t][i]);
        }
      }
      ROOKERY_UNROLL
      for (int n = 0; n < N; ++n) {
        ROOKERY_UNROLL
        for (int i = 0; i < kVecs; ++i) {
          const Vec d = Vec::loadHalf(reinterpret_cast<const std::uint16_t*>(base[n]) + i * Vec::kLanes);
          ROOKERY_UNROLL
          for (int t = 0; t < T; ++t)
            acc[t][n * kVecs + i] = Vec::fma(sum[t][n * kVecs + i], d, acc[t][n * kVecs + i]);
        }
        base[n] += q8BlockBytes(a.w);
      }
    }
  } else {
    const std::int64_t step = a.w.panelRows * bytesPerWeight(F);
    for (std::int64_t k = 0; k < a.w.cols; ++k) {
      Vec w[N * kVecs];
      ROOKERY_UNROLL
      for (int n = 0; n < N; ++n)
        ROOKERY_UNROLL
        for (int i = 0; i < kVecs; ++i)
          w[n * kVecs + i] = loadWeights<F>(base[n] + k * step + i * Vec::kLanes * bytesPerWeight(F));
      ROOKERY_UNROLL
      for (int t = 0; t < T; ++t) {
        const Vec xv = Vec::set(x[t][k]);
        ROOKERY_UNROLL
        for (int i = 0; i < N * kVecs; ++i) acc[t][i] = Vec::fma(w[i], xv, acc[t][i]);
      }
    }
  }
  storeBlock<T, N>(a, tile, token, acc);
}

// The last `left` < T tokens of a group, with the matching smaller micro-kernel.
template <Format F, int T, int N>
void gemmRest(const GemmArgs& a, std::int64_t tile, std::int64_t token, std::int64_t left) {
  if constexpr (T > 0) {
    if (left == T) {
      gemmBlock<F, T, N>(a, tile, token);
    } else {
      gemmRest<F, T - 1, N>(a, tile, token, left);
    }
  }
}

template <Format F, int T, int N>
void gemmTiles(const GemmArgs& a, std::int64_t tile) {
  std::int64_t token = 0;
  for (; token + T <= a.tokens; token += T) gemmBlock<F, T, N>(a, tile, token);
  gemmRest<F, T - 1, N>(a, tile, token, a.tokens - token);
}

template <Format F>
void gemmFormat(const GemmArgs& a) {
  constexpr int kTokens = F == Format::Q8_0 ? Vec::kQ8Tokens : Vec::kGemmTokens;
  constexpr int kTiles = F == Format::Q8_0 ? Vec::kQ8Tiles : Vec::kGemmTiles;
  std::int64_t tile = a.tileBegin;
  if (a.tokens == 1) {
    for (; tile + Vec::kGemvTiles <= a.tileEnd; tile += Vec::kGemvTiles) gemmBlock<F, 1, Vec::kGemvTiles>(a, tile, 0);
    for (; tile < a.tileEnd; ++tile) gemmBlock<F, 1, 1>(a, tile, 0);
    return;
  }
  for (; tile + kTiles <= a.tileEnd; tile += kTiles) gemmTiles<F, kTokens, kTiles>(a, tile);
  for (; tile < a.tileEnd; ++tile) gemmTiles<F, kTokens, 1>(a, tile);
}

void gemm(const GemmArgs& a) {
  switch (a.w.format) {
    case Format::F32: gemmFormat<Format::F32>(a); break;
    case Format::F16: gemmFormat<Format::F16>(a); break;
    case Format::BF16: gemmFormat<Format::BF16>(a); break;
    case Format::Q8_0: gemmFormat<Format::Q8_0>(a); break;
    default: gemmCoded(a); break;
  }
}

// A strip of N tiles over the active inputs only; the chain of each output is the one of gemmBlock without the
// terms that add zero.
template <Format F, int N>
void sparseStrip(const SparseGemvArgs& a, std::int64_t tile) {
  Vec acc[N * kVecs];
  ROOKERY_UNROLL
  for (int i = 0; i < N * kVecs; ++i) acc[i] = Vec::zero();
  const std::byte* base = tileBase<F>(a.w, tile);
  if constexpr (F == Format::Q8_0) {
    const std::int64_t codes = a.w.panelRows * 2 - tile * kTileRows;
    std::int64_t next = 0;
    while (next < a.activeCount) {
      const std::int64_t block = a.active[next] / kQ8Block;
      const std::byte* p = base + block * q8BlockBytes(a.w);
      Vec sum[N * kVecs];
      ROOKERY_UNROLL
      for (int i = 0; i < N * kVecs; ++i) sum[i] = Vec::zero();
      for (; next < a.activeCount && a.active[next] / kQ8Block == block; ++next) {
        const std::int32_t k = a.active[next];
        const std::byte* row = p + codes + (k % kQ8Block) * a.w.panelRows;
        const Vec xv = Vec::set(a.x[k]);
        ROOKERY_UNROLL
        for (int i = 0; i < N * kVecs; ++i) sum[i] = Vec::fma(loadWeights<F>(row + i * Vec::kLanes), xv, sum[i]);
      }
      ROOKERY_UNROLL
      for (int i = 0; i < N * kVecs; ++i)
        acc[i] = Vec::fma(sum[i], Vec::loadHalf(reinterpret_cast<const std::uint16_t*>(p) + i * Vec::kLanes), acc[i]);
    }
  } else {
    constexpr int kAhead = 6;  // rows to fetch ahead: the gaps between active rows defeat the hardware prefetcher
    const std::int64_t step = a.w.panelRows * bytesPerWeight(F);
    for (std::int64_t j = 0; j < a.activeCount; ++j) {
      const std::byte* row = base + a.active[j] * step;
      if (j + kAhead < a.activeCount) {
        const std::byte* ahead = base + a.active[j + kAhead] * step;
        for (int line = 0; line < N * kTileRows * static_cast<int>(bytesPerWeight(F)); line += 64)
          __builtin_prefetch(ahead + line);
      }
      const Vec xv = Vec::set(a.x[a.active[j]]);
      ROOKERY_UNROLL
      for (int i = 0; i < N * kVecs; ++i)
        acc[i] = Vec::fma(loadWeights<F>(row + i * Vec::kLanes * bytesPerWeight(F)), xv, acc[i]);
    }
  }
  storeStrip<N>(a, tile, acc);
}

template <Format F>
void sparseFormat(const SparseGemvArgs& a) {
  constexpr int kStrip = Vec::kLanes == 16 ? 8 : 4;
  std::int64_t tile = a.tileBegin;
  for (; tile + kStrip <= a.tileEnd; tile += kStrip) sparseStrip<F, kStrip>(a, tile);
  for (; tile < a.tileEnd; ++tile) sparseStrip<F, 1>(a, tile);
}

void sparseGemv(const SparseGemvArgs& a) {
  switch (a.w.format) {
    case Format::F32: sparseFormat<Format::F32>(a); break;
    case Format::F16: sparseFormat<Format::F16>(a); break;
    case Format::BF16: sparseFormat<Format::BF16>(a); break;
    case Format::Q8_0: sparseFormat<Format::Q8_0>(a); break;
    default: sparseGemvCoded(a); break;
  }
}

inline float sumOf(const float* x, std::int64_t n) {
  Vec s = Vec::zero();
  std::int64_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) s = s + Vec::load(x + i);
  float total = s.sum();
  for (; i < n; ++i) total += x[i];
  return total;
}

void normalise(const float* x, const float* weight, const float* bias, std::int64_t n, float eps, float* out) {
  const float mean = sumOf(x, n) / static_cast<float>(n);
  Vec s = Vec::zero();
  std::int64_t i = 0;
  const Vec m = Vec::set(mean);
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
    const Vec d = Vec::load(x + i) - m;
    s = Vec::fma(d, d, s);
  }
  float variance = s.sum();
  for (; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0F / __builtin_sqrtf(variance / static_cast<float>(n) + eps);
  const Vec sv = Vec::set(scale);
  for (i = 0; i + Vec::kLanes <= n; i += Vec::kLanes)
    Vec::fma((Vec::load(x + i) - m) * sv, Vec::load(weight + i), Vec::load(bias + i)).store(out + i);
  for (; i < n; ++i) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

void lerp(const float* x, const float* previous, const float* mix, std::int64_t n, float* out) {
  std::int64_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
    const Vec xv = Vec::load(x + i);
    Vec::fma(Vec::load(previous + i) - xv, Vec::load(mix + i), xv).store(out + i);
  }
  for (; i < n; ++i) out[i] = x[i] + (previous[i] - x[i]) * mix[i];
}

constexpr int kMaxHead = 256;

// What one token brings to one head, after the gates.
struct HeadToken {
  alignas(64) float r[kMaxHead], w[kMaxHead], k[kMaxHead], v[kMaxHead];
  alignas(64) float kk[kMaxHead];  // normalised removal key
  alignas(64) float b[kMaxHead];   // kk * a
  alignas(64) float y[kMaxHead];
};

void prepare(const Wkv7Args& a, std::int64_t t, HeadToken& h) {
  const int n = a.n;
  const float* r = a.r + t * a.ld;
  const float* k = a.k + t * a.ld;
  const float* v = a.v + t * a.ld;
  const float* wl = a.wLora + t * a.ldLora;
  const float* al = a.aLora + t * a.ldLora;
  Vec square = Vec::zero();
  for (int i = 0; i < n; i += Vec::kLanes) {
    const Vec kv = Vec::load(k + i);
    const Vec kk = kv * Vec::load(a.kK + i);
    square = Vec::fma(kk, kk, square);
    kk.store(h.kk + i);
    const Vec gate = sigmoidVec(Vec::load(a.a0 + i) + Vec::load(al + i));
    gate.store(h.b + i);
    const Vec one = Vec::set(1.0F);
    (kv * Vec::fma(gate - one, Vec::load(a.kA + i), one)).store(h.k + i);
    // 0.606531 = exp(-0.5): the decay stays above exp(-0.606531) = 0.545
    expVec(Vec::set(-0.606531F) * sigmoidVec(Vec::load(a.w0 + i) + Vec::load(wl + i))).store(h.w + i);
    Vec vv = Vec::load(v + i);
    if (a.vFirst != nullptr) {
      const Vec mix = sigmoidVec(Vec::load(a.v0 + i) + Vec::load(a.vLora + t * a.ldLora + i));
      vv = Vec::fma(Vec::load(a.vFirst + t * a.ld + i) - vv, mix, vv);
    }
    vv.store(h.v + i);
    Vec::load(r + i).store(h.r + i);
  }
  const float norm = __builtin_sqrtf(square.sum());
  const Vec inverse = Vec::set(1.0F / (norm > 1e-12F ? norm : 1e-12F));
  for (int i = 0; i < n; i += Vec::kLanes) {
    const Vec kk = Vec::load(h.kk + i) * inverse;
    kk.store(h.kk + i);
    (kk * Vec::load(h.b + i)).store(h.b + i);
  }
}

// N vectors of value channels, all keys: S = S * w - (S kk) b^T + v k^T, y = S r, with S[key][value].
template <int N>
void updateStrip(const float* in, float* out, int n, int at, HeadToken& h) {
  Vec sa[N];
  ROOKERY_UNROLL
  for (int i = 0; i < N; ++i) sa[i] = Vec::zero();
  for (int j = 0; j < n; ++j) {
    const Vec kk = Vec::set(h.kk[j]);
    ROOKERY_UNROLL
    for (int i = 0; i < N; ++i) sa[i] = Vec::fma(Vec::load(in + j * n + at + i * Vec::kLanes), kk, sa[i]);
  }
  Vec y[N], v[N];
  ROOKERY_UNROLL
  for (int i = 0; i < N; ++i) {
    sa[i] = Vec::zero() - sa[i];
    y[i] = Vec::zero();
    v[i] = Vec::load(h.v + at + i * Vec::kLanes);
  }
  for (int j = 0; j < n; ++j) {
    const Vec w = Vec::set(h.w[j]), b = Vec::set(h.b[j]), k = Vec::set(h.k[j]), r = Vec::set(h.r[j]);
    ROOKERY_UNROLL
    for (int i = 0; i < N; ++i) {
      Vec s = Vec::load(in + j * n + at + i * Vec::kLanes) * w;
      s = Vec::fma(sa[i], b, s);
      s = Vec::fma(v[i], k, s);
      y[i] = Vec::fma(s, r, y[i]);
      s.store(out + j * n + at + i * Vec::kLanes);
    }
  }
  ROOKERY_UNROLL
  for (int i = 0; i < N; ++i) y[i].store(h.y + at + i * Vec::kLanes);
}

void wkv7(const Wkv7Args& a) {
  HeadToken h;
  const float* state = a.stateIn;
  for (std::int64_t t = 0; t < a.tokens; ++t) {
    prepare(a, t, h);
    int at = 0;
    for (; at + 4 * Vec::kLanes <= a.n; at += 4 * Vec::kLanes) updateStrip<4>(state, a.stateOut, a.n, at, h);
    for (; at < a.n; at += Vec::kLanes) updateStrip<1>(state, a.stateOut, a.n, at, h);
    state = a.stateOut;
    normalise(h.y, a.lnWeight, a.lnBias, a.n, 64e-5F, h.y);
    Vec dot = Vec::zero();
    for (int i = 0; i < a.n; i += Vec::kLanes)
      dot = Vec::fma(Vec::load(h.r + i) * Vec::load(h.k + i), Vec::load(a.rK + i), dot);
    const Vec bonus = Vec::set(dot.sum());
    const float* gate = a.gate + t * a.ldLora;
    float* out = a.out + t * a.ld;
    for (int i = 0; i < a.n; i += Vec::kLanes)
      (Vec::fma(bonus, Vec::load(h.v + i), Vec::load(h.y + i)) * Vec::load(gate + i)).store(out + i);
  }
}

#include "kernels/cpu/wkv_older_impl.h"

std::uint64_t readSum(const std::byte* data, std::size_t bytes) {
  // Four independent streams of whole lines; integer-like sums would need another path per set, and adding floats
  // costs less than the loads anyway.
  Vec s[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
  const float* p = reinterpret_cast<const float*>(data);
  const std::size_t quarter = bytes / sizeof(float) / 4 / 16 * 16;
  for (std::size_t i = 0; i + 16 <= quarter; i += 16)
    for (std::size_t stream = 0; stream < 4; ++stream)
      for (std::size_t lane = 0; lane < 16; lane += Vec::kLanes)
        s[stream] = s[stream] + Vec::load(p + stream * quarter + i + lane);
  return static_cast<std::uint64_t>((s[0] + s[1] + (s[2] + s[3])).sum() != 0.0F);
}

constexpr CpuOps makeOps(const char* name) {
  return {name, gemm, sparseGemv, wkv4, wkv5, wkv7, normalise, lerp, readSum};
}

}  // namespace

#undef ROOKERY_UNROLL
