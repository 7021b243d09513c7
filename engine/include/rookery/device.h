// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rookery::engine {

enum class DeviceKind : std::uint8_t { Cpu, Cuda, Vulkan };
inline constexpr DeviceKind kDeviceKinds[] = {DeviceKind::Cpu, DeviceKind::Cuda, DeviceKind::Vulkan};

std::string_view kindName(DeviceKind kind) noexcept;   ///< in ids and strategies: "cpu", "cuda", "vulkan"
std::string_view kindTitle(DeviceKind kind) noexcept;  ///< for people: "CPU", "CUDA", "Vulkan"

/// A device as strategies, ledgers and reports name it: "cpu", "cuda:0", "vulkan:1".
struct DeviceName {
  DeviceKind kind = DeviceKind::Cpu;
  int index = -1;  ///< -1: the CPU, or the first usable device of its kind that is not software ("vulkan")
};
/// Nothing where `id` names none; its kind may have no backend in this build.
std::optional<DeviceName> deviceNamed(std::string_view id) noexcept;
/// Of a model on several: "vulkan:0 + cpu". What names no device is left out.
std::vector<DeviceName> devicesNamed(std::string_view ids);
/// What a model takes there is taken from the computer's own memory.
bool namesCpu(std::string_view id) noexcept;
inline constexpr const char* kCpuId = "cpu";

struct DeviceInfo {
  std::string id;                 ///< "cpu", "cuda:0", "vulkan:0"
  DeviceKind kind = DeviceKind::Cpu;
  std::string name;
  std::uint64_t memoryBytes = 0;
  std::string driver;             ///< driver or, for a CPU, the kernel's release
  std::string apiLevel;           ///< "avx512", "avx2", "scalar"; Vulkan 1.3; CUDA 13
  std::vector<std::string> features;  ///< of a GPU: those that its backend uses
  bool software = false;          ///< a GPU that is computed by the CPU: used only when it is named
  bool usable = false;
  std::string reason;             ///< why not, when not usable

  bool isCpu() const noexcept { return kind == DeviceKind::Cpu; }
};

/// The CPU first, then the GPUs of the backends that were found. Never fails.
std::vector<DeviceInfo> listDevices();
/// Cores that this process may use, at least 1: the physical ones of its affinity mask, and no more than whole ones of
/// the processor time that its control groups leave it. The number of threads where none is asked for.
int physicalCores() noexcept;

/// Where the messages of a driver's validation go, as they come ("vulkan: ..."), on any thread, one at a time; nullptr:
/// to stderr. Not to be called from `sink`, which must not throw.
void setDriverLog(std::function<void(std::string_view)> sink);

}  // namespace rookery::engine
