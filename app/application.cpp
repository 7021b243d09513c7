// SPDX-License-Identifier: GPL-3.0-or-later
#include "application.h"

#include <QCoreApplication>
#include <QDir>
#include <QEvent>
#include <QFileInfo>
#include <QMenu>
#include <QStatusBar>
#include <QTimer>

#include "bench/bench_page.h"
#include "chat/chat_page.h"
#include "chat/conversation_list.h"
#include "chat/unopened_notice.h"
#include "inference/engine_text.h"
#include "inference/inference_service.h"
#include "inference/model_title.h"
#include "main_window.h"
#include "models/models_page.h"
#include "settings/settings.h"
#include "settings/settings_page.h"
#include "support/dialogs.h"
#include "support/plain_text.h"

namespace rookery::app {

namespace {
constexpr int kNoticeMs = 15'000, kQuickSaveMs = 250, kSaveMs = 3'000;
constexpr int kTryAgain = 0, kCloseAnyway = 1;
constexpr int kThroughMs = 1'000;  // of an event loop that turns: what a chat shows at once is laid out and painted by then

/// Runs an action from the event loop once a widget has been painted for the first time; then it is gone.
class AfterFirstPaint : public QObject {
 public:
  AfterFirstPaint(QWidget* widget, std::function<void()> action) : QObject(widget), m_action(std::move(action)) {
    widget->installEventFilter(this);
  }

  bool eventFilter(QObject* watched, QEvent* event) override {
    if (event->type() == QEvent::Paint) {
      watched->removeEventFilter(this);
      QTimer::singleShot(0, watched, std::move(m_action));
      deleteLater();
    }
    return false;
  }

