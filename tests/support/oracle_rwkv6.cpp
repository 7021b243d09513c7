// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "support/oracle.h"

namespace rookery::test {

namespace {

class OracleRwkv6 final : public Oracle {
 public:
  explicit OracleRwkv6(engine::WeightSource& source) : Oracle(source) {
    take(source, {"att.time_maa_x", "att.time_maa_w", "att.time_maa_k", "att.time_maa_v", "att.time_maa_r", "att.time_maa_g", "att.time_maa_w1",
                  "att.time_maa_w2", "att.time_decay", "att.time_decay_w1", "att.time_decay_w2", "att.time_faaaa", "att.gate.weight",
                  "att.ln_x.weight", "att.ln_x.bias", "ffn.time_maa_k", "ffn.time_maa_r", "ffn.receptance.weight"});
  }

 private:
  static Row tanhOf(Row row) {
    for (double& value : row) value = std::tanh(value);
    return row;
  }

  Row timeMix(int layer, const Row& x) override {
    Row& previous = m_attPrevious[static_cast<std::size_t>(layer)];
    const std::size_t c = x.size(), rank = static_cast<std::size_t>(m_shape.rankMaa);
    const Row hidden = tanhOf(times(w(layer, "att.time_maa_w1"), towardsPrevious(x, previous, w(layer, "att.time_maa_x"))));
    // time_maa_w2 [5][C][rank], in the order w, k, v, r, g.
    const auto mixed = [&](std::size_t part, const char* name) {
      const Row& up = w(layer, "att.time_maa_w2");
      Row mix = w(layer, name);
      for (std::size_t i = 0; i < c; ++i)
        for (std::size_t j = 0; j < rank; ++j) mix[i] += up[(part * c + i) * rank + j] * hidden[part * rank + j];
      return towardsPrevious(x, previous, mix);
    };
    const Row xw = mixed(0, "att.time_maa_w"), xk = mixed(1, "att.time_maa_k"), xv = mixed(2, "att.time_maa_v"), xr = mixed(3, "att.time_maa_r"),
              xg = mixed(4, "att.time_maa_g");
    previous = x;
    Row decay = times(w(layer, "att.time_decay_w2"), tanhOf(times(w(layer, "att.time_decay_w1"), xw)));
    for (std::size_t i = 0; i < c; ++i) decay[i] = std::exp(-std::exp(w(layer, "att.time_decay")[i] + decay[i]));
    Row y = linearAttention(layer, times(w(layer, "att.receptance.weight"), xr), times(w(layer, "att.key.weight"), xk),
                            times(w(layer, "att.value.weight"), xv), decay, w(layer, "att.time_faaaa"));
    const Row gate = times(w(layer, "att.gate.weight"), xg);
    for (std::size_t i = 0; i < c; ++i) y[i] *= gate[i] * sigmoid(gate[i]);
    return times(w(layer, "att.output.weight"), y);
  }

  Row channelMix(int layer, const Row& x) override { return gatedFfn(layer, x, "ffn.time_maa_", towardsPrevious); }
};

}  // namespace

std::unique_ptr<Oracle> oracleRwkv6(engine::WeightSource& source) { return std::make_unique<OracleRwkv6>(source); }

}  // namespace rookery::test
