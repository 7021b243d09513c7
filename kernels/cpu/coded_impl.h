// SPDX-License-Identifier: GPL-3.0-or-later
// Products with coded weights (coded_format.h), written once over `Vec`. Included like ops_impl.h, and under its rules.

#include "kernels/cpu/vec_math.h"

namespace {

struct Table16 {
  alignas(64) float value[16];
};

// What the low four bits of a code stand for, bias taken off.
template <Format F>
constexpr Table16 makeTable() {
  constexpr float kIq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  constexpr float kNf4[16] = {-1.0F, -0.6961928009986877F, -0.5250730514526367F, -0.39491748809814453F, -0.28444138169288635F,
                              -0.18477343022823334F, -0.09105003625154495F, 0.0F, 0.07958029955625534F, 0.16093020141124725F,
                              0.24611230194568634F, 0.33791524171829224F, 0.44070982933044434F, 0.5626170039176941F,
                              0.7229568362236023F, 1.0F};
  constexpr CodedFormat f = coded(F);
  Table16 table{};
  for (int i = 0; i < 16; ++i)
    table.value[i] = f.table == CodeTable::Iq4 ? kIq4[i] : f.table == CodeTable::Nf4 ? kNf4[i] : static_cast<float>(i) - f.bias;
  return table;
}
template <Format F>
constexpr Table16 kTable = makeTable<F>();

inline const std::uint8_t* bytesAt(const std::byte* p) { return reinterpret_cast<const std::uint8_t*>(p); }
inline const std::uint16_t* halvesAt(const std::byte* p) { return reinterpret_cast<const std::uint16_t*>(p); }

// The codes of two inputs (k even) for the rows from `row` on; `codes` is the sub-block's first.
template <Format F>
inline void codePair(const PackedMatrix& w, const std::byte* codes, std::int64_t k, std::int64_t row, Vec& even, Vec& odd) {
  constexpr CodedFormat f = coded(F);
  const std::int64_t rows = w.panelRows;
  if constexpr (f.bits == 8) {
    const std::byte* p = codes + k * rows + row;
    if constexpr (f.signedCode) {
      even = Vec::loadInt8(reinterpret_cast<const std::int8_t*>(p));
      odd = Vec::loadInt8(reinterpret_cast<const std::int8_t*>(p + rows));
    } else {
      even = Vec::loadUint8(bytesAt(p)) - Vec::set(f.bias);
      odd = Vec::loadUint8(bytesAt(p + rows)) - Vec::set(f.bias);
    }
  } else {
    Vec::template loadNibbles<f.table == CodeTable::Linear>(bytesAt(codes + k / 2 * rows + row), kTable<F>.value, f.bias, even, odd);
    ROOKERY_UNROLL
    for (int plane = 0; plane < f.planes; ++plane) {
      const std::byte* bits = codes + (planesAt(f, w.cols) - codesAt(f)) * rows + (plane * f.sub + k) * (rows / 8);
      const float amount = plane == 0 ? 16.0F : 32.0F;
      even = Vec::addBits(even, bytesAt(bits), row, amount);
      odd = Vec::addBits(odd, bytesAt(bits + rows / 8), row, amount);
    }
  }
}

// The input as the product sees it, and what it adds to the chains beside the codes'.
template <Format F>
struct Input {
  Vec x = Vec::zero(), sum = Vec::zero(), offsets = Vec::zero();

