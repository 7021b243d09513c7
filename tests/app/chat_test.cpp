// SPDX-License-Identifier: GPL-3.0-or-later
// The whole app with the built-in guide model: window, engine thread, database.
#include <QAbstractButton>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>
#include <atomic>

#include "chat/composer.h"
#include "chat/conversation_list_model.h"
#include "support/stop_text.h"
#include "whole_app_test.h"

using namespace rookery;
using namespace rookery::app;
using namespace rookery::app::test;

namespace {
constexpr int kLongAnswer = 300;
}

class ChatTest : public WholeAppTest {
  Q_OBJECT

 private Q_SLOTS:
  void init() { startInNewFolder(); }
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
    const quint64 expected = (first.pending ? 1 : 0) + promptOf(second).size() + second.tokens.size();
    QCOMPARE(m_app->inference().rowsSubmitted(), expected);
    QVERIFY2(status().contains(QStringLiteral(", 0 read again")), qPrintable(status()));
  }

  void theLiveSessionNeedsNoRestore() {
    ask(QStringLiteral("Hello"));
    const quint64 before = m_app->inference().rowsSubmitted();
    const MessageRecord first = message(1);
    ask(QStringLiteral("What is RWKV?"));
    const MessageRecord second = message(3);
    QCOMPARE(m_app->inference().rowsSubmitted() - before, (first.pending ? 1 : 0) + promptOf(second).size() + second.tokens.size());
    QCOMPARE(second.startHash, chainHash(chainHash(first.startHash, first.tokens), promptOf(second)));
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
    MessageRecord stopped;
    const auto run = [&](int stopAt) {
      page().newChat();
      Conversation* chat = page().current();
      chat->setSampling(wild);
      chat->setSeed(77);
      chat->setGenerateLimits(kLongAnswer, false);
      chat->send(QStringLiteral("Tell me a long story"));
      if (stopAt > 0) {
        // From the engine thread: the GUI thread may hear of the text only when the answer is over.
        std::atomic<qsizetype> characters = 0;
        const auto stopper = connect(&m_app->inference(), &InferenceService::answerBatch, &m_app->inference(), [&](quint64 job, const AnswerBatch& batch) {
          if ((characters += batch.text.size()) >= stopAt) m_app->inference().stop(job);
        }, Qt::DirectConnection);
        waitForAnswer();
        disconnect(stopper);
        stopped = message(1);
        visible<QToolButton>(QStringLiteral("continue"))->click();
      }
      waitForAnswer();
      return message(1);
    };
    const MessageRecord whole = run(0), cut = run(100);
    QCOMPARE(whole.tokens.size(), std::size_t(kLongAnswer));
    QCOMPARE(stopped.stop, engine::StopReason::Cancelled);
    QVERIFY(stopped.tokens.size() < whole.tokens.size());
    QVERIFY(stopped.decodeTokens > 0);
    QCOMPARE(cut.tokens, whole.tokens);
    QCOMPARE(cut.text, whole.text);
    for (const MessageRecord& answer : {whole, cut}) QCOMPARE(answer.decodeTokens, kLongAnswer);  // each drawn once
  }

  // What an answer's figures say counts the tokens that were drawn in the seconds they say.
  void theSpeedOfAContinuedAnswerIsThatOfWhatWasDrawn() {
    page().current()->setGenerateLimits(10, false);
    ask(QStringLiteral("Tell me a story"));
    MessageRecord cut = message(1);
    QCOMPARE(cut.tokens.size(), std::size_t(10));
    cut.decodeSeconds = 0;  // as a crash leaves it
    cut.decodeTokens = 0;
    m_app->store().finishAnswer(cut);
    start();
    click("continue", 30);
    QCOMPARE(message(1).tokens.size(), std::size_t(30));
    QCOMPARE(message(1).decodeTokens, 20);
  }

  void anAnswerStopsAtTheLongestAndContinueGoesPast() {
    AnswerRules rules;
    rules.maxTokens = 10;
    page().current()->setRules(rules);
    page().current()->setGenerateLimits(10, false);
    ask(QStringLiteral("Tell me a story"));
    QCOMPARE(message(1).stop, engine::StopReason::MaxTokens);
    QCOMPARE(message(1).tokens.size(), std::size_t(10));
    QVERIFY2(visible<QLabel>(QStringLiteral("note"))->text().contains(QStringLiteral("longest answer")), qPrintable(visible<QLabel>(QStringLiteral("note"))->text()));
    for (const std::size_t longer : {std::size_t(20), std::size_t(30)}) {
      visible<QToolButton>(QStringLiteral("continue"))->click();
      waitForAnswer();
      QCOMPARE(message(1).tokens.size(), longer);
    }
  }

  // One that is half there when the answer stops, and is completed after Continue, in this run and in the next.
  void anOwnStopTextEndsAContinuedAnswer() {
    engine::SamplerSettings wild;
    wild.temperature = 1;
    wild.topP = 1;
    const auto begin = [&](const AnswerRules& rules) {
      page().newChat();
      page().current()->setSampling(wild);
      page().current()->setSeed(77);
      page().current()->setRules(rules);
      page().current()->setGenerateLimits(rules.maxTokens, false);
      page().current()->send(QStringLiteral("Tell me a long story"));
      waitForAnswer();
      return message(1);
    };
    AnswerRules rules;
    rules.maxTokens = 200;
    const MessageRecord whole = begin(rules);
    const auto stop = rookery::test::stopTextIn(*m_app->inference().tokenizer(), whole.tokens);
    QVERIFY(stop.begin > 0);
    rules.stopTexts << QString::fromStdString(stop.text);
    rules.maxTokens = static_cast<int>(stop.begin) + 2;
    for (const bool restart : {false, true}) {
      const MessageRecord half = begin(rules);
      QCOMPARE(half.stop, engine::StopReason::MaxTokens);
      QCOMPARE(half.tokens.size(), stop.begin + 2);
      const qint64 id = page().current()->id();
      if (restart) start();
      page().openChat(id);
      page().current()->setGenerateLimits(0, false);
      visible<QToolButton>(QStringLiteral("continue"))->click();
      waitForAnswer();
      QCOMPARE(message(1).stop, engine::StopReason::StopText);
      QCOMPARE(message(1).tokens, Tokens(whole.tokens.begin(), whole.tokens.begin() + static_cast<std::ptrdiff_t>(stop.begin)));
      QVERIFY(whole.text.startsWith(message(1).text));
      QVERIFY(!message(1).text.contains(rules.stopTexts.front()));
    }
  }

  void answeringAgainAfterARestartReadsNothing() {
    ask(QStringLiteral("What is Rookery?"));
    const MessageRecord first = message(1);
    start();
    visible<QToolButton>(QStringLiteral("regenerate"))->click();
    waitForAnswer();
    const MessageRecord second = message(1);
    QVERIFY(second.id != first.id);
    QCOMPARE(second.tokens, first.tokens);  // greedy
    QCOMPARE(m_app->inference().rowsSubmitted(), quint64(second.tokens.size()));
    QCOMPARE(page().current()->transcript().siblings(1).count, 2);
  }

  void editingAfterARestartGoesOnFromTheAnswerBefore() {
    ask(QStringLiteral("What is Rookery?"));
    ask(QStringLiteral("What is RWKV?"));
    const MessageRecord first = message(1), question = message(2);
    start();
    page().current()->editMessage(question.id, QStringLiteral("What is a snapshot?"));
    waitForAnswer();
    const MessageRecord answer = message(3);
    QVERIFY(!answer.promptFromStart);
    QCOMPARE(answer.startHash, chainHash(chainHash(first.startHash, first.tokens), promptOf(answer)));
    QCOMPARE(m_app->inference().rowsSubmitted(), (first.pending ? 1 : 0) + promptOf(answer).size() + answer.tokens.size());
    QCOMPARE(page().current()->transcript().siblings(2).count, 2);
  }

  // A chat used again is the newest one, also after its settings were changed later.
  void answeringAgainIsAUse() {
    ask(QStringLiteral("Hello"));
    page().current()->regenerate(message(1).id);
    waitForAnswer();
    const MessageRecord second = message(1);
    engine::SamplerSettings other;
    other.temperature = 0.5F;
    page().current()->setSampling(other);
    QCOMPARE(m_app->store().chat(page().current()->id())->record.updated.toMSecsSinceEpoch(), second.created.toMSecsSinceEpoch());
  }

  void twoChatsAnswerOneAfterTheOther() {
    Conversation* first = page().current();
    first->setGenerateLimits(kLongAnswer, false);
    first->send(QStringLiteral("Tell me a long story"));
    QVERIFY(first->isBusy());
    const qint64 firstId = first->id();
    page().newChat();
    page().current()->send(QStringLiteral("Hello"));
    waitForAnswer();
    const MessageRecord second = message(1);
    QCOMPARE(second.stop, engine::StopReason::EndOfText);
    page().openChat(firstId);
    QCOMPARE(page().current()->state(), Conversation::State::Idle);  // it was first in the queue
    QCOMPARE(message(1).tokens.size(), std::size_t(kLongAnswer));
    QVERIFY(message(1).conversation == firstId && second.conversation != firstId);
    start();
    page().openChat(firstId);
    QCOMPARE(message(1).tokens.size(), std::size_t(kLongAnswer));
    page().openChat(second.conversation);
    QCOMPARE(message(1).text, second.text);
  }

  void aQuestionThatWaitsCanBeTakenBack() {
    Conversation* first = page().current();
    first->setGenerateLimits(0, false);  // never ends by itself
    first->send(QStringLiteral("Tell me a long story"));
    QTRY_COMPARE_WITH_TIMEOUT(first->state(), Conversation::State::Answering, kAnswerTimeout);
    page().newChat();
    Conversation* second = page().current();
    second->send(QStringLiteral("Hello"));
    QVERIFY(second->isQueued());
    QVERIFY2(status().contains(QStringLiteral("another chat")), qPrintable(status()));
    QVERIFY(status().contains(QStringLiteral("Stop takes the question back")));
    QCOMPARE(list()->model()->index(0, 0).data(ConversationListModel::BusyRole).toString(), QStringLiteral("Waiting…"));
    QCOMPARE(list()->model()->index(1, 0).data(ConversationListModel::BusyRole).toString(), QStringLiteral("Answering…"));
    input()->setPlainText(QStringLiteral("written meanwhile"));
    page().findChild<QPushButton*>(QStringLiteral("stop"))->click();
    QTRY_COMPARE_WITH_TIMEOUT(second->state(), Conversation::State::Idle, 1000);
    QVERIFY(first->isBusy());
    QCOMPARE(status(), QStringLiteral("Stopped."));
    QCOMPARE(input()->toPlainText(), QStringLiteral("Hello\n\nwritten meanwhile"));
    QCOMPARE(second->id(), qint64(0));  // a new chat again
    QCOMPARE(second->transcript().rowCount(), 0);
    QCOMPARE(list()->model()->rowCount(), 1);
    QVERIFY(m_app->store().flush(5000));
    QCOMPARE(m_app->store().conversations({}, 10, 0).size(), std::size_t(1));
    QVERIFY(m_app->store().bin().empty());
    first->stop();
    QTRY_VERIFY_WITH_TIMEOUT(!first->isBusy(), kAnswerTimeout);
    QCOMPARE(list()->model()->index(0, 0).data(ConversationListModel::BusyRole).toString(), QString());
    ask({});  // and it can be sent as if nothing had been
    QCOMPARE(message(0).text, QStringLiteral("Hello\n\nwritten meanwhile"));
    QVERIFY(!message(1).tokens.empty());
  }

  // What was there before is there afterwards, and nothing else.
  void whatWaitsIsTakenBackToWhatWasThere_data() {
    QTest::addColumn<QString>("what");
    for (const char* what : {"question", "edit", "regenerate", "continue"}) QTest::newRow(what) << QString::fromLatin1(what);
  }
  void whatWaitsIsTakenBackToWhatWasThere() {
    QFETCH(QString, what);
    page().current()->setGenerateLimits(10, false);
    ask(QStringLiteral("What is Rookery?"));
    const MessageRecord question = message(0), answer = message(1);
    const qint64 id = page().current()->id();
    page().newChat();
    Conversation* running = page().current();
    running->setGenerateLimits(0, false);
    running->send(QStringLiteral("Tell me a long story"));
    QTRY_COMPARE_WITH_TIMEOUT(running->state(), Conversation::State::Answering, kAnswerTimeout);
    page().openChat(id);
    auto* goThere = page().findChild<QToolButton*>(QStringLiteral("goToBusyChat"));
    QVERIFY(!goThere->isVisible());
    Conversation* chat = page().current();
    if (what == u"question") QVERIFY(chat->send(QStringLiteral("And this?")));
    else if (what == u"edit") QVERIFY(chat->editMessage(question.id, QStringLiteral("And this?")));
    else if (what == u"regenerate") QVERIFY(chat->regenerate(answer.id));
    else QVERIFY(chat->continueAnswer(answer.id));
    QVERIFY(chat->isQueued());
    QVERIFY(goThere->isVisible());
    page().stop();
    QTRY_COMPARE_WITH_TIMEOUT(chat->state(), Conversation::State::Idle, 1000);
    QVERIFY(!goThere->isVisible());
    const bool asked = what == u"question" || what == u"edit";
    QCOMPARE(input()->toPlainText(), asked ? QStringLiteral("And this?") : QString());
    for (int restart = 0; restart < 2; ++restart) {
      QCOMPARE(page().current()->transcript().rowCount(), 2);
      QCOMPARE(page().current()->transcript().siblings(0).count, 1);
      QCOMPARE(page().current()->transcript().siblings(1).count, 1);
      QCOMPARE(message(1).id, answer.id);
      QCOMPARE(message(1).text, answer.text);
      QCOMPARE(message(1).stop, answer.stop);
      if (restart == 0) start();
      page().openChat(id);
    }
  }

  void aMessageCanBeSentWhileTheModelIsLoaded() {
    ModelRequest guide;
    m_app->inference().load(guide);
    QVERIFY(m_app->inference().isLoading());
    QTest::keyClicks(input(), QStringLiteral("Hello"));
    QTest::keyClick(input(), Qt::Key_Return);
    QCOMPARE(page().current()->state(), Conversation::State::Waiting);
    QCOMPARE(page().current()->transcript().rowCount(), 1);
    QVERIFY2(status().contains(QStringLiteral("Waiting for the model to load")), qPrintable(status()));
    waitForAnswer();
    QVERIFY(!m_app->inference().isLoading());
    QVERIFY(!message(1).tokens.empty());

    m_app->inference().load(guide);
    QVERIFY(page().current()->send(QStringLiteral("And this?")));
    page().stop();
    QCOMPARE(page().current()->state(), Conversation::State::Idle);
    QCOMPARE(page().current()->transcript().rowCount(), 2);
    QCOMPARE(input()->toPlainText(), QStringLiteral("And this?"));
    QTRY_VERIFY_WITH_TIMEOUT(!m_app->inference().isLoading(), kAnswerTimeout);
    QVERIFY(!page().current()->isBusy());
  }

  void deletingAChatStopsItsAnswer() {
    ask(QStringLiteral("Hello"));
    page().newChat();
    Conversation* running = page().current();
    running->setGenerateLimits(0, false);
    running->send(QStringLiteral("Tell me a long story"));
    QTRY_COMPARE_WITH_TIMEOUT(running->state(), Conversation::State::Answering, kAnswerTimeout);
    QSignalSpy finished(&m_app->inference(), &InferenceService::answerFinished);
    deleteCurrentChat();
    QTRY_COMPARE_WITH_TIMEOUT(finished.count(), 1, kAnswerTimeout);
    QCOMPARE(page().current()->id(), qint64(0));  // a new chat, not the neighbour
    QCOMPARE(list()->model()->rowCount(), 1);
  }

  void eachChatKeepsItsDraft() {
    ask(QStringLiteral("What is Rookery?"));
    const qint64 first = page().current()->id();
    input()->setPlainText(QStringLiteral("half a thought"));
    visible<QToolButton>(QStringLiteral("edit"))->click();
    QCOMPARE(input()->toPlainText(), QStringLiteral("What is Rookery?"));
    page().newChat();
    QCOMPARE(input()->toPlainText(), QString());  // and no longer the old question of the other chat
    QVERIFY(!page().findChild<QToolButton*>(QStringLiteral("cancelEdit"))->isVisible());
    ask(QStringLiteral("Hello"));
    QCOMPARE(message(0).text, QStringLiteral("Hello"));
    page().openChat(first);
    QCOMPARE(input()->toPlainText(), QStringLiteral("half a thought"));
    page().newChat();
    QCOMPARE(input()->toPlainText(), QString());
  }

  void escapeEndsEditingFirstAndStopsTheAnswerThen() {
    m_app->window().activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(&m_app->window()));
    ask(QStringLiteral("What is Rookery?"));
    visible<QToolButton>(QStringLiteral("edit"))->click();
    QTest::keyClick(input(), Qt::Key_Escape);
    QCOMPARE(input()->toPlainText(), QString());
    QVERIFY(!page().findChild<QToolButton*>(QStringLiteral("cancelEdit"))->isVisible());
    page().current()->setGenerateLimits(0, false);
    page().current()->send(QStringLiteral("Tell me a long story"));
    QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Answering, kAnswerTimeout);
    QTest::keyClick(input(), Qt::Key_Escape);
    waitForAnswer();
    QCOMPARE(message(3).stop, engine::StopReason::Cancelled);
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

  void aFailureIsShownInItsOwnChatAndGoes() {
    ask(QStringLiteral("Hello"));
    Conversation* first = page().current();
    Q_EMIT first->failed(QStringLiteral("It broke."), QStringLiteral("details"));
    auto* label = page().findChild<QLabel*>(QStringLiteral("chatStatus"));
    QCOMPARE(label->text(), QStringLiteral("It broke."));
    QCOMPARE(label->toolTip(), QStringLiteral("details"));
    first->setGenerateLimits(0, false);
    first->send(QStringLiteral("Tell me a long story"));  // keeps it alive
    page().newChat();
    QCOMPARE(label->toolTip(), QString());
    Q_EMIT first->failed(QStringLiteral("It broke again."), {});
    QVERIFY(!label->text().contains(QStringLiteral("broke")));
    first->stop();
    QTRY_VERIFY_WITH_TIMEOUT(!first->isBusy(), kAnswerTimeout);
  }

  // On a full disk a chat that is saved goes on from where it was, with all that was said in it.
  void aFullDiskDoesNotMakeTheModelForget() {
    ask(QStringLiteral("What is Rookery?"));
    const MessageRecord first = message(1);
    const qint64 id = page().current()->id();
    page().newChat();
    ask(QStringLiteral("Hello"));  // the live session leaves the first chat
    fillDisk();
    page().openChat(id);
    const quint64 before = m_app->inference().rowsSubmitted();
    QSignalSpy finished(&m_app->inference(), &InferenceService::answerFinished);
    ask(QStringLiteral("How do I start a new chat?"));
    const MessageRecord second = message(3);
    QVERIFY(!second.tokens.empty());
    QCOMPARE(finished.count(), 1);
    const quint64 rows = m_app->inference().rowsSubmitted() - before;
    m_app->store().setPageLimit(0);
    QTRY_VERIFY_WITH_TIMEOUT(!m_app->store().isFailing(), 10'000);
    QCOMPARE(finished[0][1].value<AnswerFinished>().position,
             quint64(promptOf(first).size() + first.tokens.size() + promptOf(second).size() + second.tokens.size()));
    QCOMPARE(second.startHash, chainHash(chainHash(first.startHash, first.tokens), promptOf(second)));
    QCOMPARE(rows, (first.pending ? 1 : 0) + promptOf(second).size() + second.tokens.size());
  }

  // Where it cannot know what was said, it says so, and what was asked and answered so far stays there to be read.
  void whatIsNotSavedIsKeptAndNotForgotten() {
    ask(QStringLiteral("Hello"));
    fillDisk();
    page().newChat();
    ask(QStringLiteral("What is Rookery?"));
    const MessageRecord unsaved = message(1);
    const qint64 id = page().current()->id();
    page().newChat();
    ask(QStringLiteral("Hello"));  // the live session leaves that chat, and nothing of it is on the disk
    page().openChat(id);
    QCOMPARE(page().current()->id(), id);
    QCOMPARE(message(1).text, unsaved.text);
    ask(QStringLiteral("How do I start a new chat?"));
    QVERIFY(message(3).tokens.empty());
    m_app->store().setPageLimit(0);
    QTRY_VERIFY_WITH_TIMEOUT(!m_app->store().isFailing(), 10'000);
    QTRY_VERIFY2(status().contains(QStringLiteral("cannot be read")), qPrintable(status()));
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    QVERIFY(!message(3).tokens.empty());
    QCOMPARE(message(3).startHash, chainHash(chainHash(unsaved.startHash, unsaved.tokens), promptOf(message(3))));
    QCOMPARE(list()->model()->rowCount(), 3);
  }

  void aChatThatCannotBeReadIsNotTakenForANewOne() {
    ask(QStringLiteral("What is Rookery?"));
    const qint64 first = page().current()->id();
    page().newChat();
    ask(QStringLiteral("Hello"));
    const qint64 second = page().current()->id();
    QVERIFY(m_app->store().flush(5000));
    auto other = Connection::open(m_app->store().path(), Connection::Mode::ReadWrite);
    QVERIFY(runSql(other->database(), QStringLiteral("ALTER TABLE messages RENAME TO gone")));
    page().openChat(first);
    QCOMPARE(page().current()->id(), second);
    QCOMPARE(page().current()->transcript().rowCount(), 2);
    QTRY_VERIFY2(status().contains(QStringLiteral("could not be read")), qPrintable(status()));
    QVERIFY(runSql(other->database(), QStringLiteral("ALTER TABLE gone RENAME TO messages")));
    page().openChat(first);
    QCOMPARE(page().current()->id(), first);
    QCOMPARE(message(0).text, QStringLiteral("What is Rookery?"));
    QCOMPARE(m_app->store().conversations({}, 10, 0).size(), std::size_t(2));
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
    QCOMPARE(list()->model()->rowCount(), 1);
    deleteCurrentChat();
    QCOMPARE(list()->model()->rowCount(), 0);
    QCOMPARE(page().current()->transcript().rowCount(), 0);
    m_app->window().findChild<QPushButton*>(QStringLiteral("undoDelete"))->click();
    QCOMPARE(list()->model()->rowCount(), 1);
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
};

QTEST_MAIN(ChatTest)
#include "chat_test.moc"
