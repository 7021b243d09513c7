// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "rookery/model_info.h"
#include "weights/weight_source.h"

namespace rookery::test {

/// RWKV-7 one token at a time in double precision, written straight from the formulas (golden/README.md, traps 1-4;
/// arXiv 2503.14456) and sharing no code with the kernels: the yardstick for shapes that the golden data lacks.
class OracleRwkv7 {
 public:
  explicit OracleRwkv7(engine::WeightSource& source);

  /// Logits after `token`.
  std::vector<double> step(unsigned token);
  /// Largest absolute value met in the state, to scale tolerances.
  double stateMax() const;

 private:
  using Row = std::vector<double>;
  const Row& w(int layer, const char* name) const { return m_weights.at("blocks." + std::to_string(layer) + "." + name); }
  /// W x with W [rows][x.size()].
  static Row times(const Row& matrix, const Row& x);
  static Row layerNorm(const Row& x, const Row& weight, const Row& bias, double eps);
  Row timeMix(int layer, const Row& x);
  Row channelMix(int layer, const Row& x);

  engine::ModelShape m_shape;
  std::map<std::string, Row> m_weights;  ///< official names; matrices as [out][in]
  std::vector<Row> m_attPrevious, m_ffnPrevious, m_kv;  ///< [layer]; kv [head][value][key]
  Row m_vFirst;
};

}  // namespace rookery::test
