// SPDX-License-Identifier: GPL-3.0-or-later
#include "main_window.h"

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QCloseEvent>
#include <QHBoxLayout>
#include <QMenuBar>
#include <QPainter>
#include <QProgressBar>
#include <QRegularExpression>
#include <QShortcut>
#include <QScreen>
#include <QStackedWidget>
#include <QLayout>
#include <QStatusBar>
#include <QTimer>
#include <QToolButton>

#include "about_dialogs.h"
#include "inference/device_list.h"
#include "inference/engine_text.h"
#include "inference/inference_service.h"
#include "inference/model_title.h"
#include "page_widget.h"
#include "rail_button.h"
#include "rookery/ledger.h"
#include "settings/settings.h"
#include "support/accessible.h"
#include "support/format.h"
#include "support/plain_text.h"
#include "theme/card.h"
#include "theme/icons.h"
#include "theme/label.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {

constexpr int kMemoryRefreshMs = 2000;
constexpr int kStatusCharacters = 24;     ///< of a model's name that the status bar has room for, if of anything
constexpr qsizetype kMostSaid = 600;  ///< characters of a notice for a screen reader
constexpr QSize kDefaultSize(1180, 780), kFrame(16, 48);  // title bar and borders, not known before it is shown

/// The rail's ink ground; a widget of its own because a palette would leak into tool tips and menus.
class Rail : public QWidget {
 public:
  using QWidget::QWidget;

 protected:
  void paintEvent(QPaintEvent* /*event*/) override { QPainter(this).fillRect(rect(), Theme::colors().rail); }
};

Label* statusLabel(const char* name, QWidget* parent) {
  auto* label = new Label(parent);
  label->setObjectName(QLatin1String(name));
  label->setElided(true);
  label->setContentsMargins(4, 0, 8, 0);
  return label;
}

/// The engine's "CPU avx2, 2 threads, exact" in the user's language.
QString summaryText(const QString& summary) {
  static const QRegularExpression threads(QStringLiteral("\\b(\\d{1,6}) threads?\\b"));
  QString text = summary;
  if (const auto match = threads.match(text); match.hasMatch()) {
    text.replace(match.capturedStart(), match.capturedLength(), MainWindow::tr("%n thread(s)", nullptr, match.captured(1).toInt()));
  }
  const QLatin1String exact(", exact");
  if (text.endsWith(exact)) {
    text = text.chopped(exact.size()) + QStringLiteral(", ") + MainWindow::tr("full precision");
  }
  return text;
}

}  // namespace

MainWindow::MainWindow(PageWidget* chat, PageWidget* bench, PageWidget* models, PageWidget* settings)
    : m_pages(new QStackedWidget) {
  setObjectName(QStringLiteral("mainWindow"));
  setWindowIcon(appIcon());
  m_pages->setObjectName(QStringLiteral("pages"));
  for (auto* page : {chat, bench, models, settings}) {
    m_pages->addWidget(page);
  }
  buildRail();
  buildMenus();
  buildStatusBar();
  retranslate();
  resize(kDefaultSize.boundedTo(screen()->availableSize() - kFrame));
  showPage(Chat);

  auto* timer = new QTimer(this);
  connect(timer, &QTimer::timeout, this, &MainWindow::updateMemory);
  timer->start(kMemoryRefreshMs);
  updateMemory();
}

MainWindow::~MainWindow() = default;

void MainWindow::attach(InferenceService* service) {
  connect(service, &InferenceService::loadStarted, this, [this, service](quint64 job, const QString& name) {
    showLoadStarted(job, name, service->isQueued(job) ? service->runningWork() : EngineWork::None);  // an answer may load again
  });
  connect(service, &InferenceService::loadProgress, this, &MainWindow::showLoadProgress);
  connect(service, &InferenceService::modelLoaded, this, [this](quint64 job, const LoadedModel& model) {
    showLoadEnded(job);
    setModel(model);
  });
  connect(service, &InferenceService::loadFailed, this, [this](quint64 job) { showLoadEnded(job); });
  connect(this, &MainWindow::cancelLoadRequested, service, [service](quint64 job) { service->stop(job); });
  connect(service, &InferenceService::activityChanged, this, [this, service] { setActivity(service->activity()); });
  if (service->model()) {
    setModel(*service->model());
  }
}

