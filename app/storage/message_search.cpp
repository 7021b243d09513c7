// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/message_search.h"

#include <QElapsedTimer>
#include <QFile>
#include <QLoggingCategory>
#include <QSet>
#include <QSqlError>
#include <algorithm>
#include <chrono>
#include <new>

namespace rookery::app {
namespace {

Q_LOGGING_CATEGORY(lcSearch, "rookery.search")
constexpr int kIndexVersion = 1;
constexpr int kChangesAtOnce = 100;
constexpr qsizetype kCharactersAtOnce = 100'000;
constexpr int kMostHits = 200, kMostLooked = 20'000;
constexpr double kRestPerWork = 2;
constexpr int kForgetPages = 200;
constexpr int kTryAgainMilliseconds = 30'000, kStopAgainMilliseconds = 5;

StoreResult<void> execute(const QSqlDatabase& database, const QString& sql, const QVariantList& values = {}) {
  auto result = runSql(database, sql, values);
  if (!result) return tl::unexpected(result.error());
  return {};
}

StoreResult<QVariant> first(const QSqlDatabase& database, const QString& sql, const QVariantList& values = {}) {
  auto query = runSql(database, sql, values);
  if (!query) return tl::unexpected(query.error());
  if (query->next()) return query->value(0);
  if (query->lastError().isValid()) return tl::unexpected(toStoreError(query->lastError()));
  return QVariant();
}

/// Damage of the chats is no damage of the index.
StoreError whileReading(StoreError error) {
  if (error.kind == StoreError::Kind::Damaged) error.kind = StoreError::Kind::Other;
  return error;
}

const QString& textSql() {
  static const QString sql = QStringLiteral("CASE WHEN text_length <= %1 THEN text ELSE substr(text, 1, %1) END").arg(kSearchedCharacters);
  return sql;
}

}  // namespace

MessageSearch::MessageSearch(const QString& database, QObject* parent)
    : QObject(parent), m_database(database), m_path(database + u".search"), m_thread([this] { run(); }) {
  qRegisterMetaType<std::vector<ChatHit>>();
}

MessageSearch::~MessageSearch() { stop(); }

void MessageSearch::stop() {
  if (!m_thread.joinable()) return;
  {
    std::unique_lock lock(m_mutex);
    m_quit = true;
    m_wake.notify_all();
    do {
      m_halt.request();
    } while (!m_ended.wait_for(lock, std::chrono::milliseconds(kStopAgainMilliseconds), [this] { return m_isOver; }));
  }
  m_thread.join();
}

quint64 MessageSearch::find(const QString& typed) {
  const std::lock_guard lock(m_mutex);
  m_request = Request{++m_lastId, typed};
  if (m_isSearching) m_halt.interrupt();
  m_wake.notify_all();
  return m_lastId;
}

void MessageSearch::wake() {
  const std::lock_guard lock(m_mutex);
  m_changed = true;
  m_wake.notify_all();
}

void MessageSearch::run() {
  while (true) {
    try {
      work();
    } catch (const std::bad_alloc&) {
      qCWarning(lcSearch) << "Too little memory for the search";
    }
    m_index.reset();
    m_reader.reset();
    std::unique_lock lock(m_mutex);
    if (!m_quit) m_wake.wait_for(lock, std::chrono::milliseconds(kTryAgainMilliseconds), [this] { return m_quit; });
    if (!m_quit) continue;
    m_isOver = true;
    m_ended.notify_all();
    return;
  }
}

void MessageSearch::work() {
  auto reader = Connection::open(m_database, Connection::Mode::ReadOnly, &m_halt);
  if (!reader) return;
  m_reader.emplace(std::move(*reader));
  auto opened = openIndex();
  if (!opened && opened.error().kind == StoreError::Kind::Damaged) {
    qCWarning(lcSearch) << "The index of the messages is damaged:" << opened.error().details;
    dropIndex();
    opened = openIndex();
  }
  if (!opened) qCWarning(lcSearch) << "The index of the messages cannot be opened:" << opened.error().details;
  QElapsedTimer timer;
  while (true) {
    std::optional<Request> request;
    bool changed = false;
    {
      std::unique_lock lock(m_mutex);
      if (m_quit) return;
      request = std::exchange(m_request, std::nullopt);
      m_isSearching = request.has_value();
      changed = std::exchange(m_changed, false);
    }
    if (request) {
      answer(*request);
      if (changed) wake();
      continue;
    }
    timer.start();
    StoreResult<bool> more = false;
    if (m_index) {
      if (changed) {
        more = takeChanges();
        if (more && *more) {
          wake();
          Q_EMIT this->changed();
        }
      }
      if (more && !*more) more = fill();
      if (more && !*more && m_mustForget) {
        const auto step = forget();
        more = step ? StoreResult<bool>(true) : tl::unexpected(step.error());
      }
    }
    if (!more) {
      if (more.error().kind == StoreError::Kind::Stopped) continue;
      qCWarning(lcSearch) << "The messages cannot be indexed:" << more.error().details;
      if (more.error().kind == StoreError::Kind::Damaged) dropIndex();
      return;
    }
    if (*more) {
      rest(static_cast<double>(timer.elapsed()) * kRestPerWork);
      continue;
    }
    std::unique_lock lock(m_mutex);
    m_wake.wait(lock, [this] { return m_quit || m_request || m_changed; });
  }
}

void MessageSearch::rest(double milliseconds) {
  std::unique_lock lock(m_mutex);
  m_wake.wait_for(lock, std::chrono::duration<double, std::milli>(milliseconds), [this] { return m_quit || m_request.has_value(); });
}

void MessageSearch::dropIndex() {
  m_index.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) QFile::remove(m_path + QLatin1String(suffix));
}

