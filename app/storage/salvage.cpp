// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/salvage.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QHash>
#include <QLoggingCategory>
#include <QSet>
#include <QSqlError>
#include <QUuid>
#include <functional>
#include <limits>
#include <map>

#include "storage/open_database.h"
#include "storage/records.h"
#include "storage/schema.h"

namespace rookery::app {
namespace {

Q_LOGGING_CATEGORY(lcSalvage, "rookery.store")
constexpr qint64 kLastKey = std::numeric_limits<qint64>::max();
constexpr int kRowsPerCommit = 2000;
constexpr int kHopelessGaps = 1000;  // in a row, without a single row between them

using Row = QVariantList;
using TakeRow = std::function<StoreResult<void>(const Row&)>;

/// A table of the damaged database, or the part of it where `fixed` ("message_id = 7 AND ") holds.
struct Source {
  QSqlDatabase database;
  const Halt* halt = nullptr;
  QString table, key, fixed;
  QStringList columns;  ///< the ones that both databases have; the key is among them
};

/// All rows from key `from` on, in order, until reading fails. `next` becomes the key to go on at. True: the end was reached.
StoreResult<bool> readOn(const Source& source, qint64 from, int limit, qint64& next, const TakeRow& take) {
  next = from;
  auto query = runSql(source.database, QStringLiteral("SELECT %1 FROM %2 NOT INDEXED WHERE %3%4 >= ? ORDER BY %4 LIMIT %5")
                                           .arg(source.columns.join(u','), source.table, source.fixed, source.key).arg(limit), {from});
  if (!query) return false;
  const auto keyColumn = static_cast<int>(source.columns.indexOf(source.key));
  while (query->next()) {
    if (source.halt->isRequested()) return false;
    Row row;
    row.reserve(source.columns.size());
    for (int i = 0; i < source.columns.size(); ++i) row << query->value(i);
    const qint64 key = row[keyColumn].toLongLong();
    if (key < next) return false;  // rows out of order are damage too, and could go round in a circle
    if (auto taken = take(row); !taken) return tl::unexpected(taken.error());
    if (key == kLastKey) return true;
    next = key + 1;
  }
  return !query->lastError().isValid();
}

bool isReadable(const Source& source, qint64 from) {
  qint64 next = 0;
  return *readOn(source, from, 1, next, [](const Row&) { return StoreResult<void>(); });
}

/// The least key behind `unreadable` from which reading works, if readability changes only once on the way; 0: none.
qint64 readableBehind(const Source& source, qint64 unreadable) {
  qint64 low = unreadable, high = unreadable;
  for (qint64 step = 1;; step *= 2) {
    high = step < (kLastKey - unreadable) / 2 ? unreadable + step : kLastKey;
    if (isReadable(source, high)) break;
    if (high == kLastKey || source.halt->isRequested()) return 0;
    low = high;
  }
  while (high - low > 1) {
    const qint64 middle = low + (high - low) / 2;
    (isReadable(source, middle) ? high : low) = middle;
  }
  return high;
}

StoreResult<void> eachRow(const Source& source, qint64 first, int& gaps, const TakeRow& take) {
  if (!source.columns.contains(source.key)) return {};
  qint64 at = first;
  for (int fruitless = 0; fruitless < kHopelessGaps;) {
    qint64 next = 0;
    const auto atEnd = readOn(source, at, -1, next, take);
    if (!atEnd) return tl::unexpected(atEnd.error());
    if (*atEnd) return {};
    if (source.halt->isRequested()) return tl::unexpected(StoreError{StoreError::Kind::Stopped, {}});
    fruitless = next > at ? 0 : fruitless + 1;
    if (next > at && isReadable(source, next)) {  // only going on from the row before it failed
      at = next;
      continue;
    }
    ++gaps;
    at = readableBehind(source, next);
    if (source.halt->isRequested()) return tl::unexpected(StoreError{StoreError::Kind::Stopped, {}});
    if (at == 0) return {};
  }
  return {};
}

class Salvage {
 public:
  Salvage(const QString& path, const QSqlDatabase& source, const QSqlDatabase& target, OpeningProgress& progress, const Halt& halt)
      : m_source(source), m_target(target), m_progress(progress), m_halt(halt) {
    auto size = runSql(source, QStringLiteral("PRAGMA page_size"));
    const qint64 page = size && size->next() ? size->value(0).toLongLong() : 0;
    m_endsInPage = page > 0 && QFileInfo(path).size() % page != 0;
  }