void MainWindow::attach(Settings* settings) {
  m_settings = settings;
  restoreGeometry(settings->windowGeometry());
  const QSignalBlocker block(m_fullScreen);
  m_fullScreen->setChecked(isFullScreen());
}

void MainWindow::showPage(Page page) {
  m_pages->setCurrentIndex(page);
  m_rail[page]->setChecked(true);
  m_pageActions[page]->setChecked(true);
  focusPage();
  Q_EMIT pageChanged(page);
}

void MainWindow::focusPage() {
  static_cast<PageWidget*>(m_pages->currentWidget())->firstField()->setFocus(Qt::OtherFocusReason);  // only such are added
}

MainWindow::Page MainWindow::page() const { return static_cast<Page>(m_pages->currentIndex()); }

void MainWindow::buildRail() {
  auto* rail = new Rail;
  rail->setObjectName(QStringLiteral("rail"));
  setAccessibleRole(rail, QAccessible::PageTabList);
  auto* column = new QVBoxLayout(rail);
  column->setContentsMargins(0, 12, 0, 8);
  column->setSpacing(4);
  const char* icons[] = {"chat", "bench", "models", "settings"};
  const char* names[] = {"railChat", "railBench", "railModels", "railSettings"};
  for (int i = 0; i < 4; ++i) {
    auto* button = new RailButton(QLatin1String(icons[i]), rail);
    button->setObjectName(QLatin1String(names[i]));
    setAccessibleRole(button, QAccessible::PageTab);
    connect(button, &QToolButton::clicked, this, [this, i] { showPage(static_cast<Page>(i)); });
    m_rail << button;
    column->addWidget(button);
    if (i == Models) {
      column->addStretch();  // settings stand apart, at the bottom
    }
  }
  auto* central = new QWidget;
  auto* row = new QHBoxLayout(central);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(0);
  row->addWidget(rail);
  auto* pageColumn = new QVBoxLayout;
  pageColumn->setSpacing(0);
  pageColumn->addWidget(buildAlertBar());
  pageColumn->addWidget(m_pages, 1);
  row->addLayout(pageColumn, 1);
  setCentralWidget(central);
}

QWidget* MainWindow::buildAlertBar() {
  m_alertBar = new QWidget;
  m_alertBar->setObjectName(QStringLiteral("alertBar"));
  m_alertBar->setAutoFillBackground(true);
  m_alertBar->setBackgroundRole(QPalette::AlternateBase);
  setAccessibleRole(m_alertBar, QAccessible::AlertMessage);
  auto* icon = new IconLabel(QStringLiteral("warning"), 20, m_alertBar);
  m_alertText = new Label(m_alertBar);
  m_alertText->setObjectName(QStringLiteral("alertText"));
  m_alertText->setTextInteractionFlags(Qt::TextSelectableByMouse);
  m_alertText->setWordWrap(true);
  auto* row = new QHBoxLayout(m_alertBar);
  row->setContentsMargins(16, 10, 16, 10);
  row->setSpacing(10);
  row->addWidget(icon, 0, Qt::AlignTop);
  row->addWidget(m_alertText, 1);
  m_alertBar->hide();
  return m_alertBar;
}

void MainWindow::setAlert(std::function<QString()> text) {
  m_alert = std::move(text);
  updateAlert();
}

void MainWindow::updateAlert() {
  const QString text = m_alert ? m_alert() : QString();
  const bool isNew = text != m_alertText->fullText();
  m_alertText->setText(text);
  m_alertBar->setAccessibleName(displayName(text, kMostSaid));
  m_alertBar->setVisible(!text.isEmpty());
  if (isNew && !text.isEmpty()) {
    announce(m_alertBar);
  }
}

