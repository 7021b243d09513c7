// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QList>
#include <QWidget>
#include <functional>
#include <optional>

#include "bench/report_history.h"
#include "rookery/bench.h"
#include "rookery/result.h"

class QMenu;
class QProgressBar;
class QPushButton;
class QTableWidget;

namespace rookery::app {

enum class EngineWork;
class BenchSetup;
class Card;
class ChartPanel;
class DeviceList;
class IconLabel;
class InferenceService;
class Label;
class MemoryChart;
class SamplesChart;
class Settings;
class SpeedChart;
class StepsView;

/// Choose, start, cancel, watch, read and export a benchmark. Asks for work by signals; `attach` joins it to the engine thread.
class BenchPage : public QWidget {
  Q_OBJECT

 public:
  /// `reportsFolder`: where own runs are kept as JSON.
  explicit BenchPage(const QString& reportsFolder, QWidget* parent = nullptr);
  ~BenchPage() override;

  void attach(InferenceService* service, Settings* settings);
  void attach(DeviceList* devices);
  BenchSetup* setup() const { return m_setup; }
  const std::optional<engine::BenchReport>& report() const { return m_report; }
  bool isRunning() const { return m_running; }

  enum class Format { Json, Csv, Markdown, Png };
  /// Asks for a file and writes the report shown.
  void exportReport(Format format);

 public Q_SLOTS:
  /// `waitsFor`: what the engine ends first.
  void showStarted(EngineWork waitsFor = {});
  void showProgress(const rookery::engine::BenchProgress& progress);
  void showReport(const rookery::engine::BenchReport& report);  ///< on the page only
  void storeReport(const rookery::engine::BenchReport& report); ///< shows it and keeps it in the history
  void showError(const rookery::engine::Error& error);

 Q_SIGNALS:
  void runRequested(const rookery::engine::BenchRequest& request);
  void cancelRequested();

 protected:
  void changeEvent(QEvent* event) override;
  void showEvent(QShowEvent* event) override;

 private:
  QWidget* buildResult();
  QWidget* buildProgress();
  void retranslate();
  void fillResult();
  void fillEnvironment();
  void reloadHistory();
  void fillHistory();
  void finish();
  void showMessage(const QString& icon, std::function<QString()> text);
  void fillProgress();
  QImage picture() const;

  ReportHistory m_history;
  QList<StoredReport> m_stored;
  std::optional<engine::BenchReport> m_report;
  std::optional<engine::BenchProgress> m_progress;
  EngineWork m_waitsFor{};
  std::function<QString()> m_messageText;  ///< says it again after a change of language
  bool m_running = false, m_historyRead = false;
  double m_lastEstimate = -1;
  int m_steadyEstimates = 0;

  Label* m_heading;
  BenchSetup* m_setup;
  Card* m_progressCard;
  StepsView* m_steps = nullptr;
  QProgressBar* m_bar = nullptr;
  Label *m_runSubject = nullptr, *m_progressLabel = nullptr, *m_timeLeft = nullptr;
  Card* m_messageCard;
  IconLabel* m_messageIcon;
  Label* m_message;
  QWidget *m_result, *m_charts = nullptr;
  Label *m_sentence = nullptr, *m_subject = nullptr;
  QPushButton *m_tableView = nullptr, *m_export = nullptr;
  QMenu* m_exportMenu = nullptr;
  SpeedChart* m_speed = nullptr;
  SamplesChart* m_samples = nullptr;
  MemoryChart* m_memory = nullptr;
  Label* m_environmentHeading = nullptr;
  QTableWidget* m_environment = nullptr;
  Label *m_historyHeading, *m_historyEmpty;
  QTableWidget* m_historyTable;
  QPushButton* m_openFolder;
};

}  // namespace rookery::app
