// SPDX-License-Identifier: GPL-3.0-or-later
// A Vulkan loader that goes wrong on command, for programs that are started with its folder in LD_LIBRARY_PATH. It hands
// everything to the real loader (ROOKERY_REAL_VULKAN: its path), but for what ROOKERY_FAKE_VULKAN names, which may change
// while the program runs (the counting begins anew then):
//   lost=N            the N-th submission finds the device lost, and so do all after it
//   memory=N          the N-th allocation of memory fails
//   heap=N            the device has N bytes of memory
//   missing=FEATURE   the device lacks bufferDeviceAddress, timelineSemaphore or shuffle
//   old               the device offers Vulkan 1.1
//   range=N shared=N groups=N   bytes of a bound buffer, bytes that a group shares, groups in each direction
#include <vulkan/vulkan.h>

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

namespace {

PFN_vkGetInstanceProcAddr realLoader() {
  static const auto loader = [] {
    void* library = dlopen(std::getenv("ROOKERY_REAL_VULKAN"), RTLD_NOW | RTLD_LOCAL);
    return library == nullptr ? nullptr : reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
  }();
  return loader;
}

std::string fault() {
  const char* text = std::getenv("ROOKERY_FAKE_VULKAN");
  return text == nullptr ? "" : text;
}

std::mutex g_mutex;
std::string g_counted;  // the fault that the counters are for
long g_submissions = 0, g_allocations = 0;

// How far `counter` is beyond the number that the fault names; negative: not yet, or another fault.
long beyond(const char* name, long& counter) {
  const std::lock_guard lock(g_mutex);
  const std::string text = fault();
  if (text != g_counted) {
    g_counted = text;
    g_submissions = g_allocations = 0;
  }
  if (text.rfind(name, 0) != 0) return -1;
  return ++counter - std::atol(text.c_str() + std::strlen(name));
}

void limit(const char* name, uint32_t& value) {
  const std::string text = fault();
  if (text.rfind(name, 0) == 0) value = static_cast<uint32_t>(std::atol(text.c_str() + std::strlen(name)));
}

PFN_vkGetDeviceProcAddr g_getDeviceProcAddr;
PFN_vkQueueSubmit g_submit;
PFN_vkAllocateMemory g_allocate;
PFN_vkGetPhysicalDeviceFeatures2 g_features;
PFN_vkGetPhysicalDeviceProperties2 g_properties;
PFN_vkGetPhysicalDeviceMemoryProperties g_memory;
PFN_vkGetPhysicalDeviceMemoryProperties2 g_memory2;

VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  if (beyond("lost=", g_submissions) >= 0) return VK_ERROR_DEVICE_LOST;
  return g_submit(queue, count, infos, fence);
}

VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  if (beyond("memory=", g_allocations) == 0) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  return g_allocate(device, info, callbacks, memory);
}

VKAPI_ATTR void VKAPI_CALL features(VkPhysicalDevice device, VkPhysicalDeviceFeatures2* out) {
  g_features(device, out);
  for (auto* next = static_cast<VkBaseOutStructure*>(out->pNext); next != nullptr; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) continue;
    auto* features12 = reinterpret_cast<VkPhysicalDeviceVulkan12Features*>(next);
    if (fault() == "missing=bufferDeviceAddress") features12->bufferDeviceAddress = VK_FALSE;
    if (fault() == "missing=timelineSemaphore") features12->timelineSemaphore = VK_FALSE;
  }
}

VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice device, VkPhysicalDeviceProperties2* out) {
  g_properties(device, out);
  if (fault() == "rebar") out->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  if (fault() == "old") out->properties.apiVersion = VK_API_VERSION_1_1;
  VkPhysicalDeviceLimits& limits = out->properties.limits;
  limit("range=", limits.maxStorageBufferRange);
  limit("shared=", limits.maxComputeSharedMemorySize);
  limit("buffers=", limits.maxPerStageDescriptorStorageBuffers);
  limit("invocations=", limits.maxComputeWorkGroupInvocations);
  for (uint32_t& groups : limits.maxComputeWorkGroupCount) limit("groups=", groups);
  for (auto* next = static_cast<VkBaseOutStructure*>(out->pNext); next != nullptr; next = next->pNext)
    if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES && fault() == "missing=shuffle")
      reinterpret_cast<VkPhysicalDeviceSubgroupProperties*>(next)->supportedOperations &= ~static_cast<VkSubgroupFeatureFlags>(VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
}

