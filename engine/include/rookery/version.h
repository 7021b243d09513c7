// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace rookery::engine {
/// "0.1.0", from the build.
const char* versionString() noexcept;
}  // namespace rookery::engine
