// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>
#include <QListView>
#include <QPlainTextEdit>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "application.h"
#include "chat/chat_page.h"
#include "inference/inference_service.h"
#include "main_window.h"
#include "settings/settings.h"
#include "shell_support.h"

namespace rookery::app::test {

inline constexpr int kAnswerTimeout = 60'000;

/// A test of the whole app with the built-in guide model: window, engine thread, database in a folder of its own.
class WholeAppTest : public QObject {
 protected:
  void startInNewFolder() {
    m_dir = std::make_unique<QTemporaryDir>();
    start();
  }
  /// Destroys everything, if there is something, and builds it on the same folder.
  void start() {
    m_app.reset();
    const Paths paths = Paths::inside(m_dir->path());
    QVERIFY(paths.create());
    m_app = std::move(Application::create(paths).value());
    engine::SamplerSettings greedy;
    greedy.temperature = 0;
    m_app->chatPage().setDefaults({greedy, {}, {}});
    if (page().current()->id() == 0) page().newChat();
    m_app->window().resize(1100, 750);
    m_app->showWindow();
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->loadFirstModel();
    QVERIFY(loaded.wait(kAnswerTimeout));
  }

  void ask(const QString& question) {
    QTest::keyClicks(input(), question);
    QTest::keyClick(input(), Qt::Key_Return);
    waitForAnswer();
  }

  QListView* list() { return m_app->window().findChild<QListView*>(QStringLiteral("chatList")); }

  void deleteCurrentChat() {
    const int rows = list()->model()->rowCount();
    list()->setFocus();
    QTest::keyClick(list(), Qt::Key_Delete);
    // Offscreen windows may not be active.
    if (list()->model()->rowCount() == rows) list()->actions().back()->trigger();
  }

  /// From here on nothing can be saved, and something waits to be.
  void fillDisk() {
    QVERIFY(m_app->store().flush(10'000));
    m_app->store().setPageLimit(1);
    ConversationRecord big;
    big.id = m_app->store().newConversationId();
    big.uuid = QStringLiteral("big");
    big.title = QString(300'000, u'x');
    m_app->store().putConversation(big);
    m_app->store().moveToBin(big.id);
    QTRY_VERIFY_WITH_TIMEOUT(m_app->store().isFailing(), 10'000);
    QCoreApplication::processEvents();
  }

  void waitForAnswer() {
    QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Idle, kAnswerTimeout);
  }
  ChatPage& page() { return m_app->chatPage(); }
  static QString remembered(std::size_t tokens, std::size_t again) {
    const QLocale locale;
    return QStringLiteral("%1 tokens remembered, %2 read again")
        .arg(locale.toString(quint64(tokens)), locale.toString(quint64(again)));
  }
  /// Ends, changes the database, and starts again.
  void restartAfter(std::initializer_list<const char*> statements) {
    m_app.reset();
    {
      auto database = Connection::open(Paths::inside(m_dir->path()).database(), Connection::Mode::ReadWrite);
      for (const char* statement : statements) QVERIFY(runSql(database->database(), QLatin1String(statement)));
    }
    start();
  }
  /// Clicks "continue" or "regenerate", for an answer of that many tokens.
  void click(const char* button, int tokens) {
    page().current()->setGenerateLimits(tokens, false);
    visible<QToolButton>(QLatin1String(button))->click();
    waitForAnswer();
  }

  /// The store alone keeps it.
  Tokens promptOf(const MessageRecord& message) {
    m_app->store().flush(5000);
    auto stored = m_app->store().promptOf(message.id, {});
    return stored ? stored->tokens : Tokens();
  }
  MessageRecord message(int row) { return page().current()->transcript().message(row); }
  QPlainTextEdit* input() { return page().findChild<QPlainTextEdit*>(QStringLiteral("composerInput")); }
  QString status() { return page().findChild<QLabel*>(QStringLiteral("chatStatus"))->text(); }

  template <class T>
  T* visible(const QString& name) {
    for (T* found : page().findChildren<T*>(name)) {
      if (found->isVisible()) return found;
    }
    qFatal("no visible %s", qPrintable(name));
    return nullptr;
  }

  std::unique_ptr<QTemporaryDir> m_dir;
  std::unique_ptr<Application> m_app;
};

}  // namespace rookery::app::test