void MainWindow::buildMenus() {
  m_fileMenu = menuBar()->addMenu(QString());
  m_editMenu = menuBar()->addMenu(QString());
  m_viewMenu = menuBar()->addMenu(QString());
  m_helpMenu = menuBar()->addMenu(QString());
  const auto add = [](QMenu* menu, const char* name, const char* icon, const QKeySequence& keys) {
    auto* action = menu->addAction(icon != nullptr ? lineIcon(QLatin1String(icon)) : QIcon(), QString());
    action->setObjectName(QLatin1String(name));
    action->setShortcut(keys);
    return action;
  };
  m_newChat = add(m_fileMenu, "actionNewChat", "plus", QKeySequence::New);
  m_openModel = add(m_fileMenu, "actionOpenModel", "folder-open", QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_O));
  m_fileMenu->addSeparator();
  m_quit = add(m_fileMenu, "actionQuit", nullptr, QKeySequence(Qt::CTRL | Qt::Key_Q));
  m_quit->setMenuRole(QAction::QuitRole);

  // Without shortcuts of their own: the focused field handles these keys itself, and two owners would be ambiguous.
  m_undo = add(m_editMenu, "actionUndo", "undo", {});
  m_redo = add(m_editMenu, "actionRedo", nullptr, {});
  m_editMenu->addSeparator();
  m_cut = add(m_editMenu, "actionCut", nullptr, {});
  m_copy = add(m_editMenu, "actionCopy", "copy", {});
  m_paste = add(m_editMenu, "actionPaste", nullptr, {});
  m_selectAll = add(m_editMenu, "actionSelectAll", nullptr, {});

  auto* group = new QActionGroup(this);
  const char* icons[] = {"chat", "bench", "models", "settings"};
  const char* names[] = {"actionChat", "actionBench", "actionModels", "actionSettings"};
  for (int i = 0; i < 4; ++i) {
    auto* action = add(m_viewMenu, names[i], icons[i], QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + i)));
    action->setCheckable(true);
    group->addAction(action);
    connect(action, &QAction::triggered, this, [this, i] { showPage(static_cast<Page>(i)); });
    m_pageActions << action;
  }
  m_viewMenu->addSeparator();
  m_fullScreen = add(m_viewMenu, "actionFullScreen", nullptr, QKeySequence(Qt::Key_F11));
  m_fullScreen->setCheckable(true);

  m_shortcuts = add(m_helpMenu, "actionShortcuts", "keyboard", QKeySequence(Qt::Key_F1));
  m_about = add(m_helpMenu, "actionAbout", "raven", {});
  m_about->setMenuRole(QAction::AboutRole);

  connect(m_newChat, &QAction::triggered, this, [this] {
    showPage(Chat);
    Q_EMIT newChatRequested();
  });
  connect(m_openModel, &QAction::triggered, this, [this] {
    showPage(Models);
    Q_EMIT openModelRequested();
  });
  connect(m_quit, &QAction::triggered, this, &QWidget::close);
  connect(m_undo, &QAction::triggered, this, [this] { editFocused("undo"); });
  connect(m_redo, &QAction::triggered, this, [this] { editFocused("redo"); });
  connect(m_cut, &QAction::triggered, this, [this] { editFocused("cut"); });
  connect(m_copy, &QAction::triggered, this, [this] { editFocused("copy"); });
  connect(m_paste, &QAction::triggered, this, [this] { editFocused("paste"); });
  connect(m_selectAll, &QAction::triggered, this, [this] { editFocused("selectAll"); });
  connect(m_fullScreen, &QAction::toggled, this,
          [this](bool on) { setWindowState(windowState().setFlag(Qt::WindowFullScreen, on)); });
  connect(new QShortcut(QKeySequence(Qt::Key_Escape), this), &QShortcut::activated, this, &MainWindow::stopRequested);
  connect(qApp, &QApplication::focusChanged, this, &MainWindow::keepFocus);
  connect(m_shortcuts, &QAction::triggered, this, &MainWindow::showShortcuts);
  connect(m_about, &QAction::triggered, this, &MainWindow::showAbout);
}

