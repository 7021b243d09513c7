// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_memory.h"

#include <algorithm>
#include <optional>

namespace rookery::engine {

namespace {

constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kHost = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
constexpr std::uint32_t kNoHeap = VK_MAX_MEMORY_HEAPS;

bool isLocal(const VkMemoryHeap& heap) { return (heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0; }

/// The largest of the device's heaps.
std::uint32_t mainHeap(const VkPhysicalDeviceMemoryProperties& memory) {
  std::uint32_t largest = kNoHeap;
  for (std::uint32_t i = 0; i < memory.memoryHeapCount; ++i)
    if (isLocal(memory.memoryHeaps[i]) && (largest == kNoHeap || memory.memoryHeaps[i].size > memory.memoryHeaps[largest].size)) largest = i;
  return largest;
}

/// The lower the better; nothing: not for this.
std::optional<int> rank(VkMemoryPropertyFlags flags, bool onMainHeap, bool integrated, VulkanMemory where) {
  const auto has = [&](VkMemoryPropertyFlags wanted) { return (flags & wanted) == wanted; };
  if ((flags & ~(kLocal | kHost | kCached)) != 0) return std::nullopt;
  switch (where) {
    case VulkanMemory::ToDevice:  // every group of a run reads its header: not over the bus
      return has(kHost) ? std::optional(has(kLocal) ? 0 : 1) : std::nullopt;
    case VulkanMemory::ToHost: return has(kHost) ? std::optional(has(kCached) ? 0 : 1) : std::nullopt;
    case VulkanMemory::Device: break;
  }
  if (integrated) {
    // Of the CPU's memory rather what it does not cache: the device need not ask the CPU's caches when it reads.
    if (!has(kLocal)) return has(kHost) ? std::optional(has(kCached) ? 5 : 4) : std::nullopt;
    if (has(kHost | kCached)) return 0;
    return !onMainHeap ? 3 : has(kHost) ? 1 : 2;
  }
  if (!has(kLocal)) return std::nullopt;
  return !onMainHeap ? 2 : has(kHost) ? 0 : 1;
}

}  // namespace

std::vector<std::uint32_t> memoryTypesFor(const VkPhysicalDeviceMemoryProperties& memory, bool integrated, const HeapBytes& free, std::uint32_t allowed,
                                          VulkanMemory where, std::uint64_t bytes) {
  struct Ranked {
    bool full;
    int rank;
    std::uint32_t type;
    auto operator<=>(const Ranked&) const = default;
  };
  const std::uint32_t main = mainHeap(memory);
  std::vector<Ranked> found;
  for (std::uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    const VkMemoryType& type = memory.memoryTypes[i];
    if ((allowed >> i & 1U) == 0) continue;
    if (const auto r = rank(type.propertyFlags, type.heapIndex == main, integrated, where)) found.push_back({free[type.heapIndex] < bytes, *r, i});
  }
  std::sort(found.begin(), found.end());
  std::vector<std::uint32_t> types;
  for (const Ranked& one : found) types.push_back(one.type);
  return types;
}

bool isWholeMemoryMapped(const VkPhysicalDeviceMemoryProperties& memory, bool integrated) {
  if (integrated) return false;
  const auto types = memoryTypesFor(memory, integrated, heapSizes(memory), ~std::uint32_t{0}, VulkanMemory::Device, 0);
  if (types.empty()) return false;
  const VkMemoryType& best = memory.memoryTypes[types.front()];
  return best.heapIndex == mainHeap(memory) && (best.propertyFlags & kHost) == kHost;
}

std::uint64_t bytesForDevice(const VkPhysicalDeviceMemoryProperties& memory, bool integrated, const HeapBytes& perHeap) {
  std::uint64_t local = 0, host = 0;
  for (std::uint32_t i = 0; i < memory.memoryHeapCount; ++i) {
    if (isLocal(memory.memoryHeaps[i])) local = std::max(local, perHeap[i]);
    else host += perHeap[i];
  }
  return integrated ? local + host : local;
}

HeapBytes freeInHeaps(const VkPhysicalDeviceMemoryProperties& memory, const VkPhysicalDeviceMemoryBudgetPropertiesEXT* budget, const HeapBytes& own) {
  HeapBytes free{};
  for (std::uint32_t i = 0; i < memory.memoryHeapCount; ++i) {
    const std::uint64_t all = budget != nullptr ? budget->heapBudget[i] : memory.memoryHeaps[i].size;
    free[i] = all - std::min(all, budget != nullptr ? budget->heapUsage[i] : own[i]);
  }
  return free;
}

HeapBytes heapSizes(const VkPhysicalDeviceMemoryProperties& memory) { return freeInHeaps(memory, nullptr, {}); }

}  // namespace rookery::engine
