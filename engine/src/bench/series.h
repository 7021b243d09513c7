// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "rookery/bench.h"
#include "rookery/result.h"

namespace rookery::engine {

/// How one series is measured.
struct SeriesPlan {
  std::string test;
  std::string unit;
  int warmUpMin = 2, warmUpMax = 6;  ///< warm-up ends when two runs in a row agree; 0, 0: none
  double warmUpAgreement = 0.03;
  int minReps = 5, maxReps = 20;     ///< measured runs until the spread target is met
  double spreadTarget = 0.02;        ///< MAD / median
};

struct SeriesProgress {
  bool warmUp = false;
  int run = 0;          ///< finished runs of this phase
  int plannedRuns = 0;  ///< of this phase, as far as is known
  double lastValue = 0, spread = 0;
};

/// One measured value in the plan's unit, or an error (Cancelled when stopped).
using RunFn = std::function<Result<double>()>;

/// Runs the protocol. Errors are those of `once`; a series is all or nothing, so a cancelled one is Cancelled.
Result<BenchSeries> measureSeries(const SeriesPlan& plan, const RunFn& once,
                                  const std::function<void(const SeriesProgress&)>& progress, std::stop_token stop);

}  // namespace rookery::engine
