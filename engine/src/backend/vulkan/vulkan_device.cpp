// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "backend/common/device_cache.h"
#include "shaders/shaders.h"

namespace rookery::engine {

namespace {

constexpr std::uint64_t kStagingBytes = 32'000'000;
constexpr std::uint64_t kPollNanoseconds = 5'000'000;  // how soon a stop is seen

}  // namespace

VulkanBuffer::VulkanBuffer(VulkanBuffer&& other) noexcept { *this = std::move(other); }

VulkanBuffer& VulkanBuffer::operator=(VulkanBuffer&& other) noexcept {
  std::swap(m_device, other.m_device);
  std::swap(m_buffer, other.m_buffer);
  std::swap(m_memory, other.m_memory);
  std::swap(m_address, other.m_address);
  std::swap(m_bytes, other.m_bytes);
  std::swap(m_data, other.m_data);
  std::swap(m_cached, other.m_cached);
  std::swap(m_heap, other.m_heap);
  std::swap(m_heapBytes, other.m_heapBytes);
  std::swap(m_ledger, other.m_ledger);
  std::swap(m_component, other.m_component);
  std::swap(m_kind, other.m_kind);
  return *this;
}

VulkanBuffer::~VulkanBuffer() {
  if (!m_device) return;
  m_device->m_api.vkDestroyBuffer(m_device->m_device, m_buffer, nullptr);
  m_device->m_api.vkFreeMemory(m_device->m_device, m_memory, nullptr);
  (*m_device->candidate().use)[m_heap] -= m_heapBytes;
  if (m_ledger != nullptr) m_ledger->remove(m_device->info().id, m_component, m_kind, m_bytes);
}

Result<std::shared_ptr<VulkanDevice>> VulkanDevice::open(int index) {
  auto instance = VulkanInstance::get();
  if (!instance) return tl::unexpected(instance.error());
  const auto& candidates = (*instance)->candidates();
  if (candidates.empty()) return fail(ErrorCode::DeviceUnavailable, "No graphics device with a Vulkan driver was found.");
  const VulkanCandidate* chosen = nullptr;
  if (index >= 0) {
    if (static_cast<std::size_t>(index) >= candidates.size())
      return fail(ErrorCode::DeviceUnavailable, fmt::format("There is no vulkan:{}; this machine has vulkan:0{}.", index,
                                                            candidates.size() > 1 ? fmt::format(" to vulkan:{}", candidates.size() - 1) : ""));
    chosen = &candidates[static_cast<std::size_t>(index)];
    if (!chosen->info.usable) return fail(ErrorCode::DeviceUnavailable, fmt::format("{} ({}) cannot be used: {}.", chosen->info.id, chosen->info.name, chosen->info.reason));
  } else {
    std::string reasons;
    for (const VulkanCandidate& candidate : candidates) {
      if (candidate.info.usable && !candidate.info.software) {
        chosen = &candidate;
        break;
      }
      reasons += candidate.info.usable ? fmt::format(" {} ({}) is a software device: used only when it is named, \"{}\".", candidate.info.id, candidate.info.name, candidate.info.id)
                                       : fmt::format(" {} ({}): {}.", candidate.info.id, candidate.info.name, candidate.info.reason);
    }
    if (chosen == nullptr) return fail(ErrorCode::DeviceUnavailable, "No graphics device can be used." + reasons);
  }
  std::shared_ptr<VulkanDevice> device(new VulkanDevice);
  if (auto good = device->create(std::move(*instance), *chosen); !good) return tl::unexpected(good.error());
  return device;
}

Result<void> VulkanDevice::create(std::shared_ptr<VulkanInstance> instance, const VulkanCandidate& candidate) {
  m_instance = std::move(instance);
  m_candidate = candidate;
  vkGetPhysicalDeviceMemoryProperties(candidate.handle, &m_memory);

  VkPhysicalDeviceVulkan12Features features12{};
  features12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  features12.bufferDeviceAddress = VK_TRUE;
  features12.timelineSemaphore = VK_TRUE;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &features12;
  features.features.shaderInt64 = candidate.int64 ? VK_TRUE : VK_FALSE;
  const float priority = 1.0F;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = candidate.queueFamily;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  std::vector<const char*> extensions;
  if (candidate.memoryBudget) extensions.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  VkPhysicalDeviceSubgroupSizeControlFeaturesEXT sizes{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT, nullptr, VK_TRUE, VK_TRUE};
  if (candidate.sizedSubgroups) {
    extensions.push_back(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    features12.pNext = &sizes;
  }
  VkDeviceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  create.pNext = &features;
  create.queueCreateInfoCount = 1;
  create.pQueueCreateInfos = &queue;
  create.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  create.ppEnabledExtensionNames = extensions.data();
  if (const VkResult r = vkCreateDevice(candidate.handle, &create, nullptr, &m_device); r != VK_SUCCESS) return vulkanFailure(r, "opening the device");
  volkLoadDeviceTable(&m_api, m_device);
  m_api.vkGetDeviceQueue(m_device, candidate.queueFamily, 0, &m_queue);
  // Not volk's: it knows the instance that was made last, which may have no validation layer.
  if (m_instance->validates()) m_setName = reinterpret_cast<PFN_vkSetDebugUtilsObjectNameEXT>(vkGetInstanceProcAddr(m_instance->handle(), "vkSetDebugUtilsObjectNameEXT"));

  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = candidate.queueFamily;
  if (const VkResult r = m_api.vkCreateCommandPool(m_device, &pool, nullptr, &m_pool); r != VK_SUCCESS) return vulkanFailure(r, "making a command pool");
  VkSemaphoreTypeCreateInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  timeline.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{};
  semaphore.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  semaphore.pNext = &timeline;
  if (const VkResult r = m_api.vkCreateSemaphore(m_device, &semaphore, nullptr, &m_timeline); r != VK_SUCCESS) return vulkanFailure(r, "making a semaphore");
  const std::vector<std::byte> kept = readCached("vulkan", candidate.cacheKey);
  m_cacheBytes = kept.size();
  VkPipelineCacheCreateInfo cache{};
  cache.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  cache.initialDataSize = kept.size();
  cache.pInitialData = kept.data();
  if (const VkResult r = m_api.vkCreatePipelineCache(m_device, &cache, nullptr, &m_cache); r != VK_SUCCESS) return vulkanFailure(r, "making a pipeline cache");
  return createLayouts();
}

template <class Handle>
void VulkanDevice::setName(VkObjectType type, Handle handle, const std::string& name) const {
  if (m_setName == nullptr) return;
  VkDebugUtilsObjectNameInfoEXT info{};
  info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT;
  info.objectType = type;
  info.objectHandle = reinterpret_cast<std::uint64_t>(handle);
  info.pObjectName = name.c_str();
  m_setName(m_device, &info);
}

Result<void> VulkanDevice::createLayouts() {
  std::array<VkDescriptorSetLayoutBinding, kVulkanBindings> bindings{};
  for (std::uint32_t i = 0; i < kVulkanBindings; ++i) {
    bindings[i].binding = i;
    bindings[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    bindings[i].descriptorCount = 1;
    bindings[i].stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
  }
  VkDescriptorSetLayoutCreateInfo set{};
  set.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  set.bindingCount = kVulkanBindings;
  set.pBindings = bindings.data();
  if (const VkResult r = m_api.vkCreateDescriptorSetLayout(m_device, &set, nullptr, &m_setLayout); r != VK_SUCCESS) return vulkanFailure(r, "making a descriptor layout");
  VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, kVulkanPushBytes};
  VkPipelineLayoutCreateInfo layout{};
  layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &m_setLayout;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &push;
  if (const VkResult r = m_api.vkCreatePipelineLayout(m_device, &layout, nullptr, &m_pipelineLayout); r != VK_SUCCESS) return vulkanFailure(r, "making a pipeline layout");
  return {};
}

void VulkanDevice::keepPipelines() {
  const std::lock_guard lock(m_pipelineMutex);
  std::size_t size = 0;
  if (m_api.vkGetPipelineCacheData(m_device, m_cache, &size, nullptr) != VK_SUCCESS || size == m_cacheBytes) return;
  std::vector<std::byte> bytes(size);
  if (m_api.vkGetPipelineCacheData(m_device, m_cache, &size, bytes.data()) != VK_SUCCESS) return;
  bytes.resize(size);
  writeCached("vulkan", m_candidate.cacheKey, bytes);
  m_cacheBytes = size;
}

VulkanDevice::~VulkanDevice() {
  m_staging.reset();
  if (m_device == VK_NULL_HANDLE) return;
  for (const auto& [key, pipeline] : m_pipelines) m_api.vkDestroyPipeline(m_device, pipeline, nullptr);
  for (const auto& [key, shader] : m_shaders) m_api.vkDestroyShaderModule(m_device, shader, nullptr);
  m_api.vkDestroyPipelineCache(m_device, m_cache, nullptr);
  m_api.vkDestroySemaphore(m_device, m_timeline, nullptr);
  m_api.vkDestroyCommandPool(m_device, m_pool, nullptr);
  m_api.vkDestroyPipelineLayout(m_device, m_pipelineLayout, nullptr);
  m_api.vkDestroyDescriptorSetLayout(m_device, m_setLayout, nullptr);
  m_api.vkDestroyDevice(m_device, nullptr);
}

Result<VulkanBuffer> VulkanDevice::newBuffer(std::uint64_t bytes, VulkanMemory where, Ledger& ledger, std::string component, std::string kind) {
  if (bytes > m_candidate.allocationBytes)
    return fail(ErrorCode::OutOfMemory, fmt::format("{} takes {:.1f} MB; {} allows {:.1f} MB at a time.", component, static_cast<double>(bytes) / 1e6,
                                                    info().name, static_cast<double>(m_candidate.allocationBytes) / 1e6));
  VulkanBuffer buffer;
  buffer.m_device = shared_from_this();
  buffer.m_bytes = bytes;
  VkBufferCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  create.size = bytes;
  create.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                 VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  if (const VkResult r = m_api.vkCreateBuffer(m_device, &create, nullptr, &buffer.m_buffer); r != VK_SUCCESS) return vulkanFailure(r, "making a buffer");
  VkMemoryRequirements needs{};
  m_api.vkGetBufferMemoryRequirements(m_device, buffer.m_buffer, &needs);
  VkMemoryAllocateFlagsInfo flags{};
  flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.pNext = &flags;
  allocate.allocationSize = needs.size;
  const std::vector<std::uint32_t> types = memoryTypesFor(m_memory, m_candidate.integrated, freeInEachHeap(), needs.memoryTypeBits, where, needs.size);
  if (types.empty()) return fail(ErrorCode::DeviceUnavailable, fmt::format("{} offers no memory of the kind that is needed.", info().name));
  VkResult allocated = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  for (std::size_t i = 0; i < types.size() && allocated == VK_ERROR_OUT_OF_DEVICE_MEMORY; ++i) {  // a heap that is full may have a neighbour
    allocate.memoryTypeIndex = types[i];
    allocated = m_api.vkAllocateMemory(m_device, &allocate, nullptr, &buffer.m_memory);
  }
  if (allocated != VK_SUCCESS) return vulkanFailure(allocated, "allocating memory");
  const VkMemoryType& type = m_memory.memoryTypes[allocate.memoryTypeIndex];
  buffer.m_heap = type.heapIndex;
  buffer.m_heapBytes = needs.size;
  (*m_candidate.use)[buffer.m_heap] += buffer.m_heapBytes;
  if (const VkResult r = m_api.vkBindBufferMemory(m_device, buffer.m_buffer, buffer.m_memory, 0); r != VK_SUCCESS) return vulkanFailure(r, "binding memory");
  if ((type.propertyFlags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != 0) {
    void* data = nullptr;
    // Gigabytes of a card may be more than fits where the CPU sees them; then they go through staging memory.
    if (const VkResult r = m_api.vkMapMemory(m_device, buffer.m_memory, 0, VK_WHOLE_SIZE, 0, &data); r != VK_SUCCESS) {
      if (where != VulkanMemory::Device) return vulkanFailure(r, "mapping memory");
      data = nullptr;
    }
    buffer.m_data = static_cast<std::byte*>(data);
    buffer.m_cached = data != nullptr && (type.propertyFlags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) != 0;
  }
  VkBufferDeviceAddressInfo address{};
  address.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO;
  address.buffer = buffer.m_buffer;
  buffer.m_address = m_api.vkGetBufferDeviceAddress(m_device, &address);
  buffer.m_ledger = &ledger;
  buffer.m_component = std::move(component);
  buffer.m_kind = std::move(kind);
  ledger.add(info().id, buffer.m_component, buffer.m_kind, bytes);
  setName(VK_OBJECT_TYPE_BUFFER, buffer.m_buffer, buffer.m_component + " " + buffer.m_kind);
  return buffer;
}

HeapBytes VulkanDevice::freeInEachHeap() const {
  HeapBytes own{};
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = (*m_candidate.use)[i];
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{};
  budget.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT;
  if (m_candidate.memoryBudget) {
    VkPhysicalDeviceMemoryProperties2 memory{};
    memory.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2;
    memory.pNext = &budget;
    vkGetPhysicalDeviceMemoryProperties2(m_candidate.handle, &memory);
  }
  HeapBytes free = freeInHeaps(m_memory, m_candidate.memoryBudget ? &budget : nullptr, own);
  // A heap of the CPU's is as large as its memory, whatever other programs use of it.
  const std::uint64_t onCpu = availableBytes();
  for (std::uint32_t i = 0; i < m_memory.memoryHeapCount && onCpu != 0; ++i)
    if ((m_memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) == 0) free[i] = std::min(free[i], onCpu);
  return free;
}

std::uint64_t VulkanDevice::freeBytes() const { return bytesForDevice(m_memory, m_candidate.integrated, freeInEachHeap()); }

Result<VkPipeline> VulkanDevice::pipeline(const std::string& shader, const std::map<std::uint32_t, std::uint32_t>& constants, std::uint32_t lanes) {
  std::string key = fmt::format("{} lanes={}", shader, lanes);
  std::vector<VkSpecializationMapEntry> entries;
  std::vector<std::uint32_t> values;
  for (const auto& [id, value] : constants) {
    key += fmt::format(" {}={}", id, value);
    entries.push_back({id, static_cast<std::uint32_t>(values.size() * 4), 4});
    values.push_back(value);
  }
  const std::lock_guard lock(m_pipelineMutex);
  if (const auto found = m_pipelines.find(key); found != m_pipelines.end()) return found->second;

  VkShaderModule& module = m_shaders[shader];
  if (module == VK_NULL_HANDLE) {
    const std::span<const std::byte> code = shaders::find(shader, m_candidate.int64);
    VkShaderModuleCreateInfo create{};
    create.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    create.codeSize = code.size();
    create.pCode = reinterpret_cast<const std::uint32_t*>(code.data());
    if (const VkResult r = m_api.vkCreateShaderModule(m_device, &create, nullptr, &module); r != VK_SUCCESS) return vulkanFailure(r, "loading shader " + shader);
  }
  VkSpecializationInfo special{static_cast<std::uint32_t>(entries.size()), entries.data(), values.size() * 4, values.data()};
  VkComputePipelineCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  create.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  create.stage.module = module;
  create.stage.pName = "main";
  create.stage.pSpecializationInfo = &special;
  create.layout = m_pipelineLayout;
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT size{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT, nullptr, lanes};
  if (m_candidate.sizedSubgroups) {
    create.stage.pNext = &size;
    create.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
  }
  VkPipeline pipeline = VK_NULL_HANDLE;
  if (const VkResult r = m_api.vkCreateComputePipelines(m_device, m_cache, 1, &create, nullptr, &pipeline); r != VK_SUCCESS) return vulkanFailure(r, "compiling shader " + shader);
  m_pipelines[key] = pipeline;
  setName(VK_OBJECT_TYPE_PIPELINE, pipeline, key);
  return pipeline;
}

Result<void> VulkanDevice::run(std::span<const VkCommandBuffer> commands, bool apart, const std::stop_token& stop, const std::function<void()>& onStop) {
  std::uint64_t value = 0;
  {
    const std::lock_guard lock(m_queueMutex);
    value = m_submitted + 1;
    VkTimelineSemaphoreSubmitInfo timeline{};
    timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
    timeline.signalSemaphoreValueCount = 1;
    timeline.pSignalSemaphoreValues = &value;
    const std::size_t step = apart ? 1 : commands.size();
    for (std::size_t at = 0; at < commands.size(); at += step) {
      VkSubmitInfo submit{};
      submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
      submit.commandBufferCount = static_cast<std::uint32_t>(step);
      submit.pCommandBuffers = &commands[at];
      if (at + step == commands.size()) {  // what was put on the queue before it has ended by then
        submit.pNext = &timeline;
        submit.signalSemaphoreCount = 1;
        submit.pSignalSemaphores = &m_timeline;
      }
      if (const VkResult r = m_api.vkQueueSubmit(m_queue, 1, &submit, VK_NULL_HANDLE); r != VK_SUCCESS) {
        if (at > 0) m_api.vkQueueWaitIdle(m_queue);  // what is on its way still uses buffers that may be freed now
        return vulkanFailure(r, "starting work");
      }
    }
    m_submitted = value;
  }
  VkSemaphoreWaitInfo wait{};
  wait.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  wait.semaphoreCount = 1;
  wait.pSemaphores = &m_timeline;
  wait.pValues = &value;
  bool told = false;
  for (;;) {
    const bool watch = onStop && !told && stop.stop_possible();
    const VkResult r = m_api.vkWaitSemaphores(m_device, &wait, watch ? kPollNanoseconds : UINT64_MAX);
    if (r == VK_SUCCESS) return {};
    if (r != VK_TIMEOUT) return vulkanFailure(r, "waiting for work to end");
    if (watch && stop.stop_requested()) {
      onStop();
      told = true;
    }
  }
}

Result<VkCommandBuffer> VulkanDevice::newCommands(const std::string& name) {
  VkCommandBufferAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  allocate.commandPool = m_pool;
  allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  allocate.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  const auto lock = recording();
  if (const VkResult r = m_api.vkAllocateCommandBuffers(m_device, &allocate, &commands); r != VK_SUCCESS) return vulkanFailure(r, "making a command buffer");
  setName(VK_OBJECT_TYPE_COMMAND_BUFFER, commands, name);
  return commands;
}

void VulkanDevice::freeCommands(std::span<const VkCommandBuffer> commands) {
  const auto lock = recording();
  if (!commands.empty()) m_api.vkFreeCommandBuffers(m_device, m_pool, static_cast<std::uint32_t>(commands.size()), commands.data());
}

Result<VkCommandBuffer> VulkanDevice::recordOnce(const std::function<void(VkCommandBuffer)>& record) {
  auto commands = newCommands("once");
  if (!commands) return commands;
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  VkResult recorded = VK_SUCCESS;
  {
    const auto lock = recording();
    recorded = m_api.vkBeginCommandBuffer(*commands, &begin);
    if (recorded == VK_SUCCESS) {
      record(*commands);
      recorded = m_api.vkEndCommandBuffer(*commands);
    }
  }
  if (recorded == VK_SUCCESS) return commands;
  freeCommands(std::span(&*commands, 1));
  return vulkanFailure(recorded, "recording commands");
}

Result<void> VulkanDevice::runOnce(const std::function<void(VkCommandBuffer)>& record) {
  const auto commands = recordOnce(record);
  if (!commands) return tl::unexpected(commands.error());
  auto done = run(std::span(&*commands, 1), false);
  freeCommands(std::span(&*commands, 1));
  return done;
}

Result<VulkanBuffer*> VulkanDevice::staging() {
  if (!m_staging) {
    auto made = newBuffer(kStagingBytes, VulkanMemory::ToHost, m_ownLedger, "staging", "staging");
    if (!made) return tl::unexpected(made.error());
    m_staging = std::make_unique<VulkanBuffer>(std::move(*made));
    m_staging->m_device = std::shared_ptr<VulkanDevice>(std::shared_ptr<void>(), this);  // it is a part of the device
  }
  return m_staging.get();
}

Result<void> VulkanDevice::write(const VulkanBuffer& buffer, std::uint64_t offset, std::span<const std::byte> bytes) {
  if (buffer.data() != nullptr) {
    std::memcpy(buffer.data() + offset, bytes.data(), bytes.size());
    return {};
  }
  const std::lock_guard lock(m_stagingMutex);
  auto through = staging();
  if (!through) return tl::unexpected(through.error());
  for (std::uint64_t at = 0; at < bytes.size(); at += kStagingBytes) {
    const std::uint64_t count = std::min<std::uint64_t>(kStagingBytes, bytes.size() - at);
    std::memcpy((*through)->data(), bytes.data() + at, count);
    const VkBufferCopy copy{0, offset + at, count};
    if (auto good = runOnce([&](VkCommandBuffer c) { m_api.vkCmdCopyBuffer(c, (*through)->handle(), buffer.handle(), 1, &copy); }); !good) return good;
  }
  return {};
}

Result<void> VulkanDevice::read(const VulkanBuffer& buffer, std::uint64_t offset, std::span<std::byte> bytes) {
  if (buffer.isCached()) {  // else the CPU would fetch word by word
    std::memcpy(bytes.data(), buffer.data() + offset, bytes.size());
    return {};
  }
  const std::lock_guard lock(m_stagingMutex);
  auto through = staging();
  if (!through) return tl::unexpected(through.error());
  for (std::uint64_t at = 0; at < bytes.size(); at += kStagingBytes) {
    const std::uint64_t count = std::min<std::uint64_t>(kStagingBytes, bytes.size() - at);
    const VkBufferCopy copy{offset + at, 0, count};
    auto good = runOnce([&](VkCommandBuffer c) {
      m_api.vkCmdCopyBuffer(c, buffer.handle(), (*through)->handle(), 1, &copy);
      VkMemoryBarrier visible{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT};
      m_api.vkCmdPipelineBarrier(c, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &visible, 0, nullptr, 0, nullptr);
    });
    if (!good) return good;
    std::memcpy(bytes.data() + at, (*through)->data(), count);
  }
  return {};
}

}  // namespace rookery::engine
