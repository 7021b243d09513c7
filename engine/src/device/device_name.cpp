// SPDX-License-Identifier: GPL-3.0-or-later
// The one place where a device is told from the text of its name.
#include <charconv>

#include "rookery/device.h"

namespace rookery::engine {

std::string_view kindName(DeviceKind kind) noexcept {
  switch (kind) {
    case DeviceKind::Cpu: return kCpuId;
    case DeviceKind::Cuda: return "cuda";
    case DeviceKind::Vulkan: return "vulkan";
  }
  return {};
}

std::string_view kindTitle(DeviceKind kind) noexcept {
  switch (kind) {
    case DeviceKind::Cpu: return "CPU";
    case DeviceKind::Cuda: return "CUDA";
    case DeviceKind::Vulkan: return "Vulkan";
  }
  return {};
}

std::optional<DeviceName> deviceNamed(std::string_view id) noexcept {
  for (const DeviceKind kind : kDeviceKinds) {
    const std::string_view name = kindName(kind);
    if (id == name) return DeviceName{kind};
    if (kind == DeviceKind::Cpu || !id.starts_with(name) || id[name.size()] != ':') continue;
    DeviceName device{kind, 0};
    const char* begin = id.data() + name.size() + 1;
    const char* end = id.data() + id.size();
    const auto [at, problem] = std::from_chars(begin, end, device.index);
    if (problem == std::errc() && at == end && *begin != '-') return device;
  }
  return std::nullopt;
}

std::vector<DeviceName> devicesNamed(std::string_view ids) {
  constexpr std::string_view kBetween = " + ";
  std::vector<DeviceName> devices;
  while (true) {
    const std::size_t end = ids.find(kBetween);
    if (const auto device = deviceNamed(ids.substr(0, end))) devices.push_back(*device);
    if (end == std::string_view::npos) return devices;
    ids.remove_prefix(end + kBetween.size());
  }
}

bool namesCpu(std::string_view id) noexcept {
  const auto device = deviceNamed(id);
  return device && device->kind == DeviceKind::Cpu;
}

}  // namespace rookery::engine
