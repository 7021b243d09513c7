// SPDX-License-Identifier: GPL-3.0-or-later
// The Khronos validation layer, for tests of the Vulkan backend.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "backend/vulkan/vulkan_instance.h"
#include "support/needs_vulkan.h"

namespace rookery::test {

/// Of an error of opening a device.
inline bool meansNoValidation(const std::string& error) { return error.find("the Khronos validation layer is not installed") != std::string::npos; }

/// Everything that is opened from now on is validated, synchronisation too. False, and said, where the layer is not
/// installed.
inline bool turnValidationOn() {
  setenv("ROOKERY_VULKAN_VALIDATION", "1", 1);
  const auto instance = engine::VulkanInstance::get();
  if (!instance && meansNoValidation(instance.error().message) && !vulkanRequired()) {
    MESSAGE("SKIP: the Khronos validation layer is not installed");
    return false;
  }
  REQUIRE_MESSAGE(instance.has_value(), instance.error().message);
  REQUIRE((*instance)->validates());
  return true;
}

}  // namespace rookery::test
