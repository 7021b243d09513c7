// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/chat_store.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLoggingCategory>
#include <QPointer>
#include <atomic>
#include <new>

#include "storage/open_database.h"
#include "storage/schema.h"

namespace rookery::app {
namespace {

Q_LOGGING_CATEGORY(lcStore, "rookery.store")
constexpr int kSettleMilliseconds = 250;         // GUI thread
constexpr int kStartMilliseconds = 10'000;       // engine thread: an answer that forgets its chat is worse than a late one
constexpr int kStopPollMilliseconds = 50;
constexpr int kReopenMilliseconds = 2000;

/// Whether it has the schema that the queries here ask for.
StoreResult<bool> isPresent(const QSqlDatabase& database) {
  const auto version = versionOf(database);
  if (!version) return tl::unexpected(version.error());
  return *version == kSchemaVersion && checkSchema(database).has_value();
}

qint64 now() { return QDateTime::currentMSecsSinceEpoch(); }
QVariant idOrNull(qint64 id) { return id > 0 ? QVariant(id) : QVariant(QMetaType::fromType<qint64>()); }
template <class T>
QVariant numberOrNull(const std::optional<T>& value) {
  return value ? QVariant(static_cast<qint64>(*value)) : QVariant(QMetaType::fromType<qint64>());
}
QString orEmpty(const QString& text) { return text.isNull() ? QStringLiteral("") : text; }  // NULL is not '' in SQL

StoreResult<void> execute(const QSqlDatabase& database, const QString& sql, const QVariantList& values = {}) {
  auto result = runSql(database, sql, values);
  if (!result) return tl::unexpected(result.error());
  return {};
}

}  // namespace

ChatStore::ChatStore(QString path, const StoreOptions& options) : m_path(std::move(path)), m_options(options),
      m_budget(options.snapshotBudgetBytes) {
  m_packing.setMaxThreadCount(1);
  m_reading.setMaxThreadCount(1);
  m_reopen.setInterval(kReopenMilliseconds);
  connect(&m_reopen, &QTimer::timeout, this, &ChatStore::reopen);
}

ChatStore::~ChatStore() {
  m_check.reset();
  m_packing.waitForDone();
  m_reading.waitForDone();
  if (m_search) m_search->stop();
  m_reader.reset();
  m_writer.reset();  // the last connection brings the WAL home, which a reading one cannot
}

StoreResult<std::unique_ptr<ChatStore>> ChatStore::open(const QString& path, const StoreOptions& options, OpeningAttendant attendant) {
  std::unique_ptr<ChatStore> store(new ChatStore(path, options));
  store->m_attendant = std::move(attendant);
  if (auto ready = store->openForWriting(); !ready) {
    const StoreError::Kind kind = ready.error().kind;
    if (kind != StoreError::Kind::DiskFull && kind != StoreError::Kind::NoAccess) return tl::unexpected(ready.error());
    if (auto readable = store->openForReading(ready.error()); !readable) return tl::unexpected(readable.error());
  }
  return store;
}

StoreResult<void> ChatStore::attended(std::function<StoreResult<void>(OpeningProgress&, Halt&)> work) {
  Opening opening(std::move(work));
  if (m_attendant) m_attendant(opening);
  return opening.result();
}

StoreResult<void> ChatStore::openForWriting() {
  QDir().mkpath(QFileInfo(m_path).path());
  auto lock = std::make_unique<QLockFile>(m_path + u".lock");
  lock->setStaleLockTime(0);  // stale only when its process is gone
  if (!lock->tryLock(0)) {
    const bool held = lock->error() == QLockFile::LockFailedError;
    return tl::unexpected(withReason({held ? StoreError::Kind::InUse : StoreError::Kind::NoAccess,
                                      QStringLiteral("no lock %1.lock").arg(m_path)}, m_path));
  }
  ReadyDatabase ready;
  auto made = attended([this, &ready](OpeningProgress& progress, Halt& halt) -> StoreResult<void> {
    auto result = makeReady(m_path, m_options.binDays, progress, halt);
    if (!result) return tl::unexpected(result.error());
    ready = std::move(*result);
    return {};
  });
  if (!made) return made;
  auto reader = Connection::open(m_path, Connection::Mode::ReadOnly);
  if (!reader) return tl::unexpected(withReason(reader.error(), m_path));

  m_lock = std::move(lock);
  m_lastConversation = ready.lastConversation;
  m_lastMessage = ready.lastMessage;
  m_damagedCopy = ready.damagedCopy;
  m_salvaged = ready.salvaged;
  m_reader = std::make_unique<Connection>(std::move(*reader));
  m_whyReadOnly.reset();
  m_writer = std::make_unique<StoreWriter>(m_path, m_options.maxPages);
  connect(m_writer.get(), &StoreWriter::committed, this, &ChatStore::committed);
  connect(m_writer.get(), &StoreWriter::failing, this, [this](const StoreError& error) {
    Q_EMIT failing([error] { return storeErrorText(error); });
  });
  connect(m_writer.get(), &StoreWriter::recovered, this, &ChatStore::recovered);
  connect(m_writer.get(), &StoreWriter::jobRefused, this, [this](const StoreError& error) {
    Q_EMIT problem(
        [] {
          return QCoreApplication::translate(
              "Store", "A change to your chats could not be saved and is lost at the next start.");
        },
        error.details);
  });
  m_check = std::make_unique<StoppableWork>([this](Halt& halt) { lookForDamage(halt); });
  return {};
}

// What can be read now is shown. A file of an older version, or a damaged one, would be changed on opening: its texts
// are copied into memory instead.
StoreResult<void> ChatStore::openForReading(const StoreError& why) {
  qCWarning(lcStore) << "The chats cannot be written:" << storeErrorLogText(why);
  m_whyReadOnly = why;
  m_isReadable = true;
  if (QFile::exists(m_path)) {
    auto reader = openToRead(m_path);
    const auto sound = reader ? isPresent(reader->database()) : StoreResult<bool>(tl::unexpected(reader.error()));
    if (sound && *sound) m_reader = std::make_unique<Connection>(std::move(*reader));
    m_isReadable = reader.has_value();
  }
  if (!m_reader) {
    static std::atomic<int> copies{0};
    const QString name = QStringLiteral("rookery-copy-%1").arg(++copies);
    auto memory = Connection::open(name, Connection::Mode::Memory);
    if (!memory) return tl::unexpected(memory.error());
    if (auto result = migrate(memory->database()); !result) return result;
    if (m_isReadable && QFile::exists(m_path)) {
      auto copied = attended([this, name](OpeningProgress& progress, Halt& halt) -> StoreResult<void> {
        progress.step = OpeningProgress::Step::Copying;
        auto target = Connection::open(name, Connection::Mode::Memory, &halt);
        if (!target) return tl::unexpected(target.error());
        auto salvaged = salvage(m_path, target->database(), progress, halt, false);
        if (!salvaged) return tl::unexpected(salvaged.error());
        return {};
      });
      if (!copied) return copied;
    }
    m_reader = std::make_unique<Connection>(std::move(*memory));
  }
  m_reopen.start();
  return {};
}

void ChatStore::reopen() {
  m_reopen.stop();  // the attendant may let events through
  if (auto ready = openForWriting(); !ready) {
    if (ready.error().kind == StoreError::Kind::Stopped) return;  // the user does not want it now; the next start tries again
    m_reopen.start();
    if (ready.error().kind == m_whyReadOnly->kind) return;
    qCWarning(lcStore) << "The chats still cannot be written:" << storeErrorLogText(ready.error());
    m_whyReadOnly = ready.error();
    Q_EMIT opened();
    return;
  }
  qCInfo(lcStore) << "The chats can be written again";
  for (StoreWriter::Job& job : std::exchange(m_waiting, {})) m_writer->post(std::move(job));
  setMemoryBudget(m_budget);
  Q_EMIT opened();
}

QString ChatStore::whyReadOnly() const {
  if (!m_whyReadOnly) return {};
  const auto text = [this](const char* source) {
    return QCoreApplication::translate("Store", source).arg(QDir::toNativeSeparators(QFileInfo(m_path).path()));
  };
  if (m_whyReadOnly->kind != StoreError::Kind::DiskFull && m_whyReadOnly->kind != StoreError::Kind::NoAccess) {
    return storeErrorText(*m_whyReadOnly);  // what stood in the way is gone, but another Rookery was faster
  }
  if (m_whyReadOnly->kind == StoreError::Kind::DiskFull) {
    return text(QT_TRANSLATE_NOOP("Store", "The disk is full: your chats can be read, but nothing new can be saved in %1. "
                                           "Free some space, and Rookery goes on by itself."));
  }
  if (!m_isReadable) {
    return text(QT_TRANSLATE_NOOP("Store", "Your chats in %1 can neither be read nor written. Give yourself the right to, and "
                                           "Rookery goes on by itself; or start it with --data-dir and another folder."));
  }
  return text(QT_TRANSLATE_NOOP("Store", "Your chats can be read, but nothing new can be saved: the folder %1 cannot be written. Make "
                                         "it writable, and Rookery goes on by itself; or start it with --data-dir and another folder."));
}

void ChatStore::post(StoreWriter::Job job) {
  if (m_writer) m_writer->post(std::move(job));
  else m_waiting.push_back(std::move(job));
}

void ChatStore::lookForDamage(Halt& halt) {
  auto connection = Connection::open(m_path, Connection::Mode::ReadOnly, &halt);
  if (!connection) return;
  const auto sound = checkTables(connection->database());
  if (sound || sound.error().kind != StoreError::Kind::Damaged) return;
  qCCritical(lcStore) << "The database is damaged:" << sound.error().details;
  markDamaged(m_path);
  QMetaObject::invokeMethod(this, [this, details = sound.error().details] {
    Q_EMIT problem(
        [] {
          return QCoreApplication::translate(
              "Store",
              "The file with your chats is damaged in places. Close Rookery and start it again: "
              "it then rescues what can be read into a new file and keeps the damaged one.");
        },
        details);
  });
}

bool ChatStore::settle() { return isReadOnly() || isFailing() ? false : m_writer->flush(kSettleMilliseconds); }

std::optional<QSqlQuery> ChatStore::read(const QString& sql, const QVariantList& values) {
  auto query = runSql(m_reader->database(), sql, values);
  const bool first = !query && !m_readFailing;
  m_readFailing = !query;
  if (query) return std::move(*query);
  qCWarning(lcStore) << "Reading failed:" << query.error().details;
  if (first) {  // later: nobody may listen yet, or it happened while something was being painted
    QMetaObject::invokeMethod(
        this,
        [this, details = query.error().details] {
          Q_EMIT problem(
              [] {
                return QCoreApplication::translate(
                    "Store",
                    "Some of your chats could not be read. Check the disk that holds them, then open the chat again.");
              },
              details);
        },
        Qt::QueuedConnection);
  }
  return std::nullopt;
}

std::vector<ConversationSummary> ChatStore::conversations(const QString& filter, int limit, int offset) {
  settle();
  QString pattern = filter;
  pattern.replace(u'\\', QStringLiteral("\\\\")).replace(u'%', QStringLiteral("\\%")).replace(u'_', QStringLiteral("\\_"));
  auto query = read(QStringLiteral(
      "SELECT id, title, updated FROM conversations WHERE deleted_at IS NULL AND (? = '' OR title LIKE ? ESCAPE '\\')"
      " ORDER BY updated DESC, id DESC LIMIT ? OFFSET ?"), {orEmpty(filter), QVariant(u'%' + pattern + u'%'), limit, offset});
  std::vector<ConversationSummary> found;
  while (query && query->next()) {
    found.push_back({query->value(0).toLongLong(), query->value(1).toString(),
                     QDateTime::fromMSecsSinceEpoch(query->value(2).toLongLong())});
  }
  return found;
}

std::vector<ConversationSummary> ChatStore::bin() {
  settle();
  auto query = read(QStringLiteral(
      "SELECT id, title, deleted_at FROM conversations WHERE deleted_at IS NOT NULL ORDER BY deleted_at DESC"));
  std::vector<ConversationSummary> found;
  while (query && query->next()) {
    found.push_back({query->value(0).toLongLong(), query->value(1).toString(),
                     QDateTime::fromMSecsSinceEpoch(query->value(2).toLongLong())});
  }
  return found;
}

std::optional<StoredChat> ChatStore::chat(qint64 id) {
  settle();
  auto query = read(QStringLiteral(
      "SELECT uuid, title, title_is_automatic, created, updated, system_prompt, sampling, model_fingerprint, model_name,"
      " active_leaf, start_hash, start_name, start_is_chat FROM conversations WHERE id = ?"), {id});
  if (!query || !query->next()) return std::nullopt;
  StoredChat chat;
  ConversationRecord& r = chat.record;
  r.id = id;
  r.uuid = query->value(0).toString();
  r.title = query->value(1).toString();
  r.titleIsAutomatic = query->value(2).toBool();
  r.created = QDateTime::fromMSecsSinceEpoch(query->value(3).toLongLong());
  r.updated = QDateTime::fromMSecsSinceEpoch(query->value(4).toLongLong());
  r.systemPrompt = query->value(5).toString();
  r.sampling = unpackSampling(query->value(6).toString());
  r.rules = unpackRules(query->value(6).toString());
  r.thinking = unpackThinking(query->value(6).toString());
  r.systemSince = unpackSystemSince(query->value(6).toString());
  r.fingerprint = query->value(7).toString();
  r.modelName = query->value(8).toString();
  r.activeLeaf = query->value(9).toLongLong();
  r.start = {static_cast<std::uint64_t>(query->value(10).toLongLong()), query->value(11).toString(), query->value(12).toBool()};

  query = read(QStringLiteral(
      "SELECT id, parent_id, role, text_length FROM messages WHERE conversation_id = ? ORDER BY id"), {id});
  if (!query) return std::nullopt;
  while (query->next()) {
    const qint64 message = query->value(0).toLongLong();
    chat.tree.push_back({message, soundParent(message, query->value(1).toLongLong()),
                         static_cast<MessageRole>(query->value(2).toInt()), query->value(3).toInt()});
  }
  return chat;
}

/// `read` runs a query; nullopt: it failed.
template <class Read>
std::optional<MessageRecord> readMessage(qint64 id, bool withJournal, const Read& read) {
  auto query = read(QStringLiteral(
      "SELECT conversation_id, parent_id, role, state, created, text, model_fingerprint, sampling, seed, prompt_from_start,"
      " start_hash, token_ids, pending_token, stop_reason, prefill_seconds, first_token_seconds, decode_seconds, decode_tokens,"
      " model_name FROM messages WHERE id = ?"), {id});
  if (!query || !query->next()) return std::nullopt;
  int column = 0;
  const auto next = [&] { return query->value(column++); };
  MessageRecord r;
  r.id = id;
  r.conversation = next().toLongLong();
  r.parent = soundParent(id, next().toLongLong());
  r.role = static_cast<MessageRole>(next().toInt());
  r.state = static_cast<MessageState>(next().toInt());
  r.created = QDateTime::fromMSecsSinceEpoch(next().toLongLong());
  r.text = next().toString();
  r.fingerprint = next().toString();
  const QString settings = next().toString();
  r.sampling = unpackSampling(settings);
  r.rules = unpackRules(settings);
  r.seed = static_cast<std::uint64_t>(next().toLongLong());
  r.promptFromStart = next().toBool();
  r.startHash = static_cast<std::uint64_t>(next().toLongLong());
  r.tokens = unpackTokens(next().toByteArray());
  if (const QVariant v = next(); !v.isNull()) r.pending = static_cast<engine::TokenId>(v.toLongLong());
  if (const QVariant v = next(); !v.isNull()) r.stop = static_cast<engine::StopReason>(v.toInt());
  r.prefillSeconds = next().toDouble();
  r.firstTokenSeconds = next().toDouble();
  r.decodeSeconds = next().toDouble();
  r.decodeTokens = next().toInt();
  r.modelName = next().toString();
  if (withJournal) {
    query = read(QStringLiteral("SELECT text FROM journal WHERE message_id = ? ORDER BY seq"), {id});
    while (query && query->next()) r.text += query->value(0).toString();
  }
  return r;
}

std::optional<MessageRecord> ChatStore::message(qint64 id) {
  // While nothing can be written, the journals of a crash are not folded in yet.
  return readMessage(id, isReadOnly(), [this](const QString& sql, const QVariantList& values) { return read(sql, values); });
}

void ChatStore::loadMessage(qint64 id, QObject* context, std::function<void(std::optional<MessageRecord>)> loaded) {
  const auto tell = [this, context = QPointer<QObject>(context), loaded = std::move(loaded)](std::optional<MessageRecord> record) {
    QMetaObject::invokeMethod(this, [context, loaded, record = std::move(record)]() mutable {
      if (context) loaded(std::move(record));
    }, Qt::QueuedConnection);
  };
  if (isReadOnly()) return tell(message(id));  // its connection may be to a copy in memory, which is this thread's
  m_reading.start([this, id, tell] {
    m_writer->flush(kSettleMilliseconds);
    const auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
    if (!connection) return tell(std::nullopt);
    tell(readMessage(id, false, [&](const QString& sql, const QVariantList& values) -> std::optional<QSqlQuery> {
      auto query = runSql(connection->database(), sql, values);
      return query ? std::optional(std::move(*query)) : std::nullopt;
    }));
  });
}

qint64 ChatStore::snapshotBytes() {
  settle();
  auto query = read(memoryBytesSql());
  return query && query->next() ? query->value(0).toLongLong() : 0;
}

MessageSearch* ChatStore::search() {
  if (!m_search && m_writer) {
    m_search = std::make_unique<MessageSearch>(m_path);
    connect(m_writer.get(), &StoreWriter::committed, m_search.get(), &MessageSearch::wake, Qt::DirectConnection);
  }
  return m_search.get();
}

bool ChatStore::hasStartState(std::uint64_t hash) {
  settle();
  auto query = read(QStringLiteral("SELECT 1 FROM start_states WHERE hash = ?"), {static_cast<qint64>(hash)});
  return !query || query->next();
}

void ChatStore::putStartState(std::uint64_t hash, const QByteArray& state) {
  post([hash, state](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("INSERT OR IGNORE INTO start_states(hash, bytes, state) VALUES(?,?,?)"),
                   {static_cast<qint64>(hash), state.size(), state});
  });
  setMemoryBudget(m_budget);  // it counts, too
}

