// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QSqlDriver>
#include <QSqlError>
#include <QUrl>
#include <sqlite3.h>

#include <atomic>

#include "support/paths.h"

namespace rookery::app {
namespace {
constexpr int kBusyMilliseconds = 1000;
constexpr int kPrimaryCodeMask = 0xff;  // the driver reports extended result codes
#ifdef Q_OS_WIN
constexpr auto kUnlockedFiles = "vfs=win32-none";
#else
constexpr auto kUnlockedFiles = "vfs=unix-none";
#endif
}  // namespace

StoreError toStoreError(const QSqlError& error) {
  using Kind = StoreError::Kind;
  Kind kind = Kind::Other;
  switch (error.nativeErrorCode().toInt() & kPrimaryCodeMask) {
    case 5: case 6: kind = Kind::InUse; break;                     // BUSY, LOCKED
    case 13: kind = Kind::DiskFull; break;                         // FULL
    case 7: kind = Kind::OutOfMemory; break;                       // NOMEM
    case 11: case 26: kind = Kind::Damaged; break;                 // CORRUPT, NOTADB
    case 9: kind = Kind::Stopped; break;                           // INTERRUPT
    case 3: case 8: case 10: case 14: kind = Kind::NoAccess; break;  // PERM, READONLY, IOERR, CANTOPEN
    default: break;
  }
  return {kind, error.text()};
}

namespace {

const char* sentence(StoreError::Kind kind) {
  switch (kind) {
    case StoreError::Kind::InUse:
      return QT_TRANSLATE_NOOP("Store", "Another program is using the chats, perhaps a second Rookery. Close it and try again.");
    case StoreError::Kind::DiskFull:
      return QT_TRANSLATE_NOOP("Store", "The disk is full, so chats cannot be saved. Free some space; what is unsaved is kept and saved then.");
    case StoreError::Kind::Damaged:
      return QT_TRANSLATE_NOOP("Store", "The file with the chats is damaged.");
    case StoreError::Kind::NoAccess:
      return QT_TRANSLATE_NOOP("Store", "The file with the chats cannot be written. Check that its folder exists and that you may write there.");
    case StoreError::Kind::OutOfMemory:
      return QT_TRANSLATE_NOOP("Store", "There is too little free memory to save chats. Close other programs; what is unsaved is kept and saved then.");
    case StoreError::Kind::TooNew:
      return QT_TRANSLATE_NOOP("Store", "The chats were saved by a newer Rookery. Update this one to open them.");
    case StoreError::Kind::Foreign:
      return QT_TRANSLATE_NOOP("Store", "The file with the chats belongs to another program.");
    case StoreError::Kind::Stopped:
    case StoreError::Kind::Other:
      break;
  }
  return QT_TRANSLATE_NOOP("Store", "The chats could not be saved.");
}

}  // namespace

QString storeErrorText(const StoreError& error) { return QCoreApplication::translate("Store", sentence(error.kind)); }

QString storeErrorLogText(const StoreError& error) {
  return QStringLiteral("%1 (%2)").arg(QLatin1String(sentence(error.kind)), error.details);
}

StoreResult<QSqlQuery> runSql(const QSqlDatabase& database, const QString& sql, const QVariantList& values) {
  QSqlQuery query(database);
  query.setForwardOnly(true);
  if (!query.prepare(sql)) return tl::unexpected(toStoreError(query.lastError()));
  for (const QVariant& value : values) query.addBindValue(value);
  if (!query.exec()) return tl::unexpected(toStoreError(query.lastError()));
  return query;
}

StoreResult<Transaction> Transaction::begin(const QSqlDatabase& database) {
  // IMMEDIATE: the write lock is taken now, so that no statement in the middle can meet a busy database.
  if (auto result = runSql(database, QStringLiteral("BEGIN IMMEDIATE")); !result) return tl::unexpected(result.error());
  return Transaction(database);
}

Transaction::~Transaction() {
  if (m_open) (void)runSql(m_database, QStringLiteral("ROLLBACK"));
}

StoreResult<void> Transaction::commit() {
  if (auto result = runSql(m_database, QStringLiteral("COMMIT")); !result) return tl::unexpected(result.error());
  m_open = false;
  return {};
}

StoreResult<Connection> Connection::open(const QString& path, Mode mode, Halt* halt) {
  static std::atomic<int> counter{0};
  const QString name = QStringLiteral("rookery-%1").arg(++counter);
  Connection connection(name);
  {
    QSqlDatabase database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), name);
    database.setDatabaseName(path);
    QString options = QStringLiteral("QSQLITE_BUSY_TIMEOUT=%1").arg(kBusyMilliseconds);
    if (mode != Mode::ReadWrite && mode != Mode::Memory) options += u";QSQLITE_OPEN_READONLY";
    if (mode == Mode::Memory) {
      options += u";QSQLITE_OPEN_URI";
      database.setDatabaseName(QStringLiteral("file:%1?mode=memory&cache=shared").arg(path));
    }
    if (mode == Mode::ReadAlone || mode == Mode::ReadFrozen) {
      options += u";QSQLITE_OPEN_URI";
      QUrl url = QUrl::fromLocalFile(QFileInfo(path).absoluteFilePath());
      url.setQuery(mode == Mode::ReadFrozen ? QStringLiteral("immutable=1") : QLatin1String(kUnlockedFiles));
      database.setDatabaseName(QString::fromLatin1(url.toEncoded()));
    }
    database.setConnectOptions(options);
    // Chats are the user's alone, whatever folder they lie in; the files beside this one get its rights from SQLite.
    if (mode == Mode::ReadWrite && path != u":memory:") createPrivate(path);
    if (!database.open()) return tl::unexpected(toStoreError(database.lastError()));
    if (halt) connection.heed(*halt);
    QStringList pragmas{QStringLiteral("PRAGMA foreign_keys=ON")};
    if (mode != Mode::ReadWrite) pragmas << QStringLiteral("PRAGMA temp_store=MEMORY");  // there may be no room to sort
    if (mode == Mode::ReadAlone) pragmas << QStringLiteral("PRAGMA locking_mode=EXCLUSIVE");  // the WAL's index on the heap
    if (mode == Mode::ReadWrite) {
      // NORMAL: a commit is a write() to the WAL, which survives any kill of the process. FULL would add an fsync to
      // each, and on a busy disk commits then queue behind it: the kill test saw 252 ms of an answer missing. Against
      // a power cut StoreWriter checkpoints (with fsync) as soon as it has been idle for a second; a cut in the middle
      // of an answer can cost that answer's newest part, never the database. Checkpoints in mid-answer are rare (32 MB).
      pragmas << QStringLiteral("PRAGMA journal_mode=WAL") << QStringLiteral("PRAGMA synchronous=NORMAL")
              << QStringLiteral("PRAGMA wal_autocheckpoint=8000");
    }
    for (const QString& pragma : pragmas) {
      if (auto result = runSql(database, pragma); !result) return tl::unexpected(result.error());
    }
  }
  return connection;
}

void Connection::heed(Halt& halt) {
  const QSqlDatabase opened = database();
  const QVariant handle = opened.driver()->handle();
  if (!handle.isValid() || qstrcmp(handle.typeName(), "sqlite3*") != 0) return;
  // A Qt that brought a SQLite of its own gives a handle that the system's must not touch.
  auto source = runSql(opened, QStringLiteral("SELECT sqlite_source_id()"));
  if (!source || !source->next() || source->value(0).toString() != QLatin1String(sqlite3_sourceid())) return;
  m_halt = &halt;
  m_handle = *static_cast<sqlite3* const*>(handle.data());
  halt.add(m_handle);
}

Connection::~Connection() {
  if (m_name.isEmpty()) return;
  if (m_halt) {
    m_halt->remove(m_handle);
    // An interrupt that met no statement would end the checkpoint of closing; the next statement forgets it.
    if (m_halt->isRequested()) (void)runSql(database(), QStringLiteral("SELECT 1"));
  }
  QSqlDatabase::database(m_name, false).close();
  QSqlDatabase::removeDatabase(m_name);
}

}  // namespace rookery::app
