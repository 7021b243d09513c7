// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QWidget>

#include "chat/start_state.h"
#include "models/model_catalog.h"
#include "page_widget.h"

class QBoxLayout;
class QListView;
class QPushButton;

namespace rookery::app {

class Card;
class DeviceList;
class InferenceService;
class Label;
class ModelDelegate;
class ModelDetails;
class ModelListModel;
class Settings;
struct LoadedModel;
struct ModelRequest;
struct StateFit;

/// Models on this computer: open, drop or scan, see what each is and needs, load. Opens no network connection.
class ModelsPage : public PageWidget {
  Q_OBJECT

 public:
  explicit ModelsPage(Settings* settings, QWidget* parent = nullptr);
  QWidget* firstField() const override;
  ~ModelsPage() override;

  void attach(InferenceService* service);
  void attach(DeviceList* devices);
  /// What to load for `path` (empty: the guide) by the settings: device, threads, vocabulary.
  static ModelRequest requestFor(const Settings& settings, const QString& path);
  ModelListModel* list() const { return m_list; }

 public Q_SLOTS:
  void rescan();
  void chooseFile();
  /// Reads it and shows what it is. Remembered for the next start if it is a model, or is named like one.
  void addFile(const QString& path);
  void removeFile(const QString& path);  ///< off the list; the file stays
  void chooseVocabulary(const QString& modelPath);
  void setVocabulary(const QString& modelPath, const QString& vocabulary);  ///< empty: the model's own
  void select(const QString& path);
  void setLoaded(const QString& path, const QString& deviceId = QStringLiteral("cpu"));  ///< empty: the guide

 Q_SIGNALS:
  void loadRequested(const QString& path);  ///< empty: the guide
  void cancelRequested();
  void chatRequested();  ///< with the model that is loaded
  void stateChatRequested(const QString& stateFile);
  void statesFound(const std::vector<rookery::app::StateFileEntry>& states);  ///< all that are known by now

 protected:
  void changeEvent(QEvent* event) override;
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dragLeaveEvent(QDragLeaveEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  void retranslate();
  void showCurrent();
  void showMemory();
  std::uint64_t memory() const;  ///< bytes for a model on the device that is chosen
  bool isLoaded(const QString& path) const;  ///< on that device
  void entryRead(const ModelEntry& entry);
  void rememberLoaded(const LoadedModel& model);
  StateFit fitOfState(const ModelEntry& entry) const;
  void tellStates();

  Settings* m_settings;
  ModelCatalog m_catalog;
  ModelListModel* m_list;
  ModelDetails* m_details;
  QListView* m_view;
  QBoxLayout* m_middle;
  Label *m_heading, *m_hint, *m_dropText;
  Card* m_dropCard;
  QPushButton *m_open, *m_addFolder, *m_scan, *m_modelsFolder;
  QString m_loadedPath, m_loadedDevice, m_selectWhenRead;
  QStringList m_seen;
  bool m_anyLoaded = false;
  std::optional<engine::ModelShape> m_loadedShape;
  std::string m_loadedFingerprint;
  QString m_loadedName;
};

}  // namespace rookery::app