StoreResult<void> MessageSearch::openIndex() {
  const QSqlDatabase chats = m_reader->database();
  const auto hasFullText = first(chats, QStringLiteral("SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'"));
  if (!hasFullText || hasFullText->toInt() == 0) {
    qCWarning(lcSearch) << "This SQLite has no full-text search: only titles are searched";
    m_hasMessages = false;
    Q_EMIT messagesUnavailable();
    return {};
  }
  const auto source = first(chats, QStringLiteral("SELECT id FROM search_source"));
  if (!source) return tl::unexpected(whileReading(source.error()));
  // In this order: what is written between the two is read twice, not never.
  const auto newest = first(chats, QStringLiteral("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'search_changes'"));
  const auto last = first(chats, QStringLiteral("SELECT coalesce(max(id), 0) FROM messages"));
  if (!newest) return tl::unexpected(whileReading(newest.error()));
  if (!last) return tl::unexpected(whileReading(last.error()));

  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto used = useIndex(source->toString(), newest->toLongLong(), last->toLongLong());
    if (!used) return tl::unexpected(used.error());
    if (*used) return {};
    dropIndex();
  }
  return tl::unexpected(StoreError{StoreError::Kind::Other, QStringLiteral("the old index cannot be removed")});
}

StoreResult<bool> MessageSearch::useIndex(const QString& source, qint64 newest, qint64 last) {
  auto connection = Connection::open(m_path, Connection::Mode::ReadWrite, &m_halt);
  if (!connection) return tl::unexpected(connection.error());
  const QSqlDatabase database = connection->database();
  const auto version = first(database, QStringLiteral("PRAGMA user_version"));
  if (!version) return tl::unexpected(version.error());
  if (version->toInt() == kIndexVersion) {
    auto state = runSql(database, QStringLiteral("SELECT source, seq, filled FROM state"));
    if (!state) return tl::unexpected(state.error());
    if (!state->next() || state->value(0) != source || state->value(1).toLongLong() > newest) return false;
    m_seq = state->value(1).toLongLong();
    m_filled = state->value(2).toLongLong();
    state->finish();
    m_index.emplace(std::move(*connection));
    return true;
  }
  const auto tables = first(database, QStringLiteral("SELECT count(*) FROM sqlite_master"));
  if (!tables) return tl::unexpected(tables.error());
  if (tables->toInt() > 0) return false;
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(transaction.error());
  // The words come parted by blanks, and beyond ASCII every character belongs to a word for this tokenizer.
  for (const QString& sql : {QStringLiteral("CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'ascii')"),
                             QStringLiteral("CREATE TABLE state(source TEXT NOT NULL, seq INTEGER NOT NULL, filled INTEGER NOT NULL) STRICT"),
                             QStringLiteral("PRAGMA user_version=%1").arg(kIndexVersion)}) {
    if (auto result = execute(database, sql); !result) return tl::unexpected(result.error());
  }
  m_seq = newest;
  m_filled = last + 1;
  if (auto result = execute(database, QStringLiteral("INSERT INTO state VALUES(?,?,?)"), {source, m_seq, m_filled}); !result) return tl::unexpected(result.error());
  if (auto result = transaction->commit(); !result) return tl::unexpected(result.error());
  m_index.emplace(std::move(*connection));
  return true;
}

