// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "backend/common/backend.h"
#include "backend/common/room.h"
#include "backend/vulkan/vulkan_device.h"
#include "backend/vulkan/vulkan_traits.h"

namespace rookery::engine {

inline std::uint64_t stateBufferBytes(const StateLayout& layout) noexcept { return stateBytes(layout, kLeastState); }

/// The state in the device's memory, in the canonical layout.
class VulkanState final : public DeviceState {
 public:
  VulkanState(std::shared_ptr<VulkanDevice> device, VulkanBuffer buffer);
  Result<void> upload(std::span<const float> state) override;
  Result<void> download(std::span<float> state) const override;
  Result<void> copyFrom(const DeviceState& other) override;

  const VulkanBuffer& buffer() const noexcept { return m_buffer; }
  /// Never used twice in a process.
  std::uint64_t id() const noexcept { return m_id; }

 private:
  std::shared_ptr<VulkanDevice> m_device;
  VulkanBuffer m_buffer;
  std::uint64_t m_id;
};

}  // namespace rookery::engine
