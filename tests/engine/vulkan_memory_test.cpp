// SPDX-License-Identifier: GPL-3.0-or-later
// Which memory buffers get on cards as their drivers describe them; no device is needed.
#include <doctest/doctest.h>

#include <utility>

#include "backend/vulkan/vulkan_memory.h"

using namespace rookery::engine;

namespace {

constexpr VkMemoryPropertyFlags L = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags H = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags C = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
constexpr VkMemoryPropertyFlags U = VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD;
constexpr std::uint64_t kMB = 1'000'000, kGB = 1'000 * kMB;
constexpr std::uint32_t kAny = ~std::uint32_t{0};
using Types = std::vector<std::uint32_t>;

struct Heap {
  std::uint64_t bytes;
  bool local;
};

struct Card {
  VkPhysicalDeviceMemoryProperties memory{};
  bool integrated;

  Card(bool shared, std::initializer_list<Heap> heaps, std::initializer_list<std::pair<VkMemoryPropertyFlags, std::uint32_t>> types) : integrated(shared) {
    for (const Heap& heap : heaps) memory.memoryHeaps[memory.memoryHeapCount++] = {heap.bytes, heap.local ? VkMemoryHeapFlags{VK_MEMORY_HEAP_DEVICE_LOCAL_BIT} : 0};
    for (const auto& [flags, heap] : types) memory.memoryTypes[memory.memoryTypeCount++] = {flags, heap};
  }

  Types types(VulkanMemory where, std::uint64_t bytes = kMB, std::uint32_t allowed = kAny) const { return types(where, heapSizes(memory), bytes, allowed); }
  Types types(VulkanMemory where, const HeapBytes& free, std::uint64_t bytes = kMB, std::uint32_t allowed = kAny) const {
    return memoryTypesFor(memory, integrated, free, allowed, where, bytes);
  }
  std::uint64_t bytes() const { return bytesForDevice(memory, integrated, heapSizes(memory)); }
  bool mapped() const { return isWholeMemoryMapped(memory, integrated); }
};

const Card kNvidia{false, {{8 * kGB, true}, {24 * kGB, false}, {246 * kMB, true}}, {{0, 1}, {L, 0}, {H, 1}, {H | C, 1}, {L | H, 2}}};
const Card kNvidiaBar{false, {{10 * kGB, true}, {24 * kGB, false}}, {{0, 1}, {L, 0}, {H, 1}, {H | C, 1}, {L | H, 0}}};
const Card kAmd{false, {{7750 * kMB, true}, {256 * kMB, true}, {16 * kGB, false}},
                {{L, 0}, {H, 2}, {L | H, 1}, {H | C, 2}, {L | U, 0}, {H | U, 2}, {L | H | U, 1}, {H | C | U, 2}}};
const Card kAmdBar{false, {{16 * kGB, true}, {16 * kGB, false}}, {{L, 0}, {H, 1}, {L | H, 0}, {H | C, 1}, {L | U, 0}, {H | U, 1}, {L | H | U, 0}, {H | C | U, 1}}};
const Card kApu{true, {{256 * kMB, true}, {6 * kGB, false}}, {{L | U, 0}, {L, 0}, {H | U, 1}, {H, 1}, {L | H, 0}, {H | C, 1}}};
const Card kIntel{true, {{12 * kGB, true}}, {{L | VK_MEMORY_PROPERTY_PROTECTED_BIT, 0}, {L, 0}, {L | H, 0}, {L | H | C, 0}}};
const Card kLlvmpipe{true, {{24 * kGB, true}}, {{L | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT, 0}, {L | H | C, 0}}};

}  // namespace