StoreResult<void> MessageSearch::index(qint64 message, const QString& text) {
  return execute(m_index->database(), QStringLiteral("INSERT INTO words(rowid, text) VALUES(?, ?)"), {message, searchWords(text)});
}

StoreResult<bool> MessageSearch::takeChanges() {
  auto changes = runSql(m_reader->database(), QStringLiteral("SELECT seq, message_id FROM search_changes WHERE seq > ? ORDER BY seq LIMIT %1")
                                                  .arg(kChangesAtOnce), {m_seq});
  if (!changes) return tl::unexpected(whileReading(changes.error()));
  qint64 seq = m_seq;
  QSet<qint64> messages;
  while (changes->next()) {
    seq = changes->value(0).toLongLong();
    messages.insert(changes->value(1).toLongLong());
  }
  if (changes->lastError().isValid()) return tl::unexpected(whileReading(toStoreError(changes->lastError())));
  changes->finish();
  if (seq == m_seq) return false;

  const QSqlDatabase database = m_index->database();
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(transaction.error());
  bool someWent = false;
  for (const qint64 message : messages) {
    if (message < m_filled) continue;  // fill() comes to it, or finds it gone
    if (auto gone = execute(database, QStringLiteral("DELETE FROM words WHERE rowid = ?"), {message}); !gone) return tl::unexpected(gone.error());
    const auto text = first(m_reader->database(), QStringLiteral("SELECT %1 FROM messages WHERE id = ?").arg(textSql()), {message});
    if (!text) return tl::unexpected(whileReading(text.error()));
    if (!text->isValid()) someWent = true;
    else if (auto taken = index(message, text->toString()); !taken) return tl::unexpected(taken.error());
  }
  if (auto result = execute(database, QStringLiteral("UPDATE state SET seq = ?"), {seq}); !result) return tl::unexpected(result.error());
  if (auto result = transaction->commit(); !result) return tl::unexpected(result.error());
  m_seq = seq;
  m_mustForget = m_mustForget || someWent;
  return true;
}

StoreResult<bool> MessageSearch::fill() {
  if (m_filled <= 1) return false;
  auto rows = runSql(m_reader->database(), QStringLiteral("SELECT id, %1 FROM messages NOT INDEXED WHERE id < ? ORDER BY id DESC").arg(textSql()), {m_filled});
  if (!rows) return tl::unexpected(whileReading(rows.error()));
  const QSqlDatabase database = m_index->database();
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(transaction.error());
  qsizetype characters = 0;
  qint64 filled = 1;  // the end was reached, unless the loop stops before it
  while (rows->next()) {
    const QString text = rows->value(1).toString();
    if (auto taken = index(rows->value(0).toLongLong(), text); !taken) return tl::unexpected(taken.error());
    characters += text.size() + 50;
    if (characters < kCharactersAtOnce) continue;
    filled = rows->value(0).toLongLong();
    break;
  }
  if (rows->lastError().isValid()) return tl::unexpected(whileReading(toStoreError(rows->lastError())));
  if (auto result = execute(database, QStringLiteral("UPDATE state SET filled = ?"), {filled}); !result) return tl::unexpected(result.error());
  if (auto result = transaction->commit(); !result) return tl::unexpected(result.error());
  m_filled = filled;
  return true;
}

