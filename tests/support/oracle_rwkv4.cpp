// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "support/oracle.h"

namespace rookery::test {

namespace {

// Sums of exp(k) v and exp(k) as the paper writes them (arXiv 2305.13048, equation 16), without a running maximum:
// doubles have the range for it.
class OracleRwkv4 final : public Oracle {
 public:
  explicit OracleRwkv4(engine::WeightSource& source) : Oracle(source) {
    take(source, {"att.time_decay", "att.time_first", "att.time_mix_k", "att.time_mix_v", "att.time_mix_r", "ffn.time_mix_k", "ffn.time_mix_r",
                  "ffn.receptance.weight"});
    m_top = m_bottom = m_attPrevious;
  }

 private:
  Row timeMix(int layer, const Row& x) override {
    Row& previous = m_attPrevious[static_cast<std::size_t>(layer)];
    const Row r = times(w(layer, "att.receptance.weight"), towardsCurrent(x, previous, w(layer, "att.time_mix_r")));
    const Row k = times(w(layer, "att.key.weight"), towardsCurrent(x, previous, w(layer, "att.time_mix_k")));
    const Row v = times(w(layer, "att.value.weight"), towardsCurrent(x, previous, w(layer, "att.time_mix_v")));
    previous = x;
    Row& top = m_top[static_cast<std::size_t>(layer)];
    Row& bottom = m_bottom[static_cast<std::size_t>(layer)];
    Row y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double now = std::exp(w(layer, "att.time_first")[i] + k[i]);
      y[i] = sigmoid(r[i]) * (top[i] + now * v[i]) / (bottom[i] + now);
      const double decay = std::exp(-std::exp(w(layer, "att.time_decay")[i]));
      top[i] = decay * top[i] + std::exp(k[i]) * v[i];
      bottom[i] = decay * bottom[i] + std::exp(k[i]);
    }
    return times(w(layer, "att.output.weight"), y);
  }

  Row channelMix(int layer, const Row& x) override { return gatedFfn(layer, x, "ffn.time_mix_", towardsCurrent); }

  std::vector<Row> m_top, m_bottom;  ///< [layer][C]
};

}  // namespace

std::unique_ptr<Oracle> oracleRwkv4(engine::WeightSource& source) { return std::make_unique<OracleRwkv4>(source); }

}  // namespace rookery::test
