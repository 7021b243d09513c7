// SPDX-License-Identifier: GPL-3.0-or-later
// Instead of backend/vulkan/, where a build has no Vulkan headers or no shader compiler.
#include "backend/common/registry.h"

namespace rookery::engine {

const BackendKind kVulkanBackend{
    DeviceKind::Vulkan,
    [](const DeviceInfo&) { return DeviceTraits{.lowRank = LowRankTypes::Plain, .tablesOnHost = true, .leastState = sizeof(float), .warmsUp = true}; },
    [](const Program&, const DeviceInfo&, int) { return Result<std::vector<Scratch>>(); },
    [] { return std::vector{unbuiltDevice(DeviceKind::Vulkan)}; },
    [](int, int) -> Result<std::shared_ptr<Backend>> { return unbuiltBackend(DeviceKind::Vulkan); },
};

}  // namespace rookery::engine
