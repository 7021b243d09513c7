// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <vector>

#include "backend/backend.h"
#include "backend/common/aligned_buffer.h"
#include "backend/common/row_table.h"
#include "backend/common/thread_pool.h"
#include "backend/vulkan/vulkan_device.h"
#include "kernels/packed_format.h"

namespace rookery::engine {

/// Weights in the device's memory, packed as everywhere (kernels/packed_format.h), one buffer per component. Tables
/// of which a token reads one row stay with the CPU, which looks it up.
class VulkanWeights final : public PlacedWeights {
 public:
  /// `promised`: bytes of what is free that are kept for what segments placed before will allocate.
  static Result<std::shared_ptr<const VulkanWeights>> place(const Program& program, WeightSource& source, const PlaceOptions& options,
                                                            const std::shared_ptr<VulkanDevice>& device, ThreadPool& pool, Ledger& ledger,
                                                            std::uint64_t promised = 0);

  std::uint64_t bytesPerToken() const noexcept override { return m_bytesPerToken; }

  /// `data` is null: the matrix is at address().
  const kernels::PackedMatrix& matrix(WeightId id) const { return m_matrices[static_cast<std::size_t>(id)]; }
  /// Of a matrix or a vector of fp32.
  VkDeviceAddress address(WeightId id) const { return m_addresses[static_cast<std::size_t>(id)]; }
  const RowTable& table(WeightId id) const { return m_tables[static_cast<std::size_t>(id)]; }

 private:
  std::vector<VulkanBuffer> m_buffers;
  std::vector<kernels::PackedMatrix> m_matrices;  ///< by WeightId
  std::vector<VkDeviceAddress> m_addresses;       ///< by WeightId
  std::vector<AlignedBuffer> m_tableBuffers;
  std::vector<RowTable> m_tables;                 ///< by WeightId
  std::uint64_t m_bytesPerToken = 0;
};

}  // namespace rookery::engine
