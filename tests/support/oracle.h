// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rookery/model_info.h"
#include "weights/weight_source.h"

namespace rookery::test {

/// A model one token at a time in double precision, written straight from the formulas (golden/README.md, traps 1-5;
/// rwkv/model.py) and sharing no code with the kernels: the yardstick for shapes that the golden data lacks.
class Oracle {
 public:
  virtual ~Oracle() = default;
  /// Logits after `token`.
  std::vector<double> step(unsigned token);

 protected:
  using Row = std::vector<double>;
  /// Reads what all generations share.
  explicit Oracle(engine::WeightSource& source);
  /// Reads "blocks.<layer>.<name>" of every layer from `first` on.
  void take(engine::WeightSource& source, const std::vector<const char*>& names, int first = 0);

  virtual Row timeMix(int layer, const Row& x) = 0;
  virtual Row channelMix(int layer, const Row& x) = 0;

  const Row& w(int layer, const std::string& name) const { return m_weights.at("blocks." + std::to_string(layer) + "." + name); }
  /// W x with W [rows][x.size()].
  static Row times(const Row& matrix, const Row& x);
  static double sigmoid(double x);
  /// x + (previous - x) mix, or the mix as versions 4 and 5 have it, x mix + previous (1 - mix).
  static Row towardsPrevious(const Row& x, const Row& previous, const Row& mix);
  static Row towardsCurrent(const Row& x, const Row& previous, const Row& mix);
  /// Group norm with one group a head, eps 64e-5.
  Row headNorm(int layer, const Row& y) const;
  /// sigmoid(R r) * V relu(K k)^2, as versions 4 to 6 have it; `prefix` of the mixes' names, `between` how they mix.
  using Between = Row (*)(const Row& x, const Row& previous, const Row& mix);
  Row gatedFfn(int layer, const Row& x, const std::string& prefix, Between between);
  /// Heads of versions 5 and 6: out = r (S + first k v), S = decay S + k v; all rows [C].
  Row linearAttention(int layer, const Row& r, const Row& k, const Row& v, const Row& decay, const Row& first);
  /// A token's row of a table.
  static Row rowOf(const Row& table, unsigned token, std::size_t width);

  engine::ModelShape m_shape;
  std::map<std::string, Row> m_weights;  ///< official names; matrices as [out][in]
  std::vector<Row> m_attPrevious, m_ffnPrevious;  ///< [layer]
  unsigned m_token = 0;  ///< of this step
  Row m_embedding;       ///< its embedding, after ln0
  std::vector<Row> m_kv;  ///< [layer][head]: [key][value] (5, 6), [value][key] (7)
};

std::unique_ptr<Oracle> oracleRwkv4(engine::WeightSource& source);
std::unique_ptr<Oracle> oracleRwkv5(engine::WeightSource& source);  ///< 5.0, 5.1, 5.2
std::unique_ptr<Oracle> oracleRwkv6(engine::WeightSource& source);
std::unique_ptr<Oracle> oracleRwkv7(engine::WeightSource& source);  ///< 7, 7a
/// The one of the source's version.
std::unique_ptr<Oracle> makeOracle(engine::WeightSource& source);

}  // namespace rookery::test
