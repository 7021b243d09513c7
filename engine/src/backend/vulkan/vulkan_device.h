// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "backend/vulkan/vulkan_instance.h"
#include "backend/vulkan/vulkan_tuning.h"
#include "rookery/ledger.h"

namespace rookery::engine {

class VulkanDevice;

/// A buffer with memory of its own; entered in the ledger for as long as it lives. Keeps its device.
class VulkanBuffer {
 public:
  VulkanBuffer() = default;
  ~VulkanBuffer();
  VulkanBuffer(VulkanBuffer&& other) noexcept;
  VulkanBuffer& operator=(VulkanBuffer&& other) noexcept;

  VkBuffer handle() const noexcept { return m_buffer; }
  VkDeviceAddress address() const noexcept { return m_address; }
  std::uint64_t bytes() const noexcept { return m_bytes; }
  std::byte* data() const noexcept { return m_data; }  ///< null where the CPU cannot reach it; to be written in order
  bool isCached() const noexcept { return m_cached; }  ///< data() may be read, and written in any order, at full speed

 private:
  friend class VulkanDevice;
  std::shared_ptr<VulkanDevice> m_device;
  VkBuffer m_buffer = VK_NULL_HANDLE;
  VkDeviceMemory m_memory = VK_NULL_HANDLE;
  VkDeviceAddress m_address = 0;
  std::uint64_t m_bytes = 0;
  std::byte* m_data = nullptr;
  bool m_cached = false;
  std::uint32_t m_heap = 0;
  std::uint64_t m_heapBytes = 0;  ///< taken from it; 0: nothing yet
  Ledger* m_ledger = nullptr;
  std::string m_component, m_kind;
};

/// A logical device with one queue. Thread-safe.
class VulkanDevice : public std::enable_shared_from_this<VulkanDevice> {
 public:
  /// `index` < 0: the first usable device that is not software. DeviceUnavailable says why there is none.
  static Result<std::shared_ptr<VulkanDevice>> open(int index);
  ~VulkanDevice();

  const VulkanCandidate& candidate() const noexcept { return m_candidate; }
  const DeviceInfo& info() const noexcept { return m_candidate.info; }
  VkDevice handle() const noexcept { return m_device; }
  const VolkDeviceTable& api() const noexcept { return m_api; }
  VkPipelineLayout pipelineLayout() const noexcept { return m_pipelineLayout; }
  VkDescriptorSetLayout setLayout() const noexcept { return m_setLayout; }

  Result<VulkanBuffer> newBuffer(std::uint64_t bytes, VulkanMemory where, Ledger& ledger, std::string component, std::string kind);
  /// Bytes that can still be allocated with VulkanMemory::Device, as the driver says; where it does not say, what this process has not
  /// taken. An integrated device has the CPU's memory besides its own.
  std::uint64_t freeBytes() const;

  /// A shader of shaders/ with its constants, in subgroups of `lanes`; made once. The pipeline lives as long as the device.
  Result<VkPipeline> pipeline(const std::string& shader, const std::map<std::uint32_t, std::uint32_t>& constants, std::uint32_t lanes);

  /// Of the load that this device was opened for, and of its thread.
  VulkanTuningRecord& tuningRecord() noexcept { return m_tuning; }

  /// Writes what was compiled since to the cache folder; when all pipelines of a model are there.
  void keepPipelines();

  /// Puts command buffers on the queue, each by itself where `apart`, and waits for their end. `onStop` is called once when `stop` is asked for
  /// meanwhile. The wait goes on.
  Result<void> run(std::span<const VkCommandBuffer> commands, bool apart, const std::stop_token& stop = {}, const std::function<void()>& onStop = {});
  /// Commands that are run once at most, to be freed.
  Result<VkCommandBuffer> recordOnce(const std::function<void(VkCommandBuffer)>& record);
  /// Records with `record`, runs, and forgets: copies and the like.
  Result<void> runOnce(const std::function<void(VkCommandBuffer)>& record);
  Result<VkCommandBuffer> newCommands(const std::string& name);
  void freeCommands(std::span<const VkCommandBuffer> commands);
  /// To be held while commands are recorded: all come from one pool.
  std::unique_lock<std::mutex> recording() { return std::unique_lock(m_poolMutex); }

  /// Copies between the CPU and a buffer, through staging memory where the CPU cannot reach it.
  Result<void> write(const VulkanBuffer& buffer, std::uint64_t offset, std::span<const std::byte> bytes);
  Result<void> read(const VulkanBuffer& buffer, std::uint64_t offset, std::span<std::byte> bytes);

 private:
  friend class VulkanBuffer;
  VulkanDevice() = default;
  Result<void> create(std::shared_ptr<VulkanInstance> instance, const VulkanCandidate& candidate);
  Result<void> createLayouts();
  Result<VulkanBuffer*> staging();
  HeapBytes freeInEachHeap() const;
  template <class Handle>
  void setName(VkObjectType type, Handle handle, const std::string& name) const;  ///< in messages of the validation layer

  std::shared_ptr<VulkanInstance> m_instance;
  VulkanCandidate m_candidate;
  VkDevice m_device = VK_NULL_HANDLE;
  VolkDeviceTable m_api{};
  PFN_vkSetDebugUtilsObjectNameEXT m_setName = nullptr;  ///< null without the validation layer
  VkQueue m_queue = VK_NULL_HANDLE;
  VkPhysicalDeviceMemoryProperties m_memory{};
  VkDescriptorSetLayout m_setLayout = VK_NULL_HANDLE;
  VkPipelineLayout m_pipelineLayout = VK_NULL_HANDLE;
  VkPipelineCache m_cache = VK_NULL_HANDLE;
  std::size_t m_cacheBytes = 0;  ///< as it is on the disk
  VkCommandPool m_pool = VK_NULL_HANDLE;
  VkSemaphore m_timeline = VK_NULL_HANDLE;
  std::uint64_t m_submitted = 0;
  std::mutex m_queueMutex, m_poolMutex, m_pipelineMutex, m_stagingMutex;
  std::map<std::string, VkShaderModule> m_shaders;
  std::map<std::string, VkPipeline> m_pipelines;
  VulkanTuningRecord m_tuning;
  Ledger m_ownLedger;  ///< of the staging buffer, which belongs to no model
  std::unique_ptr<VulkanBuffer> m_staging;
};

}  // namespace rookery::engine
