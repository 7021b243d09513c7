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
};

struct SnapshotRecord {
  qint64 message = 0;
  std::uint64_t answerTokens = 0;  ///< tokens of the message's answer that the state has read
  QString fingerprint;
  std::uint64_t prefixHash = 0;
  PackedSnapshot packed;
};

/// Where an answer can start from with the least reading.
struct StartPoint {
  std::optional<PackedSnapshot> snapshot;  ///< nullopt: the empty state
  Tokens toRead;                           ///< from there to the end of the prompt
  std::uint64_t answerTokens = 0;          ///< tokens of this very answer that the snapshot has read already
};

PackedSnapshot packSnapshot(const engine::Snapshot& snapshot);
engine::Result<engine::Snapshot> unpackSnapshot(const PackedSnapshot& packed, const engine::ModelShape& shape);

StoreResult<void> insertSnapshot(const QSqlDatabase& database, const SnapshotRecord& record);

/// Keeps what going on and going back needs: the newest answers whole (end of prompt and end of answer); of older
/// ones the end at branch points, at pins, and so that any end is at most 512 tokens after a kept one. When all
/// snapshots together exceed the budget, the oldest go (trimSnapshots). Returns how many the budget cost.
StoreResult<int> thinSnapshots(const QSqlDatabase& database, qint64 message, qint64 budgetBytes);

/// Drops the oldest snapshots until all together fit into the budget, but never the newest of a chat and never a
/// pinned one. Returns how many went.
StoreResult<int> trimSnapshots(const QSqlDatabase& database, qint64 budgetBytes);

/// Walks up from an assistant message until it meets a usable snapshot of the model (or the empty state)
/// (or, without snapshots, always the empty state).
/// nullopt if a message on the way was made by another model: its tokens mean nothing to this one.
StoreResult<std::optional<StartPoint>> findStart(const QSqlDatabase& database, qint64 message, const QString& fingerprint,
                                                bool useSnapshots = true);

}  // namespace rookery::app
