// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>
#include <QVector>
#include <functional>
#include <optional>

#include "inference/engine_activity.h"
#include "rookery/model.h"

class QAction;
class QMenu;
class QProgressBar;
class QStackedWidget;
class QToolButton;

namespace rookery::app {

enum class EngineWork;
class InferenceService;
class Label;
class PageWidget;
class RailButton;
class Settings;
struct LoadedModel;

/// The window: rail, page stack, menus, status bar. Takes ownership of the four pages and knows nothing about them.
class MainWindow : public QMainWindow {
  Q_OBJECT

 public:
  enum Page { Chat, Benchmark, Models, SettingsPage };

  MainWindow(PageWidget* chat, PageWidget* bench, PageWidget* models, PageWidget* settings);
  ~MainWindow() override;

  /// Shows loads, the model, memory and speed in the status bar, and lets loads be cancelled.
  void attach(InferenceService* service);
  /// Restores the window's place now and saves it on closing.
  void attach(Settings* settings);

  /// Asked before the window closes; false keeps it open.
  void setCloseGuard(std::function<bool()> mayClose) { m_mayClose = std::move(mayClose); }

  /// Shown above every page for as long as `text` gives a sentence; asked again by updateAlert() and in another language.
  void setAlert(std::function<QString()> text);
  void updateAlert();

  void showPage(Page page);
  Page page() const;
  /// Menus that pages add their own actions to; an action with a shortcut shows up in the list on F1.
  QMenu* fileMenu() const { return m_fileMenu; }
  QMenu* editMenu() const { return m_editMenu; }
  QMenu* viewMenu() const { return m_viewMenu; }

 public Q_SLOTS:
  void setModel(const rookery::app::LoadedModel& model);
  void setSpeed(double tokensPerSecond);  ///< of the answer that is running; 0: none is
  void setActivity(const rookery::app::EngineActivity& activity);
  void showLoadStarted(quint64 job, const QString& name, rookery::app::EngineWork waitsFor = {});
  void showLoadProgress(quint64 job, const rookery::engine::LoadProgress& progress);
  void showLoadEnded(quint64 job);
  void showShortcuts();
  void showAbout();

 Q_SIGNALS:
  void newChatRequested();
  void stopRequested();  ///< Esc, where nothing else takes it
  void openModelRequested();
  void cancelLoadRequested(quint64 job);
  void pageChanged(int page);

 protected:
  void changeEvent(QEvent* event) override;
  void closeEvent(QCloseEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void buildRail();
  void buildMenus();
  void buildStatusBar();
  QWidget* buildAlertBar();
  void retranslate();
  void fillDevice();
  void updateMemory();
  void fillLoad();
  void fitStatusBar();
  void editFocused(const char* slot);
  void focusPage();  ///< gives the keys to the first field of the page that is shown
  void keepFocus(QWidget* before, QWidget* now);

  QStackedWidget* m_pages;
  QWidget* m_alertBar = nullptr;
  Label* m_alertText = nullptr;
  std::function<QString()> m_alert;
  QVector<RailButton*> m_rail;
  QVector<QAction*> m_pageActions;
  QMenu *m_fileMenu = nullptr, *m_editMenu = nullptr, *m_viewMenu = nullptr, *m_helpMenu = nullptr;
  QAction *m_newChat = nullptr, *m_openModel = nullptr, *m_quit = nullptr, *m_undo = nullptr, *m_redo = nullptr,
          *m_cut = nullptr, *m_copy = nullptr, *m_paste = nullptr, *m_selectAll = nullptr, *m_fullScreen = nullptr,
          *m_shortcuts = nullptr, *m_about = nullptr;
  Label *m_model = nullptr, *m_device = nullptr, *m_memory = nullptr, *m_speed = nullptr, *m_state = nullptr;
  Label* m_loadText = nullptr;
  QProgressBar* m_loadBar = nullptr;
  QToolButton* m_loadCancel = nullptr;
  QWidget* m_loadBox = nullptr;

  Settings* m_settings = nullptr;
  QString m_modelName, m_deviceSummary, m_loadName;
  engine::DeviceInfo m_loadedDevice;
  std::uint64_t m_deviceBytes = 0;  ///< what the model takes of its device's memory
  EngineActivity m_activity;
  EngineWork m_loadWaits{};
  std::optional<engine::LoadProgress> m_loadProgress;
  std::function<bool()> m_mayClose;
  double m_tokensPerSecond = 0;
  quint64 m_loadJob = 0;
};

}  // namespace rookery::app
