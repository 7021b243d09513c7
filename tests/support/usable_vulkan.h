// SPDX-License-Identifier: GPL-3.0-or-later
// For cases, in programs with others, that need a Vulkan device.
#pragma once

#include <doctest/doctest.h>

#include <optional>

#include "rookery/device.h"
#include "support/needs_vulkan.h"

namespace rookery::test {

/// The first usable device, software too. Without one the case is to be left: skipped where there is none, failed where
/// there is one that cannot be used.
inline std::optional<engine::DeviceInfo> usableVulkanDevice() {
  std::string reasons;
  for (const engine::DeviceInfo& device : engine::listDevices()) {
    if (device.kind != engine::DeviceKind::Vulkan) continue;
    if (device.usable) return device;
    reasons += device.name + ": " + device.reason + ". ";
  }
  if (vulkanRequired() || !meansNoVulkan(reasons)) FAIL(reasons);
  MESSAGE("SKIP: " << reasons);
  return std::nullopt;
}

}  // namespace rookery::test