VKAPI_ATTR VkResult VKAPI_CALL refuse() { return VK_ERROR_INITIALIZATION_FAILED; }

void shrink(VkDeviceSize* sizes, std::size_t stride, uint32_t count) {
  const std::string text = fault();
  if (text.rfind("heap=", 0) != 0) return;
  const VkDeviceSize most = std::strtoull(text.c_str() + 5, nullptr, 10);
  for (uint32_t i = 0; i < count; ++i) {
    VkDeviceSize& size = sizes[i * stride];
    if (size > most) size = most;
  }
}

// A card whose whole memory the CPU sees, through a bus and not through its caches.
void beyondBus(VkPhysicalDeviceMemoryProperties& memory) {
  if (fault() != "rebar") return;
  for (VkMemoryType& type : memory.memoryTypes) type.propertyFlags &= ~static_cast<VkMemoryPropertyFlags>(VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
}

VKAPI_ATTR void VKAPI_CALL memory(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties* out) {
  g_memory(device, out);
  beyondBus(*out);
  shrink(&out->memoryHeaps[0].size, sizeof(VkMemoryHeap) / sizeof(VkDeviceSize), out->memoryHeapCount);
}

VKAPI_ATTR void VKAPI_CALL memory2(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2* out) {
  g_memory2(device, out);
  beyondBus(out->memoryProperties);
  shrink(&out->memoryProperties.memoryHeaps[0].size, sizeof(VkMemoryHeap) / sizeof(VkDeviceSize), out->memoryProperties.memoryHeapCount);
  for (auto* next = static_cast<VkBaseOutStructure*>(out->pNext); next != nullptr; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT) continue;
    auto* budget = reinterpret_cast<VkPhysicalDeviceMemoryBudgetPropertiesEXT*>(next);
    shrink(budget->heapBudget, 1, VK_MAX_MEMORY_HEAPS);
  }
}

template <class Function>
PFN_vkVoidFunction keep(Function& place, PFN_vkVoidFunction real, PFN_vkVoidFunction ours) {
  place = reinterpret_cast<Function>(real);
  return ours;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL deviceFunction(VkDevice device, const char* name) {
  const PFN_vkVoidFunction real = g_getDeviceProcAddr(device, name);
  if (std::strcmp(name, "vkQueueSubmit") == 0) return keep(g_submit, real, reinterpret_cast<PFN_vkVoidFunction>(submit));
  if (std::strcmp(name, "vkAllocateMemory") == 0) return keep(g_allocate, real, reinterpret_cast<PFN_vkVoidFunction>(allocate));
  return real;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance, const char* name) {
  const auto loader = realLoader();
  if (loader == nullptr) return nullptr;
  const PFN_vkVoidFunction real = loader(instance, name);
  if (real == nullptr) return nullptr;
  if (fault().rfind("refuse=", 0) == 0 && fault().substr(7) == name) return reinterpret_cast<PFN_vkVoidFunction>(refuse);
  if (std::strcmp(name, "vkGetDeviceProcAddr") == 0) return keep(g_getDeviceProcAddr, real, reinterpret_cast<PFN_vkVoidFunction>(deviceFunction));
  if (std::strcmp(name, "vkGetPhysicalDeviceFeatures2") == 0) return keep(g_features, real, reinterpret_cast<PFN_vkVoidFunction>(features));
  if (std::strcmp(name, "vkGetPhysicalDeviceMemoryProperties") == 0) return keep(g_memory, real, reinterpret_cast<PFN_vkVoidFunction>(memory));
  if (std::strcmp(name, "vkGetPhysicalDeviceMemoryProperties2") == 0) return keep(g_memory2, real, reinterpret_cast<PFN_vkVoidFunction>(memory2));
  if (std::strcmp(name, "vkGetPhysicalDeviceProperties2") == 0) return keep(g_properties, real, reinterpret_cast<PFN_vkVoidFunction>(properties));
  return real;
}
