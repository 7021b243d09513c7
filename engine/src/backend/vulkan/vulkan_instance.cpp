// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "device/driver_log.h"

namespace rookery::engine {

namespace {

std::atomic<std::uint64_t> g_messages{0};
std::mutex g_lastMutex;
std::string g_last;  ///< under g_lastMutex

VKAPI_ATTR VkBool32 VKAPI_CALL onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT,
                                         const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  if (severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT) {
    ++g_messages;
    const std::lock_guard lock(g_lastMutex);
    g_last = data->pMessage;
    logDriverMessage("vulkan", data->pMessage);
  }
  return VK_FALSE;
}

bool wantsValidation() {
  const char* value = std::getenv("ROOKERY_VULKAN_VALIDATION");
  return value != nullptr && std::strcmp(value, "1") == 0;
}

bool hasLayer(const char* name) {
  std::uint32_t count = 0;
  vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  vkEnumerateInstanceLayerProperties(&count, layers.data());
  for (const VkLayerProperties& layer : layers)
    if (std::strcmp(layer.layerName, name) == 0) return true;
  return false;
}

std::string version(std::uint32_t number) {
  return fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(number), VK_API_VERSION_MINOR(number), VK_API_VERSION_PATCH(number));
}

bool hasExtension(VkPhysicalDevice device, const char* name) {
  std::uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
  for (const VkExtensionProperties& extension : extensions)
    if (std::strcmp(extension.extensionName, name) == 0) return true;
  return false;
}

