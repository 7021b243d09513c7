// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/bench_clock.h"

#include <algorithm>
#include <utility>

namespace rookery::engine {
namespace {

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::size_t BenchClock::plan(BenchStep step, std::string test, int runs, double secondsPerRun) {
  m_steps.push_back({step, std::move(test), runs, 0, secondsPerRun});
  return m_steps.size() - 1;
}

void BenchClock::begin(std::size_t index) {
  m_stepStart = std::chrono::steady_clock::now();
  const Step& step = m_steps[index];
  BenchProgress p;
  p.step = step.step;
  p.test = step.test;
  p.plannedRuns = step.left;
  tell(std::move(p));
}

void BenchClock::advance(std::size_t index, const SeriesProgress& series) {
  Step& step = m_steps[index];
  ++step.finished;
  step.left = series.runsLeft;
  step.secondsPerRun = secondsSince(m_stepStart) / step.finished;
  BenchProgress p;
  p.step = series.warmUp ? BenchStep::WarmUp : step.step;
  p.test = step.test;
  p.run = series.run;
  p.plannedRuns = series.plannedRuns;
  p.lastValue = series.lastValue;
  p.spread = series.spread;
  tell(std::move(p));
}

void BenchClock::finish(std::size_t index) {
  Step& step = m_steps[index];
  step.left = 0;
  BenchProgress p;
  p.step = step.step;
  p.test = step.test;
  p.run = p.plannedRuns = step.finished;
  tell(std::move(p));
}

void BenchClock::done() {
  for (Step& step : m_steps) step.left = 0;
  BenchProgress p;
  p.step = BenchStep::Done;
  tell(std::move(p));
}

void BenchClock::tell(BenchProgress progress) {
  double left = 0;
  for (const Step& step : m_steps) left += step.left * step.secondsPerRun;
  const double spent = secondsSince(m_start);
  const double now = progress.step == BenchStep::Done ? 1.0 : spent / std::max(spent + left, 1e-9);
  m_fraction = std::clamp(std::max(m_fraction, now), 0.0, 1.0);
  progress.fraction = m_fraction;
  progress.secondsLeft = m_settled ? left : -1;
  if (m_progress) m_progress(progress);
}

}  // namespace rookery::engine
