// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/snapshots.h"

#include <QDateTime>
#include <QHash>
#include <algorithm>
#include <map>
#include <set>
#include <zstd.h>

#include "storage/history.h"

namespace rookery::app {
namespace {

constexpr int kZstdLevel = 1;  // states are nearly random bytes: higher levels cost time and save nothing
constexpr int kWholeAnswers = 4;
constexpr qint64 kMaxReadAgain = 512;
constexpr std::uint64_t kMaxLogitBytes = 16U << 20;  // 4 million tokens of vocabulary: far above any real one

std::uint64_t unsignedValue(const QVariant& value) { return static_cast<std::uint64_t>(value.toLongLong()); }

struct Row {
  qint64 id;
  QString fingerprint;
  qint64 answerTokens, position;
  bool pinned, branchPoint;
};

/// The snapshots of each message, in the order of the messages and of the tokens that they have read.
using RowsByMessage = std::map<qint64, std::vector<Row>>;

StoreResult<RowsByMessage> rowsOfChat(const QSqlDatabase& database, qint64 message) {
  auto query = runSql(database, QStringLiteral(
      "SELECT s.message_id, s.id, s.model_fingerprint, s.answer_tokens, s.position, s.pinned,"
      " (SELECT count(*) FROM messages c WHERE c.parent_id = s.message_id) > 1"
      " FROM snapshots s JOIN messages m ON m.id = s.message_id"
      " WHERE m.conversation_id = (SELECT conversation_id FROM messages WHERE id = ?)"
      " ORDER BY s.message_id, s.answer_tokens"), {message});
  if (!query) return tl::unexpected(query.error());
  RowsByMessage rows;
  while (query->next()) {
    rows[query->value(0).toLongLong()].push_back({query->value(1).toLongLong(), query->value(2).toString(),
                                                  query->value(3).toLongLong(), query->value(4).toLongLong(),
                                                  query->value(5).toBool(), query->value(6).toBool()});
  }
  return rows;
}

/// (message, parent) of the whole chat; a parent comes before its children.
StoreResult<std::vector<std::pair<qint64, qint64>>> treeOfChat(const QSqlDatabase& database, qint64 message) {
  auto query = runSql(database, QStringLiteral(
      "SELECT id, parent_id FROM messages"
      " WHERE conversation_id = (SELECT conversation_id FROM messages WHERE id = ?) ORDER BY id"), {message});
  if (!query) return tl::unexpected(query.error());
  std::vector<std::pair<qint64, qint64>> tree;
  while (query->next()) tree.emplace_back(query->value(0).toLongLong(), query->value(1).toLongLong());
  return tree;
}

StoreResult<void> deleteSnapshot(const QSqlDatabase& database, qint64 id) {
  auto result = runSql(database, QStringLiteral("DELETE FROM snapshots WHERE id = ?"), {id});
  if (!result) return tl::unexpected(result.error());
  return {};
}

struct AssistantRow {
  qint64 id = 0, parent = 0, base = 0;
  QString fingerprint;
  bool fromStart = false;
  std::uint64_t startHash = 0;
  Tokens prompt, tokens;
  bool isPending = false;  ///< the last of the tokens was drawn and not read, unless something came after it

  /// Whether the prompt follows exactly what the state before it has read.
  bool follows(std::uint64_t hashBefore) const { return chainHash(hashBefore, prompt) == startHash; }

