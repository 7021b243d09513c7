// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QWidget>

#include "page_widget.h"

class QComboBox;
class QDoubleSpinBox;
class QListWidget;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QVBoxLayout;

namespace rookery::app {

class Card;
class ChatStore;
class DeviceList;
class DevicePicker;
class Label;
class SamplingPanel;
class Settings;

/// Settings in plain groups; every change takes effect at once.
class SettingsPage : public PageWidget {
  Q_OBJECT

 public:
  explicit SettingsPage(Settings* settings, QWidget* parent = nullptr);
  QWidget* firstField() const override;
  ~SettingsPage() override;

  /// Joins the page to the chats: what their memories take, and the bin.
  void attach(ChatStore* store);
  void attach(DeviceList* devices);

 Q_SIGNALS:
  void aboutRequested();
  void chatsChanged();  ///< one came back from the bin

 protected:
  void changeEvent(QEvent* event) override;
  void showEvent(QShowEvent* event) override;

 private:
  struct PathRow {
    Label* name;
    Label* path;
    QPushButton* open;
  };
  QVBoxLayout* addGroup(Label*& heading, QVBoxLayout* column);
  void buildGeneral(QVBoxLayout* column);
  void buildChats(QVBoxLayout* column);
  void buildMemory(QVBoxLayout* column);
  void buildBin(QVBoxLayout* column);
  void buildCompute(QVBoxLayout* column);
  void buildStorage(QVBoxLayout* column);
  void buildPrivacy(QVBoxLayout* column);
  void buildAbout(QVBoxLayout* column);
  void retranslate();
  void fillChoices();
  void fillDevices();
  void fillFolders();
  void fillMemory();
  void changeBudget(double gigabytes);
  void fillBin();
  void binChanged();

  Settings* m_settings;
  ChatStore* m_store = nullptr;
  DeviceList* m_deviceList = nullptr;
  DevicePicker* m_device = nullptr;
  Label* m_deviceLabel = nullptr;
  int m_memoriesDropped = 0;  ///< since the start
  Label* m_heading;
  Label *m_general = nullptr, *m_compute = nullptr, *m_storage = nullptr, *m_privacy = nullptr, *m_about = nullptr;
  Label *m_languageLabel = nullptr, *m_themeLabel = nullptr, *m_threadsLabel = nullptr, *m_threadsHint = nullptr;
  Label *m_foldersLabel = nullptr, *m_privacyText = nullptr, *m_aboutText = nullptr, *m_devicesLabel = nullptr;
  QComboBox *m_language = nullptr, *m_theme = nullptr;
  QSpinBox* m_threads = nullptr;
  QListWidget *m_folders = nullptr, *m_devices = nullptr;
  QPushButton *m_addFolder = nullptr, *m_removeFolder = nullptr, *m_aboutButton = nullptr, *m_resetSampling = nullptr,
              *m_restore = nullptr, *m_deleteForGood = nullptr, *m_emptyBin = nullptr;
  Label *m_chats = nullptr, *m_samplingHint = nullptr, *m_memoryHeading = nullptr, *m_memoryUsed = nullptr, *m_budgetLabel = nullptr,
         *m_memoryHint = nullptr, *m_binHeading = nullptr, *m_binEmpty = nullptr;
  QProgressBar* m_memoryBar = nullptr;
  QDoubleSpinBox* m_budget = nullptr;
  QListWidget* m_bin = nullptr;
  SamplingPanel* m_sampling = nullptr;
  QList<PathRow> m_paths;
};

}  // namespace rookery::app
