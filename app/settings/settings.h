// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QHash>
#include <QObject>
#include <QSettings>
#include <QStringList>
#include <memory>

#include "inference/device_list.h"
#include "rookery/sampler.h"
#include "storage/records.h"
#include "support/paths.h"
#include "theme/theme.h"

namespace rookery::app {

/// Typed access to the settings file. Keys are `group/lowerCamel`; unknown keys are kept. GUI thread only.
class Settings : public QObject {
  Q_OBJECT

 public:
  explicit Settings(const Paths& paths, QObject* parent = nullptr);
  ~Settings() override;

  QString language() const;  ///< "en", "zh_CN"; empty: the system's
  void setLanguage(const QString& code);

  ThemeChoice theme() const;
  void setTheme(ThemeChoice choice);

  int threads() const;  ///< 0: one per physical core
  void setThreads(int threads);

  DeviceChoice device() const;  ///< where models run; the CPU until one is chosen
  void setDevice(const DeviceChoice& choice);

  QStringList modelFolders() const;  ///< scanned for models; modelsFolder() is always scanned as well
  void setModelFolders(const QStringList& folders);
  QStringList allModelFolders() const;
  QStringList modelFiles() const;  ///< single files that were opened or dropped
  void addModelFile(const QString& path);
  void removeModelFile(const QString& path);  ///< from the list only; the file itself stays

  QString vocabularyFor(const QString& modelPath) const;  ///< chosen by hand; empty: the model's own
  void setVocabularyFor(const QString& modelPath, const QString& vocabulary);  ///< empty: forget
  QHash<QString, QString> vocabularies() const;           ///< by model path

  QString lastModel() const;  ///< path; empty: the guide model
  void setLastModel(const QString& path);

  /// How the last model's layers were shared between devices; empty: not at all.
  QString lastStrategy() const;
  void setLastStrategy(const QString& strategy);
  /// The graphics device of a load that never ended, because the program was killed or hung; the CPU: there is none.
  DeviceChoice unfinishedLoad() const;
  void setUnfinishedLoad(const DeviceChoice& device);  ///< on the disk when it returns

  /// The chat that a start opened by itself and did not get through, because the program was killed or hung; 0: none.
  qint64 unfinishedChat() const;
  void setUnfinishedChat(qint64 conversation);  ///< on the disk when it returns

  engine::SamplerSettings sampler() const;  ///< what new chats begin with
  void setSampler(const engine::SamplerSettings& sampler);
  AnswerRules answerRules() const;          ///< the same
  void setAnswerRules(const AnswerRules& rules);
  std::optional<engine::Thinking> thinking() const;
  void setThinking(std::optional<engine::Thinking> thinking);
  AnswerDefaults answerDefaults() const { return {sampler(), answerRules(), thinking()}; }

  qint64 memoryBudget() const;  ///< bytes on disk for the memories of all chats
  void setMemoryBudget(qint64 bytes);

  QString exportFolder() const;  ///< where the last report was exported to; empty: nowhere yet
  void setExportFolder(const QString& folder);

  QByteArray windowGeometry() const;
  void setWindowGeometry(const QByteArray& geometry);
  bool chatListShown() const;
  void setChatListShown(bool shown);

  const Paths& paths() const noexcept { return m_paths; }
  QString modelsFolder() const;
  QString reportsFolder() const;

 Q_SIGNALS:
  void languageChanged(const QString& code);
  void themeChanged(rookery::app::ThemeChoice choice);
  void threadsChanged(int threads);
  void deviceChanged();
  void modelFoldersChanged();
  void answerDefaultsChanged();
  void memoryBudgetChanged(qint64 bytes);

 private:
  Paths m_paths;
  std::unique_ptr<QSettings> m_store;
  std::unique_ptr<QSettings> m_state;  ///< window layout: reusable after a restart, not worth carrying around
};

}  // namespace rookery::app