  StoreResult<Salvaged> run(bool withSnapshots) {
    for (const auto step : {&Salvage::dropOrders, &Salvage::begin, &Salvage::copyStarts, &Salvage::copyChats, &Salvage::findJournals,
                            &Salvage::copyMessages, &Salvage::mend, &Salvage::makeOrders}) {
      if (auto result = (this->*step)(); !result) return tl::unexpected(result.error());
    }
    if (withSnapshots) {
      if (auto result = copySnapshots(); !result) return tl::unexpected(result.error());
    }
    if (auto result = m_transaction->commit(); !result) return tl::unexpected(result.error());
    return m_done;
  }

 private:
  struct Message {
    qint64 chat = 0, parent = 0;
    bool isAnswer = false, isBroken = false;  ///< broken: its tokens do not follow from what is there
    std::uint64_t endHash = 0;
  };
  struct Chat {
    qint64 lastMessage = 0, leaf = 0;
    std::uint64_t startHash = 0;
  };

  StoreResult<void> begin() {
    auto transaction = Transaction::begin(m_target);
    if (!transaction) return tl::unexpected(transaction.error());
    m_transaction.emplace(std::move(*transaction));
    m_rows = 0;
    return {};
  }

  // Rows come in the order of their keys; all other orders are cheaper made at the end. No trigger needs to tell of each row.
  StoreResult<void> dropOrders() {
    auto query = runSql(m_target, QStringLiteral("SELECT type || ' ' || name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"));
    if (!query) return tl::unexpected(query.error());
    QStringList dropped;
    while (query->next()) {
      dropped << query->value(0).toString();
      m_orders << query->value(1).toString();
    }
    query->finish();
    for (const QString& what : dropped) {
      if (auto result = change(u"DROP " + what, {}); !result) return result;
    }
    return {};
  }

  StoreResult<void> makeOrders() {
    for (const QString& sql : m_orders) {
      if (auto result = change(sql, {}); !result) return result;
    }
    return {};
  }

  Source source(const QString& table, const QString& key, const QString& fixed = {}) const {
    Source found{m_source, &m_halt, table, key, fixed, {}};
    const auto wanted = columnsOf(m_target, table), there = columnsOf(m_source, table);
    if (!wanted || !there) return found;
    for (const QString& column : *wanted) {
      if (there->contains(column)) found.columns << column;
    }
    return found;
  }

  /// False: the row itself is bad (a wrong type, a key that is there already); everything else goes on without it.
  StoreResult<bool> insert(const Source& from, const Row& row) {
    auto place = m_insertions.find(from.table);
    if (place == m_insertions.end()) {
      const QString marks = QStringList(from.columns.size(), QStringLiteral("?")).join(u',');
      QSqlQuery query(m_target);
      if (!query.prepare(QStringLiteral("INSERT OR IGNORE INTO %1(%2) VALUES(%3)").arg(from.table, from.columns.join(u','), marks))) {
        return tl::unexpected(toStoreError(query.lastError()));
      }
      place = m_insertions.emplace(from.table, std::move(query)).first;
    }
    QSqlQuery& query = place->second;
    for (int i = 0; i < row.size(); ++i) query.bindValue(i, row[i]);
    bool inserted = false;
    if (query.exec()) {
      inserted = query.numRowsAffected() > 0;
    } else {
      const StoreError error = toStoreError(query.lastError());
      if (error.kind != StoreError::Kind::Other) return tl::unexpected(error);
      qCWarning(lcSalvage) << "A row of" << from.table << "is unusable:" << error.details;
    }
    query.finish();
    if (++m_rows >= kRowsPerCommit) {  // what a transaction changes is kept until its end
      if (auto result = m_transaction->commit(); !result) return tl::unexpected(result.error());
      m_transaction.reset();
      if (auto result = begin(); !result) return tl::unexpected(result.error());
    }
    return inserted;
  }

  StoreResult<void> change(const QString& sql, const QVariantList& values) {
    auto result = runSql(m_target, sql, values);
    if (!result) return tl::unexpected(result.error());
    return {};
  }

  /// What chats begin from. One whose state is lost keeps its memories, and says so where it would have to read from the start.
  StoreResult<void> copyStarts() {
    const Source from = source(QStringLiteral("start_states"), QStringLiteral("hash"));
    return eachRow(from, 1, m_done.gaps, [&](const Row& row) -> StoreResult<void> {
      const auto inserted = insert(from, row);
      if (!inserted) return tl::unexpected(inserted.error());
      return {};
    });
  }

