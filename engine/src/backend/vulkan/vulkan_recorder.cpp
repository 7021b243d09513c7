// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

namespace rookery::engine {

namespace {

constexpr std::uint32_t kMostPairs = 32;  // recordings are made again when more pairs of states are in use
constexpr std::size_t kPiece = 24;        // dispatches of a chunk that are put on the queue together

constexpr VkPipelineStageFlags kCompute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                               kTransfer = VK_PIPELINE_STAGE_TRANSFER_BIT, kHost = VK_PIPELINE_STAGE_HOST_BIT;
constexpr VkAccessFlags kReadWrite = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
                        kFetched = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;

}  // namespace

VulkanRecorder::~VulkanRecorder() {
  if (m_work.device == nullptr) return;
  forget();
  if (m_descriptors != VK_NULL_HANDLE)
    m_work.device->api().vkDestroyDescriptorPool(m_work.device->handle(), m_descriptors, nullptr);
}

Result<void> VulkanRecorder::create() {
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kMostPairs * kVulkanBindings};
  VkDescriptorPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  pool.maxSets = kMostPairs;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  if (const VkResult r =
          m_work.device->api().vkCreateDescriptorPool(m_work.device->handle(), &pool, nullptr, &m_descriptors);
      r != VK_SUCCESS)
    return vulkanFailure(r, "making a descriptor pool");
  return {};
}

Result<VulkanRecorder::Pair*> VulkanRecorder::pairOf(const VulkanState& in, const VulkanState& out) {
  const auto key = std::pair(in.id(), out.id());
  if (const auto found = m_pairs.find(key); found != m_pairs.end()) return &found->second;
  if (m_pairs.size() == kMostPairs) forget();

  VulkanDevice& device = *m_work.device;
  const VkDescriptorSetLayout layout = device.setLayout();
  VkDescriptorSetAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  allocate.descriptorPool = m_descriptors;
  allocate.descriptorSetCount = 1;
  allocate.pSetLayouts = &layout;
  Pair pair;
  if (const VkResult r = device.api().vkAllocateDescriptorSets(device.handle(), &allocate, &pair.set); r != VK_SUCCESS)
    return vulkanFailure(r, "making a descriptor set");
  const std::array<VkBuffer, kVulkanBindings> buffers{
      m_work.activations.handle(), m_work.run.handle(),   m_work.inputs.handle(),     m_work.outputs.handle(),
      in.buffer().handle(),        out.buffer().handle(), m_work.activations.handle()};
  std::array<VkDescriptorBufferInfo, kVulkanBindings> infos{};
  std::array<VkWriteDescriptorSet, kVulkanBindings> writes{};
  for (std::uint32_t i = 0; i < kVulkanBindings; ++i) {
    infos[i] = {buffers[i], 0, VK_WHOLE_SIZE};
    writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    writes[i].dstSet = pair.set;
    writes[i].dstBinding = i;
    writes[i].descriptorCount = 1;
    writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    writes[i].pBufferInfo = &infos[i];
  }
  device.api().vkUpdateDescriptorSets(device.handle(), kVulkanBindings, writes.data(), 0, nullptr);
  return &m_pairs.emplace(key, std::move(pair)).first->second;
}

void VulkanRecorder::forget() {
  std::vector<VkCommandBuffer> commands;
  for (const auto& [key, pair] : m_pairs) {
    for (const auto* recordings : {&pair.bodies, &pair.heads})
      for (const auto& [size, pieces] : *recordings) commands.insert(commands.end(), pieces.begin(), pieces.end());
  }
  m_work.device->freeCommands(commands);
  m_pairs.clear();
  if (m_descriptors != VK_NULL_HANDLE)
    m_work.device->api().vkResetDescriptorPool(m_work.device->handle(), m_descriptors, 0);
}

Result<void> VulkanRecorder::addRun(const VulkanState& in, const VulkanState& out, std::uint32_t tokens,
                                    std::uint32_t rows, std::vector<VkCommandBuffer>& commands) {
  auto pair = pairOf(in, out);
  if (!pair) return tl::unexpected(pair.error());
  if (auto good = add(**pair, true, std::bit_ceil(tokens), commands); !good || rows == 0) return good;
  return add(**pair, false, std::bit_ceil(rows), commands);
}

Result<void> VulkanRecorder::add(Pair& pair, bool body, std::uint32_t size, std::vector<VkCommandBuffer>& commands) {
  auto& recordings = body ? pair.bodies : pair.heads;
  auto found = recordings.find(size);
  if (found == recordings.end()) {
    std::vector<VkCommandBuffer> recorded;
    std::size_t barriers = 0;
    for (const Piece& piece : piecesOf(body, size)) {
      auto made = record(pair, piece, size, barriers);
      if (!made) {
        m_work.device->freeCommands(recorded);
        return tl::unexpected(made.error());
      }
      recorded.push_back(*made);
    }
    found = recordings.emplace(size, std::move(recorded)).first;
  }
  commands.insert(commands.end(), found->second.begin(), found->second.end());
  return {};
}

// A chunk is recorded in pieces: a system resets a device that does not come back from its work within a few seconds,
// and a small one takes that long for a chunk of a large model.
std::vector<VulkanRecorder::Piece> VulkanRecorder::piecesOf(bool body, std::uint32_t size) const {
  const RunSize kind = runSizeOf(size);
  const std::size_t all = m_work.compiled.dispatches(body, kind).size(),
                    most = kind == RunSize::Many ? kPiece : std::max<std::size_t>(1, all);
  std::vector<Piece> pieces;
  for (std::size_t first = 0; first == 0 || first < all; first += most)
    pieces.push_back({first, std::min(all, first + most), body});
  return pieces;
}

