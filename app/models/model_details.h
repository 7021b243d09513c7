// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <optional>

#include "models/model_list.h"
#include "rookery/model.h"
#include "theme/card.h"

class QFormLayout;
class QProgressBar;
class QPushButton;
class QVBoxLayout;

namespace rookery::app {

enum class EngineWork;
class DevicePicker;

/// What a chat can begin from a state with.
struct StateFit {
  QStringList models;      ///< on this computer
  bool canBegin = false;   ///< the model that is loaded has the state's shape
  bool isCertain = true;   ///< else the state belongs to one model, and `models` have its shape and may be that one
};

/// What one model is, what it needs, and the way to load it.
class ModelDetails : public Card {
  Q_OBJECT

 public:
  explicit ModelDetails(QWidget* parent = nullptr);

  /// `listed`: opened or dropped by hand, so it can be taken off the list again.
  void setEntry(const ModelEntry& entry, bool loaded, bool listed, std::uint64_t availableBytes);
  void setFitting(const StateFit& fit);  ///< of the state that is set next
  const ModelEntry& entry() const { return m_entry; }
  DevicePicker* picker() const { return m_picker; }
  /// `waitsFor`: what the engine ends first.
  void showLoading(const QString& path, EngineWork waitsFor = {});
  void showProgress(const engine::LoadProgress& progress);
  void showLoadEnded();
  /// Loading failed: the error of this attempt, not of the file's headers. Shown with the model it belongs to only.
  /// `leftCpu`: it was to go to another device; then the CPU is offered.
  void showLoadError(const engine::Error& error, bool leftCpu = false);

 Q_SIGNALS:
  void loadRequested(const QString& path);
  void loadOnCpuRequested(const QString& path);
  void loadSharedRequested(const QString& path, const QString& strategy);
  void cancelRequested();
  void chatRequested();
  void stateChatRequested(const QString& path);
  void showInFolderRequested(const QString& path);
  void removeRequested(const QString& path);
  void vocabularyRequested(const QString& path);       ///< the user wants to choose its file
  void ownVocabularyRequested(const QString& path);    ///< forget the chosen file

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void retranslate();
  void fill();
  void fillFacts();
  void addFact(const QString& name, const QString& value);
  void fillError();
  void fillVerdict();
  void fillStateVerdict();
  void fillStateFacts();
  void fillProgress();

  ModelEntry m_entry;
  bool m_loaded = false, m_listed = false;
  StateFit m_fitting;
  std::uint64_t m_available = 0;
  QString m_loadingPath;  ///< also that of the last error
  EngineWork m_waitsFor{};
  bool m_loading = false, m_leftCpu = false;
  std::optional<engine::LoadProgress> m_lastProgress;
  std::optional<engine::Error> m_loadError;

  Label *m_title, *m_summary, *m_verdict, *m_errorText, *m_errorDetails, *m_progressText, *m_guideText;
  IconLabel *m_verdictIcon, *m_errorIcon;
  QWidget *m_verdictBox, *m_errorBox, *m_progressBox, *m_facts;
  QVBoxLayout* m_column = nullptr;
  QFormLayout* m_form;
  QProgressBar *m_need, *m_progress;
  Label* m_deviceLabel;
  DevicePicker* m_picker;
  QPushButton *m_onCpu, *m_shared, *m_load, *m_cancel, *m_folder, *m_moreDetails, *m_remove, *m_vocabulary, *m_ownVocabulary;
  QWidget* m_vocabularyBox;
};

}  // namespace rookery::app