void MainWindow::buildStatusBar() {
  auto* bar = statusBar();
  bar->setObjectName(QStringLiteral("statusBar"));
  bar->setSizeGripEnabled(false);
  bar->setContentsMargins(4, 0, 4, 0);
  m_state = statusLabel("statusState", bar);
  m_model = statusLabel("statusModel", bar);
  m_device = statusLabel("statusDevice", bar);
  m_memory = statusLabel("statusMemory", bar);
  m_speed = statusLabel("statusSpeed", bar);

  m_loadBox = new QWidget(bar);
  auto* row = new QHBoxLayout(m_loadBox);
  row->setContentsMargins(0, 0, 0, 0);
  m_loadText = statusLabel("loadText", m_loadBox);
  m_loadBar = new QProgressBar(m_loadBox);
  m_loadBar->setObjectName(QStringLiteral("loadBar"));
  m_loadBar->setRange(0, 1000);
  m_loadBar->setMinimumWidth(48);
  m_loadBar->setMaximumWidth(160);
  m_loadCancel = new QToolButton(m_loadBox);
  m_loadCancel->setObjectName(QStringLiteral("loadCancel"));
  m_loadCancel->setIcon(lineIcon(QStringLiteral("close")));
  m_loadCancel->setAutoRaise(true);
  row->addWidget(m_loadText);
  row->addWidget(m_loadBar);
  row->addWidget(m_loadCancel);
  m_loadBox->hide();
  connect(m_loadCancel, &QToolButton::clicked, this, [this] { Q_EMIT cancelLoadRequested(m_loadJob); });

  bar->addWidget(m_state);
  bar->addWidget(m_loadBox);
  for (auto* label : {m_model, m_device, m_memory, m_speed}) {
    bar->addPermanentWidget(label);
  }
}

void MainWindow::retranslate() {
  setWindowTitle(QStringLiteral("Rookery"));
  const QString pages[] = {tr("Chat"), tr("Benchmark"), tr("Models"), tr("Settings")};
  for (int i = 0; i < 4; ++i) {
    m_rail[i]->setText(pages[i]);
    m_rail[i]->setAccessibleName(pages[i]);
    m_rail[i]->setToolTip(plainToolTip(tr("%1 (%2)").arg(pages[i], m_pageActions[i]->shortcut().toString(QKeySequence::NativeText))));
    m_pageActions[i]->setText(pages[i]);
  }
  m_fileMenu->setTitle(tr("&File"));
  m_editMenu->setTitle(tr("&Edit"));
  m_viewMenu->setTitle(tr("&View"));
  m_helpMenu->setTitle(tr("&Help"));
  m_newChat->setText(tr("&New chat"));
  m_openModel->setText(tr("&Open a model…"));
  m_quit->setText(tr("&Quit"));
  m_undo->setText(tr("&Undo"));
  m_redo->setText(tr("&Redo"));
  m_cut->setText(tr("Cu&t"));
  m_copy->setText(tr("&Copy"));
  m_paste->setText(tr("&Paste"));
  m_selectAll->setText(tr("Select &all"));
  m_fullScreen->setText(tr("&Full screen"));
  m_shortcuts->setText(tr("&Keyboard shortcuts"));
  m_about->setText(tr("&About Rookery"));
  m_loadCancel->setToolTip(plainToolTip(tr("Stop loading")));
  m_loadCancel->setAccessibleName(tr("Stop loading"));
  m_loadBar->setAccessibleName(tr("Loading progress"));
  m_model->setText(m_modelName.isEmpty() ? tr("No model loaded") : modelTitle(m_modelName));
  fillDevice();
  fillLoad();
  setActivity(m_activity);
  updateMemory();
  updateAlert();
}