void ChatStore::putConversation(const ConversationRecord& r) {
  post([r](const QSqlDatabase& database) {
    return execute(database, QStringLiteral(
        "INSERT INTO conversations(id, uuid, title, title_is_automatic, created, updated, system_prompt, sampling,"
        " model_fingerprint, model_name, active_leaf, start_hash, start_name, start_is_chat) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT(id) DO UPDATE SET title = excluded.title, title_is_automatic = excluded.title_is_automatic,"
        " updated = excluded.updated, system_prompt = excluded.system_prompt, sampling = excluded.sampling,"
        " model_fingerprint = excluded.model_fingerprint, model_name = excluded.model_name,"
        " active_leaf = excluded.active_leaf, start_hash = excluded.start_hash, start_name = excluded.start_name,"
        " start_is_chat = excluded.start_is_chat"),
        {r.id, r.uuid, orEmpty(r.title), r.titleIsAutomatic ? 1 : 0, r.created.toMSecsSinceEpoch(),
         r.updated.toMSecsSinceEpoch(), orEmpty(r.systemPrompt),
         packSampling(r.sampling, r.rules, r.thinking, r.systemSince), orEmpty(r.fingerprint),
         orEmpty(r.modelName), idOrNull(r.activeLeaf), static_cast<qint64>(r.start.hash), orEmpty(r.start.name),
         r.start.isChat ? 1 : 0});
  });
}

