// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_state.h"

#include <atomic>

namespace rookery::engine {

VulkanState::VulkanState(std::shared_ptr<VulkanDevice> device, VulkanBuffer buffer)
    : m_device(std::move(device)), m_buffer(std::move(buffer)) {
  static std::atomic<std::uint64_t> next{1};
  m_id = next++;
}

Result<void> VulkanState::upload(std::span<const float> state) { return m_device->write(m_buffer, 0, std::as_bytes(state)); }

Result<void> VulkanState::download(std::span<float> state) const { return m_device->read(m_buffer, 0, std::as_writable_bytes(state)); }

Result<void> VulkanState::copyFrom(const DeviceState& other) {
  const auto& from = static_cast<const VulkanState&>(other).m_buffer;
  const VkBufferCopy whole{0, 0, m_buffer.bytes()};
  return m_device->runOnce([&](VkCommandBuffer commands) { m_device->api().vkCmdCopyBuffer(commands, from.handle(), m_buffer.handle(), 1, &whole); });
}

}  // namespace rookery::engine
