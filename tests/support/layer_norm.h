// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace rookery::test {

/// (x - mean) / sqrt(variance + eps) * weight + bias in double precision; population variance. `Numbers`: of double or float.
template <class Numbers>
std::vector<double> layerNorm(const std::vector<double>& x, const Numbers& weight, const Numbers& bias, double eps) {
  double mean = 0, variance = 0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (const double value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
  std::vector<double> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = (x[i] - mean) / std::sqrt(variance + eps) * static_cast<double>(weight[i]) + static_cast<double>(bias[i]);
  return out;
}

}  // namespace rookery::test
