// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/history.h"

#include <algorithm>

namespace rookery::app {

StoreResult<std::optional<std::vector<SaidMessage>>> readHistory(const QSqlDatabase& database, qint64 message,
                                                                 const std::stop_token& stop) {
  using History = std::optional<std::vector<SaidMessage>>;
  if (stop.stop_requested()) return History();
  // A parent is older than its children, so the order of the ids is that of the chat (see soundParent()).
  auto query = runSql(database, QStringLiteral(
      "WITH RECURSIVE way(id, parent) AS (SELECT id, parent_id FROM messages WHERE id = ?"
      " UNION ALL SELECT m.id, m.parent_id FROM way w JOIN messages m ON m.id = w.parent WHERE w.parent < w.id)"
      " SELECT id, parent_id, role, text FROM messages WHERE id IN (SELECT id FROM way) ORDER BY id"), {message});
  if (!query) return tl::unexpected(query.error());
  std::vector<SaidMessage> history;
  qint64 last = 0;
  while (query->next()) {
    if (stop.stop_requested()) return History();
    const qint64 id = query->value(0).toLongLong();
    if (soundParent(id, query->value(1).toLongLong()) != last) return History();
    last = id;
    history.push_back({static_cast<MessageRole>(query->value(2).toInt()), query->value(3).toString()});
  }
  return last == message ? History(std::move(history)) : History();
}

StoreResult<std::optional<QString>> readText(const QSqlDatabase& database, qint64 message) {
  auto query = runSql(database, QStringLiteral("SELECT text FROM messages WHERE id = ?"), {message});
  if (!query) return tl::unexpected(query.error());
  return query->next() ? std::optional(query->value(0).toString()) : std::nullopt;
}

StoreResult<std::optional<StoredPrompt>> readPrompt(const QSqlDatabase& database, qint64 message) {
  auto query = runSql(database, QStringLiteral("SELECT prompt_from_start, start_hash, prompt_ids FROM messages WHERE id = ?"), {message});
  if (!query) return tl::unexpected(query.error());
  if (!query->next()) return std::optional<StoredPrompt>();
  StoredPrompt prompt{query->value(0).toBool(), static_cast<std::uint64_t>(query->value(1).toLongLong()),
                      unpackTokens(query->value(2).toByteArray())};
  if (prompt.tokens.empty()) return std::optional<StoredPrompt>();
  return std::optional<StoredPrompt>(std::move(prompt));
}

StoreResult<std::uint64_t> promptReadBefore(const QSqlDatabase& database, qint64 question, const QString& fingerprint,
                                            std::uint64_t startHash, std::uint64_t size) {
  auto query = runSql(database, QStringLiteral(
      "SELECT m.state, length(coalesce(m.token_ids, x'')), (SELECT max(s.answer_tokens) FROM snapshots s WHERE s.message_id = m.id)"
      " FROM messages m WHERE m.parent_id = ? AND m.model_fingerprint = ? AND m.start_hash = ?"),
      {question, fingerprint, static_cast<qint64>(startHash)});
  if (!query) return tl::unexpected(query.error());
  std::uint64_t most = 0;
  while (query->next()) {
    const bool answered = query->value(0).toInt() == static_cast<int>(MessageState::Complete) || query->value(1).toLongLong() > 0;
    if (answered) return size;
    if (query->value(2).isNull()) continue;
    const qint64 left = std::max<qint64>(0, -query->value(2).toLongLong());
    if (static_cast<std::uint64_t>(left) <= size) most = std::max(most, size - static_cast<std::uint64_t>(left));
  }
  return most;
}

StoreResult<NeverRead> neverReadBefore(const QSqlDatabase& database, qint64 answer) {
  NeverRead found;
  while (answer != 0) {
    // The answers to one question, whichever model gave them, and the answer above it.
    auto query = runSql(database, QStringLiteral(
        "SELECT q.parent_id, a.state = ? OR length(coalesce(a.token_ids, x'')) > 0,"
        " (SELECT max(s.answer_tokens) FROM snapshots s WHERE s.message_id = a.id)"
        " FROM messages m JOIN messages q ON q.id = m.parent_id JOIN messages a ON a.parent_id = q.id WHERE m.id = ?"),
        {static_cast<int>(MessageState::Complete), answer});
    if (!query) return tl::unexpected(query.error());
    qint64 above = 0;
    std::optional<qint64> furthest;  // as SnapshotRecord::answerTokens
    while (query->next()) {
      above = query->value(0).toLongLong();
      if (query->value(1).toBool()) furthest = 0;
      if (query->value(2).isNull()) continue;
      const qint64 saved = query->value(2).toLongLong();
      furthest = std::max(furthest.value_or(saved), saved);
    }
    if (furthest) {
      found.tokens = static_cast<std::uint64_t>(std::max<qint64>(0, -*furthest));
      break;
    }
    ++found.questions;
    answer = above < answer ? above : 0;
  }
  return found;
}

}  // namespace rookery::app
