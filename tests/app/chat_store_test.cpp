// SPDX-License-Identifier: GPL-3.0-or-later
#include <QSignalSpy>
#include <QSqlError>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>

#include "storage/open_database.h"
#include "storage/schema.h"
#include "store_support.h"

using namespace rookery;
using namespace rookery::app;
using namespace rookery::app::test;

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
    const auto chat = store->chat(list[0].id)->record;
    QCOMPARE(chat.systemPrompt, QStringLiteral("Be brief."));
    QCOMPARE(chat.sampling.temperature, 0.7F);
    QCOMPARE(chat.activeLeaf, answer.id);
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
    const auto tree = store->chat(chat)->tree;
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
    QVERIFY(store->chat(chat));
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
    QVERIFY(failing[0][0].value<LiveText>()().contains(QStringLiteral("disk is full")));
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
    const auto start = startOf(*store, turns, 2);
    QVERIFY(start && start->snapshot);
    const auto snapshot = unpackSnapshot(*start->snapshot, tinyShape());
    QVERIFY(snapshot);
    QCOMPARE(snapshot->tokens, std::uint64_t(419));
    QCOMPARE(snapshot->state.data()[0], 2.0F);
    QCOMPARE(snapshot->logits.size(), std::size_t(50));
    Tokens expected{turns.answers[1].tokens.back()};  // drawn, not read when the snapshot was taken
    expected.insert(expected.end(), turns.answers[2].prompt.begin(), turns.answers[2].prompt.end());
    QCOMPARE(start->toRead, expected);
    MessageRecord foreign = turns.answers[2];
    foreign.fingerprint = QStringLiteral("another model");
    QVERIFY(!store->startFor(foreign, turns.answers[1].id));
  }

  void aDamagedSnapshotCostsTheWayFromTheOneBeforeIt() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 3, QStringLiteral("model"));
    saveSnapshot(*store, turns.answers[0], 200, 210, 1.0F);
    saveSnapshot(*store, turns.answers[1], 200, 420, 2.0F);
    const auto newest = startOf(*store, turns, 2);
    QVERIFY(newest && newest->snapshot);
    QCOMPARE(newest->toRead, turns.answers[2].prompt);

    const auto older = startOf(*store, turns, 2, {newest->snapshot->id});
    Tokens expected = turns.answers[1].prompt;
    expected.insert(expected.end(), turns.answers[1].tokens.begin(), turns.answers[1].tokens.end());
    expected.insert(expected.end(), turns.answers[2].prompt.begin(), turns.answers[2].prompt.end());
    QVERIFY(older && older->snapshot);
    QCOMPARE(older->snapshot->position, std::uint64_t(210));
    QCOMPARE(older->toRead, expected);

    const auto none = startOf(*store, turns, 2, {newest->snapshot->id, older->snapshot->id});
    expected.insert(expected.begin(), turns.answers[0].tokens.begin(), turns.answers[0].tokens.end());
    expected.insert(expected.begin(), turns.answers[0].prompt.begin(), turns.answers[0].prompt.end());
    QVERIFY(none && !none->snapshot);
    QCOMPARE(none->toRead, expected);
  }

  // The state after a stop text that was taken back has no logits.
  void aSnapshotWithoutLogitsComesBack() {
    engine::Snapshot snapshot;
    snapshot.state = engine::State(tinyShape());
    snapshot.state.data()[0] = 4.0F;
    snapshot.tokens = 77;
    PackedSnapshot packed = packSnapshot(snapshot);
    const auto read = unpackSnapshot(packed, tinyShape());
    QVERIFY(read);
    QVERIFY(read->logits.empty());
    QCOMPARE(read->tokens, std::uint64_t(77));
    QCOMPARE(read->state.data()[0], 4.0F);
    packed.logits.clear();  // no frame at all is damage
    QVERIFY(!unpackSnapshot(packed, tinyShape()));
    snapshot.logits.assign(49, 1.0F);
    QVERIFY(!unpackSnapshot(packSnapshot(snapshot), tinyShape()));
  }

  void anAnswerNeedNotBeWrittenToFindItsStart() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 1, QStringLiteral("model"));
    saveSnapshot(*store, turns.answers[0], 200, 210, 1.0F);
    MessageRecord answer;
    answer.id = store->newMessageId();
    answer.fingerprint = QStringLiteral("model");
    answer.prompt = {7, 8, 9};
    answer.startHash = chainHash(chainHash(turns.answers[0].startHash, turns.answers[0].tokens), answer.prompt);
    const auto start = store->startFor(answer, turns.answers[0].id);
    QVERIFY(start && start->snapshot);
    QCOMPARE(start->toRead, answer.prompt);
  }

  // A damaged file in which messages are their own ancestors must not be walked round for ever.
  void aCircleOfMessagesEnds() {
    Turns turns;
    {
      auto store = openStore(m_path);
      turns = addTurns(*store, 2, QStringLiteral("model"));
      QVERIFY(store->flush(5000));
    }
    {
      auto database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("circle"));
      database.setDatabaseName(m_path);
      QVERIFY(database.open());
      QSqlQuery query(database);
      QVERIFY(query.exec(QStringLiteral("UPDATE messages SET parent_id = %1 WHERE id = %2").arg(turns.answers[1].id).arg(turns.answers[0].parent)));
      QVERIFY(query.exec(QStringLiteral("UPDATE messages SET parent_id = id WHERE id = %1").arg(turns.answers[1].id)));
    }
    QSqlDatabase::removeDatabase(QStringLiteral("circle"));
    auto store = openStore(m_path);
    const auto chat = store->chat(turns.chat);
    QVERIFY(chat);
    for (const MessageNode& node : chat->tree) QVERIFY(node.parent < node.id);
    for (const MessageRecord& answer : turns.answers) {
      QVERIFY(store->message(answer.id)->parent < answer.id);
      store->startFor(answer, answer.parent);  // ends
    }
  }

  // Better no answer than one that forgets a part of the chat.
  void aWayWithAGapIsNoStart() {
    auto store = openStore(m_path);
    Turns turns = addTurns(*store, 2, QStringLiteral("model"));
    QVERIFY(startOf(*store, turns, 1));
    QVERIFY(!store->startFor(turns.answers[1], turns.answers[0].id + 1000));
    QVERIFY(!store->startFor(turns.answers[1], 0));
    MessageRecord shorter = turns.answers[0];  // as if its end were not written yet
    shorter.tokens.pop_back();
    store->finishAnswer(shorter);
    QVERIFY(!startOf(*store, turns, 1));
  }

  void aSnapshotOfOtherTokensIsNotUsed() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 1, QStringLiteral("model"));
    MessageRecord other = turns.answers[0];
    other.startHash ^= 1U;
    saveSnapshot(*store, other, 50, 60, 1.0F);
    const auto start = startOf(*store, turns, 0);
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
    const auto start = store->startFor(sibling, 0);
    QVERIFY(start && start->snapshot);
    QVERIFY(start->toRead.empty());
  }

  void oldSnapshotsAreThinnedButNeverMoreThan512TokensApart() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 30, QStringLiteral("model"));
    saveBothEnds(*store, turns, 0);
    QVERIFY2(farthest(*store, turns) <= 512 + 220, qPrintable(QString::number(farthest(*store, turns))));
    auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
    auto count = runSql(connection->database(), QStringLiteral("SELECT count(*) FROM snapshots"));
    QVERIFY(count->next());
    QVERIFY2(count->value(0).toInt() < 25, qPrintable(count->value(0).toString()));  // of 60
  }

  // A reading that goes through many messages is on its way in one of them at a time, and that one is never thinned out,
  // however much newer what is kept of another branch is.
  void aReadingKeepsItsNewestPlaceAndNoHeaps() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 12, QStringLiteral("model"));
    const Turns newer = addTurns(*store, 8, QStringLiteral("model"), turns, 1);
    saveBothEnds(*store, newer, 1);
    for (std::size_t i = 1; i < 11; ++i) {
      for (const std::size_t missing : {9, 5}) {
        const std::uint64_t position = 210 * i + 10 - missing;
        saveInPrompt(*store, turns, i, missing, position);
        const auto start = startOf(*store, turns, 11);
        QVERIFY(start && start->snapshot);
        QCOMPARE(start->snapshot->position, position);
        QCOMPARE(start->toRead.size(), 210 * 11 + 10 - position);
        QCOMPARE(start->stretches.front().message, turns.answers[i].id);
        QCOMPARE(start->stretches.front().from, -static_cast<qint64>(missing));
        QCOMPARE(start->stretches.size(), 2 * (11 - i) + 1);
        QCOMPARE(start->stretches.back().message, turns.answers[11].id);
        QCOMPARE(chainHash(start->hashBefore, start->toRead), turns.answers[11].startHash);
      }
    }
    auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
    auto count = runSql(connection->database(), QStringLiteral("SELECT count(*) FROM snapshots WHERE answer_tokens < 0"));
    QVERIFY(count->next());
    QCOMPARE(count->value(0).toInt(), 1);
  }

  void anEditNearTheBeginningThinsEachBranchByItself() {
    auto store = openStore(m_path);
    const Turns first = addTurns(*store, 30, QStringLiteral("model"));
    saveBothEnds(*store, first, 0);
    const Turns second = addTurns(*store, 20, QStringLiteral("model"), first, 1);
    saveBothEnds(*store, second, 1);
    for (const Turns* turns : {&first, &second}) {
      QVERIFY2(farthest(*store, *turns) <= 512 + 220, qPrintable(QString::number(farthest(*store, *turns))));
    }
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
      const auto newest = startOf(*store, *turns, 1);
      QVERIFY(newest && newest->snapshot);
    }
    const auto oldest = startOf(*store, first, 0);
    QVERIFY(oldest && !oldest->snapshot);
  }

  void theBudgetCountsWhatChatsBeginFrom() {
    auto store = openStore(m_path);
    const Turns turns = addTurns(*store, 2, QStringLiteral("model"));
    for (const MessageRecord& answer : turns.answers) saveSnapshot(*store, answer, 200, 200, 1.0F);
    const auto isKept = [&] {
      const auto oldest = startOf(*store, turns, 0);
      return oldest && oldest->snapshot;
    };
    QVERIFY(isKept());
    const qint64 bytes = store->snapshotBytes();
    store->setMemoryBudget(bytes + 999);
    QVERIFY(isKept());
    store->putStartState(77, QByteArray(1000, 'x'));
    QVERIFY(!isKept());
    store->setMemoryBudget(1);
    QVERIFY(store->hasStartState(77));  // a chat could not be read again without it
    QVERIFY(store->snapshotBytes() > 1000 && store->snapshotBytes() < bytes + 1000);
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

  void whatCannotBeReadIsToldOnce() {
    auto store = openStore(m_path);
    const qint64 chat = newChat(*store, QStringLiteral("here")).id;
    const qint64 id = addMessage(*store, chat, 0, MessageRole::User, QStringLiteral("q")).id;
    QVERIFY(store->flush(5000));
    auto other = Connection::open(m_path, Connection::Mode::ReadWrite);
    QVERIFY(runSql(other->database(), QStringLiteral("ALTER TABLE messages RENAME TO gone")));
    QSignalSpy problem(store.get(), &ChatStore::problem);
    QVERIFY(!store->chat(chat));
    QVERIFY(!store->message(id));
    QTRY_COMPARE(problem.count(), 1);
    QVERIFY(runSql(other->database(), QStringLiteral("ALTER TABLE gone RENAME TO messages")));
    QCOMPARE(store->chat(chat)->tree.size(), std::size_t(1));
    QCOMPARE(store->message(id)->text, QStringLiteral("q"));
  }

  // Opening does not read every message; damage deep inside is found afterwards and acted on at the next start.
  void damageDeepInsideIsFoundAfterOpening() {
    {
      auto store = openStore(m_path);
      const qint64 chat = newChat(*store, QStringLiteral("long")).id;
      qint64 parent = 0;
      for (int i = 0; i < 200; ++i) parent = addMessage(*store, chat, parent, MessageRole::User, QString(3000, u'x')).id;
    }
    QFile file(m_path);
    QVERIFY(file.open(QIODevice::ReadWrite));
    QVERIFY(file.seek(file.size() / 2 / 4096 * 4096));
    file.write(QByteArray(2 * 4096, '\xff'));
    file.close();
    auto store = openStore(m_path);
    QVERIFY(store);
    QVERIFY(store->damagedCopy().isEmpty());
    QSignalSpy problem(store.get(), &ChatStore::problem);
    QTRY_COMPARE_WITH_TIMEOUT(problem.count(), 1, 10'000);
    QCOMPARE(store->conversations({}, 10, 0).size(), std::size_t(1));
    store.reset();
    store = openStore(m_path);
    QVERIFY(QFile::exists(store->damagedCopy()));
    store.reset();
    QVERIFY(openStore(m_path)->damagedCopy().isEmpty());  // the new one is sound
  }

  // The check reads the whole file, which may take seconds.
  void leavingDoesNotWaitForTheCheck() {
    openStore(m_path);
    {
      auto connection = Connection::open(m_path, Connection::Mode::ReadWrite);
      auto fill = runSql(connection->database(), QStringLiteral(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
          " INSERT INTO conversations(id, uuid, title, title_is_automatic, created, updated) SELECT i, i, 'chat ' || i, 1, i, i FROM n"));
      QVERIFY2(fill, fill ? "" : qPrintable(fill.error().details));
      fill = runSql(connection->database(), QStringLiteral(
          "INSERT INTO messages(conversation_id, role, state, created, text_length, text) SELECT id, 1, 0, id, 8, 'question' FROM conversations"));
      QVERIFY2(fill, fill ? "" : qPrintable(fill.error().details));
    }
    QElapsedTimer timer;
    timer.start();
    {
      auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
      QVERIFY(checkTables(connection->database()));
    }
    const qint64 whole = timer.restart();
    auto store = openStore(m_path);
    QVERIFY(store);
    QTest::qWait(30);  // it is in the middle
    timer.restart();
    store.reset();
    QVERIFY2(timer.elapsed() < 200 && timer.elapsed() < whole, qPrintable(QStringLiteral("%1 ms of %2").arg(timer.elapsed()).arg(whole)));
    QVERIFY(openStore(m_path)->damagedCopy().isEmpty());  // a check that was left is no damage
  }

  void eachAnswerNamesItsModel() {
    MessageRecord answer;
    {
      auto store = openStore(m_path);
      const qint64 chat = newChat(*store, QStringLiteral("two models")).id;
      answer.id = store->newMessageId();
      answer.conversation = chat;
      answer.role = MessageRole::Assistant;
      answer.created = QDateTime::currentDateTime();
      answer.modelName = QStringLiteral("first <b>model</b>");
      store->addMessage(answer);
      answer.text = QStringLiteral("done");
      store->finishAnswer(answer);
    }
    QCOMPARE(openStore(m_path)->message(answer.id)->modelName, answer.modelName);
  }

  // chats_v2.sqlite was written by the program when the schema had version 2 (without its snapshots): two answers, the
  // first of which got the fingerprint of another model than the chat's newest.
  void aDatabaseOfVersion2KeepsWhatIsKnownOfItsAuthors() {
    QVERIFY(QFile::copy(QStringLiteral(ROOKERY_TEST_DATA "/app/data/chats_v2.sqlite"), m_path));
    QVERIFY(QFile::setPermissions(m_path, QFile::ReadOwner | QFile::WriteOwner));
    auto store = openStore(m_path);
    QVERIFY(store && store->damagedCopy().isEmpty());
    QCOMPARE(store->chat(1)->tree.size(), std::size_t(4));
    QCOMPARE(store->message(2)->modelName, QString());
    QCOMPARE(store->message(3)->modelName, QString());  // a question
    QCOMPARE(store->message(4)->modelName, QStringLiteral("Guide model"));
    QCOMPARE(store->message(4)->tokens.size(), std::size_t(40));
  }

  // chats_v3.sqlite was written by the program when the schema had version 3: the chat of the one of version 2.
  void aDatabaseOfVersion3BeginsFromNothing() {
    QVERIFY(QFile::copy(QStringLiteral(ROOKERY_TEST_DATA "/app/data/chats_v3.sqlite"), m_path));
    QVERIFY(QFile::setPermissions(m_path, QFile::ReadOwner | QFile::WriteOwner));
    auto store = openStore(m_path);
    QVERIFY(store && store->damagedCopy().isEmpty());
    QCOMPARE(store->chat(1)->tree.size(), std::size_t(4));
    QCOMPARE(store->chat(1)->record.start, ChatStart());
    QCOMPARE(store->message(4)->modelName, QStringLiteral("Guide model"));
    ConversationRecord chat = newChat(*store, QStringLiteral("with a start"));
    chat.start = {77, QStringLiteral("tuned.st"), true};
    chat.id = store->newConversationId();
    chat.uuid = QStringLiteral("start");
    store->putStartState(77, "packed");
    store->putConversation(chat);
    QVERIFY(store->flush(5000));
    QCOMPARE(store->chat(chat.id)->record.start, chat.start);
    QVERIFY(store->hasStartState(77) && !store->hasStartState(78));
  }

  // What the chat begins from is where reading starts, and what its hashes follow.
  void theStartOfAChatIsASnapshotOfItsOwn() {
    auto store = openStore(m_path);
    ConversationRecord chat = newChat(*store, QStringLiteral("plain"));
    chat.id = store->newConversationId();
    chat.uuid = QStringLiteral("start");
    chat.start = {77, QStringLiteral("tuned.st"), false};
    store->putStartState(77, "packed");
    store->putConversation(chat);
    QVERIFY(store->flush(5000));
    MessageRecord answer;
    answer.id = store->newMessageId();
    answer.conversation = chat.id;
    answer.fingerprint = QStringLiteral("model");
    answer.promptFromStart = true;
    answer.prompt = {7, 8, 9};
    answer.startHash = chainHash(0, answer.prompt);
    QVERIFY(!store->startFor(answer, 0));  // read from nothing: not this chat's
    answer.startHash = chainHash(77, answer.prompt);
    const auto start = store->startFor(answer, 0);
    QVERIFY(start && start->snapshot);
    QCOMPARE(start->snapshot->state, QByteArray("packed"));
    QCOMPARE(start->snapshot->id, qint64(0));
    QCOMPARE(start->hashBefore, std::uint64_t(77));
    QCOMPARE(start->toRead, answer.prompt);
  }

  // chats_v1.sqlite was written by the program when the schema had version 1 (its snapshots are left out, they are large):
  // a question and an answer of 40 tokens.
  void aDatabaseOfVersion1IsBroughtUp() {
    QVERIFY(QFile::copy(QStringLiteral(ROOKERY_TEST_DATA "/app/data/chats_v1.sqlite"), m_path));
    QVERIFY(QFile::setPermissions(m_path, QFile::ReadOwner | QFile::WriteOwner));
    auto store = openStore(m_path);
    QVERIFY(store);
    QVERIFY(store->damagedCopy().isEmpty());
    const auto list = store->conversations({}, 10, 0);
    QCOMPARE(list.size(), std::size_t(1));
    const auto chat = store->chat(list[0].id);
    QCOMPARE(chat->tree.size(), std::size_t(2));
    const auto answer = store->message(chat->record.activeLeaf);
    QCOMPARE(store->message(answer->parent)->text, QStringLiteral("Tell me everything about RWKV."));
    QCOMPARE(answer->tokens.size(), std::size_t(40));
    QVERIFY(answer->decodeSeconds > 0);
    QCOMPARE(answer->decodeTokens, 40);
    QCOMPARE(answer->modelName, QStringLiteral("Rookery guide"));
    auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
    auto version = runSql(connection->database(), QStringLiteral("PRAGMA user_version"));
    QVERIFY(version->next());
    QCOMPARE(version->value(0).toInt(), kSchemaVersion);
  }

 private:
  /// As a reading leaves it that has `missing` tokens of that prompt before it.
  static void saveInPrompt(ChatStore& store, const Turns& turns, std::size_t i, std::size_t missing, std::uint64_t position) {
    const MessageRecord& answer = turns.answers[i];
    auto snapshot = std::make_shared<engine::Snapshot>();
    snapshot->state = engine::State(tinyShape());
    snapshot->tokens = position;
    SnapshotRecord record;
    record.message = answer.id;
    record.answerTokens = -static_cast<qint64>(missing);
    record.fingerprint = answer.fingerprint;
    const std::uint64_t before = i > 0 ? chainHash(turns.answers[i - 1].startHash, turns.answers[i - 1].tokens) : 0;
    record.prefixHash = chainHash(before, answer.prompt.data(), answer.prompt.size() - missing);
    store.saveSnapshot(record, snapshot);
  }

  /// Snapshots at the end of the prompt and of the answer, for all turns from `begin` on.
  static void saveBothEnds(ChatStore& store, const Turns& turns, std::size_t begin) {
    std::uint64_t position = 0;
    for (std::size_t i = 0; i < turns.answers.size(); ++i) {
      const MessageRecord& answer = turns.answers[i];
      const std::uint64_t prompt = position + answer.prompt.size();
      position = prompt + answer.tokens.size();
      if (i < begin) continue;
      saveSnapshot(store, answer, 0, prompt, 1.0F);
      saveSnapshot(store, answer, answer.tokens.size(), position, 1.0F);
    }
  }

  /// The most tokens that going back to any of the turns reads.
  static std::size_t farthest(ChatStore& store, const Turns& turns) {
    std::size_t most = 0;
    for (std::size_t i = 1; i < turns.answers.size(); ++i) {
      const auto start = startOf(store, turns, i);
      most = std::max(most, start ? start->toRead.size() : std::size_t{1'000'000});
    }
    return most;
  }

  std::unique_ptr<QTemporaryDir> m_dir;
  QString m_path;
};

QTEST_GUILESS_MAIN(ChatStoreTest)
#include "chat_store_test.moc"
