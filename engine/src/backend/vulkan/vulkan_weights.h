// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "backend/common/placer.h"
#include "backend/vulkan/vulkan_device.h"

namespace rookery::engine {

/// Weights in the device's memory, packed as everywhere (kernels/packed_format.h), one buffer per component. Tables of
/// which a token reads one row stay with the CPU, which looks it up.
class VulkanWeights final : public PlacedWeights {
 public:
  /// `promised`: bytes of what is free that are kept for what segments placed before will allocate.
  static Result<std::shared_ptr<const VulkanWeights>> place(const Program& program, WeightSource& source,
                                                            const PlaceOptions& options,
                                                            const std::shared_ptr<VulkanDevice>& device,
                                                            ThreadPool& pool, Ledger& ledger,
                                                            std::uint64_t promised = 0);

  std::uint64_t bytesPerToken() const noexcept override { return m_layout.bytesPerToken; }

  /// `data` is null: the matrix is at address().
  const kernels::PackedMatrix& matrix(WeightId id) const { return m_layout.matrices[static_cast<std::size_t>(id)]; }
  /// Of a matrix or a vector of fp32; 0 for kNone.
  VkDeviceAddress address(WeightId id) const {
    if (id == kNone) return 0;
    const WeightPlacement& place = m_layout.placement.weights[static_cast<std::size_t>(id)];
    return m_buffers[place.component].address() + place.offset;
  }
  std::span<const RowTable> tables() const { return m_layout.tables; }

 private:
  std::vector<VulkanBuffer> m_buffers;  ///< by component; empty for those in the computer's memory
  PlacedLayout m_layout;
};

}  // namespace rookery::engine
