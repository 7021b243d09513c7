// SPDX-License-Identifier: GPL-3.0-or-later
// The account of memory: what a program takes on its device, from shapes alone. Planning asks it, and backends do
// before they place.
#pragma once

#include "backend/common/placement.h"
#include "rookery/device.h"

namespace rookery::engine {

/// States of a session: a run reads one and writes another; a third is there while text that may be a stop text is held
/// back.
inline constexpr std::uint64_t kStates = 2, kStatesAtMost = 3;

/// Weights that lie on the device.
std::uint64_t deviceBytes(const Placement& placement);
/// Of one state on a device. `least`: its DeviceTraits::leastState.
std::uint64_t stateBytes(const StateLayout& layout, unsigned least);
/// What a run needs there beside them at most: activations (of a lowered program), and states.
std::uint64_t workingBytes(const Program& program, const DeviceTraits& traits);

/// A device with too little memory. `placement` is that of `program` in `precision`.
struct NoRoom {
  const Program& program;
  WeightSource& source;
  std::optional<DType> precision;
  const Placement& placement;
  const DeviceInfo& device;
  const DeviceTraits& traits;
  std::uint64_t room = 0;      ///< bytes that are free for it
  std::uint64_t promised = 0;  ///< besides, for the runs of segments before it
};
/// OutOfMemory. Says what would fit: some of the layers, with the strategy to type, or smaller weight types; or that
/// the CPU has room.
tl::unexpected<Error> tooLarge(const NoRoom& problem);

}  // namespace rookery::engine
