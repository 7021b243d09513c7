// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend/vulkan/vulkan_api.h"
#include "backend/vulkan/vulkan_limits.h"
#include "backend/vulkan/vulkan_memory.h"
#include "rookery/device.h"

namespace rookery::engine {

/// Bytes that this process has taken from each heap of a physical device, over all its VulkanDevices.
using HeapUse = std::array<std::atomic<std::uint64_t>, VK_MAX_MEMORY_HEAPS>;

/// What was found out about one physical device.
struct VulkanCandidate {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceInfo info;            ///< with the reason where it is not usable
  bool integrated = false;    ///< shares the CPU's memory
  std::uint32_t queueFamily = 0;
  std::uint32_t subgroupSize = 0;       ///< what the driver takes by itself
  std::uint32_t leastLanes = 0, mostLanes = 0;  ///< sizes of subgroups that can be asked for
  bool sizedSubgroups = false;          ///< VK_EXT_subgroup_size_control: pipelines say their size
  VulkanLimits limits;
  std::uint32_t groupSize = 0;          ///< largest
  std::uint64_t allocationBytes = 0;    ///< largest
  bool int64 = false;
  bool memoryBudget = false;
  std::string cacheKey;                 ///< names device and driver, for files
  std::shared_ptr<HeapUse> use = std::make_shared<HeapUse>();  ///< shared by all copies
};

/// The first thing that the backend needs and a device lacks, as "its driver lacks ..."; empty: usable.
std::string whatIsMissing(const VkPhysicalDeviceProperties& properties, const VkPhysicalDeviceVulkan12Features& features,
                          const VkPhysicalDeviceSubgroupProperties& subgroup, bool haveQueue);

/// The loader and its physical devices. One per process (and one with validation), from its first use on. Thread-safe.
class VulkanInstance {
 public:
  /// DeviceUnavailable: no loader, no driver, or it is too old.
  /// ROOKERY_VULKAN_VALIDATION=1 turns the Khronos validation layer on, with synchronisation validation; its messages
  /// go to the standard error output.
  static Result<std::shared_ptr<VulkanInstance>> get();
  ~VulkanInstance();

  VkInstance handle() const noexcept { return m_instance; }
  const std::vector<VulkanCandidate>& candidates() const noexcept { return m_candidates; }
  bool validates() const noexcept { return m_messenger != VK_NULL_HANDLE; }
  /// Warnings and errors of the validation layer so far, in this process.
  static std::uint64_t validationMessages() noexcept;
  static std::string lastValidationMessage();

 private:
  VulkanInstance() = default;
  Result<void> findDevices();

  VkInstance m_instance = VK_NULL_HANDLE;
  PFN_vkDestroyInstance m_destroy = nullptr;  ///< not volk's global: another thread may be loading that anew
  VkDebugUtilsMessengerEXT m_messenger = VK_NULL_HANDLE;
  std::vector<VulkanCandidate> m_candidates;
};

}  // namespace rookery::engine
