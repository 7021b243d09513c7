// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSqlDatabase>
#include <memory>
#include <optional>

#include "storage/records.h"
#include "storage/sql.h"

namespace rookery::app {

/// A snapshot as the database holds it: packed, not yet bound to a model.
struct PackedSnapshot {
  QByteArray state;   ///< engine::State::pack()
  QByteArray logits;  ///< zstd over floats
  std::uint64_t position = 0;
  qint64 id = 0;      ///< its row; 0: not stored yet, or the state that a chat begins from
};

struct SnapshotRecord {
  qint64 message = 0;
  qint64 answerTokens = 0;       ///< tokens of the message's answer that the state has read; -n: n of its prompt are missing
  QString fingerprint;
  std::uint64_t prefixHash = 0;  ///< chainHash() of all that it has read
  PackedSnapshot packed;
};

/// Tokens that are read one after the other and belong to one message.
struct Stretch {
  qint64 message = 0;
  qint64 from = 0;        ///< where it begins, counted as SnapshotRecord::answerTokens are
  std::size_t count = 0;
};

/// Where an answer can start from with the least reading.
struct StartPoint {
  std::optional<PackedSnapshot> snapshot;  ///< nullopt: the empty state
  Tokens toRead;                           ///< from there to the end of the prompt
  std::uint64_t answerTokens = 0;          ///< tokens of this very answer that the snapshot has read already
  std::vector<Stretch> stretches = {};     ///< of toRead, in its order
  std::uint64_t hashBefore = 0;            ///< chainHash() of all tokens before toRead
  /// How many tokens of earlier messages in toRead were never read, if nothing of this answer's own prompt was: a question
  /// whose reading was stopped. They are the last of those messages.
  std::uint64_t neverRead = 0;
};

PackedSnapshot packSnapshot(const engine::Snapshot& snapshot);
engine::Result<engine::Snapshot> unpackSnapshot(const PackedSnapshot& packed, const engine::ModelShape& shape);

StoreResult<void> insertSnapshot(const QSqlDatabase& database, const SnapshotRecord& record);

/// Keeps what going on and going back needs: the newest answers whole (end of prompt and end of answer); of older
/// ones the end at branch points, at pins, and so that any end is at most 512 tokens after a kept one above it (or
/// after the empty state). The one saved last in the chat stays wherever it is: a reading may be on its way there. Of
/// those within prompts only the last on a way stays, however many messages a reading went through. When all snapshots
/// together exceed the budget, the oldest go (trimSnapshots). Returns how many the budget cost.
StoreResult<int> thinSnapshots(const QSqlDatabase& database, qint64 message, qint64 budgetBytes);

/// What counts toward the budget, snapshots and the states that chats begin from: one number, of bytes.
QString memoryBytesSql();

/// Drops the oldest snapshots until all that counts fits into the budget, but never the newest of a chat and never a
/// pinned one. A state that a chat begins from stays: without it the chat cannot be read again. Returns how many went.
StoreResult<int> trimSnapshots(const QSqlDatabase& database, qint64 budgetBytes);

/// Walks up from an answer until it meets a usable snapshot of its model, or the state that the chat begins from (as a
/// snapshot with id 0, unless it is the empty one). The answer's own row need
/// not be written yet; `base` is the answer it follows, 0 if its prompt begins at the empty state. Snapshots whose rows
/// are in `without` are passed over.
/// nullopt if the way is not whole: the state at the beginning is missing, an answer on it is missing, not written to its end yet, or another model's, so that
/// the tokens from there on would not be what the model is said to have read.
StoreResult<std::optional<StartPoint>> findStart(const QSqlDatabase& database, const MessageRecord& answer, qint64 base,
                                                const std::vector<qint64>& without = {});

}  // namespace rookery::app
