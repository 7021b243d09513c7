// SPDX-License-Identifier: GPL-3.0-or-later
// Which of a device's memories a buffer gets, and how much of them there is. Functions of what a driver says, and of
// nothing else. All sizes in bytes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "backend/vulkan/vulkan_api.h"

namespace rookery::engine {

/// What a buffer is for decides where it lies.
enum class VulkanMemory {
  Device,    ///< read and written by the device; the CPU may reach it or not
  ToDevice,  ///< written by the CPU; small
  ToHost,    ///< read by the CPU
};

using HeapBytes = std::array<std::uint64_t, VK_MAX_MEMORY_HEAPS>;  ///< by heap

/// `integrated`, here and below: the device has no memory of its own, so what the CPU's heaps hold is as near to it.

/// Types for a buffer of `bytes`, the best first; those whose heap has no room (`free`) last. `allowed`: a mask, of
/// VkMemoryRequirements. Empty where nothing can be used: types of AMD's uncached memory, protected and lazily allocated
/// ones need features that we do not turn on, so the standard forbids them to us.
std::vector<std::uint32_t> memoryTypesFor(const VkPhysicalDeviceMemoryProperties& memory, bool integrated, const HeapBytes& free, std::uint32_t allowed,
                                          VulkanMemory where, std::uint64_t bytes);

/// Whether the CPU writes straight into the memory of a device that has its own: all of it is in reach (resizable BAR), not
/// just a window of 256 MB.
bool isWholeMemoryMapped(const VkPhysicalDeviceMemoryProperties& memory, bool integrated);

/// Of what each heap has (its size, or what is free), how much buffers for VulkanMemory::Device can take: the largest of
/// the device's heaps - a window shows a part of it, and is not counted twice - and for an integrated device the CPU's.
std::uint64_t bytesForDevice(const VkPhysicalDeviceMemoryProperties& memory, bool integrated, const HeapBytes& perHeap);

/// Free in each heap: as the driver says, or where it does not (null) what this process has not taken itself (`own`).
HeapBytes freeInHeaps(const VkPhysicalDeviceMemoryProperties& memory, const VkPhysicalDeviceMemoryBudgetPropertiesEXT* budget, const HeapBytes& own);
HeapBytes heapSizes(const VkPhysicalDeviceMemoryProperties& memory);

}  // namespace rookery::engine
