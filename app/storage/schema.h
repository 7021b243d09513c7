// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSqlDatabase>
#include <QStringList>

#include "storage/sql.h"

namespace rookery::app {

/// "Rook" in ASCII; lets file(1) and the MIME database recognise the file.
inline constexpr int kApplicationId = 0x526f6f6b;
inline constexpr int kSchemaVersion = 4;

/// Whose the database is, without changing it; its version, 0 for an empty file. TooNew or Foreign: not ours to change.
/// Damaged: a version that no Rookery has ever written.
StoreResult<int> versionOf(const QSqlDatabase& database);

/// Brings a database of any earlier version (or an empty file) to kSchemaVersion in one transaction. Errors as versionOf();
/// Damaged also if a table or a column is missing.
StoreResult<void> migrate(const QSqlDatabase& database);

/// Damaged if a table or a column of this version is missing. What else lies in the file, an index of the user's own for
/// instance, does no harm.
StoreResult<void> checkSchema(const QSqlDatabase& database);

/// Answers get the name of their chat's model where both have the same fingerprint: before version 3 a chat kept one name
/// only, that of the model that answered last.
StoreResult<void> nameAnswers(const QSqlDatabase& database);

/// The tables, in an order in which each refers to earlier ones only.
const QStringList& tableNames();
StoreResult<QStringList> columnsOf(const QSqlDatabase& database, const QString& table);  ///< empty: no such table

}  // namespace rookery::app
