// SPDX-License-Identifier: GPL-3.0-or-later
// The one loop that brings weights from their source into a device's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/common/aligned_buffer.h"
#include "backend/common/backend.h"
#include "backend/common/placement.h"
#include "backend/common/row_table.h"
#include "backend/common/thread_pool.h"
#include "kernels/packed_format.h"

namespace rookery::engine {

/// A device's memory, as far as placing asks for it.
class WeightMemory {
 public:
  virtual ~WeightMemory() = default;
  /// A buffer for each component but those that stay with the host. OutOfMemory says what would fit.
  virtual Result<void> allocate(const Placement& placement) = 0;
  /// Where the CPU writes a weight, in any order: its place, or memory that close() copies from.
  virtual std::byte* open(const WeightPlacement& place) = 0;
  virtual Result<void> close(const WeightPlacement& place) = 0;
};

/// A program's weights where they lie. The vectors go by WeightId; what a weight is not stays empty there.
struct PlacedLayout {
  Placement placement;
  std::vector<kernels::PackedMatrix> matrices;  ///< `data` is null: only the memory knows
  std::vector<RowTable> tables;                 ///< those in the computer's memory
  std::vector<AlignedBuffer> tableBuffers;
  std::uint64_t bytesPerToken = 0;  ///< of PlacedWeights
};

/// Packs on all workers of `pool`. Errors of the source and of the memory; TensorMismatch; Cancelled.
Result<PlacedLayout> placeWeights(const Program& program, WeightSource& source, const PlaceOptions& options,
                                  const DeviceTraits& traits, ThreadPool& pool, WeightMemory& memory, Ledger& ledger);

}  // namespace rookery::engine
