// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace rookery::engine {

/// The value of the first "key : value" line of /proc/cpuinfo; empty where there is none.
std::string cpuInfoField(std::string_view key);
/// First line of a small system file without white space at the ends; empty if it cannot be read.
std::string systemLine(const std::filesystem::path& path);
/// Size of the largest cache of the first CPU; 0 where the system does not say.
std::uint64_t lastLevelCacheBytes();

}  // namespace rookery::engine
