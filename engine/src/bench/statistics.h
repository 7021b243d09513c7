// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

namespace rookery::engine {

/// Robust and ordinary figures of a set of samples, in the samples' unit. All zero for an empty set.
struct Statistics {
  double median = 0;
  double mad = 0;  ///< median of the absolute distances from the median, unscaled
  double min = 0, max = 0, mean = 0;
  double sd = 0;   ///< of the sample (n - 1); 0 for fewer than two

  /// MAD / median, the spread that the protocol bounds; 0 when the median is 0.
  double spread() const noexcept { return median != 0 ? mad / median : 0; }
};

double median(std::span<const double> samples);
Statistics summarise(std::span<const double> samples);

}  // namespace rookery::engine
