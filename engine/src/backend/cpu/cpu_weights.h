// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "backend/common/placer.h"

namespace rookery::engine {

/// Weights packed for the kernels (kernels/packed_format.h), one buffer per component.
class CpuWeights final : public PlacedWeights {
 public:
  static Result<std::shared_ptr<const CpuWeights>> place(const Program& program, WeightSource& source,
                                                         const PlaceOptions& options, ThreadPool& pool, Ledger& ledger);

  std::uint64_t bytesPerToken() const noexcept override { return m_layout.bytesPerToken; }

  const kernels::PackedMatrix& matrix(WeightId id) const { return m_layout.matrices[static_cast<std::size_t>(id)]; }
  const float* vector(WeightId id) const { return reinterpret_cast<const float*>(at(static_cast<std::size_t>(id))); }
  const RowTable& table(WeightId id) const { return m_layout.tables[static_cast<std::size_t>(id)]; }

 private:
  const std::byte* at(std::size_t id) const {
    const WeightPlacement& place = m_layout.placement.weights[id];
    return m_buffers[place.component].data() + place.offset;
  }

  std::vector<AlignedBuffer> m_buffers;  ///< by component
  PlacedLayout m_layout;
};

}  // namespace rookery::engine
