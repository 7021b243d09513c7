// SPDX-License-Identifier: GPL-3.0-or-later
// The whole app with the built-in guide model: window, engine thread, database.
#include <QAbstractButton>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "application.h"
#include "chat/chat_page.h"
#include "chat/composer.h"
#include "chat/conversation_list_model.h"
#include "inference/inference_service.h"
#include "main_window.h"
#include "settings/settings.h"

using namespace rookery;
using namespace rookery::app;

namespace {
constexpr int kAnswerTimeout = 60'000;
}

class ChatTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_dir = std::make_unique<QTemporaryDir>();
    start();
  }
  void cleanup() { m_app.reset(); }

  void aChatGoesOnAfterARestartWithNothingReadAgain() {
    ask(QStringLiteral("What is Rookery?"));
    const MessageRecord first = message(1);
    QCOMPARE(first.state, MessageState::Complete);
    QVERIFY(!first.text.trimmed().isEmpty());
    QVERIFY(first.decodeSeconds > 0);
    const QString title = m_app->chatPage().current()->record().title;
    QCOMPARE(title, QStringLiteral("What is Rookery?"));

    start();  // destroys everything and builds it again on the same folder
    QCOMPARE(m_app->chatPage().current()->record().title, title);
    QCOMPARE(page().current()->transcript().rowCount(), 2);
    QCOMPARE(message(1).text, first.text);
    QCOMPARE(m_app->inference().rowsSubmitted(), quint64(0));

    ask(QStringLiteral("How do I start a new chat?"));
    const MessageRecord second = message(3);
    QVERIFY(!second.promptFromStart);
    QCOMPARE(second.stop, engine::StopReason::EndOfText);
    const quint64 expected = (first.pending ? 1 : 0) + second.prompt.size() + second.tokens.size();
    QCOMPARE(m_app->inference().rowsSubmitted(), expected);
    QVERIFY2(status().contains(QStringLiteral(", 0 read again")), qPrintable(status()));
  }

  void theLiveSessionNeedsNoRestore() {
    ask(QStringLiteral("Hello"));
    const quint64 before = m_app->inference().rowsSubmitted();
    const MessageRecord first = message(1);
    ask(QStringLiteral("What is RWKV?"));
    const MessageRecord second = message(3);
    QCOMPARE(m_app->inference().rowsSubmitted() - before, (first.pending ? 1 : 0) + second.prompt.size() + second.tokens.size());
    QCOMPARE(second.startHash, chainHash(chainHash(first.startHash, first.tokens), second.prompt));
  }

  void answeringAgainMakesASiblingAndReadsNothing() {
    ask(QStringLiteral("What is Rookery?"));
    const MessageRecord first = message(1);
    const quint64 before = m_app->inference().rowsSubmitted();
    visible<QToolButton>(QStringLiteral("regenerate"))->click();
    waitForAnswer();
    const MessageRecord second = message(1);
    QVERIFY(second.id != first.id);
    QCOMPARE(page().current()->transcript().siblings(1).count, 2);
    QCOMPARE(m_app->inference().rowsSubmitted() - before, second.tokens.size());
    visible<QToolButton>(QStringLiteral("previousSibling"))->click();
    QCOMPARE(message(1).id, first.id);
    start();
    QCOMPARE(message(1).id, first.id);  // the choice is kept
  }

  void editingAQuestionKeepsTheOldOne() {
    ask(QStringLiteral("What is Rookery?"));
    const MessageRecord question = message(0);
    visible<QToolButton>(QStringLiteral("edit"))->click();
    QCOMPARE(input()->toPlainText(), question.text);
    input()->setPlainText(QStringLiteral("What is a snapshot?"));
    QTest::keyClick(input(), Qt::Key_Return);
    waitForAnswer();
    QCOMPARE(page().current()->transcript().rowCount(), 2);
    QCOMPARE(page().current()->transcript().siblings(0).count, 2);
    QVERIFY(m_app->store().message(question.id));
  }

  // A stopped answer that is continued says what it would have said without the stop.
  void stoppingAndContinuingChangesNothing() {
    engine::SamplerSettings wild;
    wild.temperature = 1;
    wild.topP = 1;
    const auto run = [&](int stopAt) {
      page().newChat();
      Conversation* chat = page().current();
      chat->setSampling(wild);
      chat->setSeed(77);
      chat->setGenerateLimits(300, false);
      QSignalSpy batches(&m_app->inference(), &InferenceService::answerBatch);
      chat->send(QStringLiteral("Tell me a long story"));
      if (stopAt > 0) {
        while (static_cast<int>(chat->transcript().message(1).text.size()) < stopAt) batches.wait(100);
        chat->stop();
        waitForAnswer();
        if (message(1).stop != engine::StopReason::Cancelled) return message(1);
        visible<QToolButton>(QStringLiteral("continue"))->click();
      }
      waitForAnswer();
      return message(1);
    };
    const MessageRecord whole = run(0), cut = run(100);
    QCOMPARE(whole.tokens.size(), std::size_t(300));
    QCOMPARE(cut.tokens, whole.tokens);
    QCOMPARE(cut.text, whole.text);
  }

  void anOpenChatStaysSelectedOverASearch() {
    ask(QStringLiteral("Hello"));
    const QModelIndex chosen = list()->currentIndex();
    QVERIFY(chosen.isValid());
    auto* search = page().findChild<QLineEdit*>(QStringLiteral("chatSearch"));
    search->setText(QStringLiteral("nothing like it"));
    QTRY_COMPARE(list()->model()->rowCount(), 0);
    search->clear();
    QTRY_COMPARE(list()->model()->rowCount(), 1);
    QVERIFY(list()->currentIndex().isValid());
    QCOMPARE(list()->currentIndex().data(ConversationListModel::IdRole).toLongLong(), page().current()->id());
  }

  // Counting takes milliseconds on a long draft, and the page refreshes with every piece of a prompt that is read.
  void theDraftIsCountedOncePerModel() {
    Composer composer;
    composer.setTokenizer(m_app->inference().tokenizer());
    composer.setText(QStringLiteral("Hello"));
    auto* count = composer.findChild<QLabel*>(QStringLiteral("composerTokens"));
    QTRY_VERIFY(!count->text().isEmpty());
    count->setText(QStringLiteral("untouched"));
    composer.setTokenizer(m_app->inference().tokenizer());
    QCOMPARE(count->text(), QStringLiteral("untouched"));
    composer.setTokenizer(nullptr);
    QVERIFY(count->text().isEmpty());
  }

  void aDeletedChatComesBackWithUndo() {
    ask(QStringLiteral("Hello"));
    auto* list = m_app->window().findChild<QListView*>(QStringLiteral("chatList"));
    QCOMPARE(list->model()->rowCount(), 1);
    list->setFocus();
    QTest::keyClick(list, Qt::Key_Delete);
    if (list->model()->rowCount() == 1) list->actions().back()->trigger();  // offscreen windows may not be active
    QCOMPARE(list->model()->rowCount(), 0);
    QCOMPARE(page().current()->transcript().rowCount(), 0);
    m_app->window().findChild<QPushButton*>(QStringLiteral("undoDelete"))->click();
    QCOMPARE(list->model()->rowCount(), 1);
    QCOMPARE(page().current()->transcript().rowCount(), 2);
  }

  void shiftEnterBeginsALineAndNothingIsSentEmpty() {
    QTest::keyClick(input(), Qt::Key_Return);
    QCOMPARE(page().current()->transcript().rowCount(), 0);
    QTest::keyClicks(input(), QStringLiteral("a"));
    QTest::keyClick(input(), Qt::Key_Return, Qt::ShiftModifier);
    QCOMPARE(page().current()->transcript().rowCount(), 0);
    QCOMPARE(input()->toPlainText(), QStringLiteral("a\n"));
  }

  void everyControlHasANameForScreenReaders() {
    ask(QStringLiteral("Hello"));
    QStringList unnamed;
    for (auto* widget : page().findChildren<QWidget*>()) {
      const bool control = qobject_cast<QAbstractButton*>(widget) || widget->inherits("QAbstractSpinBox") ||
                           widget->inherits("QPlainTextEdit") || widget->inherits("QTextBrowser") || widget->inherits("QComboBox");
      if (!control || widget->objectName().startsWith(u"qt_") || widget->inherits("QLineEditIconButton")) continue;  // Qt's own
      const auto* button = qobject_cast<QAbstractButton*>(widget);
      if (widget->accessibleName().isEmpty() && (!button || button->text().isEmpty())) unnamed << widget->objectName() + u'/' + QLatin1String(widget->metaObject()->className());
    }
    QVERIFY2(unnamed.isEmpty(), qPrintable(unnamed.join(u' ')));
  }

 private:
  void start() {
    m_app.reset();
    const Paths paths = Paths::inside(m_dir->path());
    QVERIFY(paths.create());
    m_app = std::move(Application::create(paths).value());
    engine::SamplerSettings greedy;
    greedy.temperature = 0;
    m_app->chatPage().setDefaultSampling(greedy);
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

  void waitForAnswer() { QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Idle, kAnswerTimeout); }
  ChatPage& page() { return m_app->chatPage(); }
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

QTEST_MAIN(ChatTest)
#include "chat_test.moc"