// A deleted row only gets a mark in a full-text index. Merging its parts into one leaves the words out.
StoreResult<void> MessageSearch::forget() {
  const QSqlDatabase database = m_index->database();
  const auto before = first(database, QStringLiteral("SELECT total_changes()"));
  if (!before) return tl::unexpected(before.error());
  auto merged = execute(database, QStringLiteral("INSERT INTO words(words, rank) VALUES('merge', ?)"), {-kForgetPages});
  if (!merged) return merged;
  const auto after = first(database, QStringLiteral("SELECT total_changes()"));
  if (!after) return tl::unexpected(after.error());
  m_mustForget = after->toLongLong() - before->toLongLong() >= 2;  // as SQLite's documentation says
  return {};
}

void MessageSearch::answer(const Request& request) {
  auto hits = search(request.typed);
  {
    const std::lock_guard lock(m_mutex);
    m_isSearching = false;
    if (m_request || m_quit) return;  // a newer one waits
  }
  if (!hits) {
    qCWarning(lcSearch) << "Searching failed:" << hits.error().details;
    if (hits.error().kind == StoreError::Kind::Damaged) dropIndex();
    hits = std::vector<ChatHit>();
  }
  Q_EMIT found(request.id, *hits, m_filled <= 1);
}

StoreResult<std::vector<ChatHit>> MessageSearch::search(const QString& typed) {
  const SearchQuery query(typed);
  std::vector<ChatHit> hits;
  if (query.isEmpty()) return hits;
  QSet<qint64> chats;
  if (m_index && !query.expression.isEmpty()) {
    auto matches = runSql(m_index->database(), QStringLiteral("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC"), {query.expression});
    if (!matches) return tl::unexpected(matches.error());
    QSqlQuery message(m_reader->database());
    message.setForwardOnly(true);
    if (!message.prepare(QStringLiteral("SELECT m.conversation_id, c.title, m.created FROM messages m"
                                        " JOIN conversations c ON c.id = m.conversation_id WHERE m.id = ? AND c.deleted_at IS NULL"))) {
      return tl::unexpected(toStoreError(message.lastError()));
    }
    for (int looked = 0; looked < kMostLooked && static_cast<int>(hits.size()) < kMostHits && matches->next(); ++looked) {
      const qint64 id = matches->value(0).toLongLong();
      message.bindValue(0, id);
      if (!message.exec()) return tl::unexpected(toStoreError(message.lastError()));
      if (!message.next() || chats.contains(message.value(0).toLongLong())) continue;
      const auto text = first(m_reader->database(), QStringLiteral("SELECT %1 FROM messages WHERE id = ?").arg(textSql()), {id});
      if (!text) return tl::unexpected(whileReading(text.error()));
      const QString words = text->toString();
      if (query.isLiteral && !containsAll(words, query)) continue;
      ChatHit hit;
      hit.chat = {message.value(0).toLongLong(), message.value(1).toString(), QDateTime::fromMSecsSinceEpoch(message.value(2).toLongLong())};
      hit.message = id;
      hit.snippet = snippetOf(words, query);
      chats.insert(hit.chat.id);
      hits.push_back(std::move(hit));
    }
    if (matches->lastError().isValid()) return tl::unexpected(toStoreError(matches->lastError()));
  }
  auto titles = runSql(m_reader->database(), QStringLiteral("SELECT id, title, updated FROM conversations WHERE deleted_at IS NULL ORDER BY updated DESC"));
  if (!titles) return tl::unexpected(titles.error());
  for (int found = 0; found < kMostHits && titles->next();) {
    const QString title = titles->value(1).toString();
    if (chats.contains(titles->value(0).toLongLong()) || !containsAll(title, query)) continue;
    ++found;
    hits.push_back({{titles->value(0).toLongLong(), title, QDateTime::fromMSecsSinceEpoch(titles->value(2).toLongLong())}, 0, {}});
  }
  if (titles->lastError().isValid()) return tl::unexpected(toStoreError(titles->lastError()));
  std::stable_sort(hits.begin(), hits.end(), [](const ChatHit& a, const ChatHit& b) { return a.chat.updated > b.chat.updated; });
  return hits;
}

}  // namespace rookery::app
