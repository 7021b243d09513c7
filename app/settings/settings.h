// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QObject>
#include <QSettings>
#include <QStringList>
#include <memory>

#include "rookery/sampler.h"
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

  QStringList modelFolders() const;  ///< scanned for models; modelsFolder() is always scanned as well
  void setModelFolders(const QStringList& folders);
  QStringList allModelFolders() const;
  QStringList modelFiles() const;  ///< single files that were opened or dropped
  void addModelFile(const QString& path);
  void removeModelFile(const QString& path);

  QString lastModel() const;  ///< path; empty: the guide model
  void setLastModel(const QString& path);

  engine::SamplerSettings sampler() const;
  void setSampler(const engine::SamplerSettings& sampler);

  QByteArray windowGeometry() const;
  void setWindowGeometry(const QByteArray& geometry);

  const Paths& paths() const noexcept { return m_paths; }
  QString modelsFolder() const;
  QString reportsFolder() const;

 Q_SIGNALS:
  void languageChanged(const QString& code);
  void themeChanged(rookery::app::ThemeChoice choice);
  void threadsChanged(int threads);
  void modelFoldersChanged();
  void samplerChanged();

 private:
  Paths m_paths;
  std::unique_ptr<QSettings> m_store;
  std::unique_ptr<QSettings> m_state;  ///< window layout: reusable after a restart, not worth carrying around
};

}  // namespace rookery::app
