// SPDX-License-Identifier: GPL-3.0-or-later
// The Khronos validation layer, for tests of the Vulkan backend.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "backend/vulkan/vulkan_instance.h"

namespace rookery::test {

/// Everything that is opened from now on is validated, synchronisation too. False, and said, where the layer is not
/// installed.
inline bool turnValidationOn() {
  setenv("ROOKERY_VULKAN_VALIDATION", "1", 1);
  const auto instance = engine::VulkanInstance::get();
  if (!instance && instance.error().message.find("not installed") != std::string::npos) {
    MESSAGE("SKIP: the Khronos validation layer is not installed");
    return false;
  }
  REQUIRE(instance.has_value());
  REQUIRE((*instance)->validates());
  return true;
}

}  // namespace rookery::test
