// SPDX-License-Identifier: GPL-3.0-or-later
// A Vulkan loader that pretends and goes wrong on command, for programs that are started with its folder in
// LD_LIBRARY_PATH. It hands everything to the real loader (ROOKERY_REAL_VULKAN: its path; else the one that was there
// when this was built), but for what ROOKERY_FAKE_VULKAN names, which may change while the program runs (the counting
// begins anew then). Several are separated by commas:
//   card              llvmpipe as a discrete card: memory of its own that the CPU cannot reach, and the CPU's, both full
//                     of old numbers. Drivers and the validation layer know nothing of it
//   noint64           no 64-bit integers in shaders
//   lost=N            the N-th submission finds the device lost, and so do all after it
//   waitlost=N        the same of the N-th wait that comes to its end
//   submitoom=N       the N-th submission finds no memory
//   memory=N full=N   the N-th allocation of memory fails; and all after it
//   pipe=N            the driver refuses the N-th pipeline
//   heap=N            the device has N bytes of memory
//   missing=FEATURE   the device lacks bufferDeviceAddress, timelineSemaphore or shuffle
//   old               the device offers Vulkan 1.1
//   rebar             a card whose whole memory the CPU sees, instead of `card`
//   refuse=FUNCTION   that function of the loader fails
//   range=N shared=N groups=N buffers=N invocations=N   bytes of a bound buffer, bytes that a group shares, groups in each
//                     direction, buffers of a shader, lanes of a group
//   count             says on the standard error output at the end how far each counter came: "lost=12", say
#include <vulkan/vulkan.h>

#include <dlfcn.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace {

PFN_vkGetInstanceProcAddr realLoader() {
  static const auto loader = [] {
    const char* path = std::getenv("ROOKERY_REAL_VULKAN");
    void* library = dlopen(path != nullptr ? path : ROOKERY_REAL_VULKAN_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    return library == nullptr ? nullptr : reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
  }();
  return loader;
}

/// What stands behind `name` ("lost=", or "card" as a whole) among the faults; nothing where it is not there.
std::optional<std::string> fault(const std::string& name) {
  const char* text = std::getenv("ROOKERY_FAKE_VULKAN");
  std::string rest = text == nullptr ? "" : text;
  while (!rest.empty()) {
    const std::string item = rest.substr(0, rest.find(','));
    rest.erase(0, item.size() + 1);
    if (name.back() == '=' ? item.rfind(name, 0) == 0 : item == name) return item.substr(name.size());
  }
  return std::nullopt;
}

bool card() { return fault("card") && !fault("rebar"); }

std::mutex g_mutex;
std::string g_counted;                  // the faults that the counters are for
std::map<std::string, long> g_counters;

// How far we are beyond the number that the fault names; negative: not yet, or another fault.
long beyond(const char* name) {
  const std::lock_guard lock(g_mutex);
  const char* all = std::getenv("ROOKERY_FAKE_VULKAN");
  if (const std::string text = all == nullptr ? "" : all; text != g_counted) {
    g_counted = text;
    g_counters.clear();
  }
  const long count = ++g_counters[name];
  const auto at = fault(name);
  return at ? count - std::atol(at->c_str()) : -1;
}

const struct Report {
  ~Report() {
    if (!fault("count")) return;
    for (const auto& [name, count] : g_counters) std::fprintf(stderr, "%s%ld\n", name.c_str(), count);
  }
} g_report;

void limit(const char* name, uint32_t& value) {
  if (const auto wanted = fault(name)) value = static_cast<uint32_t>(std::atol(wanted->c_str()));
}

/// The real functions of a device; those of one with the validation layer are the layer's.
struct Device {
  PFN_vkQueueSubmit submit;
  PFN_vkWaitSemaphores wait;
  PFN_vkAllocateMemory allocate;
  PFN_vkFreeMemory free;
  PFN_vkMapMemory map;
  PFN_vkUnmapMemory unmap;
  PFN_vkGetBufferMemoryRequirements needs;
  PFN_vkGetBufferMemoryRequirements2 needs2;
  PFN_vkCreateComputePipelines pipelines;
};
std::map<void*, Device> g_devices;                // by what a device and its queues begin with: the loader's table
std::map<VkDeviceMemory, uint32_t> g_pretended;   // allocations of the card, and their types

template <class Handle>
void* tableOf(Handle handle) { return *reinterpret_cast<void**>(handle); }

template <class Handle>
Device deviceOf(Handle handle) {
  const std::lock_guard lock(g_mutex);
  return g_devices.at(tableOf(handle));
}

PFN_vkGetDeviceProcAddr g_getDeviceProcAddr;
PFN_vkGetPhysicalDeviceFeatures2 g_features;
PFN_vkGetPhysicalDeviceProperties2 g_properties;
PFN_vkGetPhysicalDeviceMemoryProperties g_memory;
PFN_vkGetPhysicalDeviceMemoryProperties2 g_memory2;

VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  if (beyond("lost=") >= 0) return VK_ERROR_DEVICE_LOST;
  if (beyond("submitoom=") == 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
  return deviceOf(queue).submit(queue, count, infos, fence);
}

VKAPI_ATTR VkResult VKAPI_CALL wait(VkDevice device, const VkSemaphoreWaitInfo* info, uint64_t timeout) {
  const VkResult result = deviceOf(device).wait(device, info, timeout);  // always: what is lost runs no more
  return result != VK_TIMEOUT && beyond("waitlost=") >= 0 ? VK_ERROR_DEVICE_LOST : result;
}

VKAPI_ATTR VkResult VKAPI_CALL pipelines(VkDevice device, VkPipelineCache cache, uint32_t count, const VkComputePipelineCreateInfo* infos, const VkAllocationCallbacks* callbacks,
                                         VkPipeline* out) {
  if (beyond("pipe=") == 0) return VK_ERROR_INITIALIZATION_FAILED;
  return deviceOf(device).pipelines(device, cache, count, infos, callbacks, out);
}

// The card's types of memory; all of them are one real type, which the CPU can reach.
constexpr VkMemoryPropertyFlags kHost = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kTypes[] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, kHost, kHost | VK_MEMORY_PROPERTY_HOST_CACHED_BIT};
constexpr uint32_t kTypeCount = sizeof kTypes / sizeof kTypes[0];
std::atomic<uint32_t> g_realType{0}, g_realHeap{0};

