// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QWidget>

class QComboBox;
class QLabel;
class QListWidget;
class QPushButton;
class QSpinBox;
class QVBoxLayout;

namespace rookery::app {

class Card;
class Settings;

/// Settings in plain groups; every change takes effect at once.
class SettingsPage : public QWidget {
  Q_OBJECT

 public:
  explicit SettingsPage(Settings* settings, QWidget* parent = nullptr);
  ~SettingsPage() override;

 Q_SIGNALS:
  void aboutRequested();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  struct PathRow {
    QLabel* name;
    QLabel* path;
    QPushButton* open;
  };
  QVBoxLayout* addGroup(QLabel*& heading, QVBoxLayout* column);
  void buildGeneral(QVBoxLayout* column);
  void buildCompute(QVBoxLayout* column);
  void buildStorage(QVBoxLayout* column);
  void buildPrivacy(QVBoxLayout* column);
  void buildAbout(QVBoxLayout* column);
  void retranslate();
  void fillChoices();
  void fillDevices();
  void fillFolders();

  Settings* m_settings;
  QLabel* m_heading;
  QLabel *m_general = nullptr, *m_compute = nullptr, *m_storage = nullptr, *m_privacy = nullptr, *m_about = nullptr;
  QLabel *m_languageLabel = nullptr, *m_themeLabel = nullptr, *m_threadsLabel = nullptr, *m_threadsHint = nullptr;
  QLabel *m_foldersLabel = nullptr, *m_privacyText = nullptr, *m_aboutText = nullptr, *m_devicesLabel = nullptr;
  QComboBox *m_language = nullptr, *m_theme = nullptr;
  QSpinBox* m_threads = nullptr;
  QListWidget *m_folders = nullptr, *m_devices = nullptr;
  QPushButton *m_addFolder = nullptr, *m_removeFolder = nullptr, *m_aboutButton = nullptr;
  QList<PathRow> m_paths;
};

}  // namespace rookery::app
