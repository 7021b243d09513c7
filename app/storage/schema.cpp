// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/schema.h"

#include <QStringList>

namespace rookery::app {
namespace {

// Messages form a tree; the path from active_leaf to the root is what the transcript shows.
// An assistant row replays itself: after its base (the nearest assistant above it, or the state that the chat begins from
// when prompt_from_start) the model read prompt_ids, then token_ids one by one; pending_token is drawn but not read.
// start_hash chains all tokens read up to the end of prompt_ids (chainHash()).
// While an answer is generated its pieces are appended to `journal` (a growing answer is not rewritten at every
// commit); the end of the answer, or the next start after a crash, folds them into the row.
// text_length and the covering index let a chat of 10,000 messages open without reading any text.
const QStringList& version1() {
  static const QStringList statements{
      QStringLiteral("CREATE TABLE conversations("
                     " id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, title TEXT NOT NULL,"
                     " title_is_automatic INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,"
                     " system_prompt TEXT NOT NULL DEFAULT '', sampling TEXT NOT NULL DEFAULT '',"
                     " model_fingerprint TEXT NOT NULL DEFAULT '', model_name TEXT NOT NULL DEFAULT '',"
                     " active_leaf INTEGER, deleted_at INTEGER) STRICT"),
      QStringLiteral("CREATE INDEX conversations_by_time ON conversations(deleted_at, updated, id, title)"),
      QStringLiteral("CREATE TABLE messages("
                     " id INTEGER PRIMARY KEY,"
                     " conversation_id INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"
                     " parent_id INTEGER REFERENCES messages(id) ON DELETE CASCADE,"
                     " role INTEGER NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL,"
                     " text_length INTEGER NOT NULL, text TEXT NOT NULL,"
                     " model_fingerprint TEXT NOT NULL DEFAULT '', sampling TEXT NOT NULL DEFAULT '',"
                     " seed INTEGER NOT NULL DEFAULT 0, prompt_from_start INTEGER NOT NULL DEFAULT 0,"
                     " start_hash INTEGER NOT NULL DEFAULT 0, pending_token INTEGER, stop_reason INTEGER,"
                     " prefill_seconds REAL NOT NULL DEFAULT 0, first_token_seconds REAL NOT NULL DEFAULT 0,"
                     " decode_seconds REAL NOT NULL DEFAULT 0, prompt_ids BLOB, token_ids BLOB) STRICT"),
      QStringLiteral("CREATE INDEX messages_tree ON messages(conversation_id, id, parent_id, role, text_length)"),
      QStringLiteral("CREATE INDEX messages_parent ON messages(parent_id)"),
      QStringLiteral("CREATE TABLE journal("
                     " message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
                     " seq INTEGER NOT NULL, text TEXT NOT NULL, token_ids BLOB NOT NULL,"
                     " PRIMARY KEY(message_id, seq)) STRICT, WITHOUT ROWID"),
      // answer_tokens: how many tokens of the message's answer the state has read; 0 is the end of the prompt, -n a place
      // n tokens before it (since version 3: a prompt that is being read).
      QStringLiteral("CREATE TABLE snapshots("
                     " id INTEGER PRIMARY KEY,"
                     " message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
                     " answer_tokens INTEGER NOT NULL, position INTEGER NOT NULL,"
                     " model_fingerprint TEXT NOT NULL, prefix_hash INTEGER NOT NULL, created INTEGER NOT NULL,"
                     " pinned INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL,"
                     " state BLOB NOT NULL, logits BLOB NOT NULL, UNIQUE(message_id, answer_tokens)) STRICT"),
      QStringLiteral("CREATE INDEX snapshots_size ON snapshots(pinned, created, id, message_id, bytes)"),
  };
  return statements;
}

// 2: a rate is decode_tokens / decode_seconds. The seconds of version 1 were those of all tokens, unless a crash had come
// between; what it did not know then stays a little too slow or too fast.
const QStringList& version2() {
  static const QStringList statements{
      QStringLiteral("ALTER TABLE messages ADD COLUMN decode_tokens INTEGER NOT NULL DEFAULT 0"),
      QStringLiteral("UPDATE messages SET decode_tokens = length(token_ids) / 4 WHERE decode_seconds > 0 AND token_ids IS NOT NULL"),
  };
  return statements;
}

// 3: each answer names its model.
const QStringList& version3() {
  static const QStringList statements{
      QStringLiteral("ALTER TABLE messages ADD COLUMN model_name TEXT NOT NULL DEFAULT ''"),
  };
  return statements;
}

// 4: a chat may begin from another state than the empty one. It goes with the last chat that begins from it. start_hash is
// also what the hashes of the chat's tokens begin with, so no memory of one beginning is taken for one of another.
const QStringList& version4() {
  static const QStringList statements{
      QStringLiteral("CREATE TABLE start_states(hash INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, state BLOB NOT NULL) STRICT"),
      QStringLiteral("ALTER TABLE conversations ADD COLUMN start_hash INTEGER NOT NULL DEFAULT 0"),
      QStringLiteral("ALTER TABLE conversations ADD COLUMN start_name TEXT NOT NULL DEFAULT ''"),
      QStringLiteral("ALTER TABLE conversations ADD COLUMN start_is_chat INTEGER NOT NULL DEFAULT 0"),
      QStringLiteral("CREATE TRIGGER start_states_unused AFTER DELETE ON conversations WHEN old.start_hash <> 0 BEGIN"
                     " DELETE FROM start_states WHERE hash = old.start_hash"
                     " AND NOT EXISTS (SELECT 1 FROM conversations WHERE start_hash = old.start_hash AND start_hash <> 0); END"),
  };
  return statements;
}

// What the search has to read again: one row per message that came, changed or went, numbered for ever. Triggers write them,
// so that they belong to the change. `search_source` names this database to the index beside it (MessageSearch).
const QStringList& searchParts() {
  static const QStringList statements{
      QStringLiteral("CREATE TABLE IF NOT EXISTS search_changes(seq INTEGER PRIMARY KEY AUTOINCREMENT, message_id INTEGER NOT NULL) STRICT"),
      QStringLiteral("CREATE TRIGGER IF NOT EXISTS search_insert AFTER INSERT ON messages BEGIN"
                     " INSERT INTO search_changes(message_id) VALUES(new.id); END"),
      QStringLiteral("CREATE TRIGGER IF NOT EXISTS search_update AFTER UPDATE OF text ON messages BEGIN"
                     " INSERT INTO search_changes(message_id) VALUES(new.id); END"),
      QStringLiteral("CREATE TRIGGER IF NOT EXISTS search_delete AFTER DELETE ON messages BEGIN"
                     " INSERT INTO search_changes(message_id) VALUES(old.id); END"),
      QStringLiteral("CREATE TABLE IF NOT EXISTS search_source(id TEXT NOT NULL) STRICT"),
      QStringLiteral("INSERT INTO search_source SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM search_source)"),
  };
  return statements;
}

/// Parts that are missing can be made anew at any time: the index is built again then.
StoreResult<void> ensureSearch(const QSqlDatabase& database) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(transaction.error());
  for (const QString& statement : searchParts()) {
    auto result = runSql(database, statement);
    if (result) continue;
    const bool isOdd = result.error().kind == StoreError::Kind::Other;  // something else of that name
    return tl::unexpected(isOdd ? StoreError{StoreError::Kind::Damaged, result.error().details} : result.error());
  }
  return transaction->commit();
}

StoreResult<int> firstNumber(const QSqlDatabase& database, const QString& sql) {
  auto query = runSql(database, sql);
  if (!query) return tl::unexpected(query.error());
  return query->next() ? query->value(0).toInt() : 0;
}

StoreResult<int> pragmaValue(const QSqlDatabase& database, const QString& name) { return firstNumber(database, u"PRAGMA " + name); }

StoreError damaged(const QString& details) { return {StoreError::Kind::Damaged, details}; }

StoreResult<void> bringUp(const QSqlDatabase& database, int version) {
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(transaction.error());
  QStringList statements;
  if (version < 1) statements += version1();
  if (version < 2) statements += version2();
  if (version < 3) statements += version3();
  if (version < 4) statements += version4();
  statements << QStringLiteral("PRAGMA application_id=%1").arg(kApplicationId)
             << QStringLiteral("PRAGMA user_version=%1").arg(kSchemaVersion);
  for (const QString& statement : std::as_const(statements)) {
    if (auto result = runSql(database, statement); !result) return tl::unexpected(result.error());
  }
  if (version < 3) {
    if (auto result = nameAnswers(database); !result) return result;
  }
  return transaction->commit();
}

}  // namespace