void pretend(VkPhysicalDeviceMemoryProperties& memory) {
  uint32_t real = 0;
  while (real + 1 < memory.memoryTypeCount && (memory.memoryTypes[real].propertyFlags & kHost) != kHost) ++real;
  const std::lock_guard lock(g_mutex);
  g_realType = real;
  g_realHeap = memory.memoryTypes[real].heapIndex;
  const VkDeviceSize bytes = memory.memoryHeaps[g_realHeap].size;
  memory = {};
  memory.memoryHeapCount = 2;
  memory.memoryHeaps[0] = {bytes, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  memory.memoryHeaps[1] = {bytes, 0};
  memory.memoryTypeCount = kTypeCount;
  for (uint32_t i = 0; i < kTypeCount; ++i) memory.memoryTypes[i] = {kTypes[i], (kTypes[i] & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0 ? 0U : 1U};
}

VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo* info, const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  if (beyond("memory=") == 0 || beyond("full=") >= 0) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  const Device real = deviceOf(device);
  if (!card()) return real.allocate(device, info, callbacks, memory);
  VkMemoryAllocateInfo translated = *info;
  translated.memoryTypeIndex = g_realType;
  if (info->memoryTypeIndex >= kTypeCount) return VK_ERROR_UNKNOWN;
  if (const VkResult result = real.allocate(device, &translated, callbacks, memory); result != VK_SUCCESS) return result;
  void* data = nullptr;
  if (real.map(device, *memory, 0, VK_WHOLE_SIZE, 0, &data) == VK_SUCCESS) {
    std::memset(data, 0xff, info->allocationSize);  // no number
    real.unmap(device, *memory);
  }
  const std::lock_guard lock(g_mutex);
  g_pretended[*memory] = info->memoryTypeIndex;
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL freeMemory(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* callbacks) {
  {
    const std::lock_guard lock(g_mutex);
    g_pretended.erase(memory);
  }
  deviceOf(device).free(device, memory, callbacks);
}

VKAPI_ATTR VkResult VKAPI_CALL map(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void** data) {
  {
    const std::lock_guard lock(g_mutex);
    const auto found = g_pretended.find(memory);
    if (found != g_pretended.end() && (kTypes[found->second] & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0) return VK_ERROR_MEMORY_MAP_FAILED;
  }
  return deviceOf(device).map(device, memory, offset, size, flags, data);
}

void pretend(VkMemoryRequirements& needs) {
  if (card()) needs.memoryTypeBits = (needs.memoryTypeBits >> g_realType & 1U) != 0 ? (1U << kTypeCount) - 1 : 0;
}

VKAPI_ATTR void VKAPI_CALL bufferNeeds(VkDevice device, VkBuffer buffer, VkMemoryRequirements* needs) {
  deviceOf(device).needs(device, buffer, needs);
  pretend(*needs);
}

VKAPI_ATTR void VKAPI_CALL bufferNeeds2(VkDevice device, const VkBufferMemoryRequirementsInfo2* info, VkMemoryRequirements2* needs) {
  deviceOf(device).needs2(device, info, needs);
  pretend(needs->memoryRequirements);
}

VKAPI_ATTR void VKAPI_CALL features(VkPhysicalDevice device, VkPhysicalDeviceFeatures2* out) {
  g_features(device, out);
  if (fault("noint64")) out->features.shaderInt64 = VK_FALSE;
  for (auto* next = static_cast<VkBaseOutStructure*>(out->pNext); next != nullptr; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) continue;
    auto* features12 = reinterpret_cast<VkPhysicalDeviceVulkan12Features*>(next);
    if (fault("missing=") == "bufferDeviceAddress") features12->bufferDeviceAddress = VK_FALSE;
    if (fault("missing=") == "timelineSemaphore") features12->timelineSemaphore = VK_FALSE;
  }
}

VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice device, VkPhysicalDeviceProperties2* out) {
  g_properties(device, out);
  if (card() || fault("rebar")) out->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  if (fault("old")) out->properties.apiVersion = VK_API_VERSION_1_1;
  VkPhysicalDeviceLimits& limits = out->properties.limits;
  limit("range=", limits.maxStorageBufferRange);
  limit("shared=", limits.maxComputeSharedMemorySize);
  limit("buffers=", limits.maxPerStageDescriptorStorageBuffers);
  limit("invocations=", limits.maxComputeWorkGroupInvocations);
  for (uint32_t& groups : limits.maxComputeWorkGroupCount) limit("groups=", groups);
  for (auto* next = static_cast<VkBaseOutStructure*>(out->pNext); next != nullptr; next = next->pNext)
    if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES && fault("missing=") == "shuffle")
      reinterpret_cast<VkPhysicalDeviceSubgroupProperties*>(next)->supportedOperations &= ~static_cast<VkSubgroupFeatureFlags>(VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
}

VKAPI_ATTR VkResult VKAPI_CALL refuse() { return VK_ERROR_INITIALIZATION_FAILED; }

// Of the card that is the first heap; llvmpipe has no other.
void shrink(VkDeviceSize& size) {
  if (const auto most = fault("heap="))
    if (const VkDeviceSize bytes = std::strtoull(most->c_str(), nullptr, 10); size > bytes) size = bytes;
}

// A card whose whole memory the CPU sees, through a bus and not through its caches.
void beyondBus(VkPhysicalDeviceMemoryProperties& memory) {
  if (!fault("rebar")) return;
  for (VkMemoryType& type : memory.memoryTypes) type.propertyFlags &= ~static_cast<VkMemoryPropertyFlags>(VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
}

VKAPI_ATTR void VKAPI_CALL memory(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties* out) {
  g_memory(device, out);
  if (card()) pretend(*out);
  beyondBus(*out);
  shrink(out->memoryHeaps[0].size);
}

VKAPI_ATTR void VKAPI_CALL memory2(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2* out) {
  g_memory2(device, out);
  if (card()) pretend(out->memoryProperties);
  beyondBus(out->memoryProperties);
  shrink(out->memoryProperties.memoryHeaps[0].size);
  for (auto* next = static_cast<VkBaseOutStructure*>(out->pNext); next != nullptr; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT) continue;
    auto* budget = reinterpret_cast<VkPhysicalDeviceMemoryBudgetPropertiesEXT*>(next);
    if (card()) {
      budget->heapBudget[0] = budget->heapBudget[1] = budget->heapBudget[g_realHeap];
      budget->heapUsage[0] = budget->heapUsage[1] = budget->heapUsage[g_realHeap];
    }
    shrink(budget->heapBudget[0]);
  }
}

template <class Function>
PFN_vkVoidFunction keep(Function& place, PFN_vkVoidFunction real, PFN_vkVoidFunction ours) {
  place = reinterpret_cast<Function>(real);
  return ours;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL deviceFunction(VkDevice device, const char* name) {
  const PFN_vkVoidFunction real = g_getDeviceProcAddr(device, name);
  const std::lock_guard lock(g_mutex);
  Device& d = g_devices[tableOf(device)];
  const auto is = [&](const char* other) { return std::strcmp(name, other) == 0; };
  if (is("vkQueueSubmit")) return keep(d.submit, real, reinterpret_cast<PFN_vkVoidFunction>(submit));
  if (is("vkWaitSemaphores")) return keep(d.wait, real, reinterpret_cast<PFN_vkVoidFunction>(wait));
  if (is("vkAllocateMemory")) return keep(d.allocate, real, reinterpret_cast<PFN_vkVoidFunction>(allocate));
  if (is("vkFreeMemory")) return keep(d.free, real, reinterpret_cast<PFN_vkVoidFunction>(freeMemory));
  if (is("vkMapMemory")) return keep(d.map, real, reinterpret_cast<PFN_vkVoidFunction>(map));
  if (is("vkUnmapMemory")) return keep(d.unmap, real, real);
  if (is("vkGetBufferMemoryRequirements")) return keep(d.needs, real, reinterpret_cast<PFN_vkVoidFunction>(bufferNeeds));
  if (is("vkGetBufferMemoryRequirements2")) return keep(d.needs2, real, reinterpret_cast<PFN_vkVoidFunction>(bufferNeeds2));
  if (is("vkCreateComputePipelines")) return keep(d.pipelines, real, reinterpret_cast<PFN_vkVoidFunction>(pipelines));
  return real;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance, const char* name) {
  const auto loader = realLoader();
  if (loader == nullptr) return nullptr;
  const PFN_vkVoidFunction real = loader(instance, name);
  if (real == nullptr) return nullptr;
  if (fault("refuse=") == name) return reinterpret_cast<PFN_vkVoidFunction>(refuse);
  if (std::strcmp(name, "vkGetDeviceProcAddr") == 0) return keep(g_getDeviceProcAddr, real, reinterpret_cast<PFN_vkVoidFunction>(deviceFunction));
  if (std::strcmp(name, "vkGetPhysicalDeviceFeatures2") == 0) return keep(g_features, real, reinterpret_cast<PFN_vkVoidFunction>(features));
  if (std::strcmp(name, "vkGetPhysicalDeviceMemoryProperties") == 0) return keep(g_memory, real, reinterpret_cast<PFN_vkVoidFunction>(memory));
  if (std::strcmp(name, "vkGetPhysicalDeviceMemoryProperties2") == 0) return keep(g_memory2, real, reinterpret_cast<PFN_vkVoidFunction>(memory2));
  if (std::strcmp(name, "vkGetPhysicalDeviceProperties2") == 0) return keep(g_properties, real, reinterpret_cast<PFN_vkVoidFunction>(properties));
  return real;
}
