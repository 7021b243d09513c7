// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QTimer>
#include <optional>

#include "rookery/bench.h"
#include "theme/card.h"

class QProgressBar;

namespace rookery::app {

enum class EngineWork;
class Label;
class StepsView;

/// What the time left is said to be `elapsed` seconds after `progress`; empty before the first speed was measured.
QString timeLeftText(const engine::BenchProgress& progress, double elapsed);

/// A run in progress: what, which step, which run, how long still, and the figures of the steps that are done.
class ProgressCard : public Card {
  Q_OBJECT

 public:
  explicit ProgressCard(QWidget* parent = nullptr);

  /// `waitsFor`: what the engine ends first. `expected`: how long it usually takes, said until the run itself tells.
  void start(const QString& subject, const QString& expected, EngineWork waitsFor);
  void setProgress(const engine::BenchProgress& progress);
  void setSubject(const QString& subject, const QString& expected);
  void retranslate();

 private:
  void fill();
  void fillTimeLeft();

  std::optional<engine::BenchProgress> m_progress;
  std::vector<engine::BenchSeries> m_results;
  EngineWork m_waitsFor{};
  QString m_expected;
  QElapsedTimer m_since;  ///< the newest progress
  QTimer m_tick;
  StepsView* m_steps;
  QProgressBar* m_bar;
  Label *m_subject, *m_text, *m_timeLeft, *m_soFar;
};

}  // namespace rookery::app
