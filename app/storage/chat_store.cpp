// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/chat_store.h"

#include <QCoreApplication>
#include <QLoggingCategory>
#include <new>

#include "storage/open_database.h"

namespace rookery::app {
namespace {

Q_LOGGING_CATEGORY(lcStore, "rookery.store")
constexpr int kSettleMilliseconds = 250;         // GUI thread
constexpr int kStartMilliseconds = 10'000;       // engine thread: an answer that forgets its chat is worse than a late one
constexpr int kStopPollMilliseconds = 50;

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
}

ChatStore::~ChatStore() {
  if (m_check.joinable()) m_check.join();
  m_packing.waitForDone();
  m_writer.reset();
  m_reader.reset();
}

StoreResult<std::unique_ptr<ChatStore>> ChatStore::open(const QString& path, const StoreOptions& options) {
  std::unique_ptr<ChatStore> store(new ChatStore(path, options));
  store->m_lock = std::make_unique<QLockFile>(path + u".lock");
  store->m_lock->setStaleLockTime(0);  // stale only when its process is gone
  if (!store->m_lock->tryLock(0)) {
    const bool held = store->m_lock->error() == QLockFile::LockFailedError;
    return tl::unexpected(StoreError{held ? StoreError::Kind::InUse : StoreError::Kind::NoAccess, path});
  }
  if (auto ready = store->prepare(); !ready) return tl::unexpected(ready.error());
  store->m_check = std::thread([raw = store.get()] { raw->lookForDamage(); });
  return store;
}

void ChatStore::lookForDamage() {
  auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
  if (!connection) return;
  const auto sound = checkTables(connection->database());
  if (sound || sound.error().kind != StoreError::Kind::Damaged) return;
  qCCritical(lcStore) << "The database is damaged:" << sound.error().details;
  markDamaged(m_path);
  QMetaObject::invokeMethod(this, [this, details = sound.error().details] {
    Q_EMIT problem(QCoreApplication::translate("Store", "The file with your chats is damaged in places. Close Rookery and start it again: "
                                                        "it then rescues what can be read into a new file and keeps the damaged one."), details);
  });
}

StoreResult<void> ChatStore::prepare() {
  auto ready = makeReady(m_path, m_options.binDays);
  if (!ready) return tl::unexpected(ready.error());
  m_lastConversation = ready->lastConversation;
  m_lastMessage = ready->lastMessage;
  m_damagedCopy = ready->damagedCopy;
  m_salvaged = ready->salvaged;
  auto reader = Connection::open(m_path, Connection::Mode::ReadOnly);
  if (!reader) return tl::unexpected(reader.error());
  m_reader = std::make_unique<Connection>(std::move(*reader));
  m_writer = std::make_unique<StoreWriter>(m_path, m_options.maxPages);
  connect(m_writer.get(), &StoreWriter::committed, this, &ChatStore::committed);
  connect(m_writer.get(), &StoreWriter::failing, this, [this](const StoreError& error) { Q_EMIT failing(storeErrorText(error)); });
  connect(m_writer.get(), &StoreWriter::recovered, this, &ChatStore::recovered);
  connect(m_writer.get(), &StoreWriter::jobRefused, this, [this](const StoreError& error) {
    Q_EMIT problem(QCoreApplication::translate("Store", "A change to your chats could not be saved and is lost at the next start."),
                   error.details);
  });
  return {};
}

bool ChatStore::settle() { return isFailing() ? false : m_writer->flush(kSettleMilliseconds); }

std::optional<QSqlQuery> ChatStore::read(const QString& sql, const QVariantList& values) {
  auto query = runSql(m_reader->database(), sql, values);
  const bool first = !query && !m_readFailing;
  m_readFailing = !query;
  if (query) return std::move(*query);
  qCWarning(lcStore) << "Reading failed:" << query.error().details;
  if (first) {  // later: nobody may listen yet, or it happened while something was being painted
    QMetaObject::invokeMethod(this, [this, details = query.error().details] {
      Q_EMIT problem(QCoreApplication::translate("Store", "Some of your chats could not be read. Check the disk that holds them, then open the chat again."),
                     details);
    }, Qt::QueuedConnection);
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
      " active_leaf FROM conversations WHERE id = ?"), {id});
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
  r.thinking = unpackThinking(query->value(6).toString());
  r.fingerprint = query->value(7).toString();
  r.modelName = query->value(8).toString();
  r.activeLeaf = query->value(9).toLongLong();

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

std::optional<MessageRecord> ChatStore::message(qint64 id) {
  auto query = read(QStringLiteral(
      "SELECT conversation_id, parent_id, role, state, created, text, model_fingerprint, sampling, seed, prompt_from_start,"
      " start_hash, prompt_ids, token_ids, pending_token, stop_reason, prefill_seconds, first_token_seconds, decode_seconds, decode_tokens"
      " FROM messages WHERE id = ?"), {id});
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
  r.sampling = unpackSampling(next().toString());
  r.seed = static_cast<std::uint64_t>(next().toLongLong());
  r.promptFromStart = next().toBool();
  r.startHash = static_cast<std::uint64_t>(next().toLongLong());
  r.prompt = unpackTokens(next().toByteArray());
  r.tokens = unpackTokens(next().toByteArray());
  if (const QVariant v = next(); !v.isNull()) r.pending = static_cast<engine::TokenId>(v.toLongLong());
  if (const QVariant v = next(); !v.isNull()) r.stop = static_cast<engine::StopReason>(v.toInt());
  r.prefillSeconds = next().toDouble();
  r.firstTokenSeconds = next().toDouble();
  r.decodeSeconds = next().toDouble();
  r.decodeTokens = next().toInt();
  return r;
}

qint64 ChatStore::snapshotBytes() {
  settle();
  auto query = read(QStringLiteral("SELECT coalesce(sum(bytes), 0) FROM snapshots"));
  return query && query->next() ? query->value(0).toLongLong() : 0;
}

void ChatStore::putConversation(const ConversationRecord& r) {
  m_writer->post([r](const QSqlDatabase& database) {
    return execute(database, QStringLiteral(
        "INSERT INTO conversations(id, uuid, title, title_is_automatic, created, updated, system_prompt, sampling,"
        " model_fingerprint, model_name, active_leaf) VALUES(?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT(id) DO UPDATE SET title = excluded.title, title_is_automatic = excluded.title_is_automatic,"
        " updated = excluded.updated, system_prompt = excluded.system_prompt, sampling = excluded.sampling,"
        " model_fingerprint = excluded.model_fingerprint, model_name = excluded.model_name,"
        " active_leaf = excluded.active_leaf"),
        {r.id, r.uuid, orEmpty(r.title), r.titleIsAutomatic ? 1 : 0, r.created.toMSecsSinceEpoch(),
         r.updated.toMSecsSinceEpoch(), orEmpty(r.systemPrompt), packSampling(r.sampling, r.thinking), orEmpty(r.fingerprint),
         orEmpty(r.modelName), idOrNull(r.activeLeaf)});
  });
}

void ChatStore::setTitle(qint64 conversation, const QString& title, bool automatic) {
  m_writer->post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE conversations SET title = ?, title_is_automatic = ? WHERE id = ?"),
                   {orEmpty(title), automatic ? 1 : 0, conversation});
  });
}

