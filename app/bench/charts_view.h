// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "rookery/bench.h"

class QGridLayout;

namespace rookery::app {

class MemoryChart;
class SamplesChart;
class SpeedChart;

/// The three charts of a report, side by side where there is room, else one below the other.
class ChartsView : public QWidget {
  Q_OBJECT

 public:
  explicit ChartsView(QWidget* parent = nullptr);

  /// A chart without data is hidden.
  void setReport(const engine::BenchReport& report);
  void setTablesVisible(bool visible);
  void retranslate();
  void drawNow();  ///< for a picture: what is not on a screen is not drawn by itself

 protected:
  void resizeEvent(QResizeEvent* event) override;

 private:
  void arrange(bool wide);

  QGridLayout* m_grid;
  SpeedChart* m_speed;
  SamplesChart* m_samples;
  MemoryChart* m_memory;
  bool m_wide = true;
};

}  // namespace rookery::app
