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
#include <atomic>
#include <semaphore>

#include "application.h"
#include "chat/chat_page.h"
#include "chat/composer.h"
#include "chat/conversation_list_model.h"
#include "inference/inference_service.h"
#include "main_window.h"
#include "settings/settings.h"
#include "shell_support.h"
#include "support/stop_text.h"

using namespace rookery;
using namespace rookery::app;

namespace {
constexpr int kAnswerTimeout = 60'000;
constexpr int kLongAnswer = 300;
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
    const quint64 expected = (first.pending ? 1 : 0) + promptOf(second).size() + second.tokens.size();
    QCOMPARE(m_app->inference().rowsSubmitted(), expected);
    QVERIFY2(status().contains(QStringLiteral(", 0 read again")), qPrintable(status()));
  }

  // "Read again" is what was read now and had been read before: by another model too.
  void aChangeOfTheModelReadsTheWholeChatAgain() {
    ask(QStringLiteral("What is Rookery?"));
    m_app.reset();
    change({"UPDATE messages SET model_fingerprint = 'another' WHERE role = 2", "UPDATE conversations SET model_fingerprint = 'another'", "DELETE FROM snapshots"});
    start();
    QVERIFY(page().current()->needsReading());
    ask(QStringLiteral("Hello"));
    const MessageRecord answer = message(3);
    QVERIFY(answer.promptFromStart);
    const auto question = m_app->inference().tokenizer()->encode("\n\nUser: Hello\n\nAssistant:");
    const std::size_t prompt = promptOf(answer).size();
    QCOMPARE(status(), remembered(prompt + answer.tokens.size(), prompt - question.size()));
  }

  void aStoppedAnswerGoesOnWithNothingReadAgain() {
    page().current()->setGenerateLimits(20, false);
    ask(QStringLiteral("Tell me a story"));
    const MessageRecord cut = message(1);
    QVERIFY(cut.pending);  // drawn, never read: reading it is not "again"
    start();
    page().current()->setGenerateLimits(30, false);
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    QCOMPARE(status(), remembered(promptOf(cut).size() + 30, 0));
    const MessageRecord longer = message(1);
    QVERIFY(longer.pending);
    start();
    ask(QStringLiteral("Hello"));  // the next turn reads that token first
    QCOMPARE(status(), remembered(promptOf(cut).size() + 30 + promptOf(message(3)).size() + message(3).tokens.size(), 0));
  }

  // As a crash leaves it: the journal is all there is.
  void aLostMemoryIsReadAgainAndCounted() {
    page().current()->setGenerateLimits(20, false);
    ask(QStringLiteral("Tell me a story"));
    const std::size_t prompt = promptOf(message(1)).size();
    m_app.reset();
    change({"DELETE FROM snapshots"});
    start();
    page().current()->setGenerateLimits(30, false);
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    QCOMPARE(status(), remembered(prompt + 30, prompt + 19));
    m_app.reset();
    change({"DELETE FROM snapshots"});
    start();
    page().current()->setGenerateLimits(10, false);
    visible<QToolButton>(QStringLiteral("regenerate"))->click();
    waitForAnswer();
    QCOMPARE(status(), remembered(prompt + 10, prompt));
  }

  void aQuestionThatWasNeverReadIsNotReadAgain() {
    ask(QStringLiteral("Hello"));
    m_app.reset();  // as if it had been stopped, or killed, before its turn came
    change({"UPDATE messages SET state = 1, text = '', text_length = 0, token_ids = NULL, pending_token = NULL, stop_reason = NULL, start_hash = 0,"
            " prompt_ids = NULL, prompt_from_start = 0 WHERE role = 2", "DELETE FROM snapshots"});
    start();
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    const MessageRecord answer = message(1);
    QVERIFY(!answer.tokens.empty());
    QCOMPARE(status(), remembered(promptOf(answer).size() + answer.tokens.size(), 0));
  }

  void aStoppedReadingSaysWhatItRead() {
    const auto stopper = connect(&m_app->inference(), &InferenceService::answerPrefillProgress, &m_app->inference(), [&](quint64 job, quint64 done) {
      if (done > 0) m_app->inference().stop(job);
    }, Qt::DirectConnection);
    const quint64 before = m_app->inference().rowsSubmitted();
    QVERIFY(page().current()->send(QStringLiteral("some words, and more of them. ").repeated(1000)));
    waitForAnswer();
    disconnect(stopper);
    const quint64 read = m_app->inference().rowsSubmitted() - before, whole = promptOf(message(1)).size();
    QVERIFY(read > 0 && read < whole);
    QCOMPARE(status(), remembered(read, 0));
    page().current()->setGenerateLimits(5, false);
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    QCOMPARE(status(), remembered(whole + 5, 0));
  }

  // Killed while a long text is read, the next start reads only what is behind the last snapshot. A copy of the files is
  // what a kill leaves.
  void aKilledReadingGoesOnBehindItsLastSnapshot() {
    std::binary_semaphore copied(0);
    std::atomic<int> snapshots = 0;
    m_app->inference().setSnapshotInterval(std::chrono::milliseconds(1));
    const auto hold = connect(&m_app->inference(), &InferenceService::answerSnapshot, &m_app->inference(), [&] {
      if (++snapshots != 3) return;
      (void)copied.try_acquire_for(std::chrono::seconds(30));
    }, Qt::DirectConnection);
    page().current()->setGenerateLimits(40, false);
    QVERIFY(page().current()->send(QStringLiteral("some words, and more of them. ").repeated(1000)));
    QTRY_VERIFY_WITH_TIMEOUT(snapshots == 3, kAnswerTimeout);
    QTemporaryDir killed;
    const Paths from = Paths::inside(m_dir->path()), to = Paths::inside(killed.path());
    QVERIFY(to.create());
    qint64 left = 0;
    const auto seen = [&] {
      auto database = Connection::open(from.database(), Connection::Mode::ReadOnly);
      auto query = runSql(database->database(), QStringLiteral("SELECT coalesce(max(answer_tokens), 0) FROM snapshots"));
      return (left = query && query->next() ? -query->value(0).toLongLong() : 0) > 0;
    };
    QTRY_VERIFY_WITH_TIMEOUT(seen(), kAnswerTimeout);
    for (const char* suffix : {"", "-wal"}) QVERIFY(QFile::copy(from.database() + QLatin1String(suffix), to.database() + QLatin1String(suffix)));
    copied.release();
    waitForAnswer();
    disconnect(hold);
    const MessageRecord whole = message(1);
    const std::size_t prompt = promptOf(whole).size();
    QCOMPARE(whole.tokens.size(), std::size_t(40));
    QVERIFY(left > 0 && static_cast<std::size_t>(left) < prompt);

    m_dir->remove();
    QVERIFY(QDir().rename(killed.path(), m_dir->path()));
    start();
    QCOMPARE(message(1).id, whole.id);
    QVERIFY(message(1).tokens.empty());
    page().current()->setGenerateLimits(40, false);
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    QCOMPARE(message(1).tokens, whole.tokens);
    QCOMPARE(m_app->inference().rowsSubmitted(), quint64(left) + whole.tokens.size() - 1);  // the last token waits to be read
    QCOMPARE(status(), remembered(prompt + 40, 0));
  }

  void aStoppedReadingGoesOnAfterARestart() {
    quint64 all = 0;
    const auto stopper = connect(&m_app->inference(), &InferenceService::answerPrefillProgress, &m_app->inference(), [&](quint64 job, quint64 done, quint64 total) {
      all = total;
      if (done > total / 2) m_app->inference().stop(job);
    }, Qt::DirectConnection);
    QVERIFY(page().current()->send(QStringLiteral("some words, and more of them. ").repeated(1000)));
    waitForAnswer();
    disconnect(stopper);
    const quint64 read = m_app->inference().rowsSubmitted();
    QVERIFY(read > 0 && read < all);
    start();
    page().current()->setGenerateLimits(5, false);
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    QCOMPARE(m_app->inference().rowsSubmitted(), all - read + 4);
    QCOMPARE(status(), remembered(all + 5, 0));
  }

  // What is read of an earlier question that was stopped is not lost by the next Stop.
  void aStopInAnEarlierQuestionLosesNothing() {
    const QString words = QStringLiteral("some words, and more of them. ").repeated(1000);
    readInPart(words, 1);
    const quint64 first = m_app->inference().rowsSubmitted();
    m_app->inference().setSnapshotInterval(std::chrono::milliseconds(1));
    readInPart(QStringLiteral("And this?"), 50);
    const quint64 read = m_app->inference().rowsSubmitted();
    QVERIFY(read > first && read < promptOf(message(1)).size());
    page().current()->setGenerateLimits(40, false);
    ask(QStringLiteral("Hello"));
    checkAnswerAfterTwoStopped(m_app->inference().rowsSubmitted());
  }

  // The same when the program is killed there. A copy of the files is what a kill leaves.
  void aKillInAnEarlierQuestionLosesLittle() {
    const QString words = QStringLiteral("some words, and more of them. ").repeated(1000);
    readInPart(words, 1);
    const quint64 first = m_app->inference().rowsSubmitted();
    const std::size_t earlier = promptOf(message(1)).size();
    std::binary_semaphore copied(0);
    std::atomic<int> snapshots = 0;
    std::atomic<quint64> position = 0;
    m_app->inference().setSnapshotInterval(std::chrono::milliseconds(1));
    auto& inference = m_app->inference();
    const auto hold = connect(&inference, &InferenceService::answerSnapshot, &inference, [&](quint64, const AnswerSnapshot& snapshot) {
      if (++snapshots != 3) return;
      position = snapshot.snapshot->tokens;
      (void)copied.try_acquire_for(std::chrono::seconds(10));
    }, Qt::DirectConnection);
    QVERIFY(page().current()->send(QStringLiteral("And this?")));
    QTRY_VERIFY_WITH_TIMEOUT(position > 0, kAnswerTimeout);
    QTemporaryDir killed;
    const Paths from = Paths::inside(m_dir->path()), to = Paths::inside(killed.path());
    QVERIFY(to.create());
    const auto seen = [&] {
      auto database = Connection::open(from.database(), Connection::Mode::ReadOnly);
      auto query = runSql(database->database(), QStringLiteral("SELECT max(position) FROM snapshots"));
      return query && query->next() && query->value(0).toULongLong() == position;
    };
    QTRY_VERIFY_WITH_TIMEOUT(seen(), kAnswerTimeout);
    for (const char* suffix : {"", "-wal"}) QVERIFY(QFile::copy(from.database() + QLatin1String(suffix), to.database() + QLatin1String(suffix)));
    copied.release();
    page().stop();
    waitForAnswer();
    disconnect(hold);
    QVERIFY(position > first && position < earlier);
    m_app.reset();
    m_dir->remove();
    QVERIFY(QDir().rename(killed.path(), m_dir->path()));
    start();
    page().current()->setGenerateLimits(40, false);
    ask(QStringLiteral("Hello"));
    checkAnswerAfterTwoStopped(position + m_app->inference().rowsSubmitted());
  }

  // Places in an answer that is read again are kept as well.
  void aStopInAnEarlierAnswerLosesNothing() {
    page().current()->setGenerateLimits(2000, false);
    ask(QStringLiteral("Tell me a long story"));
    const std::size_t before = promptOf(message(1)).size() + message(1).tokens.size();
    m_app.reset();
    change({"DELETE FROM snapshots"});
    start();
    readInPart(QStringLiteral("And this?"), 50);
    const quint64 read = m_app->inference().rowsSubmitted();
    QVERIFY(read > promptOf(message(1)).size() && read < before);
    start();
    page().current()->setGenerateLimits(40, false);
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    const std::size_t whole = before + promptOf(message(3)).size() + 40;
    QCOMPARE(read + m_app->inference().rowsSubmitted(), whole - 1);
    QCOMPARE(status(), remembered(whole, before - read - 1));
    const Tokens goneOn = message(3).tokens;
    m_app.reset();
    change({"DELETE FROM snapshots"});
    start();
    page().current()->setGenerateLimits(40, false);
    visible<QToolButton>(QStringLiteral("regenerate"))->click();
    waitForAnswer();
    QCOMPARE(m_app->inference().rowsSubmitted(), whole - 1);
    QCOMPARE(message(3).tokens, goneOn);
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
    page().current()->setGenerateLimits(30, false);
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
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

 private:
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

  /// Asks, and stops when that much of what is to be read was read.
  void readInPart(const QString& question, quint64 percent) {
    auto& inference = m_app->inference();
    const auto stopper = connect(&inference, &InferenceService::answerPrefillProgress, &inference, [&](quint64 job, quint64 done, quint64 total) {
      if (done * 100 >= total * percent) inference.stop(job);
    }, Qt::DirectConnection);
    QVERIFY(page().current()->send(question));
    waitForAnswer();
    disconnect(stopper);
  }

  /// `rows`: how many were read for it in all. An unbroken run reads as many, and says the same.
  void checkAnswerAfterTwoStopped(quint64 rows) {
    const MessageRecord answer = message(5);
    QCOMPARE(answer.tokens.size(), std::size_t(40));
    const std::size_t whole = promptOf(message(1)).size() + promptOf(message(3)).size() + promptOf(answer).size() + 40;
    QCOMPARE(rows, whole - 1);  // the last token waits to be read
    m_app.reset();
    change({"DELETE FROM snapshots"});
    start();
    page().current()->setGenerateLimits(40, false);
    visible<QToolButton>(QStringLiteral("regenerate"))->click();
    waitForAnswer();
    QCOMPARE(m_app->inference().rowsSubmitted(), whole - 1);
    QCOMPARE(message(5).tokens, answer.tokens);
  }

  QListView* list() { return m_app->window().findChild<QListView*>(QStringLiteral("chatList")); }

  void deleteCurrentChat() {
    const int rows = list()->model()->rowCount();
    list()->setFocus();
    QTest::keyClick(list(), Qt::Key_Delete);
    if (list()->model()->rowCount() == rows) list()->actions().back()->trigger();  // offscreen windows may not be active
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

  void waitForAnswer() { QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Idle, kAnswerTimeout); }
  ChatPage& page() { return m_app->chatPage(); }
  static QString remembered(std::size_t tokens, std::size_t again) {
    const QLocale locale;
    return QStringLiteral("%1 tokens remembered, %2 read again").arg(locale.toString(quint64(tokens)), locale.toString(quint64(again)));
  }
  void change(std::initializer_list<const char*> statements) {
    auto database = Connection::open(Paths::inside(m_dir->path()).database(), Connection::Mode::ReadWrite);
    for (const char* statement : statements) QVERIFY(runSql(database->database(), QLatin1String(statement)));
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

QTEST_MAIN(ChatTest)
#include "chat_test.moc"
