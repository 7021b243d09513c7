// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "bench/series.h"
#include "rookery/bench.h"

namespace rookery::engine {

/// Knows what is still to be done and what one run of each step costs, for the progress bar and the time left.
/// The fraction never goes back, even when a noisy series needs more runs than were planned.
class BenchClock {
 public:
  explicit BenchClock(BenchProgressFn progress) : m_progress(std::move(progress)) {}

  /// Adds a step to the plan; returns its index.
  std::size_t plan(BenchStep step, std::string test, int runs, double secondsPerRun);
  void setEstimate(std::size_t index, double secondsPerRun) { m_steps[index].secondsPerRun = secondsPerRun; }
  /// From now on the time left is told (before, it would be a guess).
  void settled() { m_settled = true; }

  void begin(std::size_t index);
  /// One more run is over; what a run of this step costs is learnt from the clock.
  void advance(std::size_t index, const SeriesProgress& series);
  void finish(std::size_t index);
  void done();

 private:
  struct Step {
    BenchStep step{};
    std::string test;
    int left = 1, finished = 0;  ///< runs
    double secondsPerRun = 0;
  };
  void tell(BenchProgress progress);

  BenchProgressFn m_progress;
  std::vector<Step> m_steps;
  std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now(), m_stepStart = m_start;
  double m_fraction = 0;
  bool m_settled = false;
};

}  // namespace rookery::engine
