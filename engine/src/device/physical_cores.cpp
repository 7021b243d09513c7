// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <utility>

#if defined(__linux__)
#include <sched.h>
#endif

#include "device/control_groups.h"
#include "device/cpu_facts.h"
#include "rookery/device.h"

namespace rookery::engine {

int physicalCores() noexcept {
  int cores = 0;
  try {
#if defined(__linux__)
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
      std::set<std::pair<std::string, std::string>> seen;
      for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
        const std::string core = systemLine(topology + "core_id");
        if (!core.empty()) seen.emplace(systemLine(topology + "physical_package_id"), core);
      }
      cores = static_cast<int>(seen.size());
      if (cores == 0) cores = CPU_COUNT(&allowed);
    }
    // A container may be allowed fewer cores than it sees; more threads than that would be throttled while they spin.
    if (const int quota = cpuQuota("/"); quota > 0) cores = std::min(cores, quota);
#endif
    if (cores == 0) cores = static_cast<int>(std::thread::hardware_concurrency());
  } catch (...) {  // out of memory while reading a few lines: one thread still works
    cores = 1;
  }
  return std::max(cores, 1);
}

}  // namespace rookery::engine
