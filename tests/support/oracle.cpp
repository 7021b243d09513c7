// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/oracle.h"

#include <cmath>
#include <stdexcept>

#include "quant/convert.h"
#include "support/layer_norm.h"

namespace rookery::test {

namespace {

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

Oracle::Oracle(engine::WeightSource& source) : m_shape(source.info().shape) {
  for (const char* name : {"emb.weight", "blocks.0.ln0.weight", "blocks.0.ln0.bias", "ln_out.weight", "ln_out.bias", "head.weight"})
    m_weights[name] = read(source, name);
  take(source, {"ln1.weight", "ln1.bias", "ln2.weight", "ln2.bias", "att.receptance.weight", "att.key.weight", "att.value.weight",
                "att.output.weight", "ffn.key.weight", "ffn.value.weight"});
  const std::size_t c = static_cast<std::size_t>(m_shape.nEmbd), layers = static_cast<std::size_t>(m_shape.layers);
  m_attPrevious.assign(layers, Row(c));
  m_ffnPrevious = m_attPrevious;
  m_kv.assign(layers, Row(c * static_cast<std::size_t>(m_shape.headSize)));
}

void Oracle::take(engine::WeightSource& source, const std::vector<const char*>& names, int first) {
  for (int layer = first; layer < m_shape.layers; ++layer) {
    for (const char* name : names) {
      const std::string official = "blocks." + std::to_string(layer) + "." + name;
      m_weights[official] = read(source, official);
    }
  }
}

Oracle::Row Oracle::times(const Row& matrix, const Row& x) {
  Row y(matrix.size() / x.size());
  for (std::size_t r = 0; r < y.size(); ++r)
    for (std::size_t c = 0; c < x.size(); ++c) y[r] += matrix[r * x.size() + c] * x[c];
  return y;
}

double Oracle::sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

Oracle::Row Oracle::towardsPrevious(const Row& x, const Row& previous, const Row& mix) {
  Row out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] + (previous[i] - x[i]) * mix[i];
  return out;
}

Oracle::Row Oracle::towardsCurrent(const Row& x, const Row& previous, const Row& mix) {
  Row out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * mix[i] + previous[i] * (1 - mix[i]);
  return out;
}

Oracle::Row Oracle::headNorm(int layer, const Row& y) const {
  const std::ptrdiff_t n = m_shape.headSize;
  Row out;
  for (std::ptrdiff_t at = 0; at < static_cast<std::ptrdiff_t>(y.size()); at += n) {
    const auto part = [&](const Row& row) { return Row(row.begin() + at, row.begin() + at + n); };
    const Row head = layerNorm(part(y), part(w(layer, "att.ln_x.weight")), part(w(layer, "att.ln_x.bias")), 64e-5);
    out.insert(out.end(), head.begin(), head.end());
  }
  return out;
}

Oracle::Row Oracle::gatedFfn(int layer, const Row& x, const std::string& prefix, Between between) {
  Row& previous = m_ffnPrevious[static_cast<std::size_t>(layer)];
  const Row k = between(x, previous, w(layer, prefix + "k")), r = between(x, previous, w(layer, prefix + "r"));
  previous = x;
  Row hidden = times(w(layer, "ffn.key.weight"), k);
  for (double& value : hidden) value = value > 0 ? value * value : 0;
  const Row gate = times(w(layer, "ffn.receptance.weight"), r);
  Row out = times(w(layer, "ffn.value.weight"), hidden);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] *= sigmoid(gate[i]);
  return out;
}

Oracle::Row Oracle::linearAttention(int layer, const Row& r, const Row& k, const Row& v, const Row& decay, const Row& first) {
  const std::size_t n = static_cast<std::size_t>(m_shape.headSize);
  Row& kv = m_kv[static_cast<std::size_t>(layer)];
  Row y(r.size());
  for (std::size_t at = 0; at < r.size(); at += n) {
    for (std::size_t key = 0; key < n; ++key) {
      for (std::size_t value = 0; value < n; ++value) {
        double& s = kv[(at + key) * n + value];
        const double now = k[at + key] * v[at + value];
        y[at + value] += r[at + key] * (first[at + key] * now + s);
        s = decay[at + key] * s + now;
      }
    }
  }
  return headNorm(layer, y);
}

Oracle::Row Oracle::rowOf(const Row& table, unsigned token, std::size_t width) {
  return Row(table.begin() + static_cast<std::ptrdiff_t>(token * width), table.begin() + static_cast<std::ptrdiff_t>((token + 1) * width));
}

std::vector<double> Oracle::step(unsigned token) {
  const std::size_t c = static_cast<std::size_t>(m_shape.nEmbd);
  const double eps = static_cast<double>(m_shape.normEps);
  Row x = layerNorm(rowOf(m_weights.at("emb.weight"), token, c), m_weights.at("blocks.0.ln0.weight"),
                    m_weights.at("blocks.0.ln0.bias"), eps);
  m_token = token;
  m_embedding = x;
  for (int layer = 0; layer < m_shape.layers; ++layer) {
    const Row mixed = timeMix(layer, layerNorm(x, w(layer, "ln1.weight"), w(layer, "ln1.bias"), eps));
    for (std::size_t i = 0; i < c; ++i) x[i] += mixed[i];
    const Row ffn = channelMix(layer, layerNorm(x, w(layer, "ln2.weight"), w(layer, "ln2.bias"), eps));
    for (std::size_t i = 0; i < c; ++i) x[i] += ffn[i];
  }
  return times(m_weights.at("head.weight"),
               layerNorm(x, m_weights.at("ln_out.weight"), m_weights.at("ln_out.bias"), eps));
}

std::unique_ptr<Oracle> makeOracle(engine::WeightSource& source) {
  switch (source.info().shape.version) {
    case engine::RwkvVersion::V4: return oracleRwkv4(source);
    case engine::RwkvVersion::V6: return oracleRwkv6(source);
    case engine::RwkvVersion::V7:
    case engine::RwkvVersion::V7a: return oracleRwkv7(source);
    default: return oracleRwkv5(source);
  }
}

}  // namespace rookery::test
