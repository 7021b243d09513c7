// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "backend/backend.h"
#include "backend/common/aligned_buffer.h"
#include "backend/common/row_table.h"
#include "backend/common/thread_pool.h"
#include "kernels/packed_format.h"

namespace rookery::engine {

/// Weights repacked for the kernels (kernels/packed_format.h), one buffer per component.
class CpuWeights final : public PlacedWeights {
 public:
  static Result<std::shared_ptr<const CpuWeights>> place(const Program& program, WeightSource& source,
                                                         const PlaceOptions& options, ThreadPool& pool, Ledger& ledger);

  std::uint64_t bytesPerToken() const noexcept override { return m_bytesPerToken; }

  const kernels::PackedMatrix& matrix(WeightId id) const { return m_matrices[static_cast<std::size_t>(id)]; }
  const float* vector(WeightId id) const { return m_vectors[static_cast<std::size_t>(id)]; }
  const RowTable& table(WeightId id) const { return m_tables[static_cast<std::size_t>(id)]; }

 private:
  std::vector<AlignedBuffer> m_buffers;
  std::vector<kernels::PackedMatrix> m_matrices;  ///< by WeightId
  std::vector<const float*> m_vectors;            ///< by WeightId
  std::vector<RowTable> m_tables;                 ///< by WeightId
  std::uint64_t m_bytesPerToken = 0;
};

}  // namespace rookery::engine