void ChatStore::setTitle(qint64 conversation, const QString& title, bool automatic) {
  post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE conversations SET title = ?, title_is_automatic = ? WHERE id = ?"),
                   {orEmpty(title), automatic ? 1 : 0, conversation});
  });
}

void ChatStore::addMessage(const MessageRecord& r) {
  post([r](const QSqlDatabase& database) -> StoreResult<void> {
    auto result = execute(database, QStringLiteral(
        "INSERT INTO messages(id, conversation_id, parent_id, role, state, created, text_length, text, model_fingerprint,"
        " sampling, seed, prompt_from_start, start_hash, prompt_ids, token_ids, model_name) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
        {r.id, r.conversation, idOrNull(r.parent), static_cast<int>(r.role), static_cast<int>(r.state),
         r.created.toMSecsSinceEpoch(), r.text.size(), orEmpty(r.text), orEmpty(r.fingerprint), packSampling(r.sampling, r.rules),
         static_cast<qint64>(r.seed), r.promptFromStart ? 1 : 0, static_cast<qint64>(r.startHash), packTokens(r.prompt),
         packTokens(r.tokens), orEmpty(r.modelName)});
    if (!result) return result;
    return execute(database, QStringLiteral("UPDATE conversations SET active_leaf = ?, updated = ? WHERE id = ?"),
                   {r.id, r.created.toMSecsSinceEpoch(), r.conversation});
  });
}

void ChatStore::setActiveLeaf(qint64 conversation, qint64 message) {
  if (isReadOnly()) return;  // looking around is no change worth a question on closing
  post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE conversations SET active_leaf = ? WHERE id = ?"), {idOrNull(message), conversation});
  });
}