TEST_CASE("a card of its own memory: weights lie there, and are written straight into it where all of it is in reach") {
  CHECK(kNvidia.types(VulkanMemory::Device) == Types{1, 4});
  CHECK_FALSE(kNvidia.mapped());
  CHECK(kNvidia.bytes() == 8 * kGB);  // the window is a part of it
  CHECK(kNvidiaBar.types(VulkanMemory::Device) == Types{4, 1});
  CHECK(kNvidiaBar.mapped());
  CHECK(kNvidiaBar.bytes() == 10 * kGB);
  CHECK(kAmd.types(VulkanMemory::Device) == Types{0, 2});
  CHECK_FALSE(kAmd.mapped());
  CHECK(kAmd.bytes() == 7750 * kMB);
  CHECK(kAmdBar.types(VulkanMemory::Device) == Types{2, 0});
  CHECK(kAmdBar.mapped());
  CHECK(kNvidiaBar.types(VulkanMemory::Device, kMB, 1U << 1U) == Types{1});  // what the buffer allows
}

TEST_CASE("small buffers: the device's memory for what the CPU writes, the CPU's caches for what it reads") {
  CHECK(kNvidia.types(VulkanMemory::ToDevice) == Types{4, 2, 3});
  CHECK(kNvidia.types(VulkanMemory::ToHost) == Types{3, 2, 4});
  CHECK(kAmd.types(VulkanMemory::ToDevice) == Types{2, 1, 3});
  CHECK(kAmd.types(VulkanMemory::ToHost) == Types{3, 1, 2});
  HeapBytes free = heapSizes(kAmd.memory);
  free[1] = 0;
  CHECK(kAmd.types(VulkanMemory::ToDevice, free) == Types{1, 3, 2});  // the window is full
}

TEST_CASE("an integrated device: where its small heap is full the CPU's memory serves, and counts") {
  CHECK(kApu.bytes() == 6256 * kMB);
  CHECK(kApu.types(VulkanMemory::Device) == Types{4, 1, 3, 5});
  CHECK(kApu.types(VulkanMemory::Device, 300 * kMB) == Types{3, 5, 4, 1});
  HeapBytes free = heapSizes(kApu.memory);
  free[0] = 10 * kMB;
  CHECK(kApu.types(VulkanMemory::Device, free, 20 * kMB) == Types{3, 5, 4, 1});
  CHECK(bytesForDevice(kApu.memory, true, free) == 6010 * kMB);
  CHECK_FALSE(kApu.mapped());
  CHECK(kIntel.types(VulkanMemory::Device) == Types{3, 2, 1});
  CHECK(kIntel.bytes() == 12 * kGB);
  CHECK(kLlvmpipe.types(VulkanMemory::Device) == Types{1});
  CHECK(kLlvmpipe.types(VulkanMemory::ToDevice) == Types{1});
  CHECK(kLlvmpipe.bytes() == 24 * kGB);
}

TEST_CASE("memory that needs a feature which is not turned on is never used") {
  for (const Card* card : {&kAmd, &kAmdBar, &kApu, &kIntel, &kLlvmpipe}) {
    for (const VulkanMemory where : {VulkanMemory::Device, VulkanMemory::ToDevice, VulkanMemory::ToHost})
      for (const std::uint32_t type : card->types(where)) CHECK((card->memory.memoryTypes[type].propertyFlags & ~(L | H | C)) == 0);
  }
  const Card none{false, {{kGB, true}}, {{L | U, 0}, {L | VK_MEMORY_PROPERTY_PROTECTED_BIT, 0}}};
  CHECK(none.types(VulkanMemory::Device).empty());
}

TEST_CASE("free memory: what the driver says, else what this process has not taken") {
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  budget.heapBudget[0] = 7 * kGB;
  budget.heapUsage[0] = 2 * kGB;
  budget.heapBudget[2] = 100 * kMB;
  budget.heapUsage[2] = 200 * kMB;  // more than there is
  HeapBytes own{};
  own[0] = 3 * kGB;
  own[2] = kGB;
  const HeapBytes said = freeInHeaps(kNvidia.memory, &budget, own), counted = freeInHeaps(kNvidia.memory, nullptr, own);
  CHECK(said[0] == 5 * kGB);
  CHECK(said[2] == 0);
  CHECK(counted[0] == 5 * kGB);
  CHECK(counted[1] == 24 * kGB);
  CHECK(counted[2] == 0);
  CHECK(bytesForDevice(kNvidia.memory, false, counted) == 5 * kGB);
}
