// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/snapshots.h"

#include <QDateTime>
#include <QSet>
#include <cstring>
#include <zstd.h>

namespace rookery::app {
namespace {

constexpr int kZstdLevel = 1;  // states are nearly random bytes: higher levels cost time and save nothing
constexpr int kWholeAnswers = 4;
constexpr qint64 kMaxReadAgain = 512;
constexpr std::uint64_t kMaxLogitBytes = 16U << 20;  // 4 million tokens of vocabulary: far above any real one

std::uint64_t unsignedValue(const QVariant& value) { return static_cast<std::uint64_t>(value.toLongLong()); }

struct Row {
  qint64 id, message;
  qint64 answerTokens, position;
  bool pinned, branchPoint;
};

StoreResult<std::vector<Row>> rowsOfChat(const QSqlDatabase& database, qint64 message) {
  auto query = runSql(database, QStringLiteral(
      "SELECT s.id, s.message_id, s.answer_tokens, s.position, s.pinned,"
      " (SELECT count(*) FROM messages c WHERE c.parent_id = s.message_id) > 1"
      " FROM snapshots s JOIN messages m ON m.id = s.message_id"
      " WHERE m.conversation_id = (SELECT conversation_id FROM messages WHERE id = ?)"
      " ORDER BY s.message_id, s.answer_tokens"), {message});
  if (!query) return tl::unexpected(query.error());
  std::vector<Row> rows;
  while (query->next()) {
    rows.push_back({query->value(0).toLongLong(), query->value(1).toLongLong(), query->value(2).toLongLong(),
                    query->value(3).toLongLong(), query->value(4).toBool(), query->value(5).toBool()});
  }
  return rows;
}

StoreResult<void> deleteSnapshot(const QSqlDatabase& database, qint64 id) {
  auto result = runSql(database, QStringLiteral("DELETE FROM snapshots WHERE id = ?"), {id});
  if (!result) return tl::unexpected(result.error());
  return {};
}

struct AssistantRow {
  qint64 parent = 0, base = 0;
  QString fingerprint;
  bool fromStart = false;
  std::uint64_t startHash = 0;
  Tokens prompt, tokens;
};

StoreResult<std::optional<AssistantRow>> loadAssistant(const QSqlDatabase& database, qint64 id) {
  auto query = runSql(database, QStringLiteral(
      "SELECT m.parent_id, u.parent_id, m.model_fingerprint, m.prompt_from_start, m.start_hash, m.prompt_ids, m.token_ids"
      " FROM messages m LEFT JOIN messages u ON u.id = m.parent_id WHERE m.id = ?"), {id});
  if (!query) return tl::unexpected(query.error());
  if (!query->next()) return std::optional<AssistantRow>();
  AssistantRow row{query->value(0).toLongLong(), query->value(1).toLongLong(), query->value(2).toString(),
                   query->value(3).toBool(), unsignedValue(query->value(4)),
                   unpackTokens(query->value(5).toByteArray()), unpackTokens(query->value(6).toByteArray())};
  auto journal = runSql(database, QStringLiteral("SELECT token_ids FROM journal WHERE message_id = ? ORDER BY seq"), {id});
  if (!journal) return tl::unexpected(journal.error());
  while (journal->next()) {
    const Tokens more = unpackTokens(journal->value(0).toByteArray());
    row.tokens.insert(row.tokens.end(), more.begin(), more.end());
  }
  return std::optional<AssistantRow>(std::move(row));
}

struct Found {
  PackedSnapshot packed;
  std::uint64_t answerTokens = 0;
};

/// The newest snapshot of `message` whose hash agrees with the tokens of `row`.
StoreResult<std::optional<Found>> usableSnapshot(const QSqlDatabase& database, qint64 message, const AssistantRow& row,
                                                 bool onlyPromptEnd) {
  auto query = runSql(database, QStringLiteral(
      "SELECT answer_tokens, prefix_hash, position, state, logits FROM snapshots"
      " WHERE message_id = ? AND model_fingerprint = ? AND answer_tokens <= ? ORDER BY answer_tokens DESC"),
      {message, row.fingerprint, onlyPromptEnd ? qint64{0} : static_cast<qint64>(row.tokens.size())});
  if (!query) return tl::unexpected(query.error());
  while (query->next()) {
    const std::uint64_t count = unsignedValue(query->value(0));
    if (unsignedValue(query->value(1)) != chainHash(row.startHash, row.tokens.data(), count)) continue;
    return std::optional<Found>(Found{{query->value(3).toByteArray(), query->value(4).toByteArray(),
                                       unsignedValue(query->value(2))}, count});
  }
  return std::optional<Found>();
}

/// A sibling that read the very same prompt: regenerating starts from its snapshot.
StoreResult<std::optional<Found>> siblingSnapshot(const QSqlDatabase& database, qint64 message, const AssistantRow& row) {
  auto query = runSql(database, QStringLiteral(
      "SELECT id FROM messages WHERE parent_id = ? AND id <> ? AND start_hash = ? AND model_fingerprint = ? ORDER BY id DESC"),
      {row.parent, message, static_cast<qint64>(row.startHash), row.fingerprint});
  if (!query) return tl::unexpected(query.error());
  while (query->next()) {
    auto found = usableSnapshot(database, query->value(0).toLongLong(), row, true);
    if (!found || *found) return found;
  }
  return std::optional<Found>();
}

}  // namespace

PackedSnapshot packSnapshot(const engine::Snapshot& snapshot) {
  PackedSnapshot packed;
  const std::vector<std::byte> state = snapshot.state.pack();
  packed.state = QByteArray(reinterpret_cast<const char*>(state.data()), static_cast<qsizetype>(state.size()));
  const std::size_t bytes = snapshot.logits.size() * sizeof(float);
  packed.logits.resize(static_cast<qsizetype>(ZSTD_compressBound(bytes)));
  const std::size_t written = ZSTD_compress(packed.logits.data(), static_cast<std::size_t>(packed.logits.size()),
                                            snapshot.logits.data(), bytes, kZstdLevel);
  packed.logits.resize(ZSTD_isError(written) ? 0 : static_cast<qsizetype>(written));
  packed.position = snapshot.tokens;
  return packed;
}

engine::Result<engine::Snapshot> unpackSnapshot(const PackedSnapshot& packed, const engine::ModelShape& shape) {
  const auto damaged = [] { return engine::fail(engine::ErrorCode::FileDamaged, "A saved memory of this chat is damaged."); };
  auto state = engine::State::unpack(std::as_bytes(std::span(packed.state.constData(),
                                                             static_cast<std::size_t>(packed.state.size()))), shape);
  if (!state) return tl::unexpected(state.error());
  engine::Snapshot snapshot;
  snapshot.state = std::move(*state);
  snapshot.tokens = packed.position;
  const std::uint64_t bytes = ZSTD_getFrameContentSize(packed.logits.constData(), static_cast<std::size_t>(packed.logits.size()));
  if (bytes > kMaxLogitBytes || bytes % sizeof(float) != 0) return damaged();  // also the two error values, which are huge
  if (bytes / sizeof(float) != static_cast<std::uint64_t>(shape.vocab)) return damaged();
  snapshot.logits.resize(bytes / sizeof(float));
  const std::size_t read = ZSTD_decompress(snapshot.logits.data(), bytes, packed.logits.constData(),
                                           static_cast<std::size_t>(packed.logits.size()));
  if (read != bytes) return damaged();
  return snapshot;
}

StoreResult<void> insertSnapshot(const QSqlDatabase& database, const SnapshotRecord& r) {
  auto result = runSql(database, QStringLiteral(
      "INSERT OR REPLACE INTO snapshots(message_id, answer_tokens, position, model_fingerprint, prefix_hash, created,"
      " bytes, state, logits) VALUES(?,?,?,?,?,?,?,?,?)"),
      {r.message, static_cast<qint64>(r.answerTokens), static_cast<qint64>(r.packed.position), r.fingerprint,
       static_cast<qint64>(r.prefixHash), QDateTime::currentMSecsSinceEpoch(),
       static_cast<qint64>(r.packed.state.size() + r.packed.logits.size()), r.packed.state, r.packed.logits});
  if (!result) return tl::unexpected(result.error());
  return {};
}

StoreResult<int> thinSnapshots(const QSqlDatabase& database, qint64 message, qint64 budgetBytes) {
  const auto rows = rowsOfChat(database, message);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<qint64> messages;  // ascending
  for (const Row& row : *rows) {
    if (messages.empty() || messages.back() != row.message) messages.push_back(row.message);
  }
  const std::size_t whole = messages.size() > kWholeAnswers ? messages.size() - kWholeAnswers : 0;
  const qint64 firstWhole = messages.empty() ? 0 : messages[whole];
  qint64 lastKept = -kMaxReadAgain;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const Row& row = (*rows)[i];
    const bool endOfAnswer = i + 1 == rows->size() || (*rows)[i + 1].message != row.message;
    bool keep = row.pinned;
    if (row.message >= firstWhole) keep = keep || endOfAnswer || row.answerTokens == 0;
    else if (endOfAnswer) keep = keep || row.branchPoint || row.position - lastKept >= kMaxReadAgain;
    if (!keep) {
      if (auto result = deleteSnapshot(database, row.id); !result) return tl::unexpected(result.error());
    } else if (endOfAnswer) {
      lastKept = row.position;
    }
  }

