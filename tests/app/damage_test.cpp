// SPDX-License-Identifier: GPL-3.0-or-later
// Files that the store did not leave behind like that: other versions, missing parts, damage on the disk.
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>

#include "storage/open_database.h"
#include "storage/schema.h"
#include "store_support.h"

using namespace rookery;
using namespace rookery::app;
using namespace rookery::app::test;

namespace {

constexpr qint64 kPage = 4096;
constexpr int kChats = 8, kMessages = 40;  // in each chat, of about 1,000 letters

QString textOf(int chat, int message) { return QStringLiteral("chat %1 message %2 ").arg(chat).arg(message).repeated(50); }

void execute(const QString& path, const QStringList& statements) {
  auto connection = Connection::open(path, Connection::Mode::ReadWrite);
  QVERIFY(connection);
  QVERIFY(runSql(connection->database(), QStringLiteral("PRAGMA foreign_keys=OFF")));
  for (const QString& sql : statements) {
    const auto result = runSql(connection->database(), sql);
    QVERIFY2(result, result ? "" : qPrintable(result.error().details));
  }
}

QVariant valueOf(const QString& path, const QString& sql) {
  auto connection = Connection::open(path, Connection::Mode::ReadOnly);
  if (!connection) return {};
  auto query = runSql(connection->database(), sql);
  return query && query->next() ? query->value(0) : QVariant();
}

QByteArray contents(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void overwrite(const QString& path, qint64 at, const QByteArray& bytes) {
  QFile file(path);
  QVERIFY(file.open(QIODevice::ReadWrite));
  QVERIFY(file.seek(at));
  QCOMPARE(file.write(bytes), bytes.size());
}

}  // namespace

class DamageTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_dir = std::make_unique<QTemporaryDir>();
    m_path = m_dir->filePath(QStringLiteral("chats.sqlite"));
    auto store = openStore(m_path);
    for (int chat = 1; chat <= kChats; ++chat) {
      const qint64 id = newChat(*store, QStringLiteral("chat %1").arg(chat)).id;
      qint64 parent = 0;
      for (int message = 1; message <= kMessages; ++message) {
        parent = addMessage(*store, id, parent, message % 2 ? MessageRole::User : MessageRole::Assistant, textOf(chat, message)).id;
      }
    }
  }

  void aNewerFileIsLeftAsItIs() {
    execute(m_path, {QStringLiteral("PRAGMA user_version=99"), QStringLiteral("PRAGMA journal_mode=DELETE")});
    const QByteArray before = contents(m_path);
    const auto store = ChatStore::open(m_path);
    QVERIFY(!store);
    QCOMPARE(store.error().kind, StoreError::Kind::TooNew);
    QVERIFY(storeErrorText(store.error()).contains(QStringLiteral("newer Rookery")));
    QCOMPARE(contents(m_path), before);
  }

  void missingPartsAreDamage_data() {
    QTest::addColumn<QStringList>("statements");
    QTest::addColumn<int>("chats");
    QTest::addColumn<int>("messages");
    const int all = kChats * kMessages;
    QTest::newRow("negative version") << QStringList{QStringLiteral("PRAGMA user_version=-7")} << kChats << all;
    QTest::newRow("no version") << QStringList{QStringLiteral("PRAGMA user_version=0")} << kChats << all;
    QTest::newRow("old version, new columns") << QStringList{QStringLiteral("PRAGMA user_version=1")} << kChats << all;
    QTest::newRow("no journal") << QStringList{QStringLiteral("DROP TABLE journal")} << kChats << all;
    QTest::newRow("no snapshots") << QStringList{QStringLiteral("DROP TABLE snapshots")} << kChats << all;
    QTest::newRow("no messages") << QStringList{QStringLiteral("DROP TABLE messages")} << kChats << 0;
    QTest::newRow("no chats") << QStringList{QStringLiteral("DROP TABLE conversations")} << kChats << all;
    QTest::newRow("no column") << QStringList{QStringLiteral("ALTER TABLE messages DROP COLUMN decode_tokens")} << kChats << all;
    QTest::newRow("no tables") << QStringList{QStringLiteral("DROP TABLE snapshots"), QStringLiteral("DROP TABLE journal"),
                                              QStringLiteral("DROP TABLE messages"), QStringLiteral("DROP TABLE conversations")} << 0 << 0;
  }
  void missingPartsAreDamage() {
    QFETCH(QStringList, statements);
    QFETCH(int, chats);
    QFETCH(int, messages);
    execute(m_path, statements);
    auto store = openStore(m_path);
    QVERIFY(store);
    QVERIFY(QFile::exists(store->damagedCopy()));
    QCOMPARE(store->salvaged().chats, chats);
    QCOMPARE(store->salvaged().messages, messages);
    const auto list = store->conversations({}, 100, 0);
    QCOMPARE(static_cast<int>(list.size()), chats);
    for (const ConversationSummary& chat : list) {
      const auto stored = store->chat(chat.id);
      QCOMPARE(static_cast<int>(stored->tree.size()), messages / kChats);
      if (messages > 0) QCOMPARE(store->message(stored->record.activeLeaf)->text, textOf(static_cast<int>(chat.id), kMessages));
    }
    checkSound();
  }

  void whatTheUserAddedIsNoDamage() {
    execute(m_path, {QStringLiteral("CREATE INDEX mine ON messages(created)"), QStringLiteral("ANALYZE"),
                     QStringLiteral("ALTER TABLE conversations ADD COLUMN remark TEXT")});
    auto store = openStore(m_path);
    QVERIFY(store);
    QVERIFY(store->damagedCopy().isEmpty());
  }

  void aPageOfZeros() {
    const qint64 pages = QFile(m_path).size() / kPage;
    QVERIFY(pages > 100);
    overwrite(m_path, pages / 2 * kPage, QByteArray(kPage, '\0'));
    markDamaged(m_path);  // as the search in the background would
    rescue(kChats * kMessages * 9 / 10);
  }

  void aTruncatedFile() {
    QFile file(m_path);
    const qint64 kept = file.size() * 6 / 10;
    QVERIFY(file.resize(kept));
    rescue(kChats * kMessages / 2);
  }

  // The page that holds the way to the others: its leaves cannot be found any more, but the chats and the rest are there.
  void aLostTreeRoot() {
    const qint64 root = valueOf(m_path, QStringLiteral("SELECT rootpage FROM sqlite_master WHERE name = 'messages'")).toLongLong();
    overwrite(m_path, (root - 1) * kPage, QByteArray(kPage, '\xff'));
    markDamaged(m_path);
    rescue(0);
    QCOMPARE(m_salvaged.chats, kChats);
  }

  void flippedBytes() {
    // Where the page that leads to all messages is hit, fewer come back: aLostTreeRoot().
    const qint64 root = valueOf(m_path, QStringLiteral("SELECT rootpage FROM sqlite_master WHERE name = 'messages'")).toLongLong();
    const QByteArray sound = contents(m_path);
    QRandomGenerator random(20);
    for (int round = 0; round < 25; ++round) {
      QByteArray bytes = sound;
      for (int i = 0; i < 10; ++i) {
        int at = 0;
        do at = random.bounded(static_cast<int>(kPage), static_cast<int>(bytes.size()));
        while (at / kPage == root - 1);
        bytes[at] = static_cast<char>(random.bounded(256));
      }
      QFile file(m_path);
      QVERIFY(file.open(QIODevice::WriteOnly));
      file.write(bytes);
      file.close();
      markDamaged(m_path);
      auto store = openStore(m_path);
      QVERIFY(store);
      const int there = valueOf(m_path, QStringLiteral("SELECT count(*) FROM messages")).toInt();
      QVERIFY2(there >= kChats * kMessages * 8 / 10, qPrintable(QString::number(there)));
      store.reset();
      checkSound();
    }
  }

  void aDamagedFileWithAnUnfinishedAnswerKeepsItsWords() {
    qint64 answer = 0;
    {
      auto store = openStore(m_path);
      answer = addMessage(*store, 1, kMessages, MessageRole::Assistant, QStringLiteral("begun ")).id;
      store->appendJournal(answer, 0, QStringLiteral("one "), {1});
      store->appendJournal(answer, 1, QStringLiteral("two"), {2});
    }
    execute(m_path, {QStringLiteral("PRAGMA user_version=-1")});
    auto store = openStore(m_path);
    QVERIFY(QFile::exists(store->damagedCopy()));
    QCOMPARE(store->message(answer)->text, QStringLiteral("begun one two"));
    QCOMPARE(store->message(answer)->state, MessageState::Partial);
  }

  void messagesSurviveTheirChatAndTheirParent() {
    execute(m_path, {QStringLiteral("DELETE FROM conversations WHERE id = 3"),
                     QStringLiteral("DELETE FROM messages WHERE id = %1").arg(kMessages + 10),  // in chat 2
                     QStringLiteral("PRAGMA user_version=-1")});
    auto store = openStore(m_path);
    QCOMPARE(store->salvaged().chats, kChats);
    QCOMPARE(store->salvaged().messages, kChats * kMessages - 1);
    const auto third = store->chat(3);
    QCOMPARE(third->record.title, QStringLiteral("Rescued chat"));
    QCOMPARE(static_cast<int>(third->tree.size()), kMessages);
    QCOMPARE(third->record.activeLeaf, qint64{3 * kMessages});
    QCOMPARE(store->message(kMessages + 11)->parent, qint64{kMessages + 9});  // the way to the root is whole
    checkSound();
  }

  // A memory that the model has of what is lost would make its next answer go on from something the user cannot see.
  void tokensBehindALostMessageGoAndTheOthersStay() {
    Turns turns;
    {
      auto store = openStore(m_path);
      turns = addTurns(*store, 4, QStringLiteral("model"));
      std::uint64_t position = 0;
      for (const MessageRecord& answer : turns.answers) {
        position += answer.prompt.size() + answer.tokens.size();
        saveSnapshot(*store, answer, answer.tokens.size(), position, 1.0F);
      }
      QVERIFY(startOf(*store, turns, 3));
    }
    execute(m_path, {QStringLiteral("DELETE FROM messages WHERE id = %1").arg(turns.answers[1].id), QStringLiteral("PRAGMA user_version=-1")});
    auto store = openStore(m_path);
    const auto kept = store->message(turns.answers[0].id), behind = store->message(turns.answers[3].id);
    QCOMPARE(kept->tokens, turns.answers[0].tokens);
    QCOMPARE(kept->fingerprint, QStringLiteral("model"));
    QCOMPARE(behind->text, turns.answers[3].text);
    QVERIFY(behind->tokens.empty());
    QVERIFY(behind->fingerprint.isEmpty());  // so its text is read again
    QCOMPARE(store->salvaged().snapshots, 1);
    const auto start = startOf(*store, turns, 0);
    QVERIFY(start && start->snapshot);
  }

  void namesOfModelsAreKept_data() {
    QTest::addColumn<QStringList>("statements");
    QTest::newRow("damaged") << QStringList{};
    QTest::newRow("damaged, of before names were kept") << QStringList{QStringLiteral("ALTER TABLE messages DROP COLUMN model_name")};
  }
  void namesOfModelsAreKept() {
    QFETCH(QStringList, statements);
    execute(m_path, {QStringLiteral("UPDATE conversations SET model_name = 'newest', model_fingerprint = 'f' WHERE id = 1"),
                     QStringLiteral("UPDATE messages SET model_name = 'newest', model_fingerprint = 'f' WHERE id = 2"),
                     QStringLiteral("UPDATE messages SET model_fingerprint = 'g' WHERE id = 4"), QStringLiteral("PRAGMA user_version=-1")});
    execute(m_path, statements);
    auto store = openStore(m_path);
    QVERIFY(QFile::exists(store->damagedCopy()));
    QCOMPARE(store->message(2)->modelName, QStringLiteral("newest"));
    QCOMPARE(store->message(4)->modelName, QString());
  }

  void aChangedTokenIsFoundByItsHash() {
    Turns turns;
    {
      auto store = openStore(m_path);
      turns = addTurns(*store, 3, QStringLiteral("model"));
    }
    execute(m_path, {QStringLiteral("UPDATE messages SET token_ids = zeroblob(length(token_ids)) WHERE id = %1").arg(turns.answers[0].id),
                     QStringLiteral("PRAGMA user_version=-1")});
    auto store = openStore(m_path);
    QVERIFY(store->message(turns.answers[1].id)->tokens.empty());
    QCOMPARE(store->message(turns.answers[1].id)->text, turns.answers[1].text);
  }

  // A rescue tells how far it is, and can be left; the next one begins again.
  void aRescueCanBeLeft() {
    constexpr int kMany = 60'000;
    execute(m_path, {QStringLiteral("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %1)"
                                    " INSERT INTO messages(conversation_id, role, state, created, text_length, text)"
                                    " SELECT 1, 1, 0, i, 8, 'question' FROM n").arg(kMany),
                     QStringLiteral("PRAGMA user_version=-1"), QStringLiteral("PRAGMA journal_mode=DELETE")});
    const QByteArray damaged = contents(m_path);
    const QString fresh = m_path + QStringLiteral(".salvaged");
    qint64 done = 0, total = 0, leaving = 0;
    auto step = OpeningProgress::Step::Opening;
    const auto left = ChatStore::open(m_path, {}, [&](Opening& opening) {
      while (opening.progress().done < 1000 && !opening.waitFor(0)) QThread::usleep(200);
      step = opening.progress().step;
      done = opening.progress().done;
      total = opening.progress().total;
      QElapsedTimer timer;
      timer.start();
      opening.stop();
      leaving = timer.elapsed();
    });
    QVERIFY(!left);
    QCOMPARE(left.error().kind, StoreError::Kind::Stopped);
    QCOMPARE(step, OpeningProgress::Step::Rescuing);
    QCOMPARE(total, qint64{kChats * kMessages + kMany});
    QVERIFY2(done >= 1000 && done < total, qPrintable(QString::number(done)));
    QVERIFY2(leaving < 200, qPrintable(QString::number(leaving)));
    QCOMPARE(contents(m_path), damaged);
    QVERIFY(!QFile::exists(fresh));
    QCOMPARE(QDir(m_dir->path()).entryList({QStringLiteral("*damaged*"), QStringLiteral("*salvaged*")}).size(), qsizetype{0});

    auto store = openStore(m_path);
    QCOMPARE(store->salvaged().messages, kChats * kMessages + kMany);
    QCOMPARE(contents(store->damagedCopy()), damaged);
    store.reset();
    checkSound();
    QCOMPARE(valueOf(m_path, QStringLiteral("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")).toInt(), 4);
  }

  // An update that is left leaves the old file as it was.
  void anUpdateCanBeLeft() {
    execute(m_path, {QStringLiteral("ALTER TABLE messages DROP COLUMN model_name"), QStringLiteral("DROP TRIGGER start_states_unused"),
                     QStringLiteral("DROP TABLE start_states"), QStringLiteral("ALTER TABLE conversations DROP COLUMN start_hash"),
                     QStringLiteral("ALTER TABLE conversations DROP COLUMN start_name"), QStringLiteral("ALTER TABLE conversations DROP COLUMN start_is_chat"),
                     QStringLiteral("PRAGMA user_version=2"),
                     QStringLiteral("UPDATE conversations SET model_name = 'm', model_fingerprint = 'f'"),
                     QStringLiteral("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
                                    " INSERT INTO messages(conversation_id, role, state, created, text_length, text, model_fingerprint)"
                                    " SELECT 1, 2, 0, i, 6, 'answer', 'f' FROM n")});
    const auto left = ChatStore::open(m_path, {}, [&](Opening& opening) {
      while (opening.progress().step != OpeningProgress::Step::Upgrading && !opening.waitFor(0)) QThread::usleep(100);
      opening.waitFor(20);
      opening.stop();
    });
    QVERIFY(!left);
    QCOMPARE(left.error().kind, StoreError::Kind::Stopped);
    QCOMPARE(valueOf(m_path, QStringLiteral("PRAGMA user_version")).toInt(), 2);
    auto store = openStore(m_path);
    QVERIFY(store && store->damagedCopy().isEmpty());
    QCOMPARE(store->message(kChats * kMessages + 1)->modelName, QStringLiteral("m"));
  }

  void aKillWhileRescuingLosesNothing() {
    const QString fresh = m_path + QStringLiteral(".salvaged");
    QVERIFY(QFile::copy(m_path, fresh));
    overwrite(fresh, 0, QByteArray(kPage, 'z'));
    QVERIFY(openStore(m_path)->damagedCopy().isEmpty());  // half made: the old file is still there and is used
    QVERIFY(!QFile::exists(fresh));
    QVERIFY(QFile::rename(m_path, fresh));  // complete: the old file was set aside already
    auto store = openStore(m_path);
    QCOMPARE(static_cast<int>(store->conversations({}, 100, 0).size()), kChats);
    QVERIFY(!QFile::exists(fresh));
  }

 private:
  /// Opens the damaged file: it is kept as it is, and what came back is what was there.
  void rescue(int atLeast) {
    const QByteArray damaged = contents(m_path);
    {
      auto store = openStore(m_path);
      QVERIFY(store);
      QCOMPARE(contents(store->damagedCopy()), damaged);
      m_salvaged = store->salvaged();
      QVERIFY2(m_salvaged.messages >= atLeast, qPrintable(QString::number(m_salvaged.messages)));
      QVERIFY(m_salvaged.messages < kChats * kMessages);
      int seen = 0;
      for (const ConversationSummary& chat : store->conversations({}, 100, 0)) {
        const auto stored = store->chat(chat.id);
        for (const MessageNode& node : stored->tree) {
          const auto number = static_cast<int>(node.id) - 1;
          QCOMPARE(store->message(node.id)->text, textOf(number / kMessages + 1, number % kMessages + 1));
          ++seen;
        }
      }
      QCOMPARE(seen, m_salvaged.messages);
      QVERIFY(addMessage(*store, newChat(*store, QStringLiteral("goes on")).id, 0, MessageRole::User, QStringLiteral("q")).id > 0);
      QVERIFY(store->flush(5000));
    }
    checkSound();
    QVERIFY(openStore(m_path)->damagedCopy().isEmpty());
  }

  void checkSound() {
    QCOMPARE(valueOf(m_path, QStringLiteral("PRAGMA integrity_check")).toString(), QStringLiteral("ok"));
    QVERIFY(!valueOf(m_path, QStringLiteral("PRAGMA foreign_key_check")).isValid());
    QCOMPARE(valueOf(m_path, QStringLiteral("PRAGMA user_version")).toInt(), kSchemaVersion);
  }

  std::unique_ptr<QTemporaryDir> m_dir;
  QString m_path;
  Salvaged m_salvaged;
};

QTEST_GUILESS_MAIN(DamageTest)
#include "damage_test.moc"
