// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/bench_clock.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace rookery::engine {
namespace {

constexpr int kRunsForSpread = 3;  // fewer say nothing about a spread

double steadySeconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Which share of the further runs that a series may have will be needed. With no noise beyond the target none is; with
/// more, the share is what a simulation of normal noise gives (a series also settles by luck): 12 % at the target, half
/// at 1.7 times, 86 % at 3.4 times.
double shareNeeded(const SeriesPlan& plan, double spread) {
  if (plan.spreadTarget <= 0) return 1;
  return 1 - std::exp(-std::max(spread / plan.spreadTarget - 0.8, 0.0) / 1.3);
}

}  // namespace

double expectedRuns(const SeriesPlan& plan, double spread, int done) {
  const double fewest = std::max({plan.minReps, done, 1}), most = std::max<double>(plan.maxReps, fewest);
  return fewest + shareNeeded(plan, spread) * (most - fewest);
}

BenchClock::BenchClock(BenchProgressFn progress, Now now)
    : m_progress(std::move(progress)), m_now(now ? std::move(now) : steadySeconds), m_start(m_now()), m_last(m_start) {}

std::size_t BenchClock::plan(BenchStep step, SeriesPlan plan) {
  m_steps.push_back({});
  m_steps.back().step = step;
  m_steps.back().plan = std::move(plan);
  return m_steps.size() - 1;
}

std::size_t BenchClock::plan(BenchStep step, std::string test) {
  return plan(step, SeriesPlan{.test = std::move(test), .unit = "", .warmUpMin = 0, .warmUpMax = 0, .minReps = 1, .maxReps = 1});
}

void BenchClock::setCost(std::size_t index, double secondsPerRun, double secondsBefore) {
  m_steps[index].secondsPerRun = secondsPerRun;
  m_steps[index].secondsBefore = secondsBefore;
}

void BenchClock::begin(std::size_t index) {
  m_last = m_now();
  const Step& step = m_steps[index];
  BenchProgress p;
  p.step = step.step;
  p.test = step.plan.test;
  p.plannedRuns = std::max(step.plan.minReps, 1);
  tell(std::move(p));
}

void BenchClock::prepared() { m_last = m_now(); }

void BenchClock::advance(std::size_t index, const SeriesProgress& series) {
  Step& step = m_steps[index];
  const double took = m_now() - m_last;
  m_last = m_now();
  step.secondsBefore = 0;
  (series.warmUp ? step.warmUps : step.runs) = series.run;
  step.spread = series.spread;
  // The first run of all is slower: pages, caches and clocks are cold.
  if (step.warmUps + step.runs == 2) step.spent = step.counted = 0;
  step.spent += took;
  ++step.counted;
  BenchProgress p;
  p.step = series.warmUp ? BenchStep::WarmUp : step.step;
  p.test = step.plan.test;
  p.run = series.run;
  p.plannedRuns = series.plannedRuns;
  p.lastValue = series.lastValue;
  p.spread = series.spread;
  tell(std::move(p));
}

void BenchClock::finish(std::size_t index, std::optional<BenchSeries> result) {
  Step& step = m_steps[index];
  step.finished = true;
  if (step.runs >= kRunsForSpread) {  // what is older counts for half
    m_spread = spreadOf(step);
    m_spreadRuns = m_spreadRuns / 2 + step.runs;
  }
  BenchProgress p;
  p.step = step.step;
  p.test = step.plan.test;
  p.run = p.plannedRuns = std::max(step.runs, 1);
  p.result = std::move(result);
  tell(std::move(p));
}

void BenchClock::done() {
  for (Step& step : m_steps) step.finished = true;
  BenchProgress p;
  p.step = BenchStep::Done;
  tell(std::move(p));
}

double BenchClock::costOf(const Step& step) const {
  if (step.counted > 0) return step.spent / step.counted;
  if (step.like && m_steps[*step.like].counted > 0) return costOf(m_steps[*step.like]);
  return step.secondsPerRun;
}

/// Of its own runs and of the series before it together: three runs that agree by luck prove nothing.
double BenchClock::spreadOf(const Step& step) const {
  const double own = step.runs >= kRunsForSpread ? step.runs : 0, before = m_spreadRuns / 2;
  return own + before > 0 ? (own * step.spread + before * m_spread) / (own + before) : 0;
}

double BenchClock::secondsLeft(const Step& step, bool atMost) const {
  if (step.finished) return 0;
  const SeriesPlan& plan = step.plan;
  const double most = std::max({plan.maxReps, plan.minReps, 1});
  const double runs = atMost ? most : expectedRuns(plan, spreadOf(step), step.runs);
  double warmUps = 0;
  if (step.runs == 0) {
    const double noise = atMost ? 1 : shareNeeded(plan, spreadOf(step)) / 2;  // even there two may agree soon
    warmUps = std::max(0.0, plan.warmUpMin + noise * (plan.warmUpMax - plan.warmUpMin) - step.warmUps);
  }
  return step.secondsBefore + (warmUps + std::max(runs - step.runs, 0.0)) * costOf(step);
}

void BenchClock::tell(BenchProgress progress) {
  double left = 0, most = 0;
  for (const Step& step : m_steps) {
    left += secondsLeft(step, false);
    most += secondsLeft(step, true);
  }
  const double spent = m_now() - m_start;
  const double now = progress.step == BenchStep::Done ? 1.0 : m_settled ? spent / std::max(spent + left, 1e-9) : 0;
  m_fraction = std::clamp(std::max(m_fraction, now), 0.0, 1.0);
  progress.fraction = m_fraction;
  progress.secondsLeft = m_settled ? left : -1;
  progress.secondsLeftAtMost = m_settled ? most : -1;
  if (m_progress) m_progress(progress);
}

}  // namespace rookery::engine
