// SPDX-License-Identifier: GPL-3.0-or-later
// Where nothing can be saved.
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "no_room.h"
#include "store_support.h"

using namespace rookery;
using namespace rookery::app;
using namespace rookery::app::test;

namespace {

constexpr int kChats = 3, kMessages = 6;

QString textOf(qint64 message) { return QStringLiteral("message %1 ").arg(message).repeated(50); }

QByteArray contents(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

}  // namespace

class ReadOnlyTest : public QObject {
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
        const qint64 next = parent == 0 ? (chat - 1) * kMessages + 1 : parent + 1;
        parent = addMessage(*store, id, parent, message % 2 ? MessageRole::User : MessageRole::Assistant, textOf(next)).id;
      }
    }
  }

  void chatsAreShownAndWritingGoesOnWhenThereIsRoom() {
    const qint64 answer = 2 * kMessages;
    openStore(m_path)->appendJournal(answer, 0, QStringLiteral("and more"), {1});  // a crash
    const QByteArray before = contents(m_path);
    NoRoom noRoom;
    auto store = openStore(m_path);
    QVERIFY(store);
    QVERIFY(store->isReadOnly());
    QVERIFY2(store->whyReadOnly().contains(m_dir->path()), qPrintable(store->whyReadOnly()));
    checkChats(*store);
    QCOMPARE(store->message(answer)->text, textOf(answer) + QStringLiteral("and more"));
    store->setActiveLeaf(1, 1);
    store->setMemoryBudget(1'000'000);
    QVERIFY(!store->isFailing());  // nothing that closing could lose
    store->setTitle(1, QStringLiteral("renamed"), false);
    QVERIFY(store->isFailing());
    QCOMPARE(contents(m_path), before);

    QSignalSpy opened(store.get(), &ChatStore::opened);
    noRoom.end();
    QTRY_COMPARE_WITH_TIMEOUT(opened.count(), 1, 10'000);
    QVERIFY(!store->isReadOnly());
    QVERIFY(store->whyReadOnly().isEmpty());
    QVERIFY(store->flush(5000));
    QVERIFY(!store->isFailing());
    QCOMPARE(store->chat(1)->record.title, QStringLiteral("renamed"));
    QCOMPARE(store->chat(1)->record.activeLeaf, qint64{kMessages});
    QCOMPARE(store->message(answer)->text, textOf(answer) + QStringLiteral("and more"));
    QCOMPARE(store->newMessageId(), qint64{kChats * kMessages + 1});
    QCOMPARE(ChatStore::open(m_path).error().kind, StoreError::Kind::InUse);  // it has the lock now
  }

  void aFirstStartWithoutRoomShowsNoChats() {
    const QString path = m_dir->filePath(QStringLiteral("new/chats.sqlite"));
    NoRoom noRoom;
    auto store = openStore(path);
    QVERIFY(store);
    QVERIFY(store->isReadOnly());
    QVERIFY(store->conversations({}, 100, 0).empty());
    noRoom.end();
    QTRY_VERIFY_WITH_TIMEOUT(!store->isReadOnly(), 10'000);
    const qint64 chat = newChat(*store, QStringLiteral("first")).id;
    store.reset();
    QVERIFY(openStore(path)->chat(chat));
  }

  // The newest changes of a killed process are in the WAL only.
  void whatAKillLeftInTheWalIsShown() {
    const QString copy = m_dir->filePath(QStringLiteral("copy.sqlite"));
    auto store = openStore(m_path);
    store->setTitle(1, QStringLiteral("in the WAL"), false);
    QVERIFY(store->flush(5000));
    QVERIFY(QFile::copy(m_path, copy));
    QVERIFY(QFile::copy(m_path + QStringLiteral("-wal"), copy + QStringLiteral("-wal")));
    NoRoom noRoom;
    auto killed = openStore(copy);
    QVERIFY(killed && killed->isReadOnly());
    QCOMPARE(killed->chat(1)->record.title, QStringLiteral("in the WAL"));
    checkChats(*killed);
  }

  void anOlderOrADamagedFileIsShownToo_data() {
    QTest::addColumn<QStringList>("statements");
    QTest::newRow("older") << QStringList{QStringLiteral("ALTER TABLE messages DROP COLUMN decode_tokens"), QStringLiteral("PRAGMA user_version=1")};
    QTest::newRow("damaged") << QStringList{QStringLiteral("DROP TABLE journal")};
  }
  void anOlderOrADamagedFileIsShownToo() {
    QFETCH(QStringList, statements);
    {
      auto connection = Connection::open(m_path, Connection::Mode::ReadWrite);
      for (const QString& sql : statements) QVERIFY(runSql(connection->database(), sql));
    }
    const QByteArray before = contents(m_path);
    NoRoom noRoom;
    auto store = openStore(m_path);
    QVERIFY(store && store->isReadOnly());
    checkChats(*store);
    QVERIFY(store->damagedCopy().isEmpty());
    QCOMPARE(contents(m_path), before);
    noRoom.end();
    QTRY_VERIFY_WITH_TIMEOUT(!store->isReadOnly(), 10'000);
    checkChats(*store);
  }

 private:
  static void checkChats(ChatStore& store) {
    QCOMPARE(static_cast<int>(store.conversations({}, 100, 0).size()), kChats);
    for (int chat = 1; chat <= kChats; ++chat) {
      const auto stored = store.chat(chat);
      QVERIFY(stored);
      QCOMPARE(static_cast<int>(stored->tree.size()), kMessages);
      for (const MessageNode& node : stored->tree) QVERIFY(store.message(node.id)->text.startsWith(textOf(node.id)));
    }
  }

  std::unique_ptr<QTemporaryDir> m_dir;
  QString m_path;
};

QTEST_GUILESS_MAIN(ReadOnlyTest)
#include "read_only_test.moc"
