// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QDateTime>
#include <QLineEdit>
#include <QListView>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSet>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QWindow>
#include <array>

#include "application.h"
#include "chat/chat_page.h"
#include "chat/conversation_list_model.h"
#include "main_window.h"
#include "shell_support.h"

using namespace rookery;
using namespace rookery::app;

namespace {
constexpr int kTimeout = 60'000;
}

/// Where typing goes. Keys and clicks go to the window, as a user's do, and find their widget themselves.
class FocusTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    const Paths paths = Paths::inside(m_folder.path());
    QVERIFY(paths.create());
    m_app = std::move(Application::create(paths).value());
    m_window = &m_app->window();
    for (const char* title : {"Raven story", "Second chat", "Third chat"}) addChat(QLatin1String(title));
    m_app->chatPage().reloadList();
    m_window->resize(1180, 780);
    m_app->showWindow();
    m_window->activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(m_window));
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->loadFirstModel();
    QVERIFY(loaded.wait(kTimeout));
  }
  void cleanupTestCase() { m_app.reset(); }
  void init() {
    m_window->showPage(MainWindow::Chat);
    page().newChat();
    input()->clear();
  }

  void aClickedChatIsTypedInto() {
    click(list()->viewport(), list()->visualRect(list()->model()->index(1, 0)).center());
    const qint64 chosen = page().current()->id();
    QVERIFY(chosen != 0);
    type("Ra");
    QCOMPARE(input()->toPlainText(), QStringLiteral("Ra"));
    QCOMPARE(page().current()->id(), chosen);
    click(list()->viewport(), list()->visualRect(list()->model()->index(1, 0)).center());  // the one that is open already
    type("b");
    QCOMPARE(input()->toPlainText(), QStringLiteral("Rab"));
  }

  void theListKeepsArrowsAndGivesLettersAway() {
    list()->setFocus();
    press(Qt::Key_Down);
    press(Qt::Key_Down);
    QVERIFY(list()->hasFocus());
    input()->clear();  // the draft of that chat
    const qint64 chosen = page().current()->id();
    type("Raven");
    QCOMPARE(page().current()->id(), chosen);
    QCOMPARE(input()->toPlainText(), QStringLiteral("Raven"));
    list()->setFocus();
    press(Qt::Key_Return);
    QVERIFY(input()->hasFocus());
  }

  void aChatThatIsRenamedHasTheLetters() {
    list()->setFocus();
    list()->setCurrentIndex(list()->model()->index(0, 0));
    press(Qt::Key_F2);
    type("New name");
    press(Qt::Key_Return);
    QCOMPARE(list()->model()->index(0, 0).data().toString(), QStringLiteral("New name"));
    QVERIFY(input()->toPlainText().isEmpty());
  }

  void whatIsDoneToAMessageLeadsBackToTyping() {
    ask(QStringLiteral("What is Rookery?"));
    click(shown<QToolButton>("regenerate"));
    type("while it answers");
    waitForAnswer();
    QCOMPARE(input()->toPlainText(), QStringLiteral("while it answers"));
    input()->clear();

    click(shown<QToolButton>("previousSibling"));
    type("abc def");  // the button is disabled by its own click
    QCOMPARE(input()->toPlainText(), QStringLiteral("abc def"));
    click(shown<QToolButton>("nextSibling"));
    type(" ghi");
    QCOMPARE(input()->toPlainText(), QStringLiteral("abc def ghi"));
    click(shown<QToolButton>("copy"));
    type("!");
    QCOMPARE(input()->toPlainText(), QStringLiteral("abc def ghi!"));
    input()->clear();

    click(shown<QToolButton>("edit"));
    type(" Tell");
    QCOMPARE(input()->toPlainText(), QStringLiteral("What is Rookery? Tell"));
    press(Qt::Key_Escape);
  }

  void aContinuedAnswerIsStoppedByEscape() {
    startLongAnswer();
    press(Qt::Key_Escape);
    waitForAnswer();
    click(shown<QToolButton>("continue"));
    QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Answering, kTimeout);
    QVERIFY(input()->hasFocus());
    press(Qt::Key_Escape);
    waitForAnswer();
  }

  void escapeStopsFromEveryPlace() {
    page().findChild<QToolButton*>(QStringLiteral("samplingToggle"))->setChecked(true);
    for (const char* name : {"chatList", "chatSearch", "newChat", "transcript", "samplingToggle", "temperature", "samplingPreset", "systemPrompt"}) {
      startLongAnswer();
      auto* widget = page().findChild<QWidget*>(QLatin1String(name));
      QVERIFY2(widget != nullptr, name);
      widget->setFocus();
      QVERIFY2(widget->hasFocus(), name);
      press(Qt::Key_Escape);
      QTRY_VERIFY2_WITH_TIMEOUT(!page().current()->isBusy(), name, kTimeout);
    }
    startLongAnswer();
    m_window->showPage(MainWindow::SettingsPage);
    press(Qt::Key_Escape);
    waitForAnswer();
  }

  void escapeEndsASearch() {
    auto* search = page().findChild<QLineEdit*>(QStringLiteral("chatSearch"));
    search->setFocus();
    type("Raven");
    QCOMPARE(search->text(), QStringLiteral("Raven"));
    press(Qt::Key_Escape);
    QVERIFY(search->text().isEmpty());
    QTRY_VERIFY(list()->model()->rowCount() >= 3);
  }

  // A synthetic wheel never moves the focus; a real one gives it to the first widget below it that asks for it.
  void theWheelLeavesTheKeysWhereTheyAre() {
    ask(QStringLiteral("What is Rookery?"));
    auto* transcript = page().findChild<QWidget*>(QStringLiteral("transcript"));
    int views = 0;
    for (int y = 0; y < transcript->height(); y += 4) {
      QWidget* below = transcript->childAt(transcript->width() / 2, y);
      for (; below && below != transcript; below = below->parentWidget()) {
        QVERIFY(below->focusPolicy() != Qt::WheelFocus);
        views += below->focusPolicy() == Qt::StrongFocus;
      }
    }
    QVERIFY(views > 0);
  }

  void theWaysToAChatLeadToTyping() {
    for (const char* name : {"railBench", "railChat"}) click(m_window->findChild<QWidget*>(QLatin1String(name)));
    type("a");
    for (const auto key : {Qt::Key_3, Qt::Key_1}) press(key, Qt::ControlModifier);
    type("b");
    auto* panel = page().findChild<QToolButton*>(QStringLiteral("samplingToggle"));
    panel->setChecked(false);
    QTest::qWait(20);
    click(panel);
    QTest::qWait(20);
    page().findChild<QWidget*>(QStringLiteral("temperature"))->setFocus();
    click(panel);
    type("c");
    QCOMPARE(input()->toPlainText(), QStringLiteral("abc"));
    click(page().findChild<QPushButton*>(QStringLiteral("newChat")));
    type("d");
    QCOMPARE(input()->toPlainText(), QStringLiteral("abcd"));  // the draft of the new chat that was there already
    input()->clear();
    auto* suggestion = page().findChild<QPushButton*>(QStringLiteral("suggestion0"));
    QVERIFY(suggestion->isVisible());
    click(suggestion);
    type("e");
    waitForAnswer();
    QCOMPARE(input()->toPlainText(), QStringLiteral("e"));
  }

  void tabReachesEverythingOnEveryPage() {
    for (const auto which : {MainWindow::Chat, MainWindow::Benchmark, MainWindow::Models, MainWindow::SettingsPage}) {
      m_window->showPage(which);
      QTest::qWait(20);
      auto* current = m_window->findChild<QWidget*>(QLatin1String(std::array{"chatPage", "benchPage", "modelsPage", "settingsPage"}[which]));
      QSet<QWidget*> reached;
      const QWidget* begin = QApplication::focusWidget();
      for (int i = 0; i < 300 && (i == 0 || QApplication::focusWidget() != begin); ++i) {
        reached << QApplication::focusWidget();
        press(Qt::Key_Tab);
      }
      QCOMPARE(QApplication::focusWidget(), begin);  // round and round, with nothing left out
      for (auto* widget : current->findChildren<QWidget*>()) {
        const bool takesTab = widget->isVisible() && widget->isEnabled() && (widget->focusPolicy() & Qt::TabFocus) && widget->focusProxy() == nullptr;
        if (!takesTab) continue;
        QVERIFY2(reached.contains(widget), qPrintable(QStringLiteral("%1 %2").arg(QLatin1String(widget->metaObject()->className()), widget->objectName())));
      }
    }
  }

  void aFieldThatGoesAwayLeavesNothingToTheRail() {
    for (const auto which : {MainWindow::Chat, MainWindow::Benchmark, MainWindow::Models, MainWindow::SettingsPage}) {
      m_window->showPage(which);
      QTest::qWait(20);
      auto* current = m_window->findChild<QWidget*>(QLatin1String(std::array{"chatPage", "benchPage", "modelsPage", "settingsPage"}[which]));
      for (auto* widget : current->findChildren<QWidget*>()) {
        if (!widget->isVisible() || !widget->isEnabled() || !(widget->focusPolicy() & Qt::TabFocus) || widget->focusProxy() != nullptr || widget == input()) continue;
        const QString name = QStringLiteral("%1 %2").arg(QLatin1String(widget->metaObject()->className()), widget->objectName());
        const auto pageHasIt = [&] { return current->isAncestorOf(QApplication::focusWidget()); };
        widget->setFocus();
        widget->setEnabled(false);
        QVERIFY2(pageHasIt(), qPrintable(QStringLiteral("disabled: ") + name));
        widget->setEnabled(true);
        widget->setFocus();
        widget->hide();
        QVERIFY2(pageHasIt(), qPrintable(QStringLiteral("hidden: ") + name));
        widget->show();
      }
    }
  }

 private:
  ChatPage& page() { return m_app->chatPage(); }
  QPlainTextEdit* input() { return page().findChild<QPlainTextEdit*>(QStringLiteral("composerInput")); }
  QListView* list() { return page().findChild<QListView*>(QStringLiteral("chatList")); }

  void press(Qt::Key key, Qt::KeyboardModifiers modifiers = {}) { QTest::keyClick(m_window->windowHandle(), key, modifiers); }
  void type(const char* text) {
    for (const char* c = text; *c != '\0'; ++c) QTest::keyClick(m_window->windowHandle(), *c);
  }
  void click(QWidget* widget) { click(widget, widget->rect().center()); }
  void click(QWidget* widget, QPoint at) {
    QVERIFY2(widget != nullptr && widget->isVisible(), widget != nullptr ? qPrintable(widget->objectName()) : "nothing to click");
    QTest::mouseClick(m_window->windowHandle(), Qt::LeftButton, {}, widget->mapTo(m_window, at));
  }

  template <class T>
  T* shown(const char* name) {
    T* last = nullptr;
    for (T* found : page().findChildren<T*>(QLatin1String(name))) {
      if (found->isVisible() && found->isEnabled()) last = found;
    }
    if (last == nullptr) qFatal("no visible %s", name);
    return last;
  }

  void ask(const QString& question) {
    page().current()->setGenerateLimits(12, true);
    page().current()->send(question);
    waitForAnswer();
    QTest::qWait(20);  // the last layout
  }
  void startLongAnswer() {
    page().newChat();
    page().current()->setGenerateLimits(0, false);
    QVERIFY(page().current()->send(QStringLiteral("Tell me a long story")));
    QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Answering, kTimeout);
  }
  void waitForAnswer() { QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Idle, kTimeout); }

  void addChat(const QString& title) {
    ChatStore& store = m_app->store();
    MessageRecord question;
    question.conversation = test::addChat(store, title);
    question.id = store.newMessageId();
    question.created = QDateTime::currentDateTime();
    question.text = QStringLiteral("?");
    store.addMessage(question);
    QVERIFY(store.flush(5000));
  }

  QTemporaryDir m_folder;
  std::unique_ptr<Application> m_app;
  MainWindow* m_window = nullptr;
};

QTEST_MAIN(FocusTest)
#include "focus_test.moc"
