// SPDX-License-Identifier: GPL-3.0-or-later
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/utsname.h>
#endif

#include "device/cpu_facts.h"
#include "kernels/cpu/cpu_ops.h"
#include "rookery/bench.h"
#include "rookery/device.h"
#include "rookery/ledger.h"
#include "rookery/version.h"

namespace rookery::engine {
namespace {

std::string osName() {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kKey = "PRETTY_NAME=";
    if (!line.starts_with(kKey)) continue;
    std::string value = line.substr(kKey.size());
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

std::string kernelRelease() {
#if defined(__unix__) || defined(__APPLE__)
  utsname names{};
  if (uname(&names) == 0) return std::string(names.sysname) + " " + names.release + " " + names.machine;
#endif
  return {};
}

/// "AC", "battery", or empty for a machine that reports no supply (most desktops and servers).
std::string powerSource() {
  std::error_code error;
  bool battery = false, discharging = false, online = false;
  for (std::filesystem::directory_iterator it("/sys/class/power_supply", error), end; !error && it != end;
       it.increment(error)) {
    const std::string type = systemLine(it->path() / "type");
    if (type == "Mains" || type == "USB") online = online || systemLine(it->path() / "online") == "1";
    // Batteries of mice and keyboards have the scope "Device".
    if (type == "Battery" && systemLine(it->path() / "scope") != "Device") {
      battery = true;
      discharging = discharging || systemLine(it->path() / "status") == "Discharging";
    }
  }
  if (discharging && !online) return "battery";
  return battery || online ? "AC" : "";
}

std::string compilerName() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#elif defined(_MSC_VER)
  return "MSVC " + std::to_string(_MSC_VER);
#else
  return {};
#endif
}

std::string isoNow() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
#if defined(_WIN32)
  gmtime_s(&utc, &now);
#else
  gmtime_r(&now, &utc);
#endif
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc));
}

}  // namespace

BenchEnvironment describeEnvironment(int threads) {
  BenchEnvironment e;
  e.cpu = cpuInfoField("model name");
  if (e.cpu.empty()) e.cpu = cpuInfoField("Model");  // ARM boards
  e.isa = kernels::isaName();
  e.os = osName();
  e.kernel = kernelRelease();
  e.build = std::string("Rookery ") + versionString();
  e.compiler = compilerName();
  e.powerSource = powerSource();
  e.governor = systemLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  e.date = isoNow();
  e.device = kCpuId;
  e.api = e.isa;
  e.physicalCores = physicalCores();
  e.threads = threads > 0 ? threads : e.physicalCores;
  e.memoryTotal = totalMemoryBytes();
  e.lastLevelCache = lastLevelCacheBytes();
  return e;
}

}  // namespace rookery::engine