const QStringList& tableNames() {
  static const QStringList names{QStringLiteral("start_states"), QStringLiteral("conversations"), QStringLiteral("messages"), QStringLiteral("journal"),
                                 QStringLiteral("snapshots")};
  return names;
}

StoreResult<void> nameAnswers(const QSqlDatabase& database) {
  auto result = runSql(database, QStringLiteral(
      "UPDATE messages SET model_name = c.model_name FROM conversations AS c WHERE c.id = messages.conversation_id"
      " AND messages.role = 2 AND messages.model_fingerprint <> '' AND messages.model_fingerprint = c.model_fingerprint"));
  if (!result) return tl::unexpected(result.error());
  return {};
}

StoreResult<QStringList> columnsOf(const QSqlDatabase& database, const QString& table) {
  auto query = runSql(database, QStringLiteral("SELECT name FROM pragma_table_info(?)"), {table});
  if (!query) return tl::unexpected(query.error());
  QStringList columns;
  while (query->next()) columns << query->value(0).toString();
  return columns;
}

StoreResult<int> versionOf(const QSqlDatabase& database) {
  const auto version = pragmaValue(database, QStringLiteral("user_version"));
  if (!version) return version;
  const auto id = pragmaValue(database, QStringLiteral("application_id"));
  if (!id) return id;
  const auto objects = firstNumber(database, QStringLiteral("SELECT count(*) FROM sqlite_master"));
  if (!objects) return objects;
  const bool empty = *objects == 0 && *version == 0;
  if (!empty && *id != kApplicationId) return tl::unexpected(StoreError{StoreError::Kind::Foreign, {}});
  if (*version > kSchemaVersion) {
    return tl::unexpected(StoreError{StoreError::Kind::TooNew, QStringLiteral("schema version %1, this Rookery knows %2")
                                                                   .arg(*version).arg(kSchemaVersion)});
  }
  if (*version < 0 || (*version == 0 && !empty)) return tl::unexpected(damaged(QStringLiteral("schema version %1").arg(*version)));
  return version;
}

