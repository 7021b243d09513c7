// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "rookery/result.h"

namespace rookery::engine {

/// Writes a whole file: to a temporary file beside it, flushed to the disk, then renamed, so that a reader finds
/// the old file or the new one and never half of it. A symbolic link stays and its target is replaced; what is no
/// regular file (/dev/null, a named pipe) is written to where it is. A part that a killed process left of the same file is
/// removed first. A file that is replaced hands on its rights, and its owner and group where the system allows it.
/// FileWriteFailed with the system's reason.
Result<void> writeWholeFile(const std::filesystem::path& path, std::span<const std::span<const std::byte>> parts);
Result<void> writeWholeFile(const std::filesystem::path& path, std::string_view text);

/// The same for contents that are made while they are written: `make` calls `put` for one part after the other, and
/// ends early with put's error or its own. Nothing is left behind then.
using PutBytes = std::function<Result<void>(std::span<const std::byte>)>;
Result<void> writeWholeFile(const std::filesystem::path& path, const std::function<Result<void>(const PutBytes& put)>& make);

/// Removes the temporary files of this process that are being written; for a program that ends without unwinding. May be
/// called by a signal handler.
void removeUnfinishedFiles() noexcept;

}  // namespace rookery::engine
