// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "model/program.h"

namespace rookery::engine {

namespace {

// Positions in StateLayout::tensors of version 7.
constexpr int kAttShift = 0, kAttKv = 1, kFfnShift = 2;

class Builder {
 public:
  Builder(const ModelShape& shape, const LayerRange& range) {
    m_program.shape = shape;
    m_program.range = range;
    m_program.stateLayout = StateLayout::of(shape);
  }

  ValueId value(std::string name, std::int64_t width) {
    m_program.values.push_back({std::move(name), width});
    return static_cast<ValueId>(m_program.values.size()) - 1;
  }
  WeightId weight(std::string name, std::string component, WeightRole role, std::int64_t rows, std::int64_t cols = 1) {
    m_program.weights.push_back({std::move(name), std::move(component), role, rows, cols});
    return static_cast<WeightId>(m_program.weights.size()) - 1;
  }
  void stage(int layer, Op op) { m_program.stages.push_back({layer, std::move(op)}); }
  Program take() { return std::move(m_program); }

 private:
  Program m_program;
};

}  // namespace

Program buildRwkv7(const ModelShape& shape, const LayerRange& range) {
  Builder b(shape, range);
  const std::int64_t c = shape.nEmbd, f = shape.dimFfn;
  const ValueId x = b.value("x", c);
  const ValueId vFirst = b.value("v_first", c);
  const ValueId xr = b.value("xr", c), xw = b.value("xw", c), xk = b.value("xk", c), xv = b.value("xv", c),
                xa = b.value("xa", c), xg = b.value("xg", c);
  const ValueId r = b.value("r", c), k = b.value("k", c), v = b.value("v", c);
  const ValueId wHidden = b.value("w_hidden", shape.rankW), aHidden = b.value("a_hidden", shape.rankA),
                vHidden = b.value("v_hidden", shape.rankV), gHidden = b.value("g_hidden", shape.rankG);
  const ValueId y = b.value("y", c);
  const ValueId ffnIn = b.value("ffn_in", c), ffnHidden = b.value("ffn_hidden", f);

  if (range.embedding) {
    const auto ln0 = [&](const char* part) {
      return b.weight(fmt::format("blocks.0.ln0.{}", part), "ln0", WeightRole::Vector, c);
    };
    const WeightId table = b.weight("emb.weight", "embedding", WeightRole::Embedding, shape.vocab, c);
    const WeightId lnWeight = ln0("weight"), lnBias = ln0("bias");
    b.stage(kNone, Embed{table, lnWeight, lnBias, 1e-5F, x});
  }

  for (int layer = range.first; layer < range.last; ++layer) {
    const std::string component = fmt::format("block{}", layer);
    const auto vec = [&](const char* name) {
      return b.weight(fmt::format("blocks.{}.{}", layer, name), component, WeightRole::Vector, c);
    };
    const auto mat = [&](const char* name, WeightRole role, std::int64_t rows, std::int64_t cols) {
      return b.weight(fmt::format("blocks.{}.{}", layer, name), component, role, rows, cols);
    };
    const bool first = layer == 0;
    const ValueId vOut = first ? vFirst : v;  // layer 0 defines v_first

    NormShiftMix att;
    att.x = x;
    att.lnWeight = vec("ln1.weight");
    att.lnBias = vec("ln1.bias");
    att.shift = {layer, kAttShift};
    att.mixes = {{vec("att.x_r"), xr}, {vec("att.x_w"), xw}, {vec("att.x_k"), xk},
                 {vec("att.x_v"), xv}, {vec("att.x_a"), xa}, {vec("att.x_g"), xg}};
    GemvGroup inputs;
    inputs.prologue = std::move(att);
    inputs.gemvs = {
        {mat("att.receptance.weight", WeightRole::Matrix, c, c), xr, r},
        {mat("att.key.weight", WeightRole::Matrix, c, c), xk, k},
        {mat("att.value.weight", WeightRole::Matrix, c, c), xv, vOut},
        {mat("att.w1", WeightRole::LowRank, shape.rankW, c), xw, wHidden, ProgramActivation::Tanh},
        {mat("att.a1", WeightRole::LowRank, shape.rankA, c), xa, aHidden},
        {mat("att.g1", WeightRole::LowRank, shape.rankG, c), xg, gHidden, ProgramActivation::Sigmoid},
    };
    if (!first) inputs.gemvs.push_back({mat("att.v1", WeightRole::LowRank, shape.rankV, c), xv, vHidden});
    b.stage(layer, std::move(inputs));

    Wkv7 wkv;
    wkv.r = r;
    wkv.k = k;
    wkv.v = vOut;
    wkv.wHidden = wHidden;
    wkv.aHidden = aHidden;
    wkv.gHidden = gHidden;
    wkv.w0 = vec("att.w0");
    wkv.w2 = mat("att.w2", WeightRole::LowRank, c, shape.rankW);
    wkv.a0 = vec("att.a0");
    wkv.a2 = mat("att.a2", WeightRole::LowRank, c, shape.rankA);
    wkv.g2 = mat("att.g2", WeightRole::LowRank, c, shape.rankG);
    if (!first) {
      wkv.vFirst = vFirst;
      wkv.vHidden = vHidden;
      wkv.v0 = vec("att.v0");
      wkv.v2 = mat("att.v2", WeightRole::LowRank, c, shape.rankV);
    }
    wkv.kK = vec("att.k_k");
    wkv.kA = vec("att.k_a");
    wkv.rK = vec("att.r_k");
    wkv.lnWeight = vec("att.ln_x.weight");
    wkv.lnBias = vec("att.ln_x.bias");
    wkv.state = {layer, kAttKv};
    wkv.out = y;
    b.stage(layer, wkv);

    GemvGroup output;
    output.gemvs = {{mat("att.output.weight", WeightRole::Matrix, c, c), y, x, ProgramActivation::None, true}};
    b.stage(layer, std::move(output));

    NormShiftMix ffn;
    ffn.x = x;
    ffn.lnWeight = vec("ln2.weight");
    ffn.lnBias = vec("ln2.bias");
    ffn.shift = {layer, kFfnShift};
    ffn.mixes = {{vec("ffn.x_k"), ffnIn}};
    GemvGroup key;
    key.prologue = std::move(ffn);
    key.gemvs = {{mat("ffn.key.weight", WeightRole::Matrix, f, c), ffnIn, ffnHidden, ProgramActivation::ReluSquared}};
    b.stage(layer, std::move(key));

    b.stage(layer, SparseDown{mat("ffn.value.weight", WeightRole::SparseDown, c, f), ffnHidden, x});
  }

  if (range.head) {
    const WeightId lnWeight = b.weight("ln_out.weight", "ln_out", WeightRole::Vector, c);
    const WeightId lnBias = b.weight("ln_out.bias", "ln_out", WeightRole::Vector, c);
    const WeightId head = b.weight("head.weight", "head", WeightRole::Matrix, shape.vocab, c);
    b.stage(kNone, HeadGemv{x, lnWeight, lnBias, head});
  }
  return b.take();
}

Result<Program> buildProgram(const ModelShape& shape, const LayerRange& range) {
  if (shape.version == RwkvVersion::V7) return buildRwkv7(shape, range);
  return fail(ErrorCode::VersionUnsupported,
              fmt::format("This build runs RWKV-7; the model is RWKV-{}.", versionName(shape.version)));
}

}  // namespace rookery::engine
