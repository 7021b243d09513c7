// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/control_groups.h"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace rookery::engine {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> numberAt(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

/// A group and all above it.
void addTree(std::vector<ControlGroup>& groups, int version, const fs::path& mount, fs::path group) {
  for (group = group.relative_path(); !group.empty(); group = group.parent_path()) groups.push_back({version, mount / group});
}

}  // namespace

std::optional<std::uint64_t> readNumber(const fs::path& file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (std::string_view(line).starts_with(key)) return numberAt(std::string_view(line).substr(key.size()));
  }
  return std::nullopt;
}

std::vector<ControlGroup> controlGroups(const fs::path& root, std::string_view controller) {
  const fs::path mount = root / "sys/fs/cgroup";
  // A version 1 hierarchy is mounted under the names of its controllers: "cpu", "cpu,cpuacct".
  fs::path mount1 = mount / controller;
  std::vector<ControlGroup> groups;
  std::ifstream lines(root / "proc/self/cgroup");  // of number:controllers:path
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) {
      addTree(groups, 2, mount, path);
    } else if (("," + controllers + ",").find("," + std::string(controller) + ",") != std::string::npos) {
      std::error_code ignored;
      if (!fs::is_directory(mount1, ignored)) mount1 = mount / controllers;
      addTree(groups, 1, mount1, path);
    }
  }
  groups.push_back({2, mount});
  groups.push_back({1, mount1});
  return groups;
}

int cpuQuota(const fs::path& root) {
  int fewest = 0;
  for (const ControlGroup& group : controlGroups(root, "cpu")) {
    std::optional<std::uint64_t> quota, period;  // microseconds of processor time in each period
    if (group.version == 2) {
      std::ifstream file(group.folder / "cpu.max");  // "max 100000", "150000 100000"
      std::string line;
      std::getline(file, line);
      quota = numberAt(line);
      if (const std::size_t blank = line.find(' '); quota && blank != std::string::npos) period = numberAt(std::string_view(line).substr(blank));
    } else {
      quota = readNumber(group.folder / "cpu.cfs_quota_us");
      period = readNumber(group.folder / "cpu.cfs_period_us");
    }
    constexpr std::uint64_t kMost = 4096;
    if (!quota || !period || *quota == 0 || *period == 0) continue;
    const int cores = static_cast<int>(std::clamp<std::uint64_t>(*quota / *period, 1, kMost));
    fewest = fewest == 0 ? cores : std::min(fewest, cores);
  }
  return fewest;
}

}  // namespace rookery::engine
