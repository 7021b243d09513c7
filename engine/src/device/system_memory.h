// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>

namespace rookery::engine {

struct SystemMemory {
  std::uint64_t total = 0, available = 0;  ///< bytes; 0: not known
};

/// What Linux says under `root` ("/"; tests have their own): /proc/meminfo, lowered to the limits of the control
/// groups (version 1 or 2) that this process is in. Elsewhere the files are missing, and so 0.
SystemMemory readSystemMemory(const std::filesystem::path& root);

}  // namespace rookery::engine