  StoreResult<void> copyChats() {
    const Source from = source(QStringLiteral("conversations"), QStringLiteral("id"));
    const auto leaf = from.columns.indexOf(QStringLiteral("active_leaf")), start = from.columns.indexOf(QStringLiteral("start_hash"));
    return eachRow(from, 1, m_done.gaps, [&](const Row& row) -> StoreResult<void> {
      const auto inserted = insert(from, row);
      if (!inserted) return tl::unexpected(inserted.error());
      if (!*inserted) return {};
      ++m_done.chats;
      Chat& chat = m_chats[row[from.columns.indexOf(from.key)].toLongLong()];
      chat.leaf = leaf >= 0 ? row[leaf].toLongLong() : 0;
      chat.startHash = start >= 0 ? static_cast<std::uint64_t>(row[start].toLongLong()) : 0;
      return {};
    });
  }

  StoreResult<void> makeChat(qint64 id, const QVariant& created) {
    ++m_done.chats;
    m_chats[id] = {};
    return change(QStringLiteral("INSERT INTO conversations(id, uuid, title, title_is_automatic, created, updated) VALUES(?,?,?,1,?,?)"),
                  {id, QUuid::createUuid().toString(QUuid::WithoutBraces), QCoreApplication::translate("Store", "Rescued chat"),
                   created.toLongLong(), created.toLongLong()});
  }

  /// Which messages have pieces of an unfinished answer; that is seldom more than one.
  StoreResult<void> findJournals() {
    auto query = runSql(m_source, QStringLiteral("SELECT DISTINCT message_id FROM journal"));
    while (query && query->next()) m_journals.insert(query->value(0).toLongLong());
    m_journalsKnown = query && !query->lastError().isValid();
    return {};
  }

  /// The highest id there is, or 0.
  qint64 lastMessage() const {
    auto query = runSql(m_source, QStringLiteral("SELECT id FROM messages NOT INDEXED ORDER BY id DESC LIMIT 1"));
    return query && query->next() ? query->value(0).toLongLong() : 0;
  }

  StoreResult<void> copyMessages() {
    m_progress.total = lastMessage();
    const Source from = source(QStringLiteral("messages"), QStringLiteral("id"));
    m_hasNames = from.columns.contains(QStringLiteral("model_name"));
    const auto value = [&](const Row& row, const char* column) {
      const auto i = from.columns.indexOf(QLatin1String(column));
      return i >= 0 ? row[i] : QVariant();
    };
    return eachRow(from, 1, m_done.gaps, [&](Row row) -> StoreResult<void> {
      const qint64 id = value(row, "id").toLongLong();
      Message message;
      message.chat = value(row, "conversation_id").toLongLong();
      message.isAnswer = value(row, "role").toInt() == static_cast<int>(MessageRole::Assistant);
      if (message.chat <= 0) return {};
      if (m_endsInPage && value(row, "text").toString().contains(QChar(u'\0'))) {  // what is missing of a page reads as zeros
        ++m_done.gaps;
        return {};
      }
      if (!m_chats.contains(message.chat)) {
        if (auto made = makeChat(message.chat, value(row, "created")); !made) return made;
      }
      Chat& chat = m_chats[message.chat];
      const qint64 parent = value(row, "parent_id").toLongLong();
      const auto above = m_messages.constFind(parent);
      const bool isLost = parent != 0 && (above == m_messages.constEnd() || above->chat != message.chat);
      message.parent = isLost ? chat.lastMessage : parent;
      if (isLost) row[from.columns.indexOf(QStringLiteral("parent_id"))] =
          message.parent > 0 ? QVariant(message.parent) : QVariant(QMetaType::fromType<qint64>());

      // An answer builds on the answer before its question.
      const Message question = m_messages.value(message.parent), base = m_messages.value(question.parent);
      message.isBroken = isLost || question.isBroken;
      if (message.isAnswer) {
        const bool fromStart = value(row, "prompt_from_start").toBool();
        const auto start = static_cast<std::uint64_t>(value(row, "start_hash").toLongLong());
        const Tokens tokens = unpackTokens(value(row, "token_ids").toByteArray());
        message.isBroken = message.isBroken && !fromStart;
        if (chainHash(fromStart ? chat.startHash : base.endHash, unpackTokens(value(row, "prompt_ids").toByteArray())) != start) message.isBroken = true;
        message.endHash = chainHash(start, tokens);
      }
      const auto inserted = insert(from, row);
      if (!inserted) return tl::unexpected(inserted.error());
      if (!*inserted) return {};
      m_progress.done = ++m_done.messages;
      chat.lastMessage = id;
      if (message.isAnswer && (!m_journalsKnown || m_journals.contains(id))) {
        if (auto copied = copyJournal(id, message); !copied) return copied;
      }
      m_messages.insert(id, message);
      return {};
    });
  }

