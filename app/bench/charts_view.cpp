// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/charts_view.h"

#include <qcustomplot.h>

#include <QGridLayout>
#include <QResizeEvent>

#include "bench/charts.h"

namespace rookery::app {

namespace {
constexpr int kSideBySide = 840;  ///< px; below, three bars with their names do not fit into half
}

ChartsView::ChartsView(QWidget* parent)
    : QWidget(parent), m_grid(new QGridLayout(this)), m_speed(new SpeedChart), m_samples(new SamplesChart), m_memory(new MemoryChart) {
  m_grid->setContentsMargins(0, 0, 0, 0);
  m_grid->setSpacing(16);
  m_speed->setMinimumHeight(300);
  m_samples->setMinimumHeight(380);  // its legend takes some rows
  m_memory->setMinimumHeight(270);
  arrange(true);
  retranslate();
}

void ChartsView::arrange(bool wide) {
  m_wide = wide;
  m_grid->addWidget(m_speed, 0, 0);
  m_grid->addWidget(m_samples, wide ? 0 : 1, wide ? 1 : 0);
  m_grid->addWidget(m_memory, wide ? 1 : 2, 0, 1, wide ? 2 : 1);
  m_grid->setColumnStretch(0, 1);
  m_grid->setColumnStretch(1, wide ? 1 : 0);
}

void ChartsView::setReport(const engine::BenchReport& report) {
  m_speed->setReport(report);
  m_samples->setReport(report);
  m_memory->setReport(report);
  const bool speeds = !speedSeries(report).empty();
  m_speed->setVisible(speeds);
  m_samples->setVisible(speeds);
  m_memory->setVisible(!report.planned.empty() || !report.measured.empty());
}

void ChartsView::setTablesVisible(bool visible) {
  m_speed->setTableVisible(visible);
  m_samples->setTableVisible(visible);
  m_memory->setTableVisible(visible);
}

void ChartsView::retranslate() {
  m_speed->setTitle(tr("Speed"));
  m_samples->setTitle(tr("Every run"));
  m_memory->setTitle(tr("Memory by part"));
  m_speed->refresh();
  m_samples->refresh();
  m_memory->refresh();
}

void ChartsView::drawNow() {
  for (const ChartPanel* panel : {static_cast<ChartPanel*>(m_speed), static_cast<ChartPanel*>(m_samples), static_cast<ChartPanel*>(m_memory)}) {
    panel->plot()->replot(QCustomPlot::rpImmediateRefresh);
  }
}

void ChartsView::resizeEvent(QResizeEvent* event) {
  if (const bool wide = event->size().width() >= kSideBySide; wide != m_wide) {
    arrange(wide);
  }
  QWidget::resizeEvent(event);
}

}  // namespace rookery::app
