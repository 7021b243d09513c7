// SPDX-License-Identifier: GPL-3.0-or-later
// A program for devices that run one operation after the other (a GPU's dispatches or launches): each stage as the
// steps that it takes there, with the values that they hand to each other. What a backend does with a step it says by
// visiting StepOp with one overload for each, so that a step it does not know fails to compile. (The CPU runs stages as
// they are: it makes those values head by head.)
#pragma once

#include <array>
#include <variant>
#include <vector>

#include "program/program.h"

namespace rookery::engine {

/// Layer norm of rows as wide as x.
struct NormRows {
  ValueId from = kNone;               ///< kNone: the run's embedding rows
  ValueId out = kNone, copy = kNone;  ///< copy: where the same is kept
  WeightId weight = kNone, bias = kNone;
  float eps = 1e-5F;
};

/// Matrix products that do not depend on each other. With a mix, that comes first, by itself or as part of them.
struct Products {
  std::vector<Gemv> gemvs;            ///< out kNone: the run's logits
  const NormShiftMix* mix = nullptr;  ///< of the program that was lowered
  ValueId gate = kNone;               ///< times the product, of one that accumulates
};

/// `decayUp`: decayUp decayHidden, where the op has those.
struct Wkv5Step {
  Wkv5 op;
  ValueId decayUp = kNone;
};
/// w2 wHidden, a2 aHidden, v2 vHidden (where the op has vFirst), g2 gHidden.
struct Wkv7Step {
  Wkv7 op;
  ValueId w = kNone, a = kNone, v = kNone, g = kNone;
};

using StepOp = std::variant<NormRows, Products, Wkv4, Wkv5Step, Wkv7Step, DeepEmbed>;

struct Step {
  int layer = kNone;  ///< as in Stage
  bool head = false;  ///< over the rows whose logits are wanted, not over all tokens
  StepOp op;
};

struct LoweredProgram {
  std::vector<Value> values;  ///< the program's, then those between steps
  std::vector<Step> steps;
};

/// `program` outlives the result. Rows of tables (Embed, LookUp) come with a run's inputs: HostExchange.
LoweredProgram lower(const Program& program);

}  // namespace rookery::engine
