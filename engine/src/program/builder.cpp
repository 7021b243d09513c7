// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/builder.h"

#include <fmt/format.h>

namespace rookery::engine {

Builder::Builder(const ModelShape& shape, const LayerRange& range) {
  m_program.shape = shape;
  m_program.range = range;
  m_program.stateLayout = StateLayout::of(shape);
  m_program.stateLayout.layers = range.last - range.first;
  m_x = value("x", shape.nEmbd);
  if (!range.embedding) m_program.valuesIn = {m_x};
  if (!range.head) m_program.valuesOut = {m_x};
}

void Builder::crossing(ValueId value) {
  const auto crosses = [&](int layer) { return layer > 0 && layer < m_program.shape.layers; };
  const LayerRange& range = m_program.range;
  if (!range.embedding && crosses(range.first)) m_program.valuesIn.push_back(value);
  if (!range.head && crosses(range.last)) m_program.valuesOut.push_back(value);
}

ValueId Builder::value(std::string name, std::int64_t width) {
  m_program.values.push_back({std::move(name), width});
  return static_cast<ValueId>(m_program.values.size()) - 1;
}

WeightId Builder::weight(std::string name, std::string component, WeightRole role, std::int64_t rows, std::int64_t cols) {
  m_program.weights.push_back({std::move(name), std::move(component), role, rows, cols});
  return static_cast<WeightId>(m_program.weights.size()) - 1;
}

void Builder::embed(ValueId copy) {
  if (!m_program.range.embedding) return;
  const std::int64_t c = m_program.shape.nEmbd;
  Embed embed;
  embed.table = weight("emb.weight", "embedding", WeightRole::Embedding, m_program.shape.vocab, c);
  embed.lnWeight = weight("blocks.0.ln0.weight", "ln0", WeightRole::Vector, c);
  embed.lnBias = weight("blocks.0.ln0.bias", "ln0", WeightRole::Vector, c);
  embed.eps = m_program.shape.normEps;
  embed.out = m_x;
  embed.copy = copy;
  stage(embed);
}

std::vector<ValueId> Builder::lookUp(const char* name, const char* component, std::int64_t width) {
  LookUp op;
  std::vector<ValueId> values;
  for (int layer = m_program.range.first; layer < m_program.range.last; ++layer) {
    values.push_back(value(fmt::format("{}.{}", name, layer), width));
    op.rows.push_back({weight(fmt::format("blocks.{}.{}", layer, name), component, WeightRole::Embedding, m_program.shape.vocab, width), values.back()});
  }
  if (!values.empty()) stage(std::move(op));
  return values;
}

void Builder::head() {
  if (!m_program.range.head) return;
  const std::int64_t c = m_program.shape.nEmbd;
  m_layer = kNone;
  HeadGemv head;
  head.x = m_x;
  head.lnWeight = weight("ln_out.weight", "ln_out", WeightRole::Vector, c);
  head.lnBias = weight("ln_out.bias", "ln_out", WeightRole::Vector, c);
  head.eps = m_program.shape.normEps;
  head.matrix = weight("head.weight", "head", WeightRole::Matrix, m_program.shape.vocab, c);
  stage(head);
}

void Builder::beginLayer(int layer) { m_layer = layer; }

WeightId Builder::mat(const char* name, WeightRole role, std::int64_t rows, std::int64_t cols) {
  return weight(fmt::format("blocks.{}.{}", m_layer, name), fmt::format("block{}", m_layer), role, rows, cols);
}

WeightId Builder::square(const char* name) {
  return mat(name, WeightRole::Matrix, m_program.shape.nEmbd, m_program.shape.nEmbd);
}

NormShiftMix Builder::norm(const char* ln, int shift, MixForm form) {
  NormShiftMix norm;
  norm.x = m_x;
  norm.lnWeight = vec(fmt::format("{}.weight", ln).c_str());
  norm.lnBias = vec(fmt::format("{}.bias", ln).c_str());
  norm.eps = m_program.shape.normEps;
  norm.shift = state(shift);
  norm.form = form;
  return norm;
}

void Builder::heads(Wkv5 wkv) {
  wkv.lnWeight = vec("att.ln_x.weight");
  wkv.lnBias = vec("att.ln_x.bias");
  wkv.state = state(kAttKv);
  stage(wkv);
  output(wkv.out);
}

void Builder::output(ValueId y, std::optional<Gemv> beside) {
  GemvGroup output;
  output.gemvs = {{square("att.output.weight"), y, m_x, ProgramActivation::None, true}};
  if (beside) output.gemvs.push_back(*beside);
  stage(std::move(output));
}

void Builder::gatedFfn(const char* mixK, const char* mixR, int shift, MixForm form) {
  const std::int64_t c = m_program.shape.nEmbd, f = m_program.shape.dimFfn;
  if (m_ffnK == kNone) {
    m_ffnK = value("ffn_k", c);
    m_ffnR = value("ffn_r", c);
    m_ffnGate = value("ffn_gate", c);
    m_ffnHidden = value("ffn_hidden", f);
  }
  GemvGroup inputs;
  inputs.prologue = norm("ln2", shift, form);
  inputs.prologue->mixes = {{vec(mixK), m_ffnK}, {vec(mixR), m_ffnR}};
  inputs.gemvs = {
      {mat("ffn.key.weight", WeightRole::Matrix, f, c), m_ffnK, m_ffnHidden, ProgramActivation::ReluSquared},
      {square("ffn.receptance.weight"), m_ffnR, m_ffnGate, ProgramActivation::Sigmoid},
  };
  stage(std::move(inputs));
  stage(SparseDown{mat("ffn.value.weight", WeightRole::SparseDown, c, f), m_ffnHidden, m_x, m_ffnGate});
}

Program buildProgram(const ModelShape& shape, const LayerRange& range) {
  switch (shape.version) {
    case RwkvVersion::V4: return buildRwkv4(shape, range);
    case RwkvVersion::V5_0:
    case RwkvVersion::V5_1:
    case RwkvVersion::V5_2: return buildRwkv5(shape, range);
    case RwkvVersion::V6: return buildRwkv6(shape, range);
    case RwkvVersion::V7:
    case RwkvVersion::V7a: break;
  }
  return buildRwkv7(shape, range);
}

}  // namespace rookery::engine