  void take(const PackedMatrix& w, const float* inputs, std::int64_t k) {
    constexpr CodedFormat f = coded(F);
    float value = inputs[k];
    if constexpr (f.halfInputs) value = Vec::roundHalf(value);
    x = Vec::set(value);
    if constexpr (f.minimum) sum = sum + x;
    if constexpr (f.columns) {
      const std::uint16_t* range = halvesAt(w.data);
      offsets = Vec::fma(x, Vec::set(Vec::halfValue(range[w.cols + k])), offsets);
      x = Vec::set(value * Vec::halfValue(range[k]));
    }
  }
};

// Scale and minimum of a sub-block for the rows from `row` on. `at`: the sub-block's first byte; d, m: the block's.
template <Format F>
inline Vec scaleOf(const std::byte* at, std::int64_t row, Vec d) {
  constexpr CodedFormat f = coded(F);
  if constexpr (f.subs == 1) return Vec::loadHalf(halvesAt(at) + row);
  if constexpr (f.signedScale) return d * Vec::loadInt8(reinterpret_cast<const std::int8_t*>(at) + row);
  return d * Vec::loadUint8(bytesAt(at) + row);
}
template <Format F>
inline Vec minimumOf(const PackedMatrix& w, const std::byte* at, std::int64_t row, Vec m) {
  constexpr CodedFormat f = coded(F);
  const std::byte* p = at + scaleBytes(f) * w.panelRows;
  const Vec value = f.subs == 1 ? Vec::loadHalf(halvesAt(p) + row) : m * Vec::loadUint8(bytesAt(p) + row);
  return f.subtracts ? Vec::zero() - value : value;
}

template <Format F, int T, int N>
void codedBlock(const GemmArgs& a, std::int64_t tile, std::int64_t token) {
  constexpr CodedFormat f = coded(F);
  constexpr int kAll = N * kVecs;
  const PackedMatrix& w = a.w;
  const std::int64_t rows = w.panelRows, panelTiles = rows / kTileRows;
  const std::int64_t sub = subInputs(f, w.cols);
  Vec acc[T][kAll];
  ROOKERY_UNROLL
  for (int t = 0; t < T; ++t)
    ROOKERY_UNROLL
    for (int i = 0; i < kAll; ++i) acc[t][i] = Vec::zero();
  const float* x[T];
  ROOKERY_UNROLL
  for (int t = 0; t < T; ++t) x[t] = a.x + (token + t) * a.ldx;
  const std::byte* at[N];
  std::int64_t row[N];
  ROOKERY_UNROLL
  for (int n = 0; n < N; ++n) {
    at[n] = w.data + columnBytes(f, w.cols) + (tile + n) / panelTiles * rowBytes(f, w.cols) * rows;
    row[n] = (tile + n) % panelTiles * kTileRows;
  }

  for (std::int64_t first = 0; first < w.cols;) {
    Vec d[f.subs > 1 ? kAll : 1], m[f.subs > 1 && f.minimum ? kAll : 1];
    d[0] = m[0] = Vec::zero();
    if constexpr (f.subs > 1) {
      ROOKERY_UNROLL
      for (int n = 0; n < N; ++n) {
        ROOKERY_UNROLL
        for (int i = 0; i < kVecs; ++i) {
          d[n * kVecs + i] = Vec::loadHalf(halvesAt(at[n]) + row[n] + i * Vec::kLanes);
          if constexpr (f.minimum) m[n * kVecs + i] = Vec::loadHalf(halvesAt(at[n]) + rows + row[n] + i * Vec::kLanes);
        }
        at[n] += headBytes(f) * rows;
      }
    }
    for (int s = 0; s < f.subs; ++s, first += sub) {
      Vec sum[T][kAll];
      ROOKERY_UNROLL
      for (int t = 0; t < T; ++t)
        ROOKERY_UNROLL
        for (int i = 0; i < kAll; ++i) sum[t][i] = Vec::zero();
      Input<F> even[T], odd[T];  // the chains beside the codes' go through both in turn
      for (std::int64_t k = 0; k < sub; k += 2) {
        ROOKERY_UNROLL
        for (int t = 0; t < T; ++t) {
          even[t].sum = odd[t].sum;
          even[t].offsets = odd[t].offsets;
          even[t].take(w, x[t], first + k);
          odd[t].sum = even[t].sum;
          odd[t].offsets = even[t].offsets;
          odd[t].take(w, x[t], first + k + 1);
        }
        ROOKERY_UNROLL
        for (int n = 0; n < N; ++n) {
          ROOKERY_UNROLL
          for (int i = 0; i < kVecs; ++i) {
            Vec low, high;
            codePair<F>(w, at[n] + codesAt(f) * rows, k, row[n] + i * Vec::kLanes, low, high);
            ROOKERY_UNROLL
            for (int t = 0; t < T; ++t) {
              Vec& chain = sum[t][n * kVecs + i];
              chain = Vec::fma(high, odd[t].x, Vec::fma(low, even[t].x, chain));
            }
          }
        }
      }
      ROOKERY_UNROLL
      for (int n = 0; n < N; ++n) {
        ROOKERY_UNROLL
        for (int i = 0; i < kVecs; ++i) {
          const int v = n * kVecs + i;
          const std::int64_t lane = row[n] + i * Vec::kLanes;
          const Vec scale = scaleOf<F>(at[n], lane, d[f.subs > 1 ? v : 0]);
          ROOKERY_UNROLL
          for (int t = 0; t < T; ++t) acc[t][v] = Vec::fma(sum[t][v], scale, acc[t][v]);
          if constexpr (f.minimum) {
            const Vec minimum = minimumOf<F>(w, at[n], lane, m[f.subs > 1 ? v : 0]);
            ROOKERY_UNROLL
            for (int t = 0; t < T; ++t) acc[t][v] = Vec::fma(odd[t].sum, minimum, acc[t][v]);
          }
          if constexpr (f.columns) {
            ROOKERY_UNROLL
            for (int t = 0; t < T; ++t) acc[t][v] = acc[t][v] + odd[t].offsets;
          }
        }
        at[n] += subBytes(f, w.cols) * rows;
      }
    }
  }
  storeBlock<T, N>(a, tile, token, acc);
}

// The last `left` < T tokens of a group, with the matching smaller micro-kernel.
template <Format F, int T, int N>
void codedRest(const GemmArgs& a, std::int64_t tile, std::int64_t token, std::int64_t left) {
  if constexpr (T > 0) {
    if (left == T) {
      codedBlock<F, T, N>(a, tile, token);
    } else {
      codedRest<F, T - 1, N>(a, tile, token, left);
    }
  }
}

template <Format F>
void codedGemm(const GemmArgs& a) {
  std::int64_t tile = a.tileBegin;
  if (a.tokens == 1) {
    for (; tile + Vec::kGemvTiles <= a.tileEnd; tile += Vec::kGemvTiles) codedBlock<F, 1, Vec::kGemvTiles>(a, tile, 0);
    for (; tile < a.tileEnd; ++tile) codedBlock<F, 1, 1>(a, tile, 0);
    return;
  }
  for (; tile < a.tileEnd; ++tile) {
    std::int64_t token = 0;
    for (; token + Vec::kCodedTokens <= a.tokens; token += Vec::kCodedTokens) codedBlock<F, Vec::kCodedTokens, 1>(a, tile, token);
    codedRest<F, Vec::kCodedTokens - 1, 1>(a, tile, token, a.tokens - token);
  }
}

// A strip of N tiles over the active inputs only: the chains of codedBlock without the terms that add zero.
template <Format F, int N>
void codedStrip(const SparseGemvArgs& a, std::int64_t tile) {
  constexpr CodedFormat f = coded(F);
  constexpr int kAll = N * kVecs;
  const PackedMatrix& w = a.w;
  const std::int64_t rows = w.panelRows, row = tile * kTileRows, sub = subInputs(f, w.cols);
  const std::byte* base = w.data + columnBytes(f, w.cols);
  Vec acc[kAll];
  ROOKERY_UNROLL
  for (int i = 0; i < kAll; ++i) acc[i] = Vec::zero();
  for (std::int64_t next = 0; next < a.activeCount;) {
    const std::int64_t group = a.active[next] / sub, first = group * sub;
    const std::byte* block = base + group / f.subs * blockBytes(f, w.cols) * rows;
    const std::byte* at = block + (headBytes(f) + group % f.subs * subBytes(f, w.cols)) * rows;
    Vec sum[kAll];
    ROOKERY_UNROLL
    for (int i = 0; i < kAll; ++i) sum[i] = Vec::zero();
    Input<F> input;
    for (; next < a.activeCount && a.active[next] < first + sub; ++next) {
      const std::int64_t k = a.active[next] - first;
      input.take(w, a.x, first + k);
      ROOKERY_UNROLL
      for (int i = 0; i < kAll; ++i) {
        Vec low, high;
        codePair<F>(w, at + codesAt(f) * rows, k & ~std::int64_t{1}, row + i * Vec::kLanes, low, high);
        sum[i] = Vec::fma((k & 1) != 0 ? high : low, input.x, sum[i]);
      }
    }
    ROOKERY_UNROLL
    for (int i = 0; i < kAll; ++i) {
      const std::int64_t lane = row + i * Vec::kLanes;
      const Vec d = f.subs > 1 ? Vec::loadHalf(halvesAt(block) + lane) : Vec::zero();
      acc[i] = Vec::fma(sum[i], scaleOf<F>(at, lane, d), acc[i]);
      if constexpr (f.minimum) {
        const Vec m = f.subs > 1 ? Vec::loadHalf(halvesAt(block) + rows + lane) : Vec::zero();
        acc[i] = Vec::fma(input.sum, minimumOf<F>(w, at, lane, m), acc[i]);
      }
      if constexpr (f.columns) acc[i] = acc[i] + input.offsets;
    }
  }
  storeStrip<N>(a, tile, acc);
}

template <Format F>
void codedSparse(const SparseGemvArgs& a) {
  constexpr int kStrip = 4;
  std::int64_t tile = a.tileBegin;
  for (; tile + kStrip <= a.tileEnd; tile += kStrip) codedStrip<F, kStrip>(a, tile);
  for (; tile < a.tileEnd; ++tile) codedStrip<F, 1>(a, tile);
}

}  // namespace