void ChatStore::appendJournal(qint64 message, qint64 seq, const QString& text, const Tokens& tokens) {
  post([=, bytes = packTokens(tokens)](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("INSERT INTO journal(message_id, seq, text, token_ids) VALUES(?,?,?,?)"),
                   {message, seq, orEmpty(text), bytes});
  });
}

void ChatStore::finishAnswer(const MessageRecord& r) {
  post([r](const QSqlDatabase& database) -> StoreResult<void> {
    auto result = execute(database, QStringLiteral(
        "UPDATE messages SET state = ?, text = ?, text_length = ?, token_ids = ?, pending_token = ?, stop_reason = ?,"
        " prefill_seconds = ?, first_token_seconds = ?, decode_seconds = ?, decode_tokens = ? WHERE id = ?"),
        {static_cast<int>(r.state), orEmpty(r.text), r.text.size(), packTokens(r.tokens), numberOrNull(r.pending),
         r.stop ? QVariant(static_cast<int>(*r.stop)) : QVariant(QMetaType::fromType<int>()), r.prefillSeconds,
         r.firstTokenSeconds, r.decodeSeconds, r.decodeTokens, r.id});
    if (!result) return result;
    return execute(database, QStringLiteral("DELETE FROM journal WHERE message_id = ?"), {r.id});
  });
}

