// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "storage/salvage.h"
#include "storage/sql.h"

namespace rookery::app {

struct ReadyDatabase {
  qint64 lastConversation = 0, lastMessage = 0;  ///< the highest ids in use
  QString damagedCopy;                           ///< not empty: the file was damaged, this is its new name
  Salvaged salvaged;                             ///< what was taken over from it
};

/// Makes the file at `path` the present version of our database: makes or migrates it, folds in the journals of answers
/// that a crash cut off, deletes chats that were in the bin for longer than `binDays`. From a damaged one all that can be
/// read is copied into a new one (salvage()), which takes its place; the damaged one is kept, with the date in its name.
/// A kill at any moment leaves the old file or the new one. The caller holds the lock.
StoreResult<ReadyDatabase> makeReady(const QString& path, int binDays);

/// A connection that only reads, also where nothing can be written beside the file.
StoreResult<Connection> openToRead(const QString& path);

/// Looks for damage in everything but the states: those carry their own hashes, and there may be gigabytes of them.
StoreResult<void> checkTables(const QSqlDatabase& database);
/// Asks the next makeReady() to look for damage before the file is used.
void markDamaged(const QString& path);

/// The same error, DiskFull where that is the reason: SQLite and the system report it in several ways.
StoreError withReason(StoreError error, const QString& path);

}  // namespace rookery::app
