// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

#include "storage/halt.h"
#include "storage/opening_progress.h"
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
/// A kill at any moment leaves the old file or the new one, and so does a halt, which is the error Stopped. The caller
/// holds the lock. Takes minutes for a large file that is damaged or old: see Opening.
StoreResult<ReadyDatabase> makeReady(const QString& path, int binDays, OpeningProgress& progress, Halt& halt);

/// What the start does with the database before the window comes, on a thread of its own. Destroying this stops it.
class Opening {
 public:
  using Work = std::function<StoreResult<void>(OpeningProgress&, Halt&)>;
  explicit Opening(Work work);

  const OpeningProgress& progress() const noexcept { return m_progress; }
  bool waitFor(int milliseconds) { return m_work.waitFor(milliseconds); }  ///< true: it has ended
  void stop() { m_work.stop(); }  ///< returns when it has ended, within milliseconds
  StoreResult<void> result();    ///< waits for the end

 private:
  OpeningProgress m_progress;
  StoreResult<void> m_result;
  StoppableWork m_work;  // last: it uses everything above
};

/// A connection that only reads, also where nothing can be written beside the file.
StoreResult<Connection> openToRead(const QString& path, Halt* halt = nullptr);

/// Looks for damage in everything but the states: those carry their own hashes, and there may be gigabytes of them.
StoreResult<void> checkTables(const QSqlDatabase& database);
/// Asks the next makeReady() to look for damage before the file is used.
void markDamaged(const QString& path);

/// The same error, DiskFull where that is the reason: SQLite and the system report it in several ways.
StoreError withReason(StoreError error, const QString& path);

}  // namespace rookery::app
