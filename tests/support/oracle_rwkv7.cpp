// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/oracle_rwkv7.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "quant/convert.h"

namespace rookery::test {

namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

std::vector<double> read(engine::WeightSource& source, const std::string& name) {
  const auto view = source.get(name);
  if (!view) throw std::runtime_error(view.error().message);
  const std::size_t rows = static_cast<std::size_t>(view->rows), cols = static_cast<std::size_t>(view->cols);
  std::vector<float> floats(rows * cols);
  engine::decodeToF32(view->dtype, view->bytes, floats);
  std::vector<double> out(floats.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) out[r * cols + c] = floats[view->transposed ? c * rows + r : r * cols + c];
  return out;
}

}  // namespace

OracleRwkv7::OracleRwkv7(engine::WeightSource& source) : m_shape(source.info().shape) {
  const auto take = [&](const std::string& name) { m_weights[name] = read(source, name); };
  for (const char* name : {"emb.weight", "blocks.0.ln0.weight", "blocks.0.ln0.bias", "ln_out.weight", "ln_out.bias", "head.weight"}) take(name);
  for (int layer = 0; layer < m_shape.layers; ++layer) {
    for (const char* name :
         {"ln1.weight", "ln1.bias", "ln2.weight", "ln2.bias", "att.x_r", "att.x_w", "att.x_k", "att.x_v", "att.x_a", "att.x_g",
          "att.w0", "att.w1", "att.w2", "att.a0", "att.a1", "att.a2", "att.v0", "att.v1", "att.v2", "att.g1", "att.g2", "att.k_k",
          "att.k_a", "att.r_k", "att.receptance.weight", "att.key.weight", "att.value.weight", "att.output.weight",
          "att.ln_x.weight", "att.ln_x.bias", "ffn.x_k", "ffn.key.weight", "ffn.value.weight"}) {
      if (layer == 0 && std::string(name).starts_with("att.v") && std::string(name) != "att.value.weight") continue;
      take("blocks." + std::to_string(layer) + "." + name);
    }
  }
  const std::size_t c = static_cast<std::size_t>(m_shape.nEmbd);
  m_attPrevious.assign(static_cast<std::size_t>(m_shape.layers), Row(c));
  m_ffnPrevious = m_attPrevious;
  m_kv.assign(static_cast<std::size_t>(m_shape.layers), Row(c * static_cast<std::size_t>(m_shape.headSize)));
}

OracleRwkv7::Row OracleRwkv7::times(const Row& matrix, const Row& x) {
  Row y(matrix.size() / x.size());
  for (std::size_t r = 0; r < y.size(); ++r)
    for (std::size_t c = 0; c < x.size(); ++c) y[r] += matrix[r * x.size() + c] * x[c];
  return y;
}

OracleRwkv7::Row OracleRwkv7::layerNorm(const Row& x, const Row& weight, const Row& bias, double eps) {
  double mean = 0, variance = 0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (const double value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
  Row out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = (x[i] - mean) / std::sqrt(variance + eps) * weight[i] + bias[i];
  return out;
}

OracleRwkv7::Row OracleRwkv7::timeMix(int layer, const Row& x) {
  Row& previous = m_attPrevious[static_cast<std::size_t>(layer)];
  const auto shifted = [&](const char* name) {
    const Row& mix = w(layer, name);
    Row out(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] + (previous[i] - x[i]) * mix[i];
    return out;
  };
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
  Row out(x.size());
  for (std::size_t head = 0; head < x.size() / n; ++head) {
    const std::size_t at = head * n;
    double norm = 0;
    for (std::size_t j = 0; j < n; ++j) norm += kk[at + j] * kk[at + j];
    norm = std::max(std::sqrt(norm), 1e-12);
    Row y(n);
    for (std::size_t i = 0; i < n; ++i) {  // value index
      double* s = kv.data() + (at + i) * n;
      double removed = 0;
      for (std::size_t j = 0; j < n; ++j) removed += s[j] * kk[at + j] / norm;
      for (std::size_t j = 0; j < n; ++j) {
        s[j] = s[j] * decay[at + j] - removed * (kk[at + j] / norm) * a[at + j] + v[at + i] * k[at + j];
        y[i] += s[j] * r[at + j];
      }
    }
    const auto part = [&](const Row& row) { return Row(row.begin() + static_cast<std::ptrdiff_t>(at), row.begin() + static_cast<std::ptrdiff_t>(at + n)); };
    y = layerNorm(y, part(w(layer, "att.ln_x.weight")), part(w(layer, "att.ln_x.bias")), 64e-5);
    double bonus = 0;
    for (std::size_t j = 0; j < n; ++j) bonus += r[at + j] * k[at + j] * w(layer, "att.r_k")[at + j];
    for (std::size_t i = 0; i < n; ++i) out[at + i] = (y[i] + bonus * v[at + i]) * g[at + i];
  }
  return times(w(layer, "att.output.weight"), out);
}

OracleRwkv7::Row OracleRwkv7::channelMix(int layer, const Row& x) {
  Row& previous = m_ffnPrevious[static_cast<std::size_t>(layer)];
  Row mixed(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) mixed[i] = x[i] + (previous[i] - x[i]) * w(layer, "ffn.x_k")[i];
  previous = x;
  Row hidden = times(w(layer, "ffn.key.weight"), mixed);
  for (double& value : hidden) value = value > 0 ? value * value : 0;
  return times(w(layer, "ffn.value.weight"), hidden);
}

std::vector<double> OracleRwkv7::step(unsigned token) {
  const std::size_t c = static_cast<std::size_t>(m_shape.nEmbd);
  const Row& table = m_weights.at("emb.weight");
  Row x(table.begin() + static_cast<std::ptrdiff_t>(token * c), table.begin() + static_cast<std::ptrdiff_t>((token + 1) * c));
  x = layerNorm(x, m_weights.at("blocks.0.ln0.weight"), m_weights.at("blocks.0.ln0.bias"), 1e-5);
  for (int layer = 0; layer < m_shape.layers; ++layer) {
    const Row mixed = timeMix(layer, layerNorm(x, w(layer, "ln1.weight"), w(layer, "ln1.bias"), 1e-5));
    for (std::size_t i = 0; i < c; ++i) x[i] += mixed[i];
    const Row ffn = channelMix(layer, layerNorm(x, w(layer, "ln2.weight"), w(layer, "ln2.bias"), 1e-5));
    for (std::size_t i = 0; i < c; ++i) x[i] += ffn[i];
  }
  return times(m_weights.at("head.weight"), layerNorm(x, m_weights.at("ln_out.weight"), m_weights.at("ln_out.bias"), 1e-5));
}

double OracleRwkv7::stateMax() const {
  double most = 0;
  for (const Row& row : m_kv)
    for (const double value : row) most = std::max(most, std::fabs(value));
  return most;
}

}  // namespace rookery::test
