// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/builder.h"

namespace rookery::engine {

Program buildRwkv7(const ModelShape& shape, const LayerRange& range) {
  Builder b(shape, range);
  const std::int64_t c = shape.nEmbd, f = shape.dimFfn;
  const ValueId vFirst = b.value("v_first", c);
  b.crossing(vFirst);
  const ValueId xr = b.value("xr", c), xw = b.value("xw", c), xk = b.value("xk", c), xv = b.value("xv", c),
                xa = b.value("xa", c), xg = b.value("xg", c);
  const ValueId r = b.value("r", c), k = b.value("k", c), v = b.value("v", c);
  const ValueId wHidden = b.value("w_hidden", shape.rankW), aHidden = b.value("a_hidden", shape.rankA),
                vHidden = b.value("v_hidden", shape.rankV), gHidden = b.value("g_hidden", shape.rankG);
  const ValueId y = b.value("y", c);
  const ValueId ffnIn = b.value("ffn_in", c), ffnHidden = b.value("ffn_hidden", f);

  // DeepEmbed: the official package adds s_emb_x times the embedding to the table when it loads. Here it is added for each
  // token: the table keeps its type without rounding once more, and loading need not wait for V products a layer.
  const bool deep = shape.version == RwkvVersion::V7a;
  const std::int64_t s = shape.rankS;
  const ValueId embedding = deep ? b.value("embedding", c) : kNone, ffnNorm = deep ? b.value("ffn_norm", c) : kNone,
                query = deep ? b.value("s_query", s) : kNone;
  if (deep) b.crossing(embedding);

  b.embed(embedding);
  const std::vector<ValueId> rows = deep ? b.lookUp("ffn.s_emb.weight", "deep_embedding", s * s) : std::vector<ValueId>{};
  for (int layer = range.first; layer < range.last; ++layer) {
    b.beginLayer(layer);
    const bool first = layer == 0;
    const ValueId vOut = first ? vFirst : v;  // layer 0 defines v_first

    GemvGroup inputs;
    inputs.prologue = b.norm("ln1", kAttShift, MixForm::TowardsPrevious);
    inputs.prologue->mixes = {{b.vec("att.x_r"), xr}, {b.vec("att.x_w"), xw}, {b.vec("att.x_k"), xk},
                              {b.vec("att.x_v"), xv}, {b.vec("att.x_a"), xa}, {b.vec("att.x_g"), xg}};
    inputs.gemvs = {
        {b.square("att.receptance.weight"), xr, r},
        {b.square("att.key.weight"), xk, k},
        {b.square("att.value.weight"), xv, vOut},
        {b.mat("att.w1", WeightRole::LowRank, shape.rankW, c), xw, wHidden, ProgramActivation::Tanh},
        {b.mat("att.a1", WeightRole::LowRank, shape.rankA, c), xa, aHidden},
        {b.mat("att.g1", WeightRole::LowRank, shape.rankG, c), xg, gHidden, ProgramActivation::Sigmoid},
    };
    if (!first) inputs.gemvs.push_back({b.mat("att.v1", WeightRole::LowRank, shape.rankV, c), xv, vHidden});
    b.stage(std::move(inputs));

    Wkv7 wkv;
    wkv.r = r;
    wkv.k = k;
    wkv.v = vOut;
    wkv.wHidden = wHidden;
    wkv.aHidden = aHidden;
    wkv.gHidden = gHidden;
    wkv.w0 = b.vec("att.w0");
    wkv.w2 = b.mat("att.w2", WeightRole::LowRank, c, shape.rankW);
    wkv.a0 = b.vec("att.a0");
    wkv.a2 = b.mat("att.a2", WeightRole::LowRank, c, shape.rankA);
    wkv.g2 = b.mat("att.g2", WeightRole::LowRank, c, shape.rankG);
    if (!first) {
      wkv.vFirst = vFirst;
      wkv.vHidden = vHidden;
      wkv.v0 = b.vec("att.v0");
      wkv.v2 = b.mat("att.v2", WeightRole::LowRank, c, shape.rankV);
    }
    wkv.kK = b.vec("att.k_k");
    wkv.kA = b.vec("att.k_a");
    wkv.rK = b.vec("att.r_k");
    wkv.lnWeight = b.vec("att.ln_x.weight");
    wkv.lnBias = b.vec("att.ln_x.bias");
    wkv.state = b.state(kAttKv);
    wkv.out = y;
    b.stage(wkv);

    std::optional<Gemv> toRow;
    const ValueId row = deep ? rows[static_cast<std::size_t>(layer - range.first)] : kNone;
    if (deep) toRow = Gemv{b.mat("ffn.s_emb_x.weight", WeightRole::Matrix, s * s, c), embedding, row, ProgramActivation::None, true};
    b.output(y, toRow);

    GemvGroup key;
    key.prologue = b.norm("ln2", kFfnShift, MixForm::TowardsPrevious);
    key.prologue->mixes = {{b.vec("ffn.x_k"), ffnIn}};
    key.gemvs = {{b.mat("ffn.key.weight", WeightRole::Matrix, f, c), ffnIn, ffnHidden, ProgramActivation::ReluSquared}};
    if (deep) {
      key.prologue->mixes.push_back({kNone, ffnNorm});
      key.gemvs.push_back({b.mat("ffn.s1", WeightRole::LowRank, s, c), ffnNorm, query});
    }
    b.stage(std::move(key));
    if (deep) b.stage(DeepEmbed{ffnHidden, query, row, b.vec("ffn.s0", f), b.mat("ffn.s2", WeightRole::LowRank, f, s)});

    b.stage(SparseDown{b.mat("ffn.value.weight", WeightRole::SparseDown, c, f), ffnHidden, b.x()});
  }

  b.head();
  return b.take();
}

}  // namespace rookery::engine