void ChatStore::saveSnapshot(SnapshotRecord record, std::shared_ptr<const engine::Snapshot> snapshot) {
  m_packing.start([this, record = std::move(record), snapshot = std::move(snapshot)]() mutable {
    try {
      record.packed = packSnapshot(*snapshot);
      post([this, record](const QSqlDatabase& database) -> StoreResult<void> {
        if (auto result = insertSnapshot(database, record); !result) return result;
        const auto dropped = thinSnapshots(database, record.message, m_budget);
        if (!dropped) return tl::unexpected(dropped.error());
        if (*dropped > 0) Q_EMIT memoriesDropped(*dropped);
        return {};
      });
    } catch (const std::bad_alloc&) {  // only time is lost: the tokens are read again where this one would have helped
      qCWarning(lcStore) << "Too little memory to keep the state of message" << record.message;
    }
  });
}

void ChatStore::takeBack(qint64 conversation, qint64 answer, qint64 question, qint64 leaf) {
  post([=](const QSqlDatabase& database) -> StoreResult<void> {
    // The leaf first: nothing may point at what goes.
    auto result = execute(database, QStringLiteral("UPDATE conversations SET active_leaf = ? WHERE id = ?"), {idOrNull(leaf), conversation});
    if (!result) return result;
    result = execute(database, QStringLiteral("DELETE FROM messages WHERE id = ? AND length(coalesce(token_ids, x'')) = 0"), {answer});
    if (!result || question == 0) return result;
    return execute(database, QStringLiteral("DELETE FROM messages WHERE id = ? AND NOT EXISTS (SELECT 1 FROM messages WHERE parent_id = ?)"),
                   {question, question});
  });
}

