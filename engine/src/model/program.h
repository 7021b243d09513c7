// SPDX-License-Identifier: GPL-3.0-or-later
// The stage program: one RWKV generation described once, as a flat list of stages from a closed set of operations.
// Backends compile it (CPU: steps of one parallel region; GPUs: a recorded command buffer or graph). Stages run in
// order with a barrier between them; everything inside a stage is independent. Fusion is part of the description
// (a prologue, the parts of Wkv7), so a backend may split a stage, never needs to find what could be joined.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rookery/model_info.h"
#include "rookery/state.h"

namespace rookery::engine {

using ValueId = int;   ///< index into Program::values
using WeightId = int;  ///< index into Program::weights
inline constexpr int kNone = -1;

/// An activation: fp32 [tokens, width].
struct Value {
  std::string name;
  std::int64_t width = 0;
};

enum class WeightRole : std::uint8_t {
  Vector,      ///< small: norms, mixes, biases; fp32 on every backend
  Matrix,      ///< kept in the model's (or the asked) format
  LowRank,     ///< LoRA matrices: kept as they came, they are 2-3 % of the bytes
  SparseDown,  ///< ffn.value: may be laid out so that inputs that are zero are not read
  Embedding,   ///< one row per token
};

struct Weight {
  std::string name;       ///< official, "blocks.0.att.receptance.weight"
  std::string component;  ///< ledger component, "block0"
  WeightRole role{};
  std::int64_t rows = 0, cols = 1;
};

enum class ProgramActivation : std::uint8_t { None, Tanh, Sigmoid, ReluSquared };

/// One tensor of the state, in one layer: index into StateLayout::tensors.
struct StateRef {
  int layer = 0;
  int tensor = 0;
};

/// ln(x), then for each mix out = n + (previous - n) * mix, previous = n of the token before; writes the last n to `shift`.
struct NormShiftMix {
  ValueId x = kNone;
  WeightId lnWeight = kNone, lnBias = kNone;
  float eps = 1e-5F;
  StateRef shift;
  struct Mix {
    WeightId mix = kNone;
    ValueId out = kNone;
  };
  std::vector<Mix> mixes;
};

struct Gemv {
  WeightId matrix = kNone;
  ValueId in = kNone, out = kNone;
  ProgramActivation activation = ProgramActivation::None;
  bool accumulate = false;
};

/// Embedding row, then ln0.
struct Embed {
  WeightId table = kNone, lnWeight = kNone, lnBias = kNone;
  float eps = 1e-5F;
  ValueId out = kNone;
};

/// Matrices over one set of inputs; the prologue makes the inputs.
struct GemvGroup {
  std::optional<NormShiftMix> prologue;
  std::vector<Gemv> gemvs;
};

/// Per head: LoRA outputs, decay, gates, v-residual, removal key, WKV-7, group norm, bonus, gate.
struct Wkv7 {
  ValueId r = kNone, k = kNone, v = kNone, vFirst = kNone;  ///< vFirst: kNone in layer 0
  ValueId wHidden = kNone, aHidden = kNone, vHidden = kNone, gHidden = kNone;
  WeightId w0 = kNone, w2 = kNone, a0 = kNone, a2 = kNone, v0 = kNone, v2 = kNone, g2 = kNone;
  WeightId kK = kNone, kA = kNone, rK = kNone, lnWeight = kNone, lnBias = kNone;
  StateRef state;
  ValueId out = kNone;
};

/// out += W in, where many inputs are exactly zero (behind relu^2).
struct SparseDown {
  WeightId matrix = kNone;
  ValueId in = kNone, out = kNone;
};

/// ln_out and the output matrix, for the rows whose logits are asked for.
struct HeadGemv {
  ValueId x = kNone;
  WeightId lnWeight = kNone, lnBias = kNone, matrix = kNone;
  float eps = 1e-5F;
};

using Op = std::variant<Embed, GemvGroup, Wkv7, SparseDown, HeadGemv>;

struct Stage {
  int layer = kNone;  ///< kNone: embedding and head
  Op op;
};

/// Which part of a model a program covers; a strategy that splits the model has one program per segment.
struct LayerRange {
  int first = 0, last = 0;  ///< layers [first, last)
  bool embedding = true;    ///< first segment
  bool head = true;         ///< last segment
};

struct Program {
  ModelShape shape;
  LayerRange range;
  StateLayout stateLayout;
  std::vector<Value> values;
  std::vector<Weight> weights;
  std::vector<Stage> stages;
};

/// RWKV-7 (arXiv 2503.14456; tests/golden/README.md traps 1-4): five stages per layer.
Program buildRwkv7(const ModelShape& shape, const LayerRange& range);

/// VersionUnsupported for generations without a builder.
Result<Program> buildProgram(const ModelShape& shape, const LayerRange& range);

}  // namespace rookery::engine
