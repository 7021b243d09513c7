// SPDX-License-Identifier: GPL-3.0-or-later
// The Vulkan device that a test program runs on, and that it is the one which was asked for.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "backend/vulkan/vulkan_device.h"
#include "support/needs_vulkan.h"
#include "support/validation.h"

namespace rookery::test {

/// ROOKERY_TEST_VULKAN names it (default 0; llvmpipe where there is no other).
inline int vulkanIndex() {
  const char* index = std::getenv("ROOKERY_TEST_VULKAN");
  return index != nullptr ? std::atoi(index) : 0;
}
inline std::string vulkanDevice() { return "vulkan:" + std::to_string(vulkanIndex()); }

inline std::shared_ptr<engine::VulkanDevice> openVulkanDevice() {
  auto device = engine::VulkanDevice::open(vulkanIndex());
  REQUIRE_MESSAGE(device.has_value(), device.error().message);
  return *device;
}
inline bool softwareDevice() { return openVulkanDevice()->info().software; }

/// A global of this in a program that can do nothing without a device. ROOKERY_TEST_DEVICE says what kind of device the
/// program is run for: "card", "noint64" (both pretended by fake_vulkan.cpp), "lanes=N".
struct NeedsVulkan {
  NeedsVulkan() {
    const auto opened = engine::VulkanDevice::open(vulkanIndex());
    if (!opened) endProgram(meansNoVulkan(opened.error().message) || meansNoValidation(opened.error().message), opened.error().message);
    const char* wanted = std::getenv("ROOKERY_TEST_DEVICE");
    if (wanted == nullptr) return;
    const engine::VulkanCandidate& device = (*opened)->candidate();
    std::string is = std::string(device.integrated ? "" : "card,") + (device.int64 ? "" : "noint64,") + "lanes=" + std::to_string(device.subgroupSize) + ",";
    std::string rest = wanted;
    while (!rest.empty()) {
      const std::string item = rest.substr(0, rest.find(',')) + ",";
      rest.erase(0, item.size());
      if (is.find(item) == std::string::npos) endProgram(false, "this run is for " + std::string(wanted) + ", and the device is " + is + " " + device.info.name);
    }
  }
};

}  // namespace rookery::test
