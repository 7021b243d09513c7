// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "backend/common/device_traits.h"
#include "rookery/device.h"

namespace rookery::engine {

inline constexpr unsigned kLeastState = sizeof(float);  ///< DeviceTraits::leastState

/// The shaders take low-rank matrices in plain formats only. A processor reads on faster than it jumps over zeros.
inline DeviceTraits vulkanTraits(const DeviceInfo& device) {
  return {.lowRank = LowRankTypes::Plain, .tablesOnHost = true, .leastState = kLeastState, .skippingZerosPays = !device.software, .warmsUp = true};
}

}  // namespace rookery::engine
