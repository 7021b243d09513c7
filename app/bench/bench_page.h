// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>
#include <functional>
#include <optional>

#include "bench/report_export.h"
#include "page_widget.h"
#include "rookery/bench.h"
#include "rookery/machine_load.h"
#include "rookery/result.h"

class QPushButton;

namespace rookery::app {

enum class EngineWork;
class BenchSetup;
class Card;
class DeviceList;
class HistoryView;
class IconLabel;
class InferenceService;
class Label;
class ProgressCard;
class ResultView;
class Settings;

/// Choose, start, cancel, watch, read and export a benchmark. Asks for work by signals; `attach` joins it to the engine thread.
class BenchPage : public PageWidget {
  Q_OBJECT

 public:
  /// `reportsFolder`: where own runs are kept as JSON.
  explicit BenchPage(const QString& reportsFolder, QWidget* parent = nullptr);
  QWidget* firstField() const override;
  ~BenchPage() override;

  void attach(InferenceService* service, Settings* settings);
  void attach(DeviceList* devices);
  BenchSetup* setup() const { return m_setup; }
  const std::optional<engine::BenchReport>& report() const { return m_report; }
  bool isRunning() const { return m_running; }

  using Format = ExportFormat;
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
  void hideEvent(QHideEvent* event) override;

 private:
  /// An icon and a sentence that can be said again after a change of language.
  struct Saying {
    Card* card;
    IconLabel* icon;
    Label* label;
    std::function<QString()> text;
    void say(const QString& iconName, std::function<QString()> what);
    void repeat();
  };
  static Saying makeSaying(const char* objectName);
  void retranslate();
  void finish();
  void watchLoad();
  void updateEarlier();

  std::optional<engine::BenchReport> m_report;
  bool m_running = false, m_historyRead = false;
  engine::MachineLoad m_load;
  QTimer m_loadTimer;
  Settings* m_settings = nullptr;
  QString m_exportFolder;

  Label* m_heading;
  BenchSetup* m_setup;
  Saying m_message;  ///< in the place of a result
  ProgressCard* m_progress;
  ResultView* m_result;
  HistoryView* m_history;
  Saying m_notice;   ///< below the page, so that nothing moves when it comes
  QPushButton* m_noticeClose;
};

}  // namespace rookery::app