void ChatStore::moveToBin(qint64 conversation) {
  post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE conversations SET deleted_at = ? WHERE id = ?"), {now(), conversation});
  });
}

void ChatStore::restoreFromBin(qint64 conversation) {
  post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE conversations SET deleted_at = NULL WHERE id = ?"), {conversation});
  });
}

void ChatStore::deleteFromBin(qint64 conversation) {
  post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("DELETE FROM conversations WHERE id = ? AND deleted_at IS NOT NULL"), {conversation});
  });
}

void ChatStore::setMemoryBudget(qint64 bytes) {
  m_budget = bytes;
  if (isReadOnly()) return;  // reopen() asks again
  post([this, bytes](const QSqlDatabase& database) -> StoreResult<void> {
    const auto dropped = trimSnapshots(database, bytes);
    if (!dropped) return tl::unexpected(dropped.error());
    if (*dropped > 0) Q_EMIT memoriesDropped(*dropped);
    return {};
  });
}

bool ChatStore::waitUntilSaved(const std::stop_token& stop) {
  for (int waited = 0; m_writer && !m_writer->flush(kStopPollMilliseconds); waited += kStopPollMilliseconds) {
    if (stop.stop_requested() || isFailing() || waited >= kStartMilliseconds) return false;
  }
  return true;
}

