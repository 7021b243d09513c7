// SPDX-License-Identifier: GPL-3.0-or-later
// Instead of backend/vulkan/, where a build has no Vulkan headers or no shader compiler.
#include "backend/backend.h"
#include "rookery/device.h"

namespace rookery::engine {

Result<std::shared_ptr<Backend>> openVulkanBackend(int) { return fail(ErrorCode::DeviceUnavailable, "This build has no Vulkan backend; \"cpu\" works everywhere."); }

std::vector<DeviceInfo> vulkanDevices() {
  DeviceInfo none;
  none.id = "vulkan:0";
  none.kind = "vulkan";
  none.name = "Vulkan";
  none.reason = "this build has no Vulkan backend";
  return {none};
}

}  // namespace rookery::engine