  return trimSnapshots(database, budgetBytes);
}

StoreResult<int> trimSnapshots(const QSqlDatabase& database, qint64 budgetBytes) {
  auto total = runSql(database, QStringLiteral("SELECT coalesce(sum(bytes), 0) FROM snapshots"));
  if (!total) return tl::unexpected(total.error());
  qint64 excess = total->next() ? total->value(0).toLongLong() - budgetBytes : 0;
  total->finish();
  if (excess <= 0) return 0;
  auto oldest = runSql(database, QStringLiteral(
      "SELECT s.id, s.bytes FROM snapshots s JOIN messages m ON m.id = s.message_id WHERE NOT s.pinned AND s.message_id <"
      " (SELECT max(t.message_id) FROM snapshots t JOIN messages n ON n.id = t.message_id"
      "  WHERE n.conversation_id = m.conversation_id) ORDER BY s.created"));
  if (!oldest) return tl::unexpected(oldest.error());
  std::vector<qint64> victims;
  while (excess > 0 && oldest->next()) {
    victims.push_back(oldest->value(0).toLongLong());
    excess -= oldest->value(1).toLongLong();
  }
  oldest->finish();
  for (const qint64 id : victims) {
    if (auto result = deleteSnapshot(database, id); !result) return tl::unexpected(result.error());
  }
  return static_cast<int>(victims.size());
}

