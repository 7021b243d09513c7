// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "rookery/bench.h"

namespace rookery::app {

/// Seconds that a benchmark takes: with the fewest runs on a quick computer, and with the most on a slow one.
struct TimeRange {
  double least = 0, most = 0;
};

/// Before anything is measured. `earlier`: a run on the same device, whose speeds are scaled to this model; nullptr: what
/// computers usually reach.
TimeRange expectedTime(const engine::BenchRequest& request, double bytesPerToken, double parameters, const engine::BenchReport* earlier);
/// "Takes 1 to 4 minutes.", "Takes less than a minute."
QString timeRangeText(const TimeRange& range);

}  // namespace rookery::app
