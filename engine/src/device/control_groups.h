// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rookery::engine {

/// A folder of Linux' control groups that limits this process.
struct ControlGroup {
  int version = 0;  ///< 1 or 2
  std::filesystem::path folder;
};

/// The groups that this process is in and all above them, each of which limits, for one controller ("memory", "cpu").
/// `root` is "/"; tests have their own. The mount itself is always among them: inside a container it is the own group.
/// Elsewhere than on Linux there are none.
std::vector<ControlGroup> controlGroups(const std::filesystem::path& root, std::string_view controller);

/// The number behind `key` at the start of a line; without a key, that of the first line ("max" and -1 are none).
std::optional<std::uint64_t> readNumber(const std::filesystem::path& file, std::string_view key = {});

/// How many processors' time the control groups leave this process, in whole ones rounded down but at least 1; 0: no limit.
int cpuQuota(const std::filesystem::path& root);

}  // namespace rookery::engine
