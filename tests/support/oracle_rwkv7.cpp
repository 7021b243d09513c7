// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "support/oracle.h"

namespace rookery::test {

namespace {

// arXiv 2503.14456; DeepEmbed of 7a: rwkv/model.py, where it is folded into one table on load.
class OracleRwkv7 final : public Oracle {
 public:
  explicit OracleRwkv7(engine::WeightSource& source) : Oracle(source) {
    take(source, {"att.x_r", "att.x_w", "att.x_k", "att.x_v", "att.x_a", "att.x_g", "att.w0", "att.w1", "att.w2", "att.a0", "att.a1", "att.a2",
                  "att.g1", "att.g2", "att.k_k", "att.k_a", "att.r_k", "att.ln_x.weight", "att.ln_x.bias", "ffn.x_k"});
    take(source, {"att.v0", "att.v1", "att.v2"}, 1);
    if (m_shape.version == engine::RwkvVersion::V7a) take(source, {"ffn.s_emb.weight", "ffn.s_emb_x.weight", "ffn.s0", "ffn.s1", "ffn.s2"});
  }

 private:
  Row timeMix(int layer, const Row& x) override {
    Row& previous = m_attPrevious[static_cast<std::size_t>(layer)];
    const auto shifted = [&](const char* name) { return towardsPrevious(x, previous, w(layer, name)); };
    const Row xr = shifted("att.x_r"), xw = shifted("att.x_w"), xk = shifted("att.x_k"), xv = shifted("att.x_v"),
              xa = shifted("att.x_a"), xg = shifted("att.x_g");
    previous = x;

    const Row r = times(w(layer, "att.receptance.weight"), xr);
    Row k = times(w(layer, "att.key.weight"), xk);
    Row v = times(w(layer, "att.value.weight"), xv);
    Row hidden = times(w(layer, "att.w1"), xw);
    for (double& value : hidden) value = std::tanh(value);
    Row decay = times(w(layer, "att.w2"), hidden);
    Row a = times(w(layer, "att.a2"), times(w(layer, "att.a1"), xa));
    Row gateHidden = times(w(layer, "att.g1"), xg);
    for (double& value : gateHidden) value = sigmoid(value);
    const Row g = times(w(layer, "att.g2"), gateHidden);
    for (std::size_t i = 0; i < x.size(); ++i) {
      decay[i] = std::exp(-0.606531 * sigmoid(w(layer, "att.w0")[i] + decay[i]));
      a[i] = sigmoid(w(layer, "att.a0")[i] + a[i]);
    }
    if (layer == 0) {
      m_vFirst = v;
    } else {
      const Row low = times(w(layer, "att.v2"), times(w(layer, "att.v1"), xv));
      for (std::size_t i = 0; i < x.size(); ++i) v[i] += (m_vFirst[i] - v[i]) * sigmoid(w(layer, "att.v0")[i] + low[i]);
    }
    Row kk(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) kk[i] = k[i] * w(layer, "att.k_k")[i];
    for (std::size_t i = 0; i < x.size(); ++i) k[i] *= 1 + (a[i] - 1) * w(layer, "att.k_a")[i];

    const std::size_t n = static_cast<std::size_t>(m_shape.headSize);
    Row& kv = m_kv[static_cast<std::size_t>(layer)];
    Row y(x.size()), bonus(x.size());
    for (std::size_t head = 0; head < x.size() / n; ++head) {
      const std::size_t at = head * n;
      double norm = 0;
      for (std::size_t j = 0; j < n; ++j) norm += kk[at + j] * kk[at + j];
      norm = std::max(std::sqrt(norm), 1e-12);
      for (std::size_t i = 0; i < n; ++i) {  // value index
        double* s = kv.data() + (at + i) * n;
        double removed = 0;
        for (std::size_t j = 0; j < n; ++j) removed += s[j] * kk[at + j] / norm;
        for (std::size_t j = 0; j < n; ++j) {
          s[j] = s[j] * decay[at + j] - removed * (kk[at + j] / norm) * a[at + j] + v[at + i] * k[at + j];
          y[at + i] += s[j] * r[at + j];
        }
      }
      double dot = 0;
      for (std::size_t j = 0; j < n; ++j) dot += r[at + j] * k[at + j] * w(layer, "att.r_k")[at + j];
      for (std::size_t i = 0; i < n; ++i) bonus[at + i] = dot * v[at + i];
    }
    Row out = headNorm(layer, y);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (out[i] + bonus[i]) * g[i];
    return times(w(layer, "att.output.weight"), out);
  }

  Row channelMix(int layer, const Row& x) override {
    Row& previous = m_ffnPrevious[static_cast<std::size_t>(layer)];
    const Row mixed = towardsPrevious(x, previous, w(layer, "ffn.x_k"));
    previous = x;
    Row hidden = times(w(layer, "ffn.key.weight"), mixed);
    for (double& value : hidden) value = value > 0 ? value * value : 0;
    if (m_shape.version == engine::RwkvVersion::V7a) {
      const Row query = times(w(layer, "ffn.s1"), x);  // of x itself, not of what is mixed
      const std::size_t rank = query.size();
      Row row = rowOf(w(layer, "ffn.s_emb.weight"), m_token, rank * rank);
      const Row more = times(w(layer, "ffn.s_emb_x.weight"), m_embedding);
      for (std::size_t i = 0; i < row.size(); ++i) row[i] += more[i];
      Row product(rank);
      for (std::size_t i = 0; i < rank; ++i)
        for (std::size_t j = 0; j < rank; ++j) product[j] += query[i] * row[i * rank + j];
      const Row factor = times(w(layer, "ffn.s2"), product);
      for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] *= w(layer, "ffn.s0")[i] + factor[i];
    }
    return times(w(layer, "ffn.value.weight"), hidden);
  }

  Row m_vFirst;
};

}  // namespace

std::unique_ptr<Oracle> oracleRwkv7(engine::WeightSource& source) { return std::make_unique<OracleRwkv7>(source); }

}  // namespace rookery::test
