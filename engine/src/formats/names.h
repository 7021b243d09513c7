// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace rookery::engine {

/// What we accept as the name of a tensor or key: valid UTF-8 without control characters, 1 to 1024 bytes.
/// Names reach logs and JSON, so nothing else may get in.
bool isPlainName(std::string_view name) noexcept;

/// A sentence that may quote bytes of the file, made fit for a terminal and for JSON: anything but printable
/// ASCII becomes \xNN, and it is cut after 400 characters.
std::string printable(std::string_view sentence);

}  // namespace rookery::engine
