// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/registry.h"

#include <fmt/format.h>

#include <utility>

namespace rookery::engine {

const BackendKind& backendOf(DeviceKind kind) noexcept {
  switch (kind) {
    case DeviceKind::Cuda: return kCudaBackend;
    case DeviceKind::Vulkan: return kVulkanBackend;
    case DeviceKind::Cpu: break;
  }
  return kCpuBackend;
}

std::vector<DeviceInfo> listDevices() {
  std::vector<DeviceInfo> devices;
  for (const DeviceKind kind : kDeviceKinds)
    for (DeviceInfo& device : backendOf(kind).list()) devices.push_back(std::move(device));
  return devices;
}

Result<std::shared_ptr<Backend>> openBackend(const std::string& device, int threads) {
  const auto name = deviceNamed(device);
  if (!name) return fail(ErrorCode::DeviceUnavailable, fmt::format("\"{}\" names no device.", device));
  return backendOf(name->kind).open(name->index, threads);
}

DeviceInfo absentDevice(DeviceKind kind, std::string reason) {
  DeviceInfo device;
  device.id = fmt::format("{}:0", kindName(kind));
  device.kind = kind;
  device.name = kindTitle(kind);
  device.reason = std::move(reason);
  return device;
}

DeviceInfo unbuiltDevice(DeviceKind kind) {
  return absentDevice(kind, fmt::format("this build has no {} backend", kindTitle(kind)));
}

tl::unexpected<Error> unbuiltBackend(DeviceKind kind) {
  return fail(ErrorCode::DeviceUnavailable,
              fmt::format("This build has no {} backend; \"{}\" works everywhere.", kindTitle(kind), kCpuId));
}

}  // namespace rookery::engine
