// SPDX-License-Identifier: GPL-3.0-or-later
// What the descriptions of all generations share.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "program/program.h"

namespace rookery::engine {

/// Positions in StateLayout::tensors of versions 5 to 7.
inline constexpr int kAttShift = 0, kAttKv = 1, kFfnShift = 2;

/// Collects values, weights and stages of one program. Weights are named within the layer of beginLayer().
class Builder {
 public:
  Builder(const ModelShape& shape, const LayerRange& range);

  ValueId value(std::string name, std::int64_t width);
  void stage(Op op) { m_program.stages.push_back({m_layer, std::move(op)}); }
  Program take() { return std::move(m_program); }

  /// A value of [tokens, C] beside x that layers after the first read: it crosses the boundaries between layers.
  void crossing(ValueId value);
  /// The residual stream, [tokens, C].
  ValueId x() const noexcept { return m_x; }
  /// Embedding stage, if the range has it; else x comes from outside, and so does `copy`.
  void embed(ValueId copy = kNone);
  /// Stage: the token's row of the table `name` of every layer; the values, by layer of the range.
  std::vector<ValueId> lookUp(const char* name, const char* component, std::int64_t width);
  /// Head stage, if the range has it; else x is handed out.
  void head();

  void beginLayer(int layer);
  WeightId vec(const char* name) { return vec(name, m_program.shape.nEmbd); }
  WeightId vec(const char* name, std::int64_t count) { return mat(name, WeightRole::Vector, count, 1); }
  WeightId mat(const char* name, WeightRole role, std::int64_t rows, std::int64_t cols);
  /// C outputs, C inputs.
  WeightId square(const char* name);
  /// ln ("ln1" or "ln2") of x, without mixes; `shift` is a position in StateLayout::tensors.
  NormShiftMix norm(const char* ln, int shift, MixForm form);
  StateRef state(int tensor) const noexcept { return {m_layer - m_program.range.first, tensor}; }
  /// The heads' stage of versions 5 and 6, and the output's; `wkv` lacks group norm and state.
  void heads(Wkv5 wkv);
  /// Stage: x += att.output y, and `beside` it a product that waits for nothing in the layer.
  void output(ValueId y, std::optional<Gemv> beside = {});
  /// The two stages of the feed-forward part of versions 4 to 6, whose receptance gates what is added to x.
  /// `mixK`, `mixR`: names of the mixes.
  void gatedFfn(const char* mixK, const char* mixR, int shift, MixForm form);

 private:
  WeightId weight(std::string name, std::string component, WeightRole role, std::int64_t rows, std::int64_t cols = 1);

  Program m_program;
  int m_layer = kNone;
  ValueId m_x = kNone;
  ValueId m_ffnK = kNone, m_ffnR = kNone, m_ffnGate = kNone, m_ffnHidden = kNone;
};

}  // namespace rookery::engine
