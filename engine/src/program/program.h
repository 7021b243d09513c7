// SPDX-License-Identifier: GPL-3.0-or-later
// The stage program: one RWKV generation described once, as a flat list of stages from a closed set of operations.
// Backends compile it (CPU: steps of one parallel region; GPUs: a recorded command buffer or graph). Stages run in
// order with a barrier between them; everything inside a stage is independent. Fusion is part of the description
// (a prologue, the parts of a Wkv), so a backend may split a stage, never needs to find what could be joined.
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

enum class ProgramActivation : std::uint8_t { None, Tanh, Sigmoid, Silu, ReluSquared };

/// One tensor of the state, in one layer: index into StateLayout::tensors.
struct StateRef {
  int layer = 0;  ///< counted from the first of the program's range
  int tensor = 0;
};

/// What a mix of one leaves of a token: nothing (6, 7: n + (previous - n) * mix) or all (4, 5: n * mix + previous * (1 - mix)).
enum class MixForm : std::uint8_t { TowardsPrevious, TowardsCurrent };

/// n = ln(x), then for each mix a row between n and previous = n of the token before; writes the last n to `shift`.
/// With `up` the mixes depend on the data (version 6): mix i is mix + up_i hidden_i, where up_i are the rows
/// [i * width, (i + 1) * width) of `up` and hidden_i is the i-th of mixes.size() equal parts of `hidden`.
struct NormShiftMix {
  ValueId x = kNone;
  WeightId lnWeight = kNone, lnBias = kNone;
  float eps = 1e-5F;
  StateRef shift;
  MixForm form = MixForm::TowardsPrevious;
  struct Mix {
    WeightId mix = kNone;  ///< kNone: n itself
    ValueId out = kNone;
  };
  std::vector<Mix> mixes;
  ValueId hidden = kNone;
  WeightId up = kNone;
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
  ValueId copy = kNone;  ///< where the same is kept; kNone: nowhere
};

/// Rows of tables that stay in the computer's memory: of each table the token's.
struct LookUp {
  struct Row {
    WeightId table = kNone;
    ValueId out = kNone;
  };
  std::vector<Row> rows;
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

/// Per channel, a weighted mean of all values (arXiv 2305.13048, with a running maximum): r * wkv; r is gated already.
struct Wkv4 {
  ValueId r = kNone, k = kNone, v = kNone;
  WeightId decay = kNone, first = kNone;  ///< log(-log) of the decay; the current token's bonus
  StateRef aa, bb, pp;                    ///< numerator and denominator, both times exp(-pp)
  ValueId out = kNone;
};

/// Per head, versions 5.0 to 6 (arXiv 2404.05892): y = r (S + first k v), S = decay S + k v, group norm, gate.
struct Wkv5 {
  ValueId r = kNone, k = kNone, v = kNone;
  ValueId gate = kNone;                   ///< kNone in 5.0
  WeightId decay = kNone, first = kNone;  ///< exp(-exp(decay)); one number a head (5.0, 5.1) or a channel
  ValueId decayHidden = kNone;            ///< version 6: decay + decayUp decayHidden
  WeightId decayUp = kNone;
  WeightId lnWeight = kNone, lnBias = kNone;
  StateRef state;                         ///< [head, key, value]
  ValueId out = kNone;
};

/// out += gate * (W in), where many inputs are exactly zero (behind relu^2).
struct SparseDown {
  WeightId matrix = kNone;
  ValueId in = kNone, out = kNone;
  ValueId gate = kNone;  ///< versions 4 to 6: the receptance; kNone: no gate
};

/// DeepEmbed of version 7a (rwkv/model.py, RWKV_x070_CMix_one): hidden *= s0 + s2 (query row), where the token's row is
/// [rank, rank]. What is zero stays zero.
struct DeepEmbed {
  ValueId hidden = kNone, query = kNone, row = kNone;
  WeightId s0 = kNone, s2 = kNone;
};

/// ln_out and the output matrix, for the rows whose logits are asked for.
struct HeadGemv {
  ValueId x = kNone;
  WeightId lnWeight = kNone, lnBias = kNone, matrix = kNone;
  float eps = 1e-5F;
};

using Op = std::variant<Embed, LookUp, GemvGroup, Wkv4, Wkv5, Wkv7, DeepEmbed, SparseDown, HeadGemv>;

struct Stage {
  int layer = kNone;  ///< kNone: embedding and head
  Op op;
};

/// Which part of a model a program covers; a strategy that splits the model has one program per segment.
struct LayerRange {
  int first = 0, last = 0;  ///< layers [first, last); none where only the head is left
  bool embedding = true;    ///< first segment
  bool head = true;         ///< last segment
};

struct Program {
  ModelShape shape;
  LayerRange range;
  StateLayout stateLayout;        ///< of the range's layers
  /// Given from outside where the range lacks the embedding: x; after layer 0 of version 7 v_first, and of 7a the embedding.
  std::vector<ValueId> valuesIn;
  std::vector<ValueId> valuesOut; ///< handed out where it lacks the head; what the next range takes, in its order
  std::vector<Value> values;
  std::vector<Weight> weights;
  std::vector<Stage> stages;
};

/// RWKV-4 (arXiv 2305.13048): five stages per layer.
Program buildRwkv4(const ModelShape& shape, const LayerRange& range);
/// RWKV-5.0, 5.1 and 5.2 (arXiv 2404.05892; rwkv/model.py): five stages per layer.
Program buildRwkv5(const ModelShape& shape, const LayerRange& range);
/// RWKV-6 (arXiv 2404.05892): six stages per layer.
Program buildRwkv6(const ModelShape& shape, const LayerRange& range);
/// RWKV-7 (arXiv 2503.14456; tests/golden/README.md traps 1-4): five stages per layer. RWKV-7a (rwkv/model.py,
/// RWKV_DE_VERSION): six, and one before all layers.
Program buildRwkv7(const ModelShape& shape, const LayerRange& range);

Program buildProgram(const ModelShape& shape, const LayerRange& range);

}  // namespace rookery::engine