  /// Whether a state with that hash has read what is here up to a place: see SnapshotRecord.
  bool isReadBy(std::uint64_t hash, qint64 answerTokens) const {
    if (answerTokens >= 0) return hash == chainHash(startHash, tokens.data(), static_cast<std::size_t>(answerTokens));
    const auto left = static_cast<std::size_t>(-answerTokens);
    return left <= prompt.size() && chainHash(hash, prompt.data() + (prompt.size() - left), left) == startHash;
  }
};

StoreResult<std::optional<AssistantRow>> loadAssistant(const QSqlDatabase& database, qint64 id) {
  auto query = runSql(
      database,
      QStringLiteral("SELECT m.parent_id, u.parent_id, m.model_fingerprint, m.prompt_from_start, m.start_hash, "
                     "m.prompt_ids, m.token_ids,"
                     " m.pending_token FROM messages m LEFT JOIN messages u ON u.id = m.parent_id WHERE m.id = ?"),
      {id});
  if (!query) return tl::unexpected(query.error());
  if (!query->next()) return std::optional<AssistantRow>();
  const qint64 question = soundParent(id, query->value(0).toLongLong());
  AssistantRow row{id,
                   question,
                   soundParent(question, query->value(1).toLongLong()),
                   query->value(2).toString(),
                   query->value(3).toBool(),
                   unsignedValue(query->value(4)),
                   unpackTokens(query->value(5).toByteArray()),
                   unpackTokens(query->value(6).toByteArray()),
                   !query->value(7).isNull()};
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
  qint64 answerTokens = 0;
  std::uint64_t hash = 0;
};

/// The newest snapshot of `message` whose hash agrees with the tokens of `row`.
StoreResult<std::optional<Found>> usableSnapshot(const QSqlDatabase& database, qint64 message, const AssistantRow& row,
                                                 bool onlyPromptEnd, const std::vector<qint64>& without) {
  auto query = runSql(database, QStringLiteral(
      "SELECT answer_tokens, prefix_hash, position, id, state, logits FROM snapshots"
      " WHERE message_id = ? AND model_fingerprint = ? AND answer_tokens <= ? ORDER BY answer_tokens DESC"),
      {message, row.fingerprint, onlyPromptEnd ? qint64{0} : static_cast<qint64>(row.tokens.size())});
  if (!query) return tl::unexpected(query.error());
  while (query->next()) {
    const qint64 count = query->value(0).toLongLong();
    const qint64 id = query->value(3).toLongLong();
    const std::uint64_t hash = unsignedValue(query->value(1));
    if (!row.isReadBy(hash, count)) continue;
    if (std::find(without.begin(), without.end(), id) != without.end()) continue;
    return std::optional<Found>(Found{{query->value(4).toByteArray(), query->value(5).toByteArray(),
                                       unsignedValue(query->value(2)), id}, count, hash});
  }
  return std::optional<Found>();
}

QByteArray packLogits(const std::vector<float>& logits) {
  const std::size_t bytes = logits.size() * sizeof(float);
  QByteArray packed(static_cast<qsizetype>(ZSTD_compressBound(bytes)), Qt::Uninitialized);
  const std::size_t written = ZSTD_compress(packed.data(), static_cast<std::size_t>(packed.size()), logits.data(), bytes, kZstdLevel);
  packed.resize(ZSTD_isError(written) ? 0 : static_cast<qsizetype>(written));
  return packed;
}

/// What a chat begins from: the hash that its tokens follow.
StoreResult<std::uint64_t> startHashOf(const QSqlDatabase& database, qint64 conversation) {
  auto query = runSql(database, QStringLiteral("SELECT start_hash FROM conversations WHERE id = ?"), {conversation});
  if (!query) return tl::unexpected(query.error());
  return query->next() ? unsignedValue(query->value(0)) : 0;
}

/// nullopt: it is not there.
StoreResult<std::optional<PackedSnapshot>> startState(const QSqlDatabase& database, std::uint64_t hash) {
  auto query = runSql(database, QStringLiteral("SELECT state FROM start_states WHERE hash = ?"), {static_cast<qint64>(hash)});
  if (!query) return tl::unexpected(query.error());
  if (!query->next()) return std::optional<PackedSnapshot>();
  return std::optional(PackedSnapshot{query->value(0).toByteArray(), packLogits({}), 0, 0});
}

/// A sibling that read the very same prompt: regenerating starts from its snapshot.
StoreResult<std::optional<Found>> siblingSnapshot(const QSqlDatabase& database, const AssistantRow& row,
                                                  const std::vector<qint64>& without) {
  auto query = runSql(database, QStringLiteral(
      "SELECT id FROM messages WHERE parent_id = ? AND id <> ? AND start_hash = ? AND model_fingerprint = ? ORDER BY id DESC"),
      {row.parent, row.id, static_cast<qint64>(row.startHash), row.fingerprint});
  if (!query) return tl::unexpected(query.error());
  while (query->next()) {
    auto found = usableSnapshot(database, query->value(0).toLongLong(), row, true, without);
    if (!found || *found) return found;
  }
  return std::optional<Found>();
}

}  // namespace

PackedSnapshot packSnapshot(const engine::Snapshot& snapshot) {
  PackedSnapshot packed;
  const std::vector<std::byte> state = snapshot.state.pack();
  packed.state = QByteArray(reinterpret_cast<const char*>(state.data()), static_cast<qsizetype>(state.size()));
  packed.logits = packLogits(snapshot.logits);
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
  // None: the state stands after a stop text that was taken back, and the next turn reads on from there.
  if (bytes != 0 && bytes / sizeof(float) != static_cast<std::uint64_t>(shape.vocab)) return damaged();
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
      {r.message, r.answerTokens, static_cast<qint64>(r.packed.position), r.fingerprint,
       static_cast<qint64>(r.prefixHash), QDateTime::currentMSecsSinceEpoch(),
       static_cast<qint64>(r.packed.state.size() + r.packed.logits.size()), r.packed.state, r.packed.logits});
  if (!result) return tl::unexpected(result.error());
  return {};
}

