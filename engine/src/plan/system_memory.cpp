// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/system_memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "rookery/ledger.h"

#ifdef __linux__
#include <sys/resource.h>
#include <unistd.h>
#endif

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

/// The number behind `key` at the start of a line; without a key, that of the first line ("max" is none).
std::optional<std::uint64_t> readNumber(const fs::path& file, std::string_view key = {}) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (std::string_view(line).starts_with(key)) return numberAt(std::string_view(line).substr(key.size()));
  }
  return std::nullopt;
}

struct GroupFiles {
  const char *limit, *usage, *inactive;
};
constexpr GroupFiles kVersion2 = {"memory.max", "memory.current", "inactive_file "};
constexpr GroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};

/// Lowers `memory` to the limit of one group.
void apply(SystemMemory& memory, const fs::path& group, const GroupFiles& files) {
  const auto limit = readNumber(group / files.limit);
  if (!limit || *limit >= memory.total) return;  // version 1 writes "no limit" as a number beyond any memory
  memory.total = *limit;
  std::uint64_t used = readNumber(group / files.usage).value_or(0);
  // Pages of files that were not used lately are given up first, so they do not count.
  used -= std::min(used, readNumber(group / "memory.stat", files.inactive).value_or(0));
  memory.available = std::min(memory.available, *limit - std::min(*limit, used));
}

/// A group and all above it: each of them limits.
void applyTree(SystemMemory& memory, const fs::path& mount, fs::path group, const GroupFiles& files) {
  for (group = group.relative_path(); !group.empty(); group = group.parent_path()) apply(memory, mount / group, files);
  apply(memory, mount, files);  // inside a container this is its own group
}

}  // namespace

SystemMemory readSystemMemory(const fs::path& root) {
  SystemMemory memory;
  memory.total = readNumber(root / "proc/meminfo", "MemTotal:").value_or(0) * 1024;
  memory.available = readNumber(root / "proc/meminfo", "MemAvailable:").value_or(0) * 1024;
  std::ifstream groups(root / "proc/self/cgroup");  // lines of number:controllers:path
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") {
      applyTree(memory, root / "sys/fs/cgroup", path, kVersion2);
    } else if (controllers.find(",memory,") != std::string::npos) {
      applyTree(memory, root / "sys/fs/cgroup/memory", path, kVersion1);
    }
  }
  return memory;
}

std::uint64_t residentBytes() noexcept try {
#ifdef __linux__
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  if (statm >> size >> resident) return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
#endif
  return 0;
} catch (...) {
  return 0;
}

std::uint64_t availableBytes() noexcept try {
  const std::uint64_t available = readSystemMemory("/").available;
#ifdef __linux__
  // What this process may still map (ulimit -v).
  rlimit limit{};
  std::ifstream statm("/proc/self/statm");
  if (std::uint64_t pages = 0; getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && statm >> pages) {
    const std::uint64_t most = limit.rlim_cur, used = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return std::min(available, most - std::min(most, used));
  }
#endif
  return available;
} catch (...) {
  return 0;
}

std::uint64_t totalMemoryBytes() noexcept try {
  return readSystemMemory("/").total;
} catch (...) {
  return 0;
}

}  // namespace rookery::engine
