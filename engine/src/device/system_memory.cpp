// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/system_memory.h"

#include <algorithm>
#include <fstream>

#include "device/control_groups.h"
#include "rookery/ledger.h"

#ifdef __linux__
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace rookery::engine {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

SystemMemory readSystemMemory(const fs::path& root) {
  SystemMemory memory;
  memory.total = readNumber(root / "proc/meminfo", "MemTotal:").value_or(0) * 1024;
  memory.available = readNumber(root / "proc/meminfo", "MemAvailable:").value_or(0) * 1024;
  for (const ControlGroup& group : controlGroups(root, "memory")) apply(memory, group.folder, group.version == 2 ? kVersion2 : kVersion1);
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
