// SPDX-License-Identifier: GPL-3.0-or-later
// Where each weight goes in packed form, decided from shapes and types alone: placing follows it, planning adds it up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "backend/common/backend.h"
#include "backend/common/device_traits.h"
#include "program/program.h"
#include "weights/weight_source.h"

namespace rookery::engine {

/// Bytes of a weight up to where the next one begins.
constexpr std::uint64_t placedRoom(std::uint64_t bytes) noexcept { return (bytes + 63) / 64 * 64; }

struct WeightPlacement {
  DType type{};
  std::int64_t panelRows = 0;  ///< of a matrix, see PackedMatrix; else 0
  std::uint64_t bytes = 0;
  std::size_t component = 0;  ///< index into Placement::components
  std::uint64_t offset = 0;   ///< in its component's buffer, a multiple of 64
};

struct ComponentPlacement {
  std::string name;         ///< ledger component
  std::uint64_t bytes = 0;  ///< of its buffer
  bool onHost = false;      ///< in the computer's memory, whatever device runs the program
};

struct Placement {
  std::vector<WeightPlacement> weights;        ///< by WeightId
  std::vector<ComponentPlacement> components;  ///< in program order
};

/// TensorMissing, or TensorMismatch where a shape is not the program's.
Result<Placement> planPlacement(const Program& program, WeightSource& source, const PlaceOptions& options,
                                const DeviceTraits& traits);

}  // namespace rookery::engine
