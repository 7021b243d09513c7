// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSqlDatabase>
#include <QSqlQuery>
#include <QString>
#include <QVariant>
#include <tl/expected.hpp>

#include "storage/halt.h"

namespace rookery::app {

/// Why the database could not do it; turned into a sentence by storeErrorText().
struct StoreError {
  enum class Kind {
    InUse,     ///< another process holds the folder or the database
    DiskFull,
    Damaged,
    NoAccess,  ///< read-only, no permission, I/O error
    OutOfMemory,
    TooNew,    ///< written by a later Rookery
    Foreign,   ///< a SQLite file of another program
    Stopped,   ///< by a Halt
    Other,
  };
  Kind kind = Kind::Other;
  QString details;  ///< what SQLite said, English

  /// May go away by itself or by the user's doing (space freed, lock released): worth trying again.
  bool isPassing() const noexcept {
    return kind == Kind::InUse || kind == Kind::DiskFull || kind == Kind::NoAccess || kind == Kind::OutOfMemory;
  }
};

template <class T>
using StoreResult = tl::expected<T, StoreError>;

QString storeErrorText(const StoreError& error);  ///< of saving, translated: what happened and what to do

QString storeErrorLogText(const StoreError& error);  ///< the same in English, with the details

/// Prepares, binds in order, executes.
StoreResult<QSqlQuery> runSql(const QSqlDatabase& database, const QString& sql, const QVariantList& values = {});
StoreError toStoreError(const QSqlError& error);

/// Rolls back unless committed.
class Transaction {
 public:
  static StoreResult<Transaction> begin(const QSqlDatabase& database);
  Transaction(Transaction&& other) noexcept : m_database(other.m_database), m_open(std::exchange(other.m_open, false)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  StoreResult<void> commit();

 private:
  explicit Transaction(const QSqlDatabase& database) : m_database(database) {}
  QSqlDatabase m_database;
  bool m_open = true;
};

/// A connection with our pragmas, named so that each thread has its own; removed when this is destroyed.
class Connection {
 public:
  enum class Mode {
    ReadWrite,
    ReadOnly,
    ReadAlone,  ///< needs no shared memory beside the file, and takes no locks: for a disk that cannot be written
    ReadFrozen, ///< as if nothing could change the file; passes over the WAL
    Memory,     ///< `path` names a database in memory, there for all threads until its last connection is closed
  };
  /// What runs on it ends early when `halt`, which outlives it, is requested.
  static StoreResult<Connection> open(const QString& path, Mode mode, Halt* halt = nullptr);
  Connection(Connection&& other) noexcept
      : m_name(std::exchange(other.m_name, {})), m_halt(std::exchange(other.m_halt, nullptr)), m_handle(other.m_handle) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection();
  QSqlDatabase database() const { return QSqlDatabase::database(m_name, false); }

 private:
  explicit Connection(QString name) : m_name(std::move(name)) {}
  void heed(Halt& halt);

  QString m_name;
  Halt* m_halt = nullptr;
  sqlite3* m_handle = nullptr;
};

/// Ids grow, so a message's parent is an older one. Anything else, in a damaged file, would be a circle to walk round for
/// ever: such a message counts as the first of its chat.
inline qint64 soundParent(qint64 id, qint64 parent) noexcept { return parent < id ? parent : 0; }

}  // namespace rookery::app
