// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/open_database.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLoggingCategory>
#include <QStorageInfo>

#include "storage/schema.h"

namespace rookery::app {
namespace {

Q_LOGGING_CATEGORY(lcOpen, "rookery.store")
constexpr qint64 kDayMilliseconds = 24LL * 3600 * 1000;
constexpr qint64 kFullBelowBytes = 256 * 1024;  // less than SQLite needs to begin anything
constexpr int kForeverMilliseconds = 60'000;
constexpr auto kSideFiles = {"-wal", "-shm"};

QString damageMark(const QString& path) { return path + u".check"; }
/// Complete as soon as there is nothing at `path` any more: see replaceBySalvaged().
QString salvagedPath(const QString& path) { return path + u".salvaged"; }

StoreResult<void> execute(const QSqlDatabase& database, const QString& sql, const QVariantList& values = {}) {
  auto result = runSql(database, sql, values);
  if (!result) return tl::unexpected(result.error());
  return {};
}

/// After a crash: the pieces of an unfinished answer become its row's text and tokens.
StoreResult<void> foldJournals(const QSqlDatabase& database) {
  auto ids = runSql(database, QStringLiteral("SELECT DISTINCT message_id FROM journal"));
  if (!ids) return tl::unexpected(ids.error());
  std::vector<qint64> messages;
  while (ids->next()) messages.push_back(ids->value(0).toLongLong());
  ids->finish();
  for (const qint64 id : messages) {
    auto row = runSql(database, QStringLiteral("SELECT text, token_ids FROM messages WHERE id = ?"), {id});
    if (!row) return tl::unexpected(row.error());
    if (!row->next()) continue;
    QString text = row->value(0).toString();
    QByteArray tokens = row->value(1).toByteArray();
    row->finish();
    auto pieces = runSql(database, QStringLiteral("SELECT text, token_ids FROM journal WHERE message_id = ? ORDER BY seq"), {id});
    if (!pieces) return tl::unexpected(pieces.error());
    while (pieces->next()) {
      text += pieces->value(0).toString();
      tokens += pieces->value(1).toByteArray();
    }
    pieces->finish();
    auto result = execute(database, QStringLiteral("UPDATE messages SET text = ?, text_length = ?, token_ids = ?, state = 1 WHERE id = ?"),
                          {text.isNull() ? QStringLiteral("") : text, text.size(), tokens, id});
    if (!result) return result;
  }
  return execute(database, QStringLiteral("DELETE FROM journal"));
}

qint64 highestId(const QSqlDatabase& database, const QString& table) {
  auto query = runSql(database, QStringLiteral("SELECT coalesce(max(id), 0) FROM %1").arg(table));
  return query && query->next() ? query->value(0).toLongLong() : 0;
}

void removeDatabase(const QString& path) {
  QFile::remove(path);
  for (const char* suffix : kSideFiles) QFile::remove(path + QLatin1String(suffix));
}

/// Renames the database and its side files; the new name of the main file.
QString setAside(const QString& path) {
  const QString stamp = QDateTime::currentDateTime().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz"));
  const QString kept = path + u".damaged-" + stamp;
  if (!QFile::rename(path, kept)) return {};
  for (const char* suffix : kSideFiles) {
    const QString side = path + QLatin1String(suffix);
    if (QFile::exists(side)) QFile::rename(side, kept + QLatin1String(suffix));
  }
  QFile::remove(damageMark(path));
  return kept;
}

StoreResult<ReadyDatabase> prepare(const QString& path, int binDays, OpeningProgress& progress, Halt& halt) {
  using Step = OpeningProgress::Step;
  if (QFileInfo(path).size() > 0) {  // opening for writing could change a file that is not ours to change
    const auto reader = Connection::open(path, Connection::Mode::ReadOnly);
    const auto version = reader ? versionOf(reader->database()) : StoreResult<int>(tl::unexpected(reader.error()));
    if (!version && !version.error().isPassing()) return tl::unexpected(version.error());
    if (version && *version < kSchemaVersion) progress.step = Step::Upgrading;
  }
  auto connection = Connection::open(path, Connection::Mode::ReadWrite, &halt);
  if (!connection) return tl::unexpected(connection.error());
  const QSqlDatabase database = connection->database();
  if (auto result = migrate(database); !result) return tl::unexpected(result.error());
  if (QFile::exists(damageMark(path))) {
    progress.step = Step::Checking;
    if (auto result = checkTables(database); !result) return tl::unexpected(result.error());
    QFile::remove(damageMark(path));
  }
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(transaction.error());
  if (auto result = foldJournals(database); !result) return tl::unexpected(result.error());
  const qint64 oldest = QDateTime::currentMSecsSinceEpoch() - binDays * kDayMilliseconds;
  if (auto result = execute(database, QStringLiteral("DELETE FROM conversations WHERE deleted_at < ?"), {oldest}); !result) {
    return tl::unexpected(result.error());
  }
  // A disk without space or rights is found here and not at the first message.
  if (auto result = execute(database, QStringLiteral("PRAGMA user_version=%1").arg(kSchemaVersion)); !result) return tl::unexpected(result.error());
  if (auto result = transaction->commit(); !result) return tl::unexpected(result.error());
  return ReadyDatabase{highestId(database, QStringLiteral("conversations")), highestId(database, QStringLiteral("messages")), {}, {}};
}

/// A file that is thrown away if anything goes wrong needs no journal on the disk and no waiting for it, only to be on the
/// disk as a whole when it takes the place of the other.
StoreResult<void> writeFast(const QSqlDatabase& database) {
  for (const char* pragma : {"PRAGMA journal_mode=MEMORY", "PRAGMA synchronous=OFF"}) {
    if (auto result = execute(database, QLatin1String(pragma)); !result) return result;
  }
  return {};
}

StoreResult<void> bringToDisk(const QSqlDatabase& database) {
  for (const QString& sql : {QStringLiteral("PRAGMA synchronous=FULL"), QStringLiteral("PRAGMA user_version=%1").arg(kSchemaVersion)}) {
    if (auto result = execute(database, sql); !result) return result;
  }
  return {};
}

StoreResult<ReadyDatabase> replaceBySalvaged(const QString& path, int binDays, OpeningProgress& progress, Halt& halt) {
  progress.step = OpeningProgress::Step::Rescuing;
  const QString fresh = salvagedPath(path);
  const auto fill = [&]() -> StoreResult<Salvaged> {
    auto connection = Connection::open(fresh, Connection::Mode::ReadWrite, &halt);
    if (!connection) return tl::unexpected(connection.error());
    const QSqlDatabase database = connection->database();
    if (auto result = migrate(database); !result) return tl::unexpected(result.error());
    if (auto result = writeFast(database); !result) return tl::unexpected(result.error());
    auto salvaged = salvage(path, database, progress, halt);
    if (!salvaged) return salvaged;
    if (auto result = bringToDisk(database); !result) return tl::unexpected(result.error());
    return salvaged;
  };
  removeDatabase(fresh);
  const auto salvaged = fill();  // its connection is closed now: all is in the one file
  if (!salvaged) {
    removeDatabase(fresh);
    return tl::unexpected(salvaged.error());
  }
  const QString kept = setAside(path);
  if (kept.isEmpty() || !QFile::rename(fresh, path)) {
    return tl::unexpected(StoreError{StoreError::Kind::NoAccess, QStringLiteral("the damaged file cannot be renamed")});
  }
  qCWarning(lcOpen) << "Rescued" << salvaged->chats << "chats," << salvaged->messages << "messages and" << salvaged->snapshots
                    << "snapshots;" << salvaged->gaps << "places could not be read. The damaged file is" << kept;
  progress.step = OpeningProgress::Step::Opening;
  auto ready = prepare(path, binDays, progress, halt);
  if (!ready) return ready;
  ready->damagedCopy = kept;
  ready->salvaged = *salvaged;
  return ready;
}

}  // namespace

StoreResult<ReadyDatabase> makeReady(const QString& path, int binDays, OpeningProgress& progress, Halt& halt) {
  const QString fresh = salvagedPath(path);
  if (QFile::exists(path)) removeDatabase(fresh);  // half made, if it is there
  else if (QFile::rename(fresh, path)) qCWarning(lcOpen) << "Took over the rescued chats";
  auto ready = prepare(path, binDays, progress, halt);
  if (!ready && ready.error().kind == StoreError::Kind::Damaged) {
    qCCritical(lcOpen) << "The database is damaged:" << ready.error().details;
    ready = replaceBySalvaged(path, binDays, progress, halt);
  }
  if (!ready) return tl::unexpected(withReason(ready.error(), path));
  return ready;
}

Opening::Opening(Work work)
    : m_result(tl::unexpected(StoreError{})),
      m_work([this, work = std::move(work)](Halt& halt) { m_result = work(m_progress, halt); }) {}

StoreResult<void> Opening::result() {
  while (!m_work.waitFor(kForeverMilliseconds)) {}
  return m_result;
}

StoreResult<Connection> openToRead(const QString& path, Halt* halt) {
  using Mode = Connection::Mode;
  StoreError error;
  for (const Mode mode : {Mode::ReadOnly, Mode::ReadAlone, Mode::ReadFrozen}) {
    auto connection = Connection::open(path, mode, halt);
    const auto read = connection ? runSql(connection->database(), QStringLiteral("PRAGMA schema_version"))
                                 : StoreResult<QSqlQuery>(tl::unexpected(connection.error()));
    if (read) return connection;
    error = read.error();
    if (error.kind == StoreError::Kind::Damaged && connection) return connection;  // salvage() knows what to do with it
  }
  return tl::unexpected(error);
}

StoreResult<void> checkTables(const QSqlDatabase& database) {
  for (const char* table : {"conversations", "messages", "journal", "search_changes", "search_source", "sqlite_sequence"}) {
    auto query = runSql(database, QStringLiteral("PRAGMA integrity_check('%1')").arg(QLatin1String(table)));
    if (!query) return tl::unexpected(query.error());
    if (query->next() && query->value(0).toString() != u"ok") {
      return tl::unexpected(StoreError{StoreError::Kind::Damaged, query->value(0).toString()});
    }
  }
  return {};
}

void markDamaged(const QString& path) { (void)QFile(damageMark(path)).open(QIODevice::WriteOnly); }

StoreError withReason(StoreError error, const QString& path) {
  if (error.kind != StoreError::Kind::NoAccess) return error;
  QDir folder = QFileInfo(path).absoluteDir();
  while (!folder.exists() && !folder.isRoot()) folder.setPath(QFileInfo(folder.path()).path());
  const QStorageInfo disk(folder);
  if (disk.isValid() && !disk.isReadOnly() && disk.bytesAvailable() < kFullBelowBytes) error.kind = StoreError::Kind::DiskFull;
  return error;
}

}  // namespace rookery::app
