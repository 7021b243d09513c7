// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "rookery/bench.h"

namespace rookery::app {

/// The steps of a run from left to right: done with a tick, the current one bold with a clock, the rest muted.
class StepsView : public QWidget {
  Q_OBJECT

 public:
  explicit StepsView(QWidget* parent = nullptr);
  void setProgress(const engine::BenchProgress& progress);
  void reset();
  int currentStep() const noexcept { return m_current; }
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override;
  bool hasHeightForWidth() const override { return true; }
  int heightForWidth(int width) const override;

 protected:
  void paintEvent(QPaintEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void retranslate();
  void announce();
  /// Where each step stands, from left to right and in as many rows as `width` needs.
  QList<QRect> places(int width) const;

  QStringList m_titles;
  int m_current = 0;
};

}  // namespace rookery::app
