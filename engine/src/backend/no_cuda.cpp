// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/registry.h"

namespace rookery::engine {

const BackendKind kCudaBackend{
    DeviceKind::Cuda,
    [](const DeviceInfo&) { return DeviceTraits{.lowRank = LowRankTypes::Plain, .tablesOnHost = true, .leastState = sizeof(float), .warmsUp = true}; },
    [](const Program&, const DeviceInfo&, int) { return Result<std::vector<Scratch>>(); },
    [] { return std::vector{unbuiltDevice(DeviceKind::Cuda)}; },
    [](int, int) -> Result<std::shared_ptr<Backend>> { return unbuiltBackend(DeviceKind::Cuda); },
};

}  // namespace rookery::engine