void ChatStore::addMessage(const MessageRecord& r) {
  m_writer->post([r](const QSqlDatabase& database) -> StoreResult<void> {
    auto result = execute(database, QStringLiteral(
        "INSERT INTO messages(id, conversation_id, parent_id, role, state, created, text_length, text, model_fingerprint,"
        " sampling, seed, prompt_from_start, start_hash, prompt_ids, token_ids) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
        {r.id, r.conversation, idOrNull(r.parent), static_cast<int>(r.role), static_cast<int>(r.state),
         r.created.toMSecsSinceEpoch(), r.text.size(), orEmpty(r.text), orEmpty(r.fingerprint), packSampling(r.sampling),
         static_cast<qint64>(r.seed), r.promptFromStart ? 1 : 0, static_cast<qint64>(r.startHash), packTokens(r.prompt),
         packTokens(r.tokens)});
    if (!result) return result;
    return execute(database, QStringLiteral("UPDATE conversations SET active_leaf = ?, updated = ? WHERE id = ?"),
                   {r.id, r.created.toMSecsSinceEpoch(), r.conversation});
  });
}

void ChatStore::setActiveLeaf(qint64 conversation, qint64 message) {
  m_writer->post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE conversations SET active_leaf = ? WHERE id = ?"), {idOrNull(message), conversation});
  });
}

void ChatStore::appendJournal(qint64 message, qint64 seq, const QString& text, const Tokens& tokens) {
  m_writer->post([=, bytes = packTokens(tokens)](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("INSERT INTO journal(message_id, seq, text, token_ids) VALUES(?,?,?,?)"),
                   {message, seq, orEmpty(text), bytes});
  });
}

void ChatStore::finishAnswer(const MessageRecord& r) {
  m_writer->post([r](const QSqlDatabase& database) -> StoreResult<void> {
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
      m_writer->post([this, record](const QSqlDatabase& database) -> StoreResult<void> {
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

void ChatStore::moveToBin(qint64 conversation) {
  m_writer->post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE conversations SET deleted_at = ? WHERE id = ?"), {now(), conversation});
  });
}

void ChatStore::restoreFromBin(qint64 conversation) {
  m_writer->post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("UPDATE conversations SET deleted_at = NULL WHERE id = ?"), {conversation});
  });
}

void ChatStore::deleteFromBin(qint64 conversation) {
  m_writer->post([=](const QSqlDatabase& database) {
    return execute(database, QStringLiteral("DELETE FROM conversations WHERE id = ? AND deleted_at IS NOT NULL"), {conversation});
  });
}

void ChatStore::setMemoryBudget(qint64 bytes) {
  m_budget = bytes;
  m_writer->post([this, bytes](const QSqlDatabase& database) -> StoreResult<void> {
    const auto dropped = trimSnapshots(database, bytes);
    if (!dropped) return tl::unexpected(dropped.error());
    if (*dropped > 0) Q_EMIT memoriesDropped(*dropped);
    return {};
  });
}

std::optional<StartPoint> ChatStore::startFor(const MessageRecord& answer, qint64 base, const std::vector<qint64>& without,
                                              std::stop_token stop) {
  m_packing.waitForDone();
  for (int waited = 0; !m_writer->flush(kStopPollMilliseconds); waited += kStopPollMilliseconds) {
    if (stop.stop_requested() || isFailing() || waited >= kStartMilliseconds) break;
  }
  auto connection = Connection::open(m_path, Connection::Mode::ReadOnly);
  auto start = connection ? findStart(connection->database(), answer, base, without)
                          : StoreResult<std::optional<StartPoint>>(tl::unexpected(connection.error()));
  if (start) return std::move(*start);
  qCWarning(lcStore) << "Looking for the start of an answer failed:" << start.error().details;
  return std::nullopt;
}

}  // namespace rookery::app