StoreResult<std::optional<StartPoint>> findStart(const QSqlDatabase& database, qint64 message, const QString& fingerprint,
                                                bool useSnapshots) {
  StartPoint start;
  qint64 current = message;
  std::vector<Tokens> pieces;  // from the last to the first
  while (true) {
    auto row = loadAssistant(database, current);
    if (!row) return tl::unexpected(row.error());
    if (!*row || (*row)->fingerprint != fingerprint) return std::optional<StartPoint>();
    AssistantRow& r = **row;
    StoreResult<std::optional<Found>> found;
    if (useSnapshots) found = usableSnapshot(database, current, r, false);
    if (useSnapshots && found && !*found && current == message) found = siblingSnapshot(database, current, r);
    if (!found) return tl::unexpected(found.error());
    if (*found) {
      start.snapshot = std::move((*found)->packed);
      const std::uint64_t read = (*found)->answerTokens;
      if (current == message) start.answerTokens = read;
      else pieces.emplace_back(r.tokens.begin() + static_cast<std::ptrdiff_t>(read), r.tokens.end());
      break;
    }
    if (current != message) pieces.push_back(std::move(r.tokens));
    pieces.push_back(std::move(r.prompt));
    if (r.fromStart) break;
    if (r.base == 0) return std::optional<StartPoint>();
    current = r.base;
  }
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
    start.toRead.insert(start.toRead.end(), piece->begin(), piece->end());
  }
  return std::optional<StartPoint>(std::move(start));
}

}  // namespace rookery::app