#define ROOKERY_CODED(call)                             \
  switch (a.w.format) {                                 \
    case Format::Q4_0: return call<Format::Q4_0>(a);    \
    case Format::Q4_1: return call<Format::Q4_1>(a);    \
    case Format::Q5_0: return call<Format::Q5_0>(a);    \
    case Format::Q5_1: return call<Format::Q5_1>(a);    \
    case Format::Q2_K: return call<Format::Q2_K>(a);    \
    case Format::Q3_K: return call<Format::Q3_K>(a);    \
    case Format::Q4_K: return call<Format::Q4_K>(a);    \
    case Format::Q5_K: return call<Format::Q5_K>(a);    \
    case Format::Q6_K: return call<Format::Q6_K>(a);    \
    case Format::IQ4_NL: return call<Format::IQ4_NL>(a);\
    case Format::NF4: return call<Format::NF4>(a);      \
    case Format::Int8: return call<Format::Int8>(a);    \
    case Format::FP16I8: return call<Format::FP16I8>(a);\
    case Format::A16W8: return call<Format::A16W8>(a);  \
    case Format::A16W4: return call<Format::A16W4>(a);  \
    default: return;                                    \
  }

void gemmCoded(const GemmArgs& a) { ROOKERY_CODED(codedGemm) }
void sparseGemvCoded(const SparseGemvArgs& a) { ROOKERY_CODED(codedSparse) }

#undef ROOKERY_CODED
#undef ROOKERY_UNROLL
