// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSqlDatabase>
#include <optional>
#include <stop_token>
#include <vector>

#include "storage/records.h"
#include "storage/sql.h"

namespace rookery::app {

/// One message, as another model reads it.
struct SaidMessage {
  MessageRole role{};
  QString text;
};

/// All that was said from the first message of a chat down to `message`, in that order, by one query.
/// nullopt: a message on the way is missing, or `stop` came.
StoreResult<std::optional<std::vector<SaidMessage>>> readHistory(const QSqlDatabase& database, qint64 message,
                                                                 const std::stop_token& stop);

/// The text of one message, which may be of any length. nullopt: it is not there.
StoreResult<std::optional<QString>> readText(const QSqlDatabase& database, qint64 message);

/// What an answer's row says about its prompt.
struct StoredPrompt {
  bool fromStart = false;
  std::uint64_t startHash = 0;
  Tokens tokens;
};

/// nullopt: there is no such row, or its prompt was never made.
StoreResult<std::optional<StoredPrompt>> readPrompt(const QSqlDatabase& database, qint64 message);

/// How many tokens of an answer's prompt, `size` long, its model has read before, for this answer or for another one to
/// the same question: all of them where something was answered, else as far as a saved state goes.
StoreResult<std::uint64_t> promptReadBefore(const QSqlDatabase& database, qint64 question, const QString& fingerprint,
                                            std::uint64_t startHash, std::uint64_t size);

/// What of a chat no model has read, from `answer` upwards: questions without an answer whose reading was stopped before
/// it began, and of the one above them the tokens that were left of its prompt (of its model).
struct NeverRead {
  int questions = 0;
  std::uint64_t tokens = 0;
};
StoreResult<NeverRead> neverReadBefore(const QSqlDatabase& database, qint64 answer);

}  // namespace rookery::app