void MainWindow::setModel(const LoadedModel& model) {
  m_modelName = model.name;
  m_loadedDevice = model.device;
  m_deviceSummary = model.deviceSummary;
  m_deviceBytes = 0;
  for (const auto& entry : model.memory) {
    m_deviceBytes += entry.device == model.device.id ? entry.bytes : 0;
  }
  m_tokensPerSecond = 0;
  retranslate();
}

void MainWindow::fillDevice() {
  const QString summary = summaryText(m_deviceSummary);
  m_device->setText(m_loadedDevice.software ? tr("%1 (software)").arg(summary) : summary);
  QString details;
  if (!m_deviceSummary.isEmpty()) {
    details = deviceDetails(m_loadedDevice);
    if (!m_loadedDevice.isCpu()) {
      details += u'\n' + tr("The model takes %1 of its memory").arg(formatBytes(m_deviceBytes));
    }
  }
  fitStatusBar();
  m_device->setToolTip(plainToolTip(details));
  m_device->setAccessibleDescription(details);
}

void MainWindow::setSpeed(double tokensPerSecond) {
  m_tokensPerSecond = tokensPerSecond;
  m_speed->setText(tokensPerSecond > 0 ? tr("%1 tokens/s").arg(formatRate(tokensPerSecond)) : QString());
  fitStatusBar();
}

void MainWindow::setActivity(const EngineActivity& activity) {
  m_activity = activity;
  m_state->setText(activityText(activity));
  setSpeed(activity.kind == EngineActivity::Kind::Answering ? activity.perSecond : 0);
}

void MainWindow::updateMemory() {
  const auto resident = engine::residentBytes();
  const auto total = engine::totalMemoryBytes();
  m_memory->setText(resident > 0 && total > 0 ? tr("%1 of %2").arg(formatBytes(resident), formatBytes(total))
                                              : QString());
  fitStatusBar();
  m_memory->setToolTip(plainToolTip(tr("Memory that Rookery uses now, and all that this computer has")));
}

/// Where there is too little room, what matters least goes first: it is said in full on other pages.
void MainWindow::fitStatusBar() {
  const auto needs = [this](const QWidget* part) {
    return part->sizeHint().width() + statusBar()->layout()->spacing();
  };
  const int least = fontMetrics().averageCharWidth() * kStatusCharacters;
  int room = statusBar()->contentsRect().width();
  for (const QWidget* part : std::initializer_list<const QWidget*>{m_state, m_loadBox}) {
    if (!part->isHidden()) room -= needs(part);
  }
  bool fits = true;
  for (Label* label : {m_model, m_speed, m_device, m_memory}) {
    const bool isThere = !label->fullText().isEmpty();
    const int width = label == m_model ? std::min(needs(label), least) : needs(label);  // a long name is shortened
    if (isThere) fits = fits && width <= room;
    label->setVisible(isThere && fits);
    if (isThere && fits) room -= width;
  }
}

void MainWindow::resizeEvent(QResizeEvent* event) {
  QMainWindow::resizeEvent(event);
  fitStatusBar();
}

void MainWindow::showLoadStarted(quint64 job, const QString& name, EngineWork waitsFor) {
  m_loadJob = job;
  m_loadName = name;
  m_loadWaits = waitsFor == EngineWork::Load ? EngineWork::None : waitsFor;  // that is this one, or one that it stopped
  m_loadProgress.reset();
  fillLoad();
  m_state->setVisible(m_loadWaits != EngineWork::None);  // what it waits for goes on
  m_loadBox->show();
  fitStatusBar();
}

void MainWindow::showLoadProgress(quint64 job, const engine::LoadProgress& progress) {
  if (job == m_loadJob) {
    m_loadProgress = progress;
    m_state->hide();
    fillLoad();
  }
}

