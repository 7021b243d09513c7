// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "rookery/bench.h"

namespace rookery::app {

/// The steps of a run in a row: done with a tick, the current one bold with a clock, the rest muted.
class StepsView : public QWidget {
  Q_OBJECT

 public:
  explicit StepsView(QWidget* parent = nullptr);
  void setProgress(const engine::BenchProgress& progress);
  void reset();
  int currentStep() const noexcept { return m_current; }
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void paintEvent(QPaintEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void retranslate();
  void announce();

  QStringList m_titles;
  int m_current = 0;
};

}  // namespace rookery::app
