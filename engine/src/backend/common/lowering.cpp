// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/lowering.h"

#include <utility>

namespace rookery::engine {

namespace {

class Lowerer {
 public:
  explicit Lowerer(const Program& program) : m_program(program) { m_lowered.values = program.values; }

  LoweredProgram run() && {
    m_headIn = newValue("head_in");
    for (ValueId& up : m_up) up = newValue("up");
    for (const Stage& stage : m_program.stages) {
      m_layer = stage.layer;
      std::visit(*this, stage.op);
    }
    return std::move(m_lowered);
  }

  void operator()(const Embed& op) { add(NormRows{kNone, op.out, op.copy, op.lnWeight, op.lnBias, op.eps}); }
  void operator()(const LookUp&) {}
  void operator()(const GemvGroup& op) { add(Products{op.gemvs, op.prologue ? &*op.prologue : nullptr}); }
  void operator()(const Wkv4& op) { add(op); }
  void operator()(const Wkv5& op) {
    if (op.decayUp != kNone) add(Products{{{op.decayUp, op.decayHidden, m_up[0]}}});
    add(Wkv5Step{op, op.decayUp == kNone ? kNone : m_up[0]});
  }
  void operator()(const Wkv7& op) {
    Products ups{{{op.w2, op.wHidden, m_up[0]}, {op.a2, op.aHidden, m_up[1]}, {op.g2, op.gHidden, m_up[3]}}};
    if (op.vFirst != kNone) ups.gemvs.push_back({op.v2, op.vHidden, m_up[2]});
    add(std::move(ups));
    add(Wkv7Step{op, m_up[0], m_up[1], m_up[2], m_up[3]});
  }
  void operator()(const DeepEmbed& op) { add(op); }
  void operator()(const SparseDown& op) {
    add(Products{{{op.matrix, op.in, op.out, ProgramActivation::None, true}}, nullptr, op.gate});
  }
  void operator()(const HeadGemv& op) {
    add(NormRows{op.x, m_headIn, kNone, op.lnWeight, op.lnBias, op.eps}, true);
    add(Products{{{op.matrix, m_headIn, kNone}}}, true);
  }

 private:
  ValueId newValue(const char* name) {
    m_lowered.values.push_back({name, m_program.shape.nEmbd});
    return static_cast<ValueId>(m_lowered.values.size()) - 1;
  }
  void add(StepOp op, bool head = false) { m_lowered.steps.push_back({m_layer, head, std::move(op)}); }

  const Program& m_program;
  LoweredProgram m_lowered;
  int m_layer = kNone;
  ValueId m_headIn = kNone;
  std::array<ValueId, 4> m_up{kNone, kNone, kNone, kNone};  ///< low-rank products, as wide as x
};

}  // namespace

LoweredProgram lower(const Program& program) { return Lowerer(program).run(); }

}  // namespace rookery::engine
