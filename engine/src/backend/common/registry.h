// SPDX-License-Identifier: GPL-3.0-or-later
// The kinds of device: what planning must know of each, how its devices are listed, how one is opened. A new backend is
// a line here and in registry.cpp; nothing else in the engine asks which kind it has before it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/common/backend.h"
#include "backend/common/device_traits.h"
#include "rookery/device.h"

namespace rookery::engine {

/// A buffer that running a program takes beside weights and states: "scratch" in the ledger.
struct Scratch {
  const char* kind = "";
  std::uint64_t bytes = 0;
};

struct BackendKind {
  DeviceKind kind{};
  DeviceTraits (*traits)(const DeviceInfo& device) = nullptr;
  /// Of a program on a device, to the byte; nothing where the device is not there. `threads`: as in open().
  Result<std::vector<Scratch>> (*scratch)(const Program& program, const DeviceInfo& device, int threads) = nullptr;
  /// At least one entry: where there is no device, it says why.
  std::vector<DeviceInfo> (*list)() = nullptr;
  /// `index`: as in DeviceName; `threads`: of the CPU, 0: one per physical core. DeviceUnavailable says why not.
  Result<std::shared_ptr<Backend>> (*open)(int index, int threads) = nullptr;
};

/// Each is defined in its backend's folder, or in backend/no_*.cpp for a build without it.
extern const BackendKind kCpuBackend, kCudaBackend, kVulkanBackend;

const BackendKind& backendOf(DeviceKind kind) noexcept;

/// Of a device as DeviceName has it.
Result<std::shared_ptr<Backend>> openBackend(const std::string& device, int threads);

/// What stands in the list for a kind without a device.
DeviceInfo absentDevice(DeviceKind kind, std::string reason);
/// For builds without a kind's backend.
DeviceInfo unbuiltDevice(DeviceKind kind);
tl::unexpected<Error> unbuiltBackend(DeviceKind kind);

}  // namespace rookery::engine
