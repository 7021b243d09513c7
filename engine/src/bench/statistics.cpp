// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace rookery::engine {

double median(std::span<const double> samples) {
  if (samples.empty()) return 0;
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

Statistics summarise(std::span<const double> samples) {
  Statistics s;
  if (samples.empty()) return s;
  s.median = median(samples);
  std::vector<double> distances;
  distances.reserve(samples.size());
  double sum = 0;
  for (const double x : samples) {
    distances.push_back(std::abs(x - s.median));
    sum += x;
  }
  s.mad = median(distances);
  s.min = *std::min_element(samples.begin(), samples.end());
  s.max = *std::max_element(samples.begin(), samples.end());
  s.mean = sum / static_cast<double>(samples.size());
  if (samples.size() > 1) {
    double squares = 0;
    for (const double x : samples) squares += (x - s.mean) * (x - s.mean);
    s.sd = std::sqrt(squares / static_cast<double>(samples.size() - 1));
  }
  return s;
}

}  // namespace rookery::engine
