// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/series.h"

#include <algorithm>
#include <cmath>

#include "bench/statistics.h"

namespace rookery::engine {
namespace {

bool agree(double a, double b, double tolerance) {
  const double larger = std::max(std::abs(a), std::abs(b));
  return std::abs(a - b) <= tolerance * larger;
}

}  // namespace

Result<BenchSeries> measureSeries(const SeriesPlan& plan, const RunFn& once,
                                  const std::function<void(const SeriesProgress&)>& progress, std::stop_token stop) {
  BenchSeries series;
  series.test = plan.test;
  series.unit = plan.unit;

  SeriesProgress p;
  const auto runInto = [&](std::vector<double>& values) -> Result<void> {
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "The benchmark was cancelled.");
    const Result<double> value = once();
    if (!value) return tl::unexpected<Error>(value.error());
    values.push_back(*value);
    return {};
  };
  const int minReps = std::max(plan.minReps, 1);
  const int maxReps = std::max(plan.maxReps, minReps);
  const auto tell = [&](const std::vector<double>& values, int planned) {
    if (!progress) return;
    p.run = static_cast<int>(values.size());
    p.plannedRuns = std::max(planned, p.run);
    p.lastValue = values.back();
    p.spread = summarise(values).spread();
    progress(p);
  };

  p.warmUp = true;
  while (static_cast<int>(series.warmUp.size()) < plan.warmUpMax) {
    if (const auto done = runInto(series.warmUp); !done) return tl::unexpected<Error>(done.error());
    tell(series.warmUp, plan.warmUpMin);
    const std::size_t n = series.warmUp.size();
    if (static_cast<int>(n) >= plan.warmUpMin && n >= 2 &&
        agree(series.warmUp[n - 1], series.warmUp[n - 2], plan.warmUpAgreement))
      break;
  }

  p.warmUp = false;
  Statistics s;
  while (static_cast<int>(series.samples.size()) < maxReps) {
    if (const auto done = runInto(series.samples); !done) return tl::unexpected<Error>(done.error());
    tell(series.samples, minReps);
    s = summarise(series.samples);
    if (static_cast<int>(series.samples.size()) >= minReps && s.spread() <= plan.spreadTarget) break;
  }
  series.median = s.median;
  series.mad = s.mad;
  series.min = s.min;
  series.max = s.max;
  series.mean = s.mean;
  series.sd = s.sd;
  series.noisy = s.spread() > plan.spreadTarget;
  return series;
}

}  // namespace rookery::engine