StoreResult<int> thinSnapshots(const QSqlDatabase& database, qint64 message, qint64 budgetBytes) {
  const auto rows = rowsOfChat(database, message);
  if (!rows) return tl::unexpected(rows.error());
  const auto tree = treeOfChat(database, message);
  if (!tree) return tl::unexpected(tree.error());
  const std::size_t whole = rows->size() > kWholeAnswers ? rows->size() - kWholeAnswers : 0;
  const qint64 firstWhole = rows->empty() ? 0 : std::next(rows->begin(), static_cast<std::ptrdiff_t>(whole))->first;
  qint64 newest = 0;
  std::set<qint64> aboveReading;  // messages below which a prompt is read in part
  for (const auto& [id, own] : *rows) {
    for (const Row& row : own) newest = std::max(newest, row.id);
  }
  for (auto node = tree->rbegin(); node != tree->rend(); ++node) {
    const auto own = rows->find(node->first);
    const bool reading = own != rows->end() && own->second.front().answerTokens < 0;
    if (reading || aboveReading.contains(node->first)) aboveReading.insert(node->second);
  }
  struct Kept {
    QString fingerprint;
    qint64 position = 0;  // the empty state
  };
  QHash<qint64, Kept> nearest;  // the last kept end on the way from the root to a message, itself included
  for (const auto& [id, parent] : *tree) {
    Kept& kept = nearest[id];
    kept = nearest.value(parent);
    const auto own = rows->find(id);
    if (own == rows->end()) continue;
    for (const Row& row : own->second) {
      const bool endOfAnswer = &row == &own->second.back();
      bool keep = row.pinned;
      if (id >= firstWhole) keep = keep || endOfAnswer || row.answerTokens == 0;
      else if (endOfAnswer) keep = keep || row.branchPoint || row.position - (row.fingerprint == kept.fingerprint ? kept.position : 0) >= kMaxReadAgain;
      if (row.answerTokens < 0 && aboveReading.contains(id)) keep = row.pinned;
      if (row.id == newest) keep = true;
      if (!keep) {
        if (auto result = deleteSnapshot(database, row.id); !result) return tl::unexpected(result.error());
      } else if (endOfAnswer) {
        kept = {row.fingerprint, row.position};
      }
    }
  }

  return trimSnapshots(database, budgetBytes);
}

