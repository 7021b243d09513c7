// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "rookery/model.h"
#include "rookery/session.h"
#include "rookery/state_file.h"

namespace rookery::cli {

/// Where a session goes on from a state file.
struct StateStart {
  engine::Snapshot snapshot;
  engine::StateInfo info;
};

/// Any state file for `model`. Another model's state is a StateMismatch unless `force`; `forceHelp` says how to give it.
/// Says on stderr which way a tuned state was read where only its name tells.
engine::Result<StateStart> readState(const std::string& path, const engine::Model& model, bool force,
                                     const std::string& forceHelp = "--force");

}  // namespace rookery::cli