void MainWindow::fillLoad() {
  const QString name = modelTitle(m_loadName);
  if (!m_loadProgress) {
    const QString waits = waitingText(m_loadWaits);
    m_loadText->setText(waits.isEmpty() ? tr("Loading %1").arg(name) : tr("%1: %2").arg(name, waits));
    m_loadBar->setRange(0, 0);
  } else if (m_loadProgress->stage == engine::LoadStage::WarmingUp) {
    m_loadText->setText(tr("Preparing the device for %1").arg(name));
    m_loadBar->setRange(0, static_cast<int>(m_loadProgress->bytesTotal));
    m_loadBar->setValue(static_cast<int>(m_loadProgress->bytesDone));
  } else if (const auto total = m_loadProgress->bytesTotal; total > 0) {
    m_loadText->setText(
        tr("Loading %1: %2 of %3").arg(name, formatBytes(m_loadProgress->bytesDone), formatBytes(total)));
    m_loadBar->setRange(0, 1000);
    m_loadBar->setValue(static_cast<int>(1000.0 * static_cast<double>(m_loadProgress->bytesDone) / static_cast<double>(total)));
  }
  fitStatusBar();
}

void MainWindow::showLoadEnded(quint64 job) {
  if (job == m_loadJob) {
    m_loadBox->hide();
    m_state->show();
    m_loadJob = 0;
    fitStatusBar();
  }
}

/// The field with the focus does it, or what is around it.
void MainWindow::editFocused(const char* slot) {
  const QByteArray signature = QByteArray(slot) + "()";
  for (auto* widget = QApplication::focusWidget(); widget != nullptr; widget = widget->parentWidget()) {
    if (widget->metaObject()->indexOfMethod(signature.constData()) >= 0) {
      QMetaObject::invokeMethod(widget, slot);
      return;
    }
  }
}

/// A field that is hidden, disabled or deleted leaves the keys to what comes next, which may be the rail or nothing:
/// the page has them then.
void MainWindow::keepFocus(QWidget* before, QWidget* now) {
  if (before == nullptr || !isAncestorOf(before) || !isActiveWindow()) {
    return;
  }
  const bool isGone = !before->isVisible() || !before->isEnabled();
  if (now == nullptr) {  // perhaps for a moment only
    QTimer::singleShot(0, this, [this] {
      if (isActiveWindow() && QApplication::focusWidget() == nullptr) {
        focusPage();
      }
    });
  } else if (isGone && isAncestorOf(now) && !m_pages->isAncestorOf(now)) {
    focusPage();
  }
}

void MainWindow::showShortcuts() {
  // The chat page's own keys are no actions of a menu.
  const QList<ShortcutsDialog::Key> keys{{tr("Send the message"), QKeySequence(Qt::Key_Return)},
                                         {tr("New line in the message"), QKeySequence(Qt::SHIFT | Qt::Key_Return)},
                                         {tr("Stop the answer or cancel editing"), QKeySequence(Qt::Key_Escape)},
                                         {tr("Search chats"), QKeySequence(Qt::CTRL | Qt::Key_K)}};
  ShortcutsDialog(actions() + findChildren<QAction*>(), keys, this).exec();
}

void MainWindow::showAbout() { AboutDialog(this).exec(); }

void MainWindow::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) {
    retranslate();
  } else if (event->type() == QEvent::WindowStateChange) {
    const QSignalBlocker block(m_fullScreen);  // the window manager can end it as well
    m_fullScreen->setChecked(isFullScreen());
  }
  QMainWindow::changeEvent(event);
}

void MainWindow::closeEvent(QCloseEvent* event) {
  if (m_mayClose && !m_mayClose()) {
    event->ignore();
    return;
  }
  if (m_settings != nullptr) {
    m_settings->setWindowGeometry(saveGeometry());
  }
  QMainWindow::closeEvent(event);
}

}  // namespace rookery::app