QString memoryBytesSql() {
  return QStringLiteral("SELECT (SELECT coalesce(sum(bytes), 0) FROM snapshots) + (SELECT coalesce(sum(bytes), 0) FROM start_states)");
}

StoreResult<int> trimSnapshots(const QSqlDatabase& database, qint64 budgetBytes) {
  auto total = runSql(database, memoryBytesSql());
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

StoreResult<std::optional<StartPoint>> findStart(const QSqlDatabase& database, const MessageRecord& answer, qint64 base,
                                                const std::vector<qint64>& without) {
  StartPoint start;
  AssistantRow row{answer.id, answer.parent, base, answer.fingerprint, answer.promptFromStart, answer.startHash,
                   answer.prompt, answer.tokens};
  struct Piece {
    qint64 message, from;
    Tokens tokens;
  };
  std::vector<Piece> pieces;  // from the last to the first
  const auto beginning = startHashOf(database, answer.conversation);
  if (!beginning) return tl::unexpected(beginning.error());
  bool isRead = false, isBeforeUnread = false;  // what is before a token that was read was read as well
  while (true) {
    const bool own = row.id == answer.id;
    const std::size_t unread = own || isRead ? std::size_t{0} : row.prompt.size();
    std::size_t missing = 0;
    if (unread > 0) {
      const auto before = promptReadBefore(database, row.parent, row.fingerprint, row.startHash, unread);
      if (!before) return tl::unexpected(before.error());
      missing = row.tokens.empty() ? unread - *before : 0;
      isRead = missing < unread;
    }
    const auto countUnread = [&](qint64 from) {  // in what is read of this row, which begins there
      if (own) return;
      if (isBeforeUnread && row.isPending && from < static_cast<qint64>(row.tokens.size())) ++start.neverRead;
      if (from < 0) start.neverRead += std::min(missing, static_cast<std::size_t>(-from));
    };
    auto found = usableSnapshot(database, row.id, row, false, without);
    if (own && found && !*found) found = siblingSnapshot(database, row, without);
    if (!found) return tl::unexpected(found.error());
    if (*found) {
      start.snapshot = std::move((*found)->packed);
      const qint64 read = (*found)->answerTokens, inAnswer = std::max<qint64>(read, 0);
      if (own) start.answerTokens = static_cast<std::uint64_t>(inAnswer);
      else pieces.push_back({row.id, inAnswer, Tokens(row.tokens.begin() + inAnswer, row.tokens.end())});
      if (read < 0) pieces.push_back({row.id, read, Tokens(row.prompt.end() + read, row.prompt.end())});
      start.hashBefore = (*found)->hash;
      countUnread(read);
      break;
    }
    if (!own) pieces.push_back({row.id, 0, std::move(row.tokens)});
    if (row.fromStart && !row.follows(*beginning)) return std::optional<StartPoint>();
    pieces.push_back({row.id, -static_cast<qint64>(row.prompt.size()), row.prompt});
    if (row.fromStart && *beginning != 0) {
      auto state = startState(database, *beginning);
      if (!state) return tl::unexpected(state.error());
      if (!*state) return std::optional<StartPoint>();
      start.snapshot = std::move(*state);
      start.hashBefore = *beginning;
    }
    countUnread(-static_cast<qint64>(row.prompt.size()));
    isBeforeUnread = !own && !isRead;
    if (row.fromStart) break;
    auto before = loadAssistant(database, row.base);
    if (!before) return tl::unexpected(before.error());
    if (!*before || (*before)->fingerprint != answer.fingerprint) return std::optional<StartPoint>();
    if (!row.follows(chainHash((*before)->startHash, (*before)->tokens))) return std::optional<StartPoint>();
    row = std::move(**before);
  }
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
    if (piece->tokens.empty()) continue;
    start.toRead.insert(start.toRead.end(), piece->tokens.begin(), piece->tokens.end());
    start.stretches.push_back({piece->message, piece->from, piece->tokens.size()});
  }
  return std::optional<StartPoint>(std::move(start));
}

}  // namespace rookery::app