// Some drivers compile for fewer lanes than they report unless a pipeline says how many it wants.
void findSubgroupSizes(VkPhysicalDevice device, VulkanCandidate& candidate) {
  candidate.leastLanes = candidate.mostLanes = candidate.subgroupSize;
  if (!hasExtension(device, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) return;
  VkPhysicalDeviceSubgroupSizeControlFeaturesEXT control{};
  control.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &control;
  vkGetPhysicalDeviceFeatures2(device, &features);
  VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes{};
  sizes.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &sizes;
  vkGetPhysicalDeviceProperties2(device, &properties);
  candidate.sizedSubgroups = control.subgroupSizeControl && control.computeFullSubgroups && (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
                             sizes.minSubgroupSize <= candidate.subgroupSize && candidate.subgroupSize <= sizes.maxSubgroupSize &&
                             std::uint64_t{sizes.maxComputeWorkgroupSubgroups} * sizes.minSubgroupSize >= kVulkanLargestGroup;
  if (!candidate.sizedSubgroups) return;
  candidate.leastLanes = std::max(4U, sizes.minSubgroupSize);
  candidate.mostLanes = std::min(128U, sizes.maxSubgroupSize);
}

VulkanCandidate examine(VkPhysicalDevice device, std::size_t index) {
  VulkanCandidate candidate;
  candidate.handle = device;

  VkPhysicalDeviceSubgroupProperties subgroup{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, nullptr, 0, 0, 0, 0};
  VkPhysicalDeviceMaintenance3Properties maintenance{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES, &subgroup, 0, 0};
  VkPhysicalDeviceDriverProperties driver{};
  driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  VkPhysicalDeviceProperties2 all{};
  all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  vkGetPhysicalDeviceProperties2(device, &all);
  const bool modern = all.properties.apiVersion >= VK_API_VERSION_1_2;
  driver.pNext = &maintenance;
  all.pNext = modern ? static_cast<void*>(&driver) : static_cast<void*>(&maintenance);
  vkGetPhysicalDeviceProperties2(device, &all);
  const VkPhysicalDeviceProperties& properties = all.properties;

  VkPhysicalDeviceVulkan12Features features12{};
  features12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  if (modern) features.pNext = &features12;
  vkGetPhysicalDeviceFeatures2(device, &features);

  std::uint32_t families = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device, &families, nullptr);
  std::vector<VkQueueFamilyProperties> queues(families);
  vkGetPhysicalDeviceQueueFamilyProperties(device, &families, queues.data());
  bool haveQueue = false;
  for (std::uint32_t i = 0; i < families && !haveQueue; ++i) {
    haveQueue = (queues[i].queueFlags & VK_QUEUE_COMPUTE_BIT) != 0;
    candidate.queueFamily = i;
  }

  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties(device, &memory);

  DeviceInfo& info = candidate.info;
  info.id = fmt::format("vulkan:{}", index);
  info.kind = DeviceKind::Vulkan;
  info.name = properties.deviceName;
  info.driver = modern ? fmt::format("{} {}", driver.driverName, driver.driverInfo) : fmt::format("{:#x}", properties.driverVersion);
  info.apiLevel = "Vulkan " + version(properties.apiVersion);
  info.software = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  candidate.integrated = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU || info.software;
  info.memoryBytes = bytesForDevice(memory, candidate.integrated, heapSizes(memory));
  candidate.subgroupSize = subgroup.subgroupSize;
  findSubgroupSizes(device, candidate);
  candidate.limits = {properties.limits.maxStorageBufferRange, properties.limits.maxComputeSharedMemorySize,
                      std::min(properties.limits.maxComputeWorkGroupCount[0], properties.limits.maxComputeWorkGroupCount[1])};
  candidate.groupSize = std::min(properties.limits.maxComputeWorkGroupInvocations, properties.limits.maxComputeWorkGroupSize[0]);
  candidate.allocationBytes = maintenance.maxMemoryAllocationSize;
  candidate.int64 = features.features.shaderInt64 == VK_TRUE;
  candidate.memoryBudget = hasExtension(device, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  std::string uuid;
  for (const std::uint8_t byte : properties.pipelineCacheUUID) uuid += fmt::format("{:02x}", byte);
  candidate.cacheKey = fmt::format("{:04x}-{:04x}-{:08x}-{}", properties.vendorID, properties.deviceID, properties.driverVersion, uuid);
  info.features.push_back(candidate.leastLanes == candidate.mostLanes ? fmt::format("subgroup {}", candidate.subgroupSize)
                                                                      : fmt::format("subgroup {} ({} to {})", candidate.subgroupSize, candidate.leastLanes, candidate.mostLanes));
  if (candidate.int64) info.features.emplace_back("64-bit loads");
  if (candidate.integrated && !info.software) info.features.emplace_back("shared memory");
  if (isWholeMemoryMapped(memory, candidate.integrated)) info.features.emplace_back("direct uploads");
  info.reason = whatIsMissing(properties, features12, subgroup, haveQueue);
  info.usable = info.reason.empty();
  return candidate;
}

}  // namespace

std::string whatIsMissing(const VkPhysicalDeviceProperties& properties, const VkPhysicalDeviceVulkan12Features& features,
                          const VkPhysicalDeviceSubgroupProperties& subgroup, bool haveQueue) {
  if (properties.apiVersion < VK_API_VERSION_1_2) return fmt::format("its driver offers Vulkan {}; 1.2 is needed", version(properties.apiVersion));
  if (!haveQueue) return "it has no queue for computing";
  if (!features.bufferDeviceAddress) return "its driver lacks buffer device addresses";
  if (!features.timelineSemaphore) return "its driver lacks timeline semaphores";
  if ((subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) == 0 || (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) == 0)
    return "its driver lacks subgroup shuffles";
  if (subgroup.subgroupSize < 4 || subgroup.subgroupSize > 128) return fmt::format("its subgroups have {} lanes; 4 to 128 can be used", subgroup.subgroupSize);
  const VkPhysicalDeviceLimits& limits = properties.limits;
  const std::uint32_t group = std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  if (group < kVulkanLargestGroup) return fmt::format("its work groups hold {} invocations at most; {} are needed", group, kVulkanLargestGroup);
  const std::uint32_t buffers = std::min(limits.maxPerStageDescriptorStorageBuffers, limits.maxDescriptorSetStorageBuffers);
  if (buffers < kVulkanBindings) return fmt::format("its shaders see {} buffers at most; {} are needed", buffers, kVulkanBindings);
  if (limits.maxPushConstantsSize < kVulkanPushBytes) return fmt::format("its shaders take {} bytes of arguments at most; {} are needed", limits.maxPushConstantsSize, kVulkanPushBytes);
  return {};
}

tl::unexpected<Error> vulkanFailure(VkResult result, std::string_view what) {
  const std::string details = fmt::format("{}: VkResult {}", what, static_cast<int>(result));
  switch (result) {
    case VK_ERROR_OUT_OF_DEVICE_MEMORY: return fail(ErrorCode::OutOfMemory, "The graphics device has not enough free memory.", details);
    case VK_ERROR_OUT_OF_HOST_MEMORY: return fail(ErrorCode::OutOfMemory, "Memory ran out while the graphics device was used. Close other programs, or use the CPU.", details);
    case VK_ERROR_DEVICE_LOST:
      return fail(ErrorCode::DeviceUnavailable, "The graphics device stopped answering: its driver was reset or it was unplugged. Load the model again, or use the CPU.", details);
    default: return fail(ErrorCode::DeviceUnavailable, fmt::format("The graphics driver refused: {} (code {}). A newer driver may help, and the CPU works too.", what, static_cast<int>(result)), details);
  }
}

Result<std::shared_ptr<VulkanInstance>> VulkanInstance::get() {
  static std::mutex mutex;
  // Kept until the process ends: loading drivers takes long, and some leak when they are unloaded. Never destroyed, for a
  // driver may be gone by then.
  static auto& kept = *new std::array<std::shared_ptr<VulkanInstance>, 2>;
  const std::lock_guard lock(mutex);
  std::shared_ptr<VulkanInstance>& shared = kept[wantsValidation() ? 1 : 0];
  if (shared) {
    if (shared.use_count() == 1) {  // nobody looks at the old list; cards come and go
      if (auto found = shared->findDevices(); !found) return tl::unexpected(found.error());
    }
    return shared;
  }

  if (volkInitialize() != VK_SUCCESS)
    return fail(ErrorCode::DeviceUnavailable, "No Vulkan loader was found (libvulkan.so.1); a graphics driver brings it.");
  if (volkGetInstanceVersion() < VK_API_VERSION_1_2)
    return fail(ErrorCode::DeviceUnavailable, fmt::format("The Vulkan loader offers version {}; 1.2 is needed.", version(volkGetInstanceVersion())));

  constexpr const char* kValidation = "VK_LAYER_KHRONOS_validation";
  const bool validate = wantsValidation();
  if (validate && !hasLayer(kValidation))
    return fail(ErrorCode::DeviceUnavailable, "ROOKERY_VULKAN_VALIDATION is set, but the Khronos validation layer is not installed.");
  const char* extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  const VkValidationFeatureEnableEXT enables[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  VkValidationFeaturesEXT validation{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, nullptr, 1, enables, 0, nullptr};
  VkDebugUtilsMessengerCreateInfoEXT messages{};
  messages.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  messages.pNext = &validation;
  messages.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messages.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  messages.pfnUserCallback = onMessage;

  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "Rookery";
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  create.pApplicationInfo = &application;
  if (validate) {
    create.pNext = &messages;
    create.enabledLayerCount = 1;
    create.ppEnabledLayerNames = &kValidation;
    create.enabledExtensionCount = 1;
    create.ppEnabledExtensionNames = &extension;
  }
  std::shared_ptr<VulkanInstance> instance(new VulkanInstance);
  if (const VkResult result = vkCreateInstance(&create, nullptr, &instance->m_instance); result != VK_SUCCESS)
    return result == VK_ERROR_INCOMPATIBLE_DRIVER ? tl::unexpected<Error>(Error{ErrorCode::DeviceUnavailable, "No Vulkan driver is installed for this machine's graphics devices, or it cannot be loaded.", "creating a Vulkan instance: VkResult -9"})
                                                  : vulkanFailure(result, "creating a Vulkan instance");
  volkLoadInstanceOnly(instance->m_instance);
  instance->m_destroy = vkDestroyInstance;
  if (validate) {
    messages.pNext = nullptr;
    vkCreateDebugUtilsMessengerEXT(instance->m_instance, &messages, nullptr, &instance->m_messenger);
  }
  if (auto found = instance->findDevices(); !found) return tl::unexpected(found.error());
  shared = instance;
  return instance;
}

VulkanInstance::~VulkanInstance() {
  if (m_messenger != VK_NULL_HANDLE) vkDestroyDebugUtilsMessengerEXT(m_instance, m_messenger, nullptr);
  if (m_instance != VK_NULL_HANDLE) m_destroy(m_instance, nullptr);
}

Result<void> VulkanInstance::findDevices() {
  m_candidates.clear();
  std::vector<VkPhysicalDevice> devices;
  VkResult result = VK_INCOMPLETE;
  while (result == VK_INCOMPLETE) {  // a card may come between the two calls
    std::uint32_t count = 0;
    result = vkEnumeratePhysicalDevices(m_instance, &count, nullptr);
    if (result != VK_SUCCESS) break;
    devices.resize(count);
    result = vkEnumeratePhysicalDevices(m_instance, &count, devices.data());
    devices.resize(count);
  }
  if (result != VK_SUCCESS) return vulkanFailure(result, "listing the graphics devices");
  for (std::size_t i = 0; i < devices.size(); ++i) m_candidates.push_back(examine(devices[i], i));
  return {};
}

std::uint64_t VulkanInstance::validationMessages() noexcept { return g_messages; }

std::string VulkanInstance::lastValidationMessage() {
  const std::lock_guard lock(g_lastMutex);
  return g_last;
}

}  // namespace rookery::engine
