// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a program fits on a Vulkan device, and what does where it does not.
#pragma once

#include "backend/common/placement.h"
#include "backend/vulkan/vulkan_device.h"

namespace rookery::engine {

/// The shaders take low-rank matrices in plain formats only. A processor reads on faster than it jumps.
inline DeviceTraits vulkanTraits(const DeviceInfo& device) {
  return {.lowRank = LowRankTypes::Plain, .tablesOnHost = true, .skippingZerosPays = !device.software, .warmsUp = true};
}

/// Weights that go to the device: all but those that are looked up.
std::uint64_t deviceBytes(const Placement& placement);
/// What a run needs there beside them: activations, and the states of a session.
std::uint64_t workingBytes(const Program& program);

/// OutOfMemory. Says what would fit in `room` bytes of the device: some of the layers, with the strategy to type, or
/// smaller weight types; or that the CPU has room. `placement` is that of `program` in `precision`; `promised` bytes are kept
/// besides for the runs of segments before it.
tl::unexpected<Error> tooLarge(const Program& program, WeightSource& source, std::optional<DType> precision, const Placement& placement,
                               const DeviceInfo& device, std::uint64_t room, std::uint64_t promised);

}  // namespace rookery::engine