template <class Read>
auto ChatStore::readElsewhere(const char* what, const Read& read) -> decltype(read(QSqlDatabase())) {
  auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
  auto result = connection ? read(connection->database()) : decltype(read(QSqlDatabase()))(tl::unexpected(connection.error()));
  if (!result) qCWarning(lcStore) << "Reading" << what << "failed:" << result.error().details;
  return result;
}

std::optional<StartPoint> ChatStore::startFor(const MessageRecord& answer, qint64 base, const std::vector<qint64>& without,
                                              std::stop_token stop) {
  m_packing.waitForDone();
  waitUntilSaved(stop);  // findStart() sees by itself what is missing
  auto start = readElsewhere("the start of an answer", [&](const QSqlDatabase& database) { return findStart(database, answer, base, without); });
  return start ? std::move(*start) : std::nullopt;
}

std::optional<std::vector<SaidMessage>> ChatStore::historyOf(qint64 message, const std::stop_token& stop) {
  if (!waitUntilSaved(stop)) return std::nullopt;
  auto history = readElsewhere("the messages before an answer", [&](const QSqlDatabase& database) { return readHistory(database, message, stop); });
  return history ? std::move(*history) : std::nullopt;
}

std::optional<QString> ChatStore::textOf(qint64 message, const std::stop_token& stop) {
  waitUntilSaved(stop);
  auto text = readElsewhere("a question", [&](const QSqlDatabase& database) { return readText(database, message); });
  return text ? std::move(*text) : std::nullopt;
}

std::optional<StoredPrompt> ChatStore::promptOf(qint64 message, const std::stop_token& stop) {
  waitUntilSaved(stop);
  auto prompt = readElsewhere("the prompt of an answer", [&](const QSqlDatabase& database) { return readPrompt(database, message); });
  return prompt ? std::move(*prompt) : std::nullopt;
}

std::uint64_t ChatStore::promptReadBefore(const MessageRecord& answer, const std::stop_token& stop) {
  waitUntilSaved(stop);
  return readElsewhere("what was read before", [&](const QSqlDatabase& database) {
    return rookery::app::promptReadBefore(database, answer.parent, answer.fingerprint, answer.startHash, answer.prompt.size());
  }).value_or(0);
}

NeverRead ChatStore::neverReadBefore(qint64 answer, const std::stop_token& stop) {
  waitUntilSaved(stop);
  return readElsewhere("what was never read", [&](const QSqlDatabase& database) {
    return rookery::app::neverReadBefore(database, answer);
  }).value_or(NeverRead{});
}

void ChatStore::setPrompt(const MessageRecord& r) {
  post([r](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE messages SET prompt_from_start = ?, start_hash = ?, prompt_ids = ?, text = ?, text_length = ? WHERE id = ?"),
                   {r.promptFromStart ? 1 : 0, static_cast<qint64>(r.startHash), packTokens(r.prompt), orEmpty(r.text), r.text.size(), r.id});
  });
}

}  // namespace rookery::app