 private:
  std::function<void()> m_action;
};
}  // namespace

StoreResult<std::unique_ptr<Application>> Application::create(const Paths& paths, OpeningAttendant attendant) {
  auto store = ChatStore::open(paths.database(), {}, std::move(attendant));
  if (!store) return tl::unexpected(store.error());
  return std::unique_ptr<Application>(new Application(paths, std::move(*store)));
}

Application::Application(const Paths& paths, std::unique_ptr<ChatStore> store)
    : m_settings(std::make_unique<Settings>(paths)), m_store(std::move(store)),
      m_inference(std::make_unique<InferenceService>()), m_devices(std::make_unique<DeviceList>()) {
  m_chat = new ChatPage(*m_store, *m_inference, m_settings->answerDefaults());
  auto* bench = new BenchPage(m_settings->reportsFolder());
  bench->attach(m_inference.get(), m_settings.get());
  bench->attach(m_devices.get());
  auto* models = new ModelsPage(m_settings.get());
  models->attach(m_inference.get());
  models->attach(m_devices.get());
  auto* settings = new SettingsPage(m_settings.get());
  m_store->setMemoryBudget(m_settings->memoryBudget());
  settings->attach(m_store.get());
  settings->attach(m_devices.get());
  QObject::connect(m_settings.get(), &Settings::memoryBudgetChanged, m_store.get(), &ChatStore::setMemoryBudget);
  QObject::connect(settings, &SettingsPage::chatsChanged, m_chat, &ChatPage::reloadList);
  m_window = std::make_unique<MainWindow>(m_chat, bench, models, settings);
  QObject::connect(m_window.get(), &MainWindow::openModelRequested, models, &ModelsPage::chooseFile);
  QObject::connect(settings, &SettingsPage::aboutRequested, m_window.get(), &MainWindow::showAbout);
  m_window->attach(m_inference.get());
  m_window->attach(m_settings.get());
  m_window->setCloseGuard([this] { return mayClose(); });
  QObject::connect(models, &ModelsPage::chatRequested, m_window.get(), [this] { m_window->showPage(MainWindow::Chat); });
  QObject::connect(models, &ModelsPage::statesFound, m_chat, &ChatPage::setStateFiles);
  QObject::connect(m_chat, &ChatPage::stateFilesWanted, models, &ModelsPage::rescan);
  QObject::connect(models, &ModelsPage::stateChatRequested, m_window.get(), [this](const QString& stateFile) {
    m_window->showPage(MainWindow::Chat);
    m_chat->newChatFrom(stateFile);
  });
  connectParts();
}

Application::~Application() {
  m_window.reset();     // conversations write their last journal entry
  m_inference.reset();  // stops and joins the engine thread
  unmarkLoad();
  unmarkChat();
}

void Application::connectParts() {
  QObject::connect(m_chat, &ChatPage::chatShown, m_window.get(), [this](qint64 conversation) {
    if (conversation != 0 && conversation == m_settings->unfinishedChat()) unmarkChatSoon();
  });
  m_chat->setListShown(m_settings->chatListShown());
  QObject::connect(m_chat, &ChatPage::listShownChanged, m_settings.get(), &Settings::setChatListShown);
  m_window->viewMenu()->addSeparator();
  m_window->viewMenu()->addAction(m_chat->listAction());
  QObject::connect(m_chat, &ChatPage::modelsRequested, m_window.get(), [this] { m_window->showPage(MainWindow::Models); });
  QObject::connect(m_window.get(), &MainWindow::stopRequested, m_chat, &ChatPage::escape);
  QObject::connect(m_window.get(), &MainWindow::newChatRequested, m_chat, [this] {
    m_window->showPage(MainWindow::Chat);
    m_chat->newChat();
  });
  QObject::connect(m_inference.get(), &InferenceService::loadStarted, m_settings.get(), [this](quint64, const QString& name) {
    m_loadName = name;
    markLoad();
    m_guideIsStandIn = false;
  });
  QObject::connect(m_inference.get(), &InferenceService::modelLoaded, m_settings.get(), [this](quint64, const LoadedModel& model) {
    unmarkLoad();
    if (m_guideIsStandIn) return;
    m_settings->setLastModel(model.path);
    m_settings->setLastStrategy(m_inference->lastRequest().strategy);
  });
  QObject::connect(m_inference.get(), &InferenceService::loadFailed, m_chat, [this](quint64, const engine::Error& error) {
    unmarkLoad();
    const bool leftCpu = m_inference->lastLoadLeftCpu(), offerCpu = cpuMayHelp(error, leftCpu);
    LiveText why;
    if (error.code != engine::ErrorCode::Cancelled) {
      why = [name = m_loadName, error, leftCpu] {
        return tr("%1 could not be loaded. %2")
            .arg(modelTitle(name), loadErrorText(error, leftCpu, ErrorPlace::Elsewhere));
      };
    }
    if (offerCpu) m_failedOffCpu = m_inference->lastRequest();
    // Somebody is always there to ask.
    if (!m_inference->model() && (offerCpu || modelTitle(m_loadName) != guideName())) loadGuideInstead(why, offerCpu);
    else m_chat->setLoadProblem(why, offerCpu);
  });
  QObject::connect(m_chat, &ChatPage::loadOnCpuRequested, m_window.get(), [this] { loadOnCpu(); });
  m_window->setAlert([this] { return m_store->whyReadOnly(); });
  QObject::connect(m_store.get(), &ChatStore::opened, m_window.get(), [this] {
    m_window->updateAlert();
    if (m_store->isReadOnly()) return;
    tellOfDamage();
    m_chat->list().model().startSearch();
  });
  QObject::connect(m_store.get(), &ChatStore::failing, m_window.get(),
                   [this](const LiveText& sentence) { m_trouble = sentence; });
  QObject::connect(m_store.get(), &ChatStore::memoriesDropped, m_window.get(), [this](int count) {
    m_window->statusBar()->showMessage(displayName(tr("%n old memories of chats were dropped to stay within the limit (Settings, Memory of chats)", nullptr, count)), kNoticeMs);
  });
  QObject::connect(m_settings.get(), &Settings::answerDefaultsChanged, m_chat,
                   [this] { m_chat->setDefaults(m_settings->answerDefaults()); });
}

void Application::showWindow() {
  new AfterFirstPaint(m_window.get(), [this] { openFirstChat(); });
  m_window->show();
}

void Application::openFirstChat() {
  QTimer::singleShot(kThroughMs, m_window.get(), [this] { m_chat->list().model().startSearch(); });
  const auto newest = m_store->conversations({}, 1, 0);
  if (newest.empty() || m_chat->current()->id() != 0) return;
  if (newest.front().id == m_settings->unfinishedChat()) offerChat(newest.front());
  else openMarkedChat(newest.front().id);
}

void Application::openMarkedChat(qint64 conversation) {
  m_settings->setUnfinishedChat(conversation);
  unmarkChatSoon();
  m_chat->openChat(conversation);
}

void Application::unmarkChatSoon() {
  m_chatIsMarked = true;
  QTimer::singleShot(kThroughMs, m_window.get(), [this] { unmarkChat(); });
}

void Application::unmarkChat() {
  if (m_chatIsMarked) m_settings->setUnfinishedChat(0);
  m_chatIsMarked = false;
}

void Application::offerChat(const ConversationSummary& chat) {
  auto* notice = new UnopenedNotice(chat.title);
  QObject::connect(notice, &UnopenedNotice::openRequested, m_chat, [this, id = chat.id] { openMarkedChat(id); });
  QObject::connect(notice, &UnopenedNotice::deleteRequested, m_chat,
                   [this, id = chat.id] { m_chat->list().remove(id); });
  QObject::connect(notice, &UnopenedNotice::closeRequested, notice, &QObject::deleteLater);
  const auto closeFor = [notice, offered = chat.id](qint64 id) {  // it was opened or deleted, here or in the list
    if (id == offered) notice->deleteLater();
  };
  QObject::connect(m_chat, &ChatPage::chatShown, notice, closeFor);
  QObject::connect(&m_chat->list(), &ConversationList::deleted, notice, closeFor);
  m_chat->addNotice(notice, chat.id);
}

void Application::loadFirstModel() {
  const QString last = m_settings->lastModel();
  if (!last.isEmpty() && !QFileInfo::exists(last)) {
    loadGuideInstead([name = displayName(modelNameOf(last))] {
      return tr("%1 is not where it was. Choose it again on the Models page.").arg(name);
    });
    return;
  }
  const ModelRequest request = ModelsPage::requestFor(*m_settings, last);
  if (request.device != cpuChoice() && request.device == m_settings->unfinishedLoad()) {
    m_failedOffCpu = request;
    const QString device = displayName(request.device.name.isEmpty() ? request.device.id : request.device.name);
    loadGuideInstead(
        [device] {
          return tr("Rookery ended while it was loading a model on %1, so it did not try that again by itself.")
              .arg(device);
        },
        true);
    return;
  }
  m_inference->load(request);
}

/// A driver may take the program, or the whole system, with it: the next start must not run into the same.
void Application::markLoad() {
  const DeviceChoice& device = m_inference->lastRequest().device;
  if (device == cpuChoice()) return;
  m_settings->setUnfinishedLoad(device);
  m_loadIsMarked = true;
}

void Application::unmarkLoad() {
  if (m_loadIsMarked) m_settings->setUnfinishedLoad(cpuChoice());
  m_loadIsMarked = false;
}

void Application::tellOfDamage() {
  const QString kept = m_store->damagedCopy();
  if (kept.isEmpty()) return;
  const Salvaged& salvaged = m_store->salvaged();
  const QString rescued = salvaged.chats + salvaged.messages == 0
                              ? tr("Nothing in it could be read, so Rookery started with an empty one.")
                              : tr("Rookery rescued %1 with %2 into a new one; check that nothing you need is missing.")
                                    .arg(tr("%n chats", nullptr, salvaged.chats), tr("%n messages", nullptr, salvaged.messages));
  Dialogs::instance().tell(m_window.get(), QCoreApplication::applicationName(),
                           tr("The file with your chats was damaged. %1\n\nThe damaged file is kept here:\n%2")
                               .arg(rescued, QDir::toNativeSeparators(kept)));
}

void Application::loadGuideInstead(const LiveText& why, bool offerCpu) {
  ModelRequest guide = ModelsPage::requestFor(*m_settings, {});
  guide.device = cpuChoice();  // which never fails
  m_inference->load(guide);
  m_guideIsStandIn = true;
  m_chat->setLoadProblem(
      why.isEmpty() ? LiveText() : LiveText([why] { return tr("%1 The guide model answers until then.").arg(why()); }),
      offerCpu);
}

void Application::loadOnCpu() {
  m_settings->setDevice(cpuChoice());
  m_failedOffCpu.device = cpuChoice();
  m_failedOffCpu.strategy.clear();
  m_inference->load(m_failedOffCpu);
}

/// Nothing that was written may be lost by closing without the user knowing.
bool Application::mayClose() {
  const auto saved = [this](int milliseconds) {
    m_store->flush(milliseconds);
    QCoreApplication::sendPostedEvents(m_store.get(), QEvent::MetaCall);  // the writer's trouble comes as a signal
    return !m_store->isFailing();
  };
  bool done = saved(kQuickSaveMs);
  while (!done) {
    if (m_store->isReadOnly()) m_trouble = [this] { return m_store->whyReadOnly(); };
    const int choice =
        Dialogs::instance().choose(m_window.get(), tr("Not everything is saved"),
                                   tr("The newest changes to your chats are not saved. %1\n\nRookery keeps trying "
                                      "while its window is open. Closing it now loses them.")
                                       .arg(m_trouble()),
                                   {tr("Try again"), tr("Close anyway")});
    if (choice == kCloseAnyway) return true;
    if (choice != kTryAgain) return false;
    done = saved(kSaveMs);
  }
  return true;
}

}  // namespace rookery::app