Result<VkCommandBuffer> VulkanRecorder::record(const Pair& pair, const Piece& piece, std::uint32_t size,
                                               std::size_t& barriers) const {
  VulkanDevice& device = *m_work.device;
  auto made = device.newCommands(fmt::format("{} of {}", piece.body ? "body" : "head", size));
  if (!made) return made;
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  VkResult recorded = VK_SUCCESS;
  {
    const auto lock = device.recording();
    recorded = device.api().vkBeginCommandBuffer(*made, &begin);
    if (recorded == VK_SUCCESS) {
      recordPiece(*made, pair, piece, size, barriers);
      recorded = device.api().vkEndCommandBuffer(*made);
    }
  }
  if (recorded == VK_SUCCESS) return made;
  device.freeCommands(std::span(&*made, 1));
  return vulkanFailure(recorded, "recording commands");
}

void VulkanRecorder::recordCopies(VkCommandBuffer commands, std::span<const ValueId> values, std::uint32_t size,
                                  const VulkanBuffer& buffer, const ActivationLayout& layout, bool in) const {
  for (const ValueId id : values) {
    const std::uint64_t inActivations = m_work.layout.offset(id) * sizeof(float),
                        at = layout.offset(id) * sizeof(float);
    const VkBufferCopy copy{in ? at : inActivations, in ? inActivations : at, size * layout.width(id) * sizeof(float)};
    m_work.device->api().vkCmdCopyBuffer(commands, in ? buffer.handle() : m_work.activations.handle(),
                                         in ? m_work.activations.handle() : buffer.handle(), 1, &copy);
  }
}

void VulkanRecorder::recordDispatch(VkCommandBuffer commands, const VulkanDispatch& dispatch,
                                    std::uint32_t size) const {
  const VolkDeviceTable& api = m_work.device->api();
  struct {
    std::uint64_t records;
    std::uint32_t count, option;
  } push{m_work.records.address() + dispatch.firstRecord * sizeof(VulkanRecord), dispatch.recordCount, dispatch.option};
  api.vkCmdPushConstants(commands, m_work.device->pipelineLayout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, &push);
  const std::uint32_t x =
      dispatch.tokensPerGroup == 0 ? dispatch.groupsX : (size + dispatch.tokensPerGroup - 1) / dispatch.tokensPerGroup;
  api.vkCmdDispatch(commands, x, dispatch.groupsY, 1);
}

void VulkanRecorder::recordPiece(VkCommandBuffer commands, const Pair& pair, const Piece& piece, std::uint32_t size,
                                 std::size_t& barriers) const {
  const auto [first, last, body] = piece;
  const VulkanDispatches& dispatches = m_work.compiled.dispatches(body, runSizeOf(size));
  const VolkDeviceTable& api = m_work.device->api();
  const HostExchange& exchange = m_work.exchange;
  const auto barrier = [&](VkPipelineStageFlags from, VkAccessFlags fromAccess, VkPipelineStageFlags to,
                           VkAccessFlags toAccess) {
    const std::size_t number = barriers++;
    if (m_skipped && m_skipped->body == body && m_skipped->number == number) return;
    const VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, fromAccess, toAccess};
    api.vkCmdPipelineBarrier(commands, from, to, 0, 1, &memory, 0, nullptr, 0, nullptr);
  };
  if (body && first == 0 && !exchange.copied.empty()) {  // what ran before ended with a barrier for copies
    recordCopies(commands, exchange.copied, size, m_work.inputs, exchange.inputs, true);
    barrier(kTransfer, VK_ACCESS_TRANSFER_WRITE_BIT, kCompute, kReadWrite);
  } else {  // what earlier command buffers left: the last token's state, and for the head the body's last row
    barrier(kCompute | kTransfer, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT, kCompute, kReadWrite);
  }
  api.vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, m_work.device->pipelineLayout(), 0, 1,
                              &pair.set, 0, nullptr);
  VkPipeline bound = VK_NULL_HANDLE;
  for (std::size_t i = first; i < last; ++i) {
    if (dispatches[i].pipeline != bound)
      api.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, dispatches[i].pipeline);
    bound = dispatches[i].pipeline;
    recordDispatch(commands, dispatches[i], size);
    if (i + 1 < last) barrier(kCompute, VK_ACCESS_SHADER_WRITE_BIT, kCompute, kReadWrite);
  }
  if (last < dispatches.size()) return;  // the next piece begins with a barrier
  // For the host, which reads outputs, and for copies: of a state, and of values here and at the next run's beginning.
  // The copies' target is bound as logits, so for all that validation knows a dispatch wrote there.
  barrier(kCompute, VK_ACCESS_SHADER_WRITE_BIT, kHost | kTransfer, kFetched | VK_ACCESS_TRANSFER_WRITE_BIT);
  if (body && !m_work.program.valuesOut.empty()) {
    recordCopies(commands, m_work.program.valuesOut, size, m_work.outputs, exchange.outputs, false);
    barrier(kTransfer, VK_ACCESS_TRANSFER_WRITE_BIT, kHost | kTransfer, kFetched);
  }
}

}  // namespace rookery::engine
