// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

#include "rookery/result.h"
#include "rookery/state_file.h"
#include "storage/records.h"

namespace rookery::app {

/// A state that a chat is to begin from, ready for the store.
struct StartState {
  ChatStart start;
  QByteArray packed;          ///< engine::State::pack()
  engine::StateInfo info;     ///< of the file
};

/// A state file that is known, whether it fits or not.
struct StateFileEntry {
  QString path;
  engine::StateInfo info;
};

/// Reads any state file for a model of that shape; blocks for as long as its size takes. Any thread.
engine::Result<StartState> readStartState(const QString& path, const engine::ModelShape& shape);

/// "Tuned state for RWKV-5, 6 or 7, 12 layers, width 768".
QString stateText(const engine::StateInfo& info);

}  // namespace rookery::app
