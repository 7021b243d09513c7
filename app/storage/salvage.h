// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "storage/opening_progress.h"
#include "storage/sql.h"

namespace rookery::app {

/// What a damaged database still gave.
struct Salvaged {
  int chats = 0, messages = 0, snapshots = 0;
  int gaps = 0;  ///< places where reading failed and was taken up again behind
};

/// Copies every row of the database at `damaged` that can still be read into `target`, which has the present schema and
/// no rows. Tables are walked by their keys: where reading fails, the nearest key behind from which it works again is
/// searched. `damaged` is only read; tables or columns that it lacks are left empty.
///
/// No message is left behind because something that it hangs on is lost: one without its chat gets a new chat, one
/// without its parent follows the nearest earlier message of its chat. An answer whose tokens no longer follow from the
/// ones before (chainHash()) keeps its text and loses its tokens, so that the model reads the text again instead of
/// going on from something that it never read. Snapshots go with the tokens; their own hashes are checked when they are used.
///
/// Errors are those of writing to `target` alone, and Stopped.
StoreResult<Salvaged> salvage(const QString& damaged, const QSqlDatabase& target, OpeningProgress& progress, Halt& halt,
                              bool withSnapshots = true);

}  // namespace rookery::app
