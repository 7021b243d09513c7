// SPDX-License-Identifier: GPL-3.0-or-later
#include <QSignalSpy>
#include <QSqlError>
#include <QTemporaryDir>
#include <QTest>

#include "storage/chat_store.h"
#include "storage/schema.h"

using namespace rookery;
using namespace rookery::app;

namespace {

std::unique_ptr<ChatStore> openStore(const QString& path, const StoreOptions& options = {}) {
  auto store = ChatStore::open(path, options);
  return store ? std::move(*store) : nullptr;
}

ConversationRecord newChat(ChatStore& store, const QString& title) {
  ConversationRecord chat;
  chat.id = store.newConversationId();
  chat.uuid = QStringLiteral("uuid-%1").arg(chat.id);
  chat.title = title;
  chat.created = chat.updated = QDateTime::currentDateTime();
  store.putConversation(chat);
  return chat;
}

MessageRecord addMessage(ChatStore& store, qint64 chat, qint64 parent, MessageRole role, const QString& text) {
  MessageRecord message;
  message.id = store.newMessageId();
  message.conversation = chat;
  message.parent = parent;
  message.role = role;
  message.created = QDateTime::currentDateTime();
  message.text = text;
  if (role == MessageRole::Assistant) message.state = MessageState::Partial;
  store.addMessage(message);
  return message;
}

/// A chat of question and answer pairs as the engine would leave it: prompts, tokens, hashes.
struct Turns {
  qint64 chat = 0;
  std::vector<MessageRecord> answers;
};

Turns addTurns(ChatStore& store, int count, const QString& fingerprint) {
  Turns turns;
  turns.chat = newChat(store, QStringLiteral("turns")).id;
  qint64 parent = 0;
  std::uint64_t hash = 0;
  for (int i = 0; i < count; ++i) {
    const MessageRecord question = addMessage(store, turns.chat, parent, MessageRole::User, QStringLiteral("q%1").arg(i));
    MessageRecord answer;
    answer.id = store.newMessageId();
    answer.conversation = turns.chat;
    answer.parent = question.id;
    answer.role = MessageRole::Assistant;
    answer.state = MessageState::Partial;
    answer.created = QDateTime::currentDateTime();
    answer.fingerprint = fingerprint;
    answer.promptFromStart = i == 0;
    for (int t = 0; t < 10; ++t) answer.prompt.push_back(static_cast<engine::TokenId>(100 * i + t + 1));
    hash = chainHash(hash, answer.prompt);
    answer.startHash = hash;
    store.addMessage(answer);
    for (int t = 0; t < 200; ++t) answer.tokens.push_back(static_cast<engine::TokenId>(1000 + 300 * i + t));
    hash = chainHash(hash, answer.tokens);
    answer.text = QStringLiteral("a%1").arg(i);
    answer.state = MessageState::Complete;
    store.finishAnswer(answer);
    turns.answers.push_back(answer);
    parent = answer.id;
  }
  return turns;
}

engine::ModelShape tinyShape() {
  engine::ModelShape shape;
  shape.layers = 1;
  shape.nEmbd = 64;
  shape.headSize = 64;
  shape.dimFfn = 128;
  shape.vocab = 50;
  return shape;
}

void saveSnapshot(ChatStore& store, const MessageRecord& answer, std::uint64_t count, std::uint64_t position, float mark) {
  auto snapshot = std::make_shared<engine::Snapshot>();
  snapshot->state = engine::State(tinyShape());
  snapshot->state.data()[0] = mark;
  snapshot->logits.assign(50, mark);
  snapshot->tokens = position;
  SnapshotRecord record;
  record.message = answer.id;
  record.answerTokens = count;
  record.fingerprint = answer.fingerprint;
  record.prefixHash = chainHash(answer.startHash, answer.tokens.data(), count);
  store.saveSnapshot(record, snapshot);
}

}  // namespace

class ChatStoreTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_dir = std::make_unique<QTemporaryDir>();
    m_path = m_dir->filePath(QStringLiteral("chats.sqlite"));
  }

  void theFileSaysWhatItIs() {
    openStore(m_path);
    auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
    QVERIFY(connection);
    auto value = [&](const QString& pragma) {
      auto query = runSql(connection->database(), u"PRAGMA " + pragma);
      return query && query->next() ? query->value(0) : QVariant();
    };
    QCOMPARE(value(QStringLiteral("application_id")).toInt(), kApplicationId);
    QCOMPARE(value(QStringLiteral("user_version")).toInt(), kSchemaVersion);
    QCOMPARE(value(QStringLiteral("journal_mode")).toString(), QStringLiteral("wal"));
    QCOMPARE(value(QStringLiteral("foreign_keys")).toInt(), 1);
  }

  void everythingComesBackAfterARestart() {
    MessageRecord answer;
    {
      auto store = openStore(m_path);
      ConversationRecord chat = newChat(*store, QStringLiteral("Bridges"));
      chat.systemPrompt = QStringLiteral("Be brief.");
      chat.sampling.temperature = 0.7F;
      store->putConversation(chat);
      const MessageRecord question = addMessage(*store, chat.id, 0, MessageRole::User, QStringLiteral("Grüße, 你好"));
      answer = addMessage(*store, chat.id, question.id, MessageRole::Assistant, {});
      answer.text = QStringLiteral("Hello");
      answer.tokens = {1, 2, 65535};
      answer.pending = 65535;
      answer.stop = engine::StopReason::MaxTokens;
      answer.state = MessageState::Complete;
      answer.decodeSeconds = 1.5;
      store->finishAnswer(answer);
    }
    auto store = openStore(m_path);
    QVERIFY(store);
    const auto list = store->conversations({}, 10, 0);
    QCOMPARE(list.size(), std::size_t(1));
    const auto chat = store->conversation(list[0].id);
    QCOMPARE(chat->systemPrompt, QStringLiteral("Be brief."));
    QCOMPARE(chat->sampling.temperature, 0.7F);
    QCOMPARE(chat->activeLeaf, answer.id);
    const auto read = store->message(answer.id);
    QCOMPARE(read->tokens, answer.tokens);
    QCOMPARE(read->pending, answer.pending);
    QCOMPARE(read->stop, answer.stop);
    QCOMPARE(read->state, MessageState::Complete);
    QCOMPARE(store->message(read->parent)->text, QStringLiteral("Grüße, 你好"));
  }

  void siblingsAreKept() {
    auto store = openStore(m_path);
    const qint64 chat = newChat(*store, QStringLiteral("tree")).id;
    const MessageRecord question = addMessage(*store, chat, 0, MessageRole::User, QStringLiteral("q"));
    addMessage(*store, chat, question.id, MessageRole::Assistant, QStringLiteral("first"));
    addMessage(*store, chat, question.id, MessageRole::Assistant, QStringLiteral("second"));
    const auto tree = store->tree(chat);
    QCOMPARE(tree.size(), std::size_t(3));
    QCOMPARE(tree[1].parent, question.id);
    QCOMPARE(tree[2].parent, question.id);
  }

  // A crash is a store that never gets to finishAnswer(): the journal alone has the text.
  void anAnswerCutByACrashIsWholeUpToItsLastCommit() {
    qint64 id = 0;
    {
      auto store = openStore(m_path);
      const qint64 chat = newChat(*store, QStringLiteral("crash")).id;
      const MessageRecord question = addMessage(*store, chat, 0, MessageRole::User, QStringLiteral("q"));
      id = addMessage(*store, chat, question.id, MessageRole::Assistant, {}).id;
      store->appendJournal(id, 0, QStringLiteral("one "), {1});
      store->appendJournal(id, 1, QStringLiteral("two "), {2, 3});
      store->appendJournal(id, 2, QStringLiteral("three"), {4});
    }
    auto store = openStore(m_path);
    const auto answer = store->message(id);
    QCOMPARE(answer->text, QStringLiteral("one two three"));
    QCOMPARE(answer->tokens, (Tokens{1, 2, 3, 4}));
    QCOMPARE(answer->state, MessageState::Partial);
    store.reset();
    QCOMPARE(openStore(m_path)->message(id)->text, QStringLiteral("one two three"));  // folding twice adds nothing
  }

  void deletedChatsWaitInTheBin() {
    auto store = openStore(m_path);
    const qint64 chat = newChat(*store, QStringLiteral("unwanted")).id;
    store->moveToBin(chat);
    QVERIFY(store->conversations({}, 10, 0).empty());
    QCOMPARE(store->bin().size(), std::size_t(1));
    store->restoreFromBin(chat);
    QCOMPARE(store->conversations({}, 10, 0).size(), std::size_t(1));
    store->moveToBin(chat);
    store.reset();
    QCOMPARE(openStore(m_path)->bin().size(), std::size_t(1));
    StoreOptions options;
    options.binDays = -1;  // everything in it is too old
    QVERIFY(openStore(m_path, options)->bin().empty());
  }

  void searchTakesPercentLiterally() {
    auto store = openStore(m_path);
    newChat(*store, QStringLiteral("100 % sure"));
    newChat(*store, QStringLiteral("other"));
    QCOMPARE(store->conversations(QStringLiteral("%"), 10, 0).size(), std::size_t(1));
    QCOMPARE(store->conversations(QStringLiteral("OTHER"), 10, 0).size(), std::size_t(1));
  }

  void aSecondProcessIsToldThatTheChatsAreInUse() {
    auto store = openStore(m_path);
    const auto second = ChatStore::open(m_path);
    QVERIFY(!second);
    QCOMPARE(second.error().kind, StoreError::Kind::InUse);
  }

  void aDatabaseLockedBySomethingElseIsToldAndTriedAgain() {
    auto store = openStore(m_path);
    store->flush(5000);
    auto other = Connection::open(m_path, Connection::Mode::ReadWrite);
    QVERIFY(runSql(other->database(), QStringLiteral("BEGIN IMMEDIATE")));
    QSignalSpy failing(store.get(), &ChatStore::failing), recovered(store.get(), &ChatStore::recovered);
    const qint64 chat = newChat(*store, QStringLiteral("waits")).id;
    QTRY_COMPARE_WITH_TIMEOUT(failing.count(), 1, 5000);
    QVERIFY(runSql(other->database(), QStringLiteral("COMMIT")));
    QTRY_COMPARE_WITH_TIMEOUT(recovered.count(), 1, 5000);
    QVERIFY(store->conversation(chat));
  }

  void aFullDiskLosesNothing() {
    StoreOptions options;
    auto store = openStore(m_path);
    const qint64 chat = newChat(*store, QStringLiteral("full")).id;
    QVERIFY(store->flush(5000));
    store->setPageLimit(1);  // SQLite takes the present size then
    QSignalSpy failing(store.get(), &ChatStore::failing), recovered(store.get(), &ChatStore::recovered);
    const QString big(200'000, u'x');
    const qint64 id = addMessage(*store, chat, 0, MessageRole::User, big).id;
    QTRY_COMPARE_WITH_TIMEOUT(failing.count(), 1, 5000);
    QVERIFY(failing[0][0].toString().contains(QStringLiteral("disk is full")));
    QVERIFY(store->isFailing());
    const qint64 later = addMessage(*store, chat, id, MessageRole::User, QStringLiteral("later")).id;
    store->setPageLimit(0);
    QTRY_COMPARE_WITH_TIMEOUT(recovered.count(), 1, 5000);
    store.reset();
    store = openStore(m_path);
    QCOMPARE(store->message(id)->text, big);
    QCOMPARE(store->message(later)->text, QStringLiteral("later"));
  }

  void aDamagedFileIsKeptAndAFreshOneStarted() {
    {
      auto store = openStore(m_path);
      newChat(*store, QStringLiteral("lost"));
    }
    QFile file(m_path);
    QVERIFY(file.open(QIODevice::ReadWrite));
    file.write(QByteArray(4096, 'z'));
    file.close();
    auto store = openStore(m_path);
    QVERIFY(store);
    QVERIFY(QFile::exists(store->damagedCopy()));
    QVERIFY(store->conversations({}, 10, 0).empty());
    newChat(*store, QStringLiteral("goes on"));
    QCOMPARE(store->conversations({}, 10, 0).size(), std::size_t(1));
  }

  void filesOfOthersAndOfTheFutureAreLeftAlone() {
    {
      auto connection = Connection::open(m_path, Connection::Mode::ReadWrite);
      QVERIFY(runSql(connection->database(), QStringLiteral("CREATE TABLE theirs(x)")));
    }
    QCOMPARE(ChatStore::open(m_path).error().kind, StoreError::Kind::Foreign);
    const QString future = m_dir->filePath(QStringLiteral("future.sqlite"));
    openStore(future);
    {
      auto connection = Connection::open(future, Connection::Mode::ReadWrite);
      QVERIFY(runSql(connection->database(), QStringLiteral("PRAGMA user_version=999")));
    }
    QCOMPARE(ChatStore::open(future).error().kind, StoreError::Kind::TooNew);
  }

  void theNewestSnapshotIsTheStart() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 3, QStringLiteral("model"));
    saveSnapshot(*store, turns.answers[0], 199, 209, 1.0F);
    saveSnapshot(*store, turns.answers[1], 199, 419, 2.0F);
    store->flush(5000);
    const auto start = store->startFor(turns.answers[2].id, QStringLiteral("model"), true);
    QVERIFY(start && start->snapshot);
    const auto snapshot = unpackSnapshot(*start->snapshot, tinyShape());
    QVERIFY(snapshot);
    QCOMPARE(snapshot->tokens, std::uint64_t(419));
    QCOMPARE(snapshot->state.data()[0], 2.0F);
    QCOMPARE(snapshot->logits.size(), std::size_t(50));
    Tokens expected{turns.answers[1].tokens.back()};  // drawn, not read when the snapshot was taken
    expected.insert(expected.end(), turns.answers[2].prompt.begin(), turns.answers[2].prompt.end());
    QCOMPARE(start->toRead, expected);
    QVERIFY(!store->startFor(turns.answers[2].id, QStringLiteral("another model"), true));
  }

  void withoutSnapshotsEverythingIsReadAgainInOrder() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 2, QStringLiteral("model"));
    saveSnapshot(*store, turns.answers[0], 200, 210, 1.0F);
    const auto start = store->startFor(turns.answers[1].id, QStringLiteral("model"), false);
    Tokens expected = turns.answers[0].prompt;
    expected.insert(expected.end(), turns.answers[0].tokens.begin(), turns.answers[0].tokens.end());
    expected.insert(expected.end(), turns.answers[1].prompt.begin(), turns.answers[1].prompt.end());
    QVERIFY(start && !start->snapshot);
    QCOMPARE(start->toRead, expected);
  }

  void aSnapshotOfOtherTokensIsNotUsed() {
    auto store = openStore(m_path);
    Turns turns = addTurns(*store, 1, QStringLiteral("model"));
    turns.answers[0].startHash ^= 1U;
    saveSnapshot(*store, turns.answers[0], 50, 60, 1.0F);
    const auto start = store->startFor(turns.answers[0].id, QStringLiteral("model"), true);
    QVERIFY(start && !start->snapshot);
  }

  void aRegeneratedAnswerStartsFromItsSiblingsPrompt() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 1, QStringLiteral("model"));
    saveSnapshot(*store, turns.answers[0], 0, 10, 3.0F);
    MessageRecord sibling = turns.answers[0];
    sibling.id = store->newMessageId();
    sibling.tokens.clear();
    store->addMessage(sibling);
    const auto start = store->startFor(sibling.id, QStringLiteral("model"), true);
    QVERIFY(start && start->snapshot);
    QVERIFY(start->toRead.empty());
  }

  void oldSnapshotsAreThinnedButNeverMoreThan512TokensApart() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 30, QStringLiteral("model"));
    std::uint64_t position = 0;
    for (const MessageRecord& answer : turns.answers) {
      position += answer.prompt.size();
      saveSnapshot(*store, answer, 0, position, 1.0F);
      position += answer.tokens.size();
      saveSnapshot(*store, answer, answer.tokens.size(), position, 1.0F);
    }
    for (std::size_t i = 1; i < turns.answers.size(); ++i) {
      const auto start = store->startFor(turns.answers[i].id, QStringLiteral("model"), true);
      QVERIFY(start);
      QVERIFY2(start->toRead.size() <= 512 + 220, qPrintable(QString::number(start->toRead.size())));
    }
    auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
    auto count = runSql(connection->database(), QStringLiteral("SELECT count(*) FROM snapshots"));
    QVERIFY(count->next());
    QVERIFY2(count->value(0).toInt() < 25, qPrintable(count->value(0).toString()));  // of 60
  }

  void theBudgetKeepsTheNewestOfEachChat() {
    StoreOptions options;
    options.snapshotBudgetBytes = 1;
    auto store = openStore(m_path, options);
    const Turns first = addTurns(*store, 2, QStringLiteral("model"));
    const Turns second = addTurns(*store, 2, QStringLiteral("model"));
    for (const Turns* turns : {&first, &second}) {
      for (const MessageRecord& answer : turns->answers) saveSnapshot(*store, answer, 200, 200, 1.0F);
    }
    for (const Turns* turns : {&first, &second}) {
      const auto newest = store->startFor(turns->answers[1].id, QStringLiteral("model"), true);
      QVERIFY(newest && newest->snapshot);
    }
    const auto oldest = store->startFor(first.answers[0].id, QStringLiteral("model"), true);
    QVERIFY(oldest && !oldest->snapshot);
  }

  void tenThousandChatsListQuickly() {
    {
      auto store = openStore(m_path);
      for (int i = 0; i < 10'000; ++i) newChat(*store, QStringLiteral("Chat number %1").arg(i));
      QVERIFY(store->flush(30'000));
    }
    auto store = openStore(m_path);
    QElapsedTimer timer;
    timer.start();
    QCOMPARE(store->conversations({}, 100, 0).size(), std::size_t(100));
    QVERIFY2(timer.elapsed() < 50, qPrintable(QString::number(timer.elapsed())));
  }

  // A job that can never work is dropped alone; one that may work later waits, and those after it wait behind it.
  void aRefusedWriteTakesNoOthersWithIt() {
    openStore(m_path).reset();
    StoreWriter writer(m_path, 0);
    QSignalSpy refused(&writer, &StoreWriter::jobRefused), failing(&writer, &StoreWriter::failing), recovered(&writer, &StoreWriter::recovered);
    std::atomic<int> full = 3;
    QByteArray order;  // of what worked; writer thread
    writer.post([](const QSqlDatabase& database) -> StoreResult<void> {
      auto result = runSql(database, QStringLiteral("INSERT INTO journal(message_id, seq, text, token_ids) VALUES(99, 0, '', x'')"));
      return result ? StoreResult<void>() : tl::unexpected(result.error());
    });
    writer.post([&](const QSqlDatabase&) -> StoreResult<void> {
      if (full-- > 0) return tl::unexpected(StoreError{StoreError::Kind::DiskFull, {}});
      order += 'a';
      return {};
    });
    writer.post([&](const QSqlDatabase&) -> StoreResult<void> {
      order += 'b';
      return {};
    });
    QTRY_COMPARE_WITH_TIMEOUT(recovered.count(), 1, 10'000);
    QVERIFY(writer.flush(5000));
    QCOMPARE(refused.count(), 1);
    QCOMPARE(failing.count(), 1);
    QCOMPARE(order, QByteArray("ab"));
    QVERIFY(!writer.isFailing());
  }

  void memoryThatRunsOutInAWriteIsTriedAgain() {
    openStore(m_path).reset();
    StoreWriter writer(m_path, 0);
    QSignalSpy recovered(&writer, &StoreWriter::recovered);
    std::atomic<int> tries = 0;
    writer.post([&](const QSqlDatabase&) -> StoreResult<void> {
      if (++tries == 1) throw std::bad_alloc();
      return {};
    });
    QTRY_COMPARE_WITH_TIMEOUT(recovered.count(), 1, 10'000);
    QCOMPARE(tries.load(), 2);
  }

 private:
  std::unique_ptr<QTemporaryDir> m_dir;
  QString m_path;
};

QTEST_GUILESS_MAIN(ChatStoreTest)
#include "chat_store_test.moc"
