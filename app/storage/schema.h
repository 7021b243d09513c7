// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSqlDatabase>

#include "storage/sql.h"

namespace rookery::app {

/// "Rook" in ASCII; lets file(1) and the MIME database recognise the file.
inline constexpr int kApplicationId = 0x526f6f6b;
inline constexpr int kSchemaVersion = 2;

/// Brings a database of any earlier version (or an empty file) to kSchemaVersion in one transaction.
/// TooNew or Foreign if it is not one of ours to change.
StoreResult<void> migrate(const QSqlDatabase& database);

}  // namespace rookery::app
