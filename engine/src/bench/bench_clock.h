// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/series.h"
#include "rookery/bench.h"

namespace rookery::engine {

/// How many measured runs a series will come to that has done `done` of them, if its spread is about `spread`: the fewest
/// where the target is met with room to spare, nearly the most where it is missed by far.
double expectedRuns(const SeriesPlan& plan, double spread, int done = 0);

/// Knows what is still to be done and what one run of each step costs, for the progress bar and the time left. What a
/// run costs is learnt from the runs before it, first of all the warm-up; how many there will be from the spread so
/// far, of this series or of the one before it. The fraction never goes back.
class BenchClock {
 public:
  using Now = std::function<double()>;  ///< seconds; only differences count

  explicit BenchClock(BenchProgressFn progress, Now now = {});

  /// Adds a step to the plan; returns its index. `plan.test` names it.
  std::size_t plan(BenchStep step, SeriesPlan plan);
  /// Of something that is done once.
  std::size_t plan(BenchStep step, std::string test);
  /// What a run will take until the step knows better, and what comes once before the first one.
  void setCost(std::size_t index, double secondsPerRun, double secondsBefore = 0);
  /// Until it has run itself, a run of it costs what one of the earlier step does.
  void setCostLike(std::size_t index, std::size_t like) { m_steps[index].like = like; }
  void drop(std::size_t index) { m_steps[index].finished = true; }  ///< it will not be done
  /// From now on the time left is told (before, it would be a guess).
  void settled() { m_settled = true; }

  void begin(std::size_t index);
  /// What comes before the first run is over.
  void prepared();
  /// One more run is over.
  void advance(std::size_t index, const SeriesProgress& series);
  /// `result`: what the step measured, shown while the rest is going on.
  void finish(std::size_t index, std::optional<BenchSeries> result = {});
  void done();

 private:
  struct Step {
    BenchStep step{};
    SeriesPlan plan;
    double secondsPerRun = 0, secondsBefore = 0;
    std::optional<std::size_t> like;
    int warmUps = 0, runs = 0;
    double spread = 0, spent = 0;  ///< spent: on the runs that count for the cost
    int counted = 0;
    bool finished = false;
  };
  double costOf(const Step& step) const;
  double secondsLeft(const Step& step, bool atMost) const;
  double spreadOf(const Step& step) const;
  void tell(BenchProgress progress);

  BenchProgressFn m_progress;
  Now m_now;
  std::vector<Step> m_steps;
  double m_start, m_last;
  double m_spread = 0, m_spreadRuns = 0;  ///< of the series so far, the newest counting most; and how many runs that were
  double m_fraction = 0;
  bool m_settled = false;
};

}  // namespace rookery::engine