  /// The pieces of an answer that was not finished. Tokens behind a lost piece would follow from nothing.
  StoreResult<void> copyJournal(qint64 id, Message& message) {
    const Source from = source(QStringLiteral("journal"), QStringLiteral("seq"), QStringLiteral("message_id = %1 AND ").arg(id));
    const int gapsBefore = m_done.gaps;
    auto result = eachRow(from, 0, m_done.gaps, [&](const Row& row) -> StoreResult<void> {
      const auto inserted = insert(from, row);
      if (!inserted) return tl::unexpected(inserted.error());
      return {};
    });
    if (m_done.gaps > gapsBefore) message.isBroken = true;
    return result;
  }

  /// Leaves that are lost, and tokens that follow from nothing.
  StoreResult<void> mend() {
    if (!m_hasNames) {
      if (auto named = nameAnswers(m_target); !named) return named;
    }
    for (auto chat = m_chats.constBegin(); chat != m_chats.constEnd(); ++chat) {
      const auto leaf = m_messages.constFind(chat->leaf);
      if (leaf != m_messages.constEnd() && leaf->chat == chat.key()) continue;
      if (chat->lastMessage == 0) continue;
      auto result = change(QStringLiteral("UPDATE conversations SET active_leaf = ? WHERE id = ?"), {chat->lastMessage, chat.key()});
      if (!result) return result;
    }
    for (auto message = m_messages.constBegin(); message != m_messages.constEnd(); ++message) {
      if (!message->isAnswer || !message->isBroken) continue;
      for (const char* sql : {"UPDATE messages SET model_fingerprint = '', start_hash = 0, prompt_ids = NULL, token_ids = NULL,"
                              " pending_token = NULL WHERE id = ?",
                              "UPDATE journal SET token_ids = x'' WHERE message_id = ?"}) {
        if (auto result = change(QLatin1String(sql), {message.key()}); !result) return result;
      }
    }
    return {};
  }

  StoreResult<void> copySnapshots() {
    const Source from = source(QStringLiteral("snapshots"), QStringLiteral("id"));
    const auto messageColumn = from.columns.indexOf(QStringLiteral("message_id"));
    if (messageColumn < 0) return {};
    return eachRow(from, 1, m_done.gaps, [&](const Row& row) -> StoreResult<void> {
      const auto message = m_messages.constFind(row[messageColumn].toLongLong());
      if (message == m_messages.constEnd() || message->isBroken) return {};
      const auto inserted = insert(from, row);
      if (!inserted) return tl::unexpected(inserted.error());
      m_done.snapshots += *inserted ? 1 : 0;
      return {};
    });
  }

  QSqlDatabase m_source, m_target;
  OpeningProgress& m_progress;
  const Halt& m_halt;
  QStringList m_orders;
  std::map<QString, QSqlQuery> m_insertions;  ///< prepared, by table
  QSet<qint64> m_journals;
  bool m_journalsKnown = false;
  std::optional<Transaction> m_transaction;
  int m_rows = 0;
  bool m_endsInPage = false;  ///< the damaged file was cut off inside a page
  bool m_hasNames = true;  ///< the damaged database is of version 3 or later
  QHash<qint64, Chat> m_chats;
  QHash<qint64, Message> m_messages;
  Salvaged m_done;
};

}  // namespace

StoreResult<Salvaged> salvage(const QString& damaged, const QSqlDatabase& target, OpeningProgress& progress, Halt& halt,
                              bool withSnapshots) {
  auto source = openToRead(damaged, &halt);
  if (halt.isRequested()) return tl::unexpected(StoreError{StoreError::Kind::Stopped, {}});
  if (!source) return Salvaged{};
  // SQLite then also reads a file that is shorter than it says, and passes over a part of the schema that makes no sense.
  (void)runSql(source->database(), QStringLiteral("PRAGMA writable_schema=ON"));
  return Salvage(damaged, source->database(), target, progress, halt).run(withSnapshots);
}

}  // namespace rookery::app
