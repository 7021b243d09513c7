// SPDX-License-Identifier: GPL-3.0-or-later
// What of a chat is read, read again, and kept when reading is stopped or killed.
#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <atomic>
#include <semaphore>

#include "whole_app_test.h"

using namespace rookery;
using namespace rookery::app;
using namespace rookery::app::test;

class ChatReadingTest : public WholeAppTest {
  Q_OBJECT

 private Q_SLOTS:
  void init() { startInNewFolder(); }
  void cleanup() { m_app.reset(); }

  // "Read again" is what was read now and had been read before: by another model too.
  void aChangeOfTheModelReadsTheWholeChatAgain() {
    ask(QStringLiteral("What is Rookery?"));
    restartAfter({"UPDATE messages SET model_fingerprint = 'another' WHERE role = 2", "UPDATE conversations SET model_fingerprint = 'another'", "DELETE FROM snapshots"});
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
    click("continue", 30);
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
    restartAfter({"DELETE FROM snapshots"});
    click("continue", 30);
    QCOMPARE(status(), remembered(prompt + 30, prompt + 19));
    restartAfter({"DELETE FROM snapshots"});
    click("regenerate", 10);
    QCOMPARE(status(), remembered(prompt + 10, prompt));
  }

  void aQuestionThatWasNeverReadIsNotReadAgain() {
    ask(QStringLiteral("Hello"));
     // as if it had been stopped, or killed, before its turn came
    restartAfter({"UPDATE messages SET state = 1, text = '', text_length = 0, token_ids = NULL, pending_token = NULL, stop_reason = NULL, start_hash = 0,"
            " prompt_ids = NULL, prompt_from_start = 0 WHERE role = 2", "DELETE FROM snapshots"});
    visible<QToolButton>(QStringLiteral("continue"))->click();
    waitForAnswer();
    const MessageRecord answer = message(1);
    QVERIFY(!answer.tokens.empty());
    QCOMPARE(status(), remembered(promptOf(answer).size() + answer.tokens.size(), 0));
  }

  // Nor by another model, which reads the whole chat; nor where several such questions stand one after the other.
  void anotherModelDoesNotReadAgainWhatWasNeverRead() {
    ask(QStringLiteral("What is Rookery?"));
    std::string fresh;
    for (const int questions : {1, 2}) {
      ask(QStringLiteral("Tell me a story"));
      const char* stopped =
          "UPDATE messages SET state = 1, text = '', text_length = 0, token_ids = NULL, pending_token = NULL, stop_reason = NULL,"
          " start_hash = 0, prompt_ids = NULL, prompt_from_start = 0 WHERE id = (SELECT max(id) FROM messages)";
      restartAfter({stopped, "UPDATE messages SET model_fingerprint = 'another' WHERE role = 2",
                    "UPDATE conversations SET model_fingerprint = 'another'", "DELETE FROM snapshots"});
      fresh += "\n\nUser: Tell me a story\n\nAssistant:";
      if (questions == 1) continue;
      ask(QStringLiteral("Hello"));
      const MessageRecord answer = message(7);
      QVERIFY(answer.promptFromStart);
      const auto unread = m_app->inference().tokenizer()->encode(fresh + "\n\nUser: Hello\n\nAssistant:");
      const std::size_t prompt = promptOf(answer).size();
      QCOMPARE(status(), remembered(prompt + answer.tokens.size(), prompt - unread.size()));
    }
  }

  void anotherModelReadsAgainWhatWasReadOfAStoppedQuestion() {
    ask(QStringLiteral("What is Rookery?"));
    ask(QStringLiteral("Tell me a story"));
    restartAfter({"UPDATE messages SET state = 1, text = '', text_length = 0, token_ids = NULL, pending_token = NULL,"
                  " stop_reason = NULL WHERE id = (SELECT max(id) FROM messages)",
                  "UPDATE messages SET model_fingerprint = 'another' WHERE role = 2",
                  "UPDATE conversations SET model_fingerprint = 'another'",
                  "DELETE FROM snapshots WHERE id <> (SELECT max(id) FROM snapshots)",
                  "UPDATE snapshots SET answer_tokens = -5, message_id = (SELECT max(id) FROM messages)"});
    ask(QStringLiteral("Hello"));
    const MessageRecord answer = message(5);
    QVERIFY(answer.promptFromStart);
    const auto question = m_app->inference().tokenizer()->encode("\n\nUser: Hello\n\nAssistant:");
    const std::size_t prompt = promptOf(answer).size();
    QCOMPARE(status(), remembered(prompt + answer.tokens.size(), prompt - question.size() - 5));
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
    click("continue", 5);
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
    click("continue", 40);
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
    click("continue", 5);
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
    restartAfter({"DELETE FROM snapshots"});
    readInPart(QStringLiteral("And this?"), 50);
    const quint64 read = m_app->inference().rowsSubmitted();
    QVERIFY(read > promptOf(message(1)).size() && read < before);
    start();
    click("continue", 40);
    const std::size_t whole = before + promptOf(message(3)).size() + 40;
    QCOMPARE(read + m_app->inference().rowsSubmitted(), whole - 1);
    QCOMPARE(status(), remembered(whole, before - read - 1));
    const Tokens goneOn = message(3).tokens;
    restartAfter({"DELETE FROM snapshots"});
    click("regenerate", 40);
    QCOMPARE(m_app->inference().rowsSubmitted(), whole - 1);
    QCOMPARE(message(3).tokens, goneOn);
  }

 private:
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
    restartAfter({"DELETE FROM snapshots"});
    click("regenerate", 40);
    QCOMPARE(m_app->inference().rowsSubmitted(), whole - 1);
    QCOMPARE(message(5).tokens, answer.tokens);
  }
};

QTEST_MAIN(ChatReadingTest)
#include "chat_reading_test.moc"