StoreResult<void> checkSchema(const QSqlDatabase& database) {
  auto model = Connection::open(QStringLiteral(":memory:"), Connection::Mode::ReadWrite);
  if (!model) return tl::unexpected(model.error());
  for (const QString& statement : version1() + version2() + version3() + version4() + searchParts()) {
    if (auto result = runSql(model->database(), statement); !result) return tl::unexpected(result.error());
  }
  for (const QString& table : tableNames() + QStringList{QStringLiteral("search_changes"), QStringLiteral("search_source")}) {
    const auto wanted = columnsOf(model->database(), table), there = columnsOf(database, table);
    if (!wanted) return tl::unexpected(wanted.error());
    if (!there) return tl::unexpected(there.error());
    for (const QString& column : *wanted) {
      if (!there->contains(column)) return tl::unexpected(damaged(QStringLiteral("no column %1.%2").arg(table, column)));
    }
  }
  return {};
}

StoreResult<void> migrate(const QSqlDatabase& database) {
  const auto version = versionOf(database);
  if (!version) return tl::unexpected(version.error());
  if (*version < kSchemaVersion) {
    auto result = bringUp(database, *version);
    // Our own statements fail on our own file only if something that they build on is not there.
    if (!result && result.error().kind == StoreError::Kind::Other) return tl::unexpected(damaged(result.error().details));
    if (!result) return result;
  }
  if (auto result = ensureSearch(database); !result) return result;
  return checkSchema(database);
}

}  // namespace rookery::app
