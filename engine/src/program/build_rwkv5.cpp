// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/builder.h"

namespace rookery::engine {

Program buildRwkv5(const ModelShape& shape, const LayerRange& range) {
  Builder b(shape, range);
  const std::int64_t c = shape.nEmbd;
  const bool gated = shape.version != RwkvVersion::V5_0;
  const std::int64_t decays = shape.version == RwkvVersion::V5_2 ? c : shape.heads();
  const ValueId xr = b.value("xr", c), xk = b.value("xk", c), xv = b.value("xv", c);
  const ValueId r = b.value("r", c), k = b.value("k", c), v = b.value("v", c), y = b.value("y", c);
  const ValueId xg = gated ? b.value("xg", c) : kNone, gate = gated ? b.value("gate", c) : kNone;

  b.embed();
  for (int layer = range.first; layer < range.last; ++layer) {
    b.beginLayer(layer);
    GemvGroup inputs;
    inputs.prologue = b.norm("ln1", kAttShift, MixForm::TowardsCurrent);
    inputs.prologue->mixes = {{b.vec("att.time_mix_k"), xk}, {b.vec("att.time_mix_v"), xv}, {b.vec("att.time_mix_r"), xr}};
    inputs.gemvs = {{b.square("att.receptance.weight"), xr, r}, {b.square("att.key.weight"), xk, k}, {b.square("att.value.weight"), xv, v}};
    if (gated) {
      inputs.prologue->mixes.push_back({b.vec("att.time_mix_g"), xg});
      inputs.gemvs.push_back({b.square("att.gate.weight"), xg, gate, ProgramActivation::Silu});
    }
    b.stage(std::move(inputs));

    Wkv5 wkv;
    wkv.r = r;
    wkv.k = k;
    wkv.v = v;
    wkv.gate = gate;
    wkv.decay = b.vec("att.time_decay", decays);
    wkv.first = b.vec("att.time_faaaa", decays);
    wkv.out = y;
    b.heads(wkv);

    b.gatedFfn("ffn.time_mix_k", "ffn.time_mix_r", kFfnShift, MixForm::TowardsCurrent);
  }
  b.head();
  return b.take();
}

}  // namespace rookery::engine
