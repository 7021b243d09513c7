// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rookery::engine {

struct DeviceInfo {
  std::string id;                 ///< "cpu", "cuda:0", "vulkan:0"
  std::string kind;               ///< "cpu", "cuda", "vulkan"
  std::string name;
  std::uint64_t memoryBytes = 0;
  std::string driver;             ///< driver or, for a CPU, the kernel's release
  std::string apiLevel;           ///< "avx512", "avx2", "scalar"; Vulkan 1.3; CUDA 13
  std::vector<std::string> features;  ///< of a GPU: those that its backend uses
  bool software = false;          ///< a GPU that is computed by the CPU: used only when it is named
  bool usable = false;
  std::string reason;             ///< why not, when not usable
};

/// The CPU first, then the GPUs of the backends that were found. Never fails.
std::vector<DeviceInfo> listDevices();
/// Cores that this process may use, at least 1: the physical ones of its affinity mask, and no more than whole ones of the
/// processor time that its control groups leave it. The number of threads where none is asked for.
int physicalCores() noexcept;

/// Where the messages of a driver's validation go, as they come ("vulkan: ..."), on any thread, one at a time; nullptr: to
/// stderr. Not to be called from `sink`, which must not throw.
void setDriverLog(std::function<void(std::string_view)> sink);

}  // namespace rookery::engine
