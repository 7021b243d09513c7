// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#if defined(__linux__)
#include <sched.h>
#include <sys/utsname.h>
#endif

#include "backend/backend.h"
#include "bench/cpu_facts.h"
#include "formats/names.h"
#include "kernels/cpu/cpu_ops.h"
#include "plan/control_groups.h"
#include "rookery/ledger.h"

namespace rookery::engine {
namespace {

std::mutex g_driverLogMutex;
std::function<void(std::string_view)> g_driverLog;  ///< under g_driverLogMutex

/// Instruction sets that decide which kernels could run, in the order in which they are told.
constexpr std::string_view kFeatures[] = {
    "avx",         "avx2",        "fma",         "f16c",        "avx_vnni",    "avx512f",  "avx512bw", "avx512vl",
    "avx512dq",    "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",    "amx_int8", "amx_bf16",
    "asimd",       "asimdhp",     "asimddp",     "sve",         "sve2",        "bf16",     "i8mm"};

std::vector<std::string> cpuFeatures() {
  std::string flags = cpuInfoField("flags");
  if (flags.empty()) flags = cpuInfoField("Features");  // ARM
  std::set<std::string> present;
  std::istringstream words(flags);
  for (std::string word; words >> word;) present.insert(word);
  std::vector<std::string> result;
  for (const std::string_view feature : kFeatures)
    if (present.contains(std::string(feature))) result.emplace_back(feature);
  return result;
}

DeviceInfo missingBackend(const char* kind, const char* name, const char* reason) {
  DeviceInfo device;
  device.id = std::string(kind) + ":0";
  device.kind = kind;
  device.name = name;
  device.reason = reason;
  return device;
}

}  // namespace

DeviceInfo cpuDevice() {
  DeviceInfo cpu;
  cpu.id = cpu.kind = "cpu";
  cpu.name = cpuInfoField("model name");
  if (cpu.name.empty()) cpu.name = "CPU";
  cpu.memoryBytes = totalMemoryBytes();
#if defined(__linux__)
  utsname names{};
  if (uname(&names) == 0) cpu.driver = std::string(names.sysname) + " " + names.release;
#endif
  cpu.apiLevel = kernels::isaName();
  cpu.features = cpuFeatures();
  cpu.usable = true;
  return cpu;
}

std::vector<DeviceInfo> listDevices() {
  std::vector<DeviceInfo> devices{cpuDevice(), missingBackend("cuda", "CUDA", "this build has no CUDA backend")};
  for (DeviceInfo& device : vulkanDevices()) devices.push_back(std::move(device));
  return devices;
}

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

void setDriverLog(std::function<void(std::string_view)> sink) {
  const std::lock_guard lock(g_driverLogMutex);
  g_driverLog = std::move(sink);
}

void logDriverMessage(std::string_view kind, std::string_view message) {
  const std::string line = std::string(kind) + ": " + std::string(message);
  const std::lock_guard lock(g_driverLogMutex);
  if (g_driverLog) {
    g_driverLog(line);
  } else {
    std::fprintf(stderr, "%s\n", printable(line, 4096).c_str());
  }
}

}  // namespace rookery::engine
