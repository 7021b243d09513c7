// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <optional>

#include "bench/report_export.h"
#include "rookery/bench.h"

class QMenu;
class QPushButton;
class QTableWidget;

namespace rookery::app {

class Card;
class ChartsView;
class IconLabel;
class Label;

/// One report: what was measured, the sentence, a caution where the machine was busy, charts or tables, the other times
/// and what it was measured on.
class ResultView : public QWidget {
  Q_OBJECT

 public:
  explicit ResultView(QWidget* parent = nullptr);

  void setReport(const engine::BenchReport& report);
  void retranslate();

 Q_SIGNALS:
  void exportRequested(rookery::app::ExportFormat format);

 private:
  void fill();
  void fillTimes();
  void fillEnvironment();

  std::optional<engine::BenchReport> m_report;
  Label *m_subject, *m_sentence, *m_caution;
  QWidget* m_cautionBox;
  QPushButton *m_tableView, *m_export;
  QMenu* m_exportMenu;
  ChartsView* m_charts;
  Card* m_timesCard;
  Label *m_timesHeading, *m_environmentHeading;
  QTableWidget *m_times, *m_environment;
};

}  // namespace rookery::app
