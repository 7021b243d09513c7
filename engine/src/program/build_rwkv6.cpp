// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/builder.h"

namespace rookery::engine {

Program buildRwkv6(const ModelShape& shape, const LayerRange& range) {
  Builder b(shape, range);
  const std::int64_t c = shape.nEmbd, rank = shape.rankMaa;
  const ValueId xx = b.value("xx", c), hidden = b.value("maa_hidden", 5 * rank);
  const ValueId xw = b.value("xw", c), xk = b.value("xk", c), xv = b.value("xv", c), xr = b.value("xr", c), xg = b.value("xg", c);
  const ValueId r = b.value("r", c), k = b.value("k", c), v = b.value("v", c), gate = b.value("gate", c);
  const ValueId wHidden = b.value("w_hidden", shape.rankW), y = b.value("y", c);

  b.embed();
  for (int layer = range.first; layer < range.last; ++layer) {
    b.beginLayer(layer);
    // What the five mixes depend on ...
    GemvGroup mixes;
    mixes.prologue = b.norm("ln1", kAttShift, MixForm::TowardsPrevious);
    mixes.prologue->mixes = {{b.vec("att.time_maa_x"), xx}};
    NormShiftMix inputsOf = *mixes.prologue;  // the same row; both stages leave the same n in the state
    mixes.gemvs = {{b.mat("att.time_maa_w1", WeightRole::LowRank, 5 * rank, c), xx, hidden, ProgramActivation::Tanh}};
    b.stage(std::move(mixes));

    // ... and the mixes, in the order of time_maa_w2.
    inputsOf.mixes = {{b.vec("att.time_maa_w"), xw}, {b.vec("att.time_maa_k"), xk}, {b.vec("att.time_maa_v"), xv},
                      {b.vec("att.time_maa_r"), xr}, {b.vec("att.time_maa_g"), xg}};
    inputsOf.hidden = hidden;
    inputsOf.up = b.mat("att.time_maa_w2", WeightRole::LowRank, 5 * c, rank);
    GemvGroup inputs;
    inputs.prologue = std::move(inputsOf);
    inputs.gemvs = {{b.square("att.receptance.weight"), xr, r},
                    {b.square("att.key.weight"), xk, k},
                    {b.square("att.value.weight"), xv, v},
                    {b.square("att.gate.weight"), xg, gate, ProgramActivation::Silu},
                    {b.mat("att.time_decay_w1", WeightRole::LowRank, shape.rankW, c), xw, wHidden, ProgramActivation::Tanh}};
    b.stage(std::move(inputs));

    Wkv5 wkv;
    wkv.r = r;
    wkv.k = k;
    wkv.v = v;
    wkv.gate = gate;
    wkv.decay = b.vec("att.time_decay");
    wkv.decayHidden = wHidden;
    wkv.decayUp = b.mat("att.time_decay_w2", WeightRole::LowRank, c, shape.rankW);
    wkv.first = b.vec("att.time_faaaa");
    wkv.out = y;
    b.heads(wkv);

    b.gatedFfn("ffn.time_maa_k", "ffn.time_maa_r", kFfnShift, MixForm::TowardsPrevious);
  }
  b.head();
  return b.take();
}

}  // namespace rookery::engine
