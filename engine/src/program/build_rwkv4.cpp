// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/builder.h"

namespace rookery::engine {

namespace {
// Positions in StateLayout::tensors of version 4.
constexpr int kAttShift4 = 0, kAa = 1, kBb = 2, kPp = 3, kFfnShift4 = 4;
}  // namespace

Program buildRwkv4(const ModelShape& shape, const LayerRange& range) {
  Builder b(shape, range);
  const std::int64_t c = shape.nEmbd;
  const ValueId xr = b.value("xr", c), xk = b.value("xk", c), xv = b.value("xv", c);
  const ValueId r = b.value("r", c), k = b.value("k", c), v = b.value("v", c), y = b.value("y", c);

  b.embed();
  for (int layer = range.first; layer < range.last; ++layer) {
    b.beginLayer(layer);
    GemvGroup inputs;
    inputs.prologue = b.norm("ln1", kAttShift4, MixForm::TowardsCurrent);
    inputs.prologue->mixes = {{b.vec("att.time_mix_k"), xk}, {b.vec("att.time_mix_v"), xv}, {b.vec("att.time_mix_r"), xr}};
    inputs.gemvs = {{b.square("att.receptance.weight"), xr, r, ProgramActivation::Sigmoid},
                    {b.square("att.key.weight"), xk, k},
                    {b.square("att.value.weight"), xv, v}};
    b.stage(std::move(inputs));

    Wkv4 wkv;
    wkv.r = r;
    wkv.k = k;
    wkv.v = v;
    wkv.decay = b.vec("att.time_decay");
    wkv.first = b.vec("att.time_first");
    wkv.aa = b.state(kAa);
    wkv.bb = b.state(kBb);
    wkv.pp = b.state(kPp);
    wkv.out = y;
    b.stage(wkv);

    b.output(y);
    b.gatedFfn("ffn.time_mix_k", "ffn.time_mix_r", kFfnShift4, MixForm::TowardsCurrent);
  }
  b.head();
  return b.take();
}

}  // namespace rookery::engine
