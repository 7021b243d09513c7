// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/cpu/cpu_device.h"

#include <set>
#include <sstream>
#include <string>
#include <string_view>

#if defined(__linux__)
#include <sys/utsname.h>
#endif

#include "device/cpu_facts.h"
#include "kernels/cpu/cpu_ops.h"
#include "rookery/ledger.h"

namespace rookery::engine {
namespace {

/// Instruction sets that decide which kernels could run, in the order in which they are told.
constexpr std::string_view kFeatures[] = {
    "avx",      "avx2",        "fma",         "f16c",        "avx_vnni", "avx512f",  "avx512bw", "avx512vl",
    "avx512dq", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "asimd",
    "asimdhp",  "asimddp",     "sve",         "sve2",        "bf16",     "i8mm"};

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

}  // namespace

DeviceInfo cpuDevice() {
  DeviceInfo cpu;
  cpu.id = kCpuId;
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

}  // namespace rookery::engine
