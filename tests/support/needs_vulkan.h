// SPDX-License-Identifier: GPL-3.0-or-later
// When a test of Vulkan may be skipped: where there is no Vulkan device at all. A device that does not open is a failure.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace rookery::test {

/// Whether an error, or the reason in a list of devices, says that there is no loader, no driver, or no device.
inline bool meansNoVulkan(std::string_view text) {
  constexpr std::array<std::string_view, 4> kTexts{"No Vulkan loader was found", "No Vulkan driver is installed", "No graphics device with a Vulkan driver was found",
                                                   "no graphics device with a Vulkan driver was found"};
  for (const std::string_view none : kTexts)
    if (text.find(none) != std::string_view::npos) return true;
  return false;
}

/// ROOKERY_TEST_REQUIRE_VULKAN=1: what would be skipped fails, so that a machine that should have Vulkan cannot lose its
/// tests unseen.
inline bool vulkanRequired() {
  const char* value = std::getenv("ROOKERY_TEST_REQUIRE_VULKAN");
  return value != nullptr && std::string_view(value) == "1";
}

/// Ends a program that can do nothing without what is absent; CTest reports it as skipped, or failed.
[[noreturn]] inline void endProgram(bool mayBeSkipped, const std::string& why) {
  const bool skip = mayBeSkipped && !vulkanRequired();
  std::printf("%s: %s\n", skip ? "SKIP" : "FAILED", why.c_str());
  std::fflush(stdout);
  std::_Exit(skip ? 77 : 1);
}

}  // namespace rookery::test
