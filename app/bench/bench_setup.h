// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "rookery/bench.h"
#include "theme/card.h"

class QComboBox;
class QPushButton;

namespace rookery::app {

class DevicePicker;

/// Choose what to measure, and start or cancel. Emits values, knows no engine thread.
class BenchSetup : public Card {
  Q_OBJECT

 public:
  explicit BenchSetup(QWidget* parent = nullptr);
  QWidget* firstField() const;

  /// The model that is loaded now, if it came from a file.
  void setLoadedModel(const QString& name, const QString& path);
  void setThreads(int threads) { m_threads = threads; }
  /// Other programs keep `others` of `processors` busy now.
  void setOthers(double others, int processors);
  /// A run on the chosen device, from which the time of the next one is told.
  void setEarlier(std::optional<engine::BenchReport> report);
  /// "Takes 1 to 4 minutes."
  QString expectedTime() const;
  void setPowerSource(const QString& source);  ///< as BenchEnvironment has it; "battery" brings the warning
  void setRunning(bool running);
  DevicePicker* picker() const { return m_device; }
  /// How much is measured: the part of the request that is not the model, the precision and the threads.
  void setProtocol(const engine::BenchRequest& protocol) { m_protocol = protocol; }
  engine::BenchRequest request() const;
  /// What Run measures, as the user chose it: "Synthetic RWKV-7 0.1B, fp16"; with the device unless it is the CPU.
  QString subject() const;
  void chooseFile();

 Q_SIGNALS:
  void runRequested(const rookery::engine::BenchRequest& request);
  void cancelRequested();
  void deviceChanged();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void fillModels();
  void fillPrecisions();
  void retranslate();
  void updateHint();
  QString whatIsMeasured() const;

  QComboBox *m_model, *m_precision;
  QPushButton *m_browse, *m_run, *m_cancel;
  DevicePicker* m_device;
  void fillOthers();

  Label *m_modelLabel, *m_precisionLabel, *m_deviceLabel, *m_hint, *m_warning, *m_others;
  QWidget *m_warningBox, *m_othersBox;
  IconLabel* m_othersIcon;
  double m_othersNow = -1;  ///< < 0: not known
  int m_processors = 0;
  std::optional<engine::BenchReport> m_earlier;
  QString m_loadedName, m_loadedPath, m_chosenFile, m_powerSource;
  int m_threads = 0, m_precisionKind = -1;
  engine::BenchRequest m_protocol;
  bool m_running = false;
};

}  // namespace rookery::app
