// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "support/oracle.h"

namespace rookery::test {

namespace {

class OracleRwkv5 final : public Oracle {
 public:
  explicit OracleRwkv5(engine::WeightSource& source) : Oracle(source) {
    take(source, {"att.time_decay", "att.time_faaaa", "att.time_mix_k", "att.time_mix_v", "att.time_mix_r", "att.ln_x.weight", "att.ln_x.bias",
                  "ffn.time_mix_k", "ffn.time_mix_r", "ffn.receptance.weight"});
    if (gated()) take(source, {"att.time_mix_g", "att.gate.weight"});
  }

 private:
  bool gated() const { return m_shape.version != engine::RwkvVersion::V5_0; }

  // 5.0 and 5.1 have one number for all channels of a head.
  Row spread(const Row& numbers) const {
    const std::size_t c = static_cast<std::size_t>(m_shape.nEmbd);
    Row out(c);
    for (std::size_t i = 0; i < c; ++i) out[i] = numbers[i * numbers.size() / c];
    return out;
  }

  Row timeMix(int layer, const Row& x) override {
    Row& previous = m_attPrevious[static_cast<std::size_t>(layer)];
    const auto input = [&](const char* matrix, const char* mix) { return times(w(layer, matrix), towardsCurrent(x, previous, w(layer, mix))); };
    const Row r = input("att.receptance.weight", "att.time_mix_r"), k = input("att.key.weight", "att.time_mix_k"),
              v = input("att.value.weight", "att.time_mix_v");
    const Row gate = gated() ? input("att.gate.weight", "att.time_mix_g") : Row();
    previous = x;
    Row decay = spread(w(layer, "att.time_decay"));
    for (double& value : decay) value = std::exp(-std::exp(value));
    Row y = linearAttention(layer, r, k, v, decay, spread(w(layer, "att.time_faaaa")));
    for (std::size_t i = 0; i < gate.size(); ++i) y[i] *= gate[i] * sigmoid(gate[i]);
    return times(w(layer, "att.output.weight"), y);
  }

  Row channelMix(int layer, const Row& x) override { return gatedFfn(layer, x, "ffn.time_mix_", towardsCurrent); }
};

}  // namespace

std::unique_ptr<Oracle> oracleRwkv5(engine::WeightSource& source) { return std::make_unique<OracleRwkv5>(source); }

}  // namespace rookery::test
