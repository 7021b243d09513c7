// SPDX-License-Identifier: GPL-3.0-or-later
// CPU kernels: one table of functions per instruction set, chosen once at run time. All activations are fp32.
//
// Order of summation: every output element is one chain of fused multiply-adds over the inputs in ascending order
// (Q8_0: one chain per block of 32, the block sums chained after scaling; coded formats alike:
// kernels/coded_format.h). The chain does not depend on how many token rows are computed together nor on which thread
// owns the output, so decode, prefill in any chunking and any thread count give bitwise the same numbers. Skipping inputs
// that are exactly zero changes nothing either.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/packed_format.h"

namespace rookery::kernels {

enum class Activation : std::uint8_t { None, Tanh, Sigmoid, Silu, ReluSquared };

/// y[t][row] (+)= act(W x[t]) for t in [0, rows), for the row tiles [tileBegin, tileEnd). y is written in whole
/// tiles, so a row of y must have room for all of them.
struct GemmArgs {
  PackedMatrix w;
  std::int64_t tileBegin = 0, tileEnd = 0;
  const float* x = nullptr;  ///< [tokens][ldx]
  std::int64_t ldx = 0;
  std::int64_t tokens = 0;
  float* y = nullptr;        ///< [tokens][ldy], starting with the outputs of tile yFirstTile
  std::int64_t ldy = 0;
  std::int64_t yFirstTile = 0;
  Activation activation = Activation::None;
  bool accumulate = false;   ///< y += (after the activation)
  const float* gate = nullptr;  ///< with accumulate only: y += gate * (W x); laid out as y
  std::int64_t ldGate = 0;
};

/// One token through a matrix with panelRows = all rows, reading only the inputs listed in `active` (ascending).
struct SparseGemvArgs {
  PackedMatrix w;
  std::int64_t tileBegin = 0, tileEnd = 0;
  const float* x = nullptr;             ///< [cols]
  const std::int32_t* active = nullptr;
  std::int64_t activeCount = 0;
  float* y = nullptr;                   ///< y += W x
  const float* gate = nullptr;          ///< y += gate * (W x), laid out as y
};

/// Channels of RWKV-4 time mixing for `tokens` rows (arXiv 2305.13048; rwkv/model.py, att_one):
/// out = r (e1 aa + e2 v) / (e1 bb + e2) with the running maximum pp. Rows start at the first channel.
struct Wkv4Args {
  std::int64_t n = 0;               ///< channels, a multiple of 16
  std::int64_t tokens = 0;
  std::int64_t ld = 0;              ///< row stride of r, k, v and out
  const float* r = nullptr;         ///< after its sigmoid
  const float* k = nullptr;
  const float* v = nullptr;
  const float* decay = nullptr;     ///< [n]; the decay is exp(-exp(decay))
  const float* first = nullptr;     ///< [n]; bonus of the current token
  struct State {
    const float* in = nullptr;
    float* out = nullptr;           ///< may be `in`
  };
  State aa, bb, pp;                 ///< [n] each
  float* out = nullptr;             ///< [tokens][ld]
};

/// One head of RWKV-5.0 to 6 time mixing for `tokens` rows (arXiv 2404.05892; rwkv/model.py, att_one_v5 to v6_0):
/// y = r (S + first k v), S = decay S + k v, group norm (eps 64e-5), gate. n = head size, a multiple of 16, at most 256.
struct Wkv5Args {
  int n = 0;
  std::int64_t tokens = 0;
  std::int64_t ld = 0;              ///< row stride of r, k, v, gate and out
  const float* r = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  const float* gate = nullptr;      ///< after its SiLU; nullptr: none (5.0)
  const float* decay = nullptr;     ///< [n]; the decay is exp(-exp(decay))
  const float* decayLora = nullptr; ///< [tokens][ldLora], added to `decay`; nullptr: the decay is the same for all tokens
  std::int64_t ldLora = 0;
  const float* first = nullptr;     ///< [n]
  const float* lnWeight = nullptr;
  const float* lnBias = nullptr;
  const float* stateIn = nullptr;   ///< [key][value]
  float* stateOut = nullptr;        ///< [key][value]; may not overlap stateIn
  float* out = nullptr;             ///< [tokens][ld]
};

/// One head of RWKV-7 time mixing for `tokens` rows (golden/README.md, trap 3; arXiv 2503.14456).
/// Inputs are rows of [tokens][ld] starting at the head's first channel. n = head size, a multiple of 16, at most 256.
struct Wkv7Args {
  int n = 0;
  std::int64_t tokens = 0;
  std::int64_t ld = 0;              ///< row stride of r, k, v, vFirst and out
  const float* r = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  const float* vFirst = nullptr;    ///< nullptr in layer 0, where v is the first v itself
  // LoRA outputs before their bias, [tokens][ldLora]; v only with vFirst.
  std::int64_t ldLora = 0;
  const float* wLora = nullptr;
  const float* aLora = nullptr;
  const float* vLora = nullptr;
  const float* gate = nullptr;
  // Vectors of the head's n channels.
  const float* w0 = nullptr;
  const float* a0 = nullptr;
  const float* v0 = nullptr;
  const float* kK = nullptr;
  const float* kA = nullptr;
  const float* rK = nullptr;
  const float* lnWeight = nullptr;
  const float* lnBias = nullptr;
  const float* stateIn = nullptr;   ///< [key][value]
  float* stateOut = nullptr;        ///< [key][value]; may not overlap stateIn
  float* out = nullptr;             ///< [tokens][ld]
};

struct CpuOps {
  const char* name;  ///< "scalar", "avx2", "avx512"
  void (*gemm)(const GemmArgs&);
  void (*sparseGemv)(const SparseGemvArgs&);
  void (*wkv4)(const Wkv4Args&);
  void (*wkv5)(const Wkv5Args&);
  void (*wkv7)(const Wkv7Args&);
  /// out[n] = (x - mean) / sqrt(var + eps) * weight + bias, population variance.
  void (*layerNorm)(const float* x, const float* weight, const float* bias, std::int64_t n, float eps, float* out);
  /// out[n] = x + (previous - x) * mix
  void (*lerp)(const float* x, const float* previous, const float* mix, std::int64_t n, float* out);
  /// Sum of a large buffer in 64-byte lines, for measuring read bandwidth.
  std::uint64_t (*readSum)(const std::byte* data, std::size_t bytes);
};

/// The best table this processor can run; ROOKERY_ISA=scalar|avx2|avx512 forces a lower one.
const CpuOps& cpuOps() noexcept;
const char* isaName() noexcept;
/// Table by name, or nullptr if it is not built in or the processor cannot run it.
const CpuOps* cpuOpsByName(const char* name) noexcept;

/// What is not a normal number: zero, subnormal, infinity, NaN.
float specialHalfToFloat(std::uint16_t half) noexcept;

/// IEEE half to float, exact, and back to the nearest (even; too large becomes infinity); for packing and the scalar table.
inline float halfToFloat(std::uint16_t half) noexcept {
  const std::uint32_t exponent = half & 0x7C00U;
  if (exponent == 0 || exponent == 0x7C00U) return specialHalfToFloat(half);
  return std::bit_cast<float>((static_cast<std::uint32_t>(half & 0x8000U) << 16) | ((static_cast<std::uint32_t>(half & 0x7FFFU) << 13) + (112U << 23)));
}
std::uint16_t floatToHalf(float value) noexcept;

}  // namespace rookery::kernels
