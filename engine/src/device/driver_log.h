// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace rookery::engine {

/// What a driver's validation said, to where setDriverLog() sends it. `kind`: whose.
void logDriverMessage(std::string_view kind, std::string_view message);

}  // namespace rookery::engine
