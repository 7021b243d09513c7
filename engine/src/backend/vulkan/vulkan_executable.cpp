// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <limits>

#include "backend/common/runs.h"

namespace rookery::engine {

namespace {

constexpr std::uint32_t kMostPairs = 32;      // recordings are made again when more pairs of states are in use
constexpr std::size_t kPiece = 24;            // dispatches of a chunk that are put on the queue together
constexpr std::uint32_t kRunHeader = 4;       // words before the list of rows

}  // namespace

VulkanExecutable::VulkanExecutable(const Program& program, std::shared_ptr<const VulkanWeights> weights, std::shared_ptr<VulkanDevice> device,
                                   const VulkanTuning& tuning, std::size_t maxTokens, std::stop_token stop)
    : m_program(program), m_weights(std::move(weights)), m_device(std::move(device)), m_maxTokens(maxTokens), m_tuning(tuning), m_loadStop(std::move(stop)) {}

VulkanExecutable::~VulkanExecutable() {
  forgetRecordings();
  if (m_descriptors != VK_NULL_HANDLE) m_device->api().vkDestroyDescriptorPool(m_device->handle(), m_descriptors, nullptr);
}

Result<std::unique_ptr<Executable>> VulkanExecutable::create(const Program& program, std::shared_ptr<const VulkanWeights> weights,
                                                             std::shared_ptr<VulkanDevice> device, Ledger& ledger, const std::stop_token& stop) {
  auto tuning = tuningFor(program, weights, device, stop);
  if (!tuning) return tl::unexpected(tuning.error());
  return create(program, std::move(weights), std::move(device), ledger, *tuning, 0, stop);
}

Result<std::unique_ptr<VulkanExecutable>> VulkanExecutable::create(const Program& program, std::shared_ptr<const VulkanWeights> weights,
                                                                   std::shared_ptr<VulkanDevice> device, Ledger& ledger,
                                                                   const VulkanTuning& tuning, std::size_t maxTokens, const std::stop_token& stop) {
  if (maxTokens == 0) maxTokens = longestRun(program.shape);
  std::unique_ptr<VulkanExecutable> executable(new VulkanExecutable(program, std::move(weights), std::move(device), tuning, maxTokens, stop));
  if (auto good = executable->allocate(ledger); !good) return tl::unexpected(good.error());
  if (auto good = executable->compile(ledger); !good) return tl::unexpected(good.error());
  return executable;
}

Result<void> VulkanExecutable::allocate(Ledger& ledger) {
  const auto c = static_cast<std::int64_t>(m_program.shape.nEmbd);
  const auto newValue = [&](const char* name, std::int64_t width) {
    m_program.values.push_back({name, width});
    return static_cast<ValueId>(m_program.values.size()) - 1;
  };
  m_headIn = newValue("head_in", c);
  for (ValueId& up : m_up) up = newValue("up", c);

  std::uint64_t floats = 0, perToken = 0;
  for (const Value& value : m_program.values) {
    m_widths.push_back(static_cast<std::uint32_t>(paddedWidth(value.width)));
    perToken += m_widths.back();
  }
  m_copiedIn = m_program.valuesIn;
  for (const Stage& stage : m_program.stages) {
    if (const auto* embed = std::get_if<Embed>(&stage.op)) m_embedding = embed->table;
    if (const auto* lookUp = std::get_if<LookUp>(&stage.op)) m_rows = lookUp->rows;
  }
  for (const LookUp::Row& row : m_rows) m_copiedIn.push_back(row.out);
  const std::uint64_t vocab = static_cast<std::uint64_t>(m_program.shape.vocab);
  // Of each token of a run; values at a boundary are all as wide as x.
  std::uint64_t in = m_program.range.embedding ? static_cast<std::uint64_t>(c) : 0;
  for (const ValueId id : m_copiedIn) in += ld(id);
  const std::uint64_t out = m_program.range.head ? vocab : m_program.valuesOut.size() * ld(m_headIn);
  const std::array<BoundBuffer, 4> bound{{{"activations", perToken * sizeof(float), 0},
                                          {"inputs", in * sizeof(float), 0},
                                          {m_program.range.head ? "logits" : "outputs", out * sizeof(float), 0},
                                          {"states", 0, m_program.stateLayout.floats() * sizeof(float)}}};
  const auto chunk = chunkThatFits(m_device->candidate().limits, m_maxTokens, bound, m_device->info().name);
  if (!chunk) return tl::unexpected(chunk.error());
  m_maxTokens = *chunk;
  for (const std::uint32_t width : m_widths) {
    m_offsets.push_back(static_cast<std::uint32_t>(floats));
    floats += std::uint64_t{width} * m_maxTokens;
  }
  const auto make = [&](VulkanBuffer& buffer, std::uint64_t bytes, VulkanMemory where, const char* kind) -> Result<void> {
    auto made = m_device->newBuffer(bytes, where, ledger, "scratch", kind);
    if (!made) return tl::unexpected(made.error());
    buffer = std::move(*made);
    return {};
  };
  const std::uint64_t most = m_maxTokens;
  if (auto good = make(m_activations, floats * sizeof(float), VulkanMemory::Device, "activations"); !good) return good;
  if (auto good = make(m_run, (kRunHeader + most) * sizeof(std::uint32_t), VulkanMemory::ToDevice, "run"); !good) return good;
  if (auto good = make(m_inputs, most * in * sizeof(float), VulkanMemory::ToDevice, "inputs"); !good) return good;
  if (auto good = make(m_outputs, most * out * sizeof(float), VulkanMemory::ToHost, m_program.range.head ? "logits" : "outputs"); !good) return good;
  // What a masked row reads must be a number.
  std::memset(m_inputs.data(), 0, m_inputs.bytes());
  return m_device->runOnce([&](VkCommandBuffer commands) { m_device->api().vkCmdFillBuffer(commands, m_activations.handle(), 0, VK_WHOLE_SIZE, 0); });
}

std::uint32_t VulkanExecutable::stateOffset(StateRef ref) const {
  return static_cast<std::uint32_t>(m_program.stateLayout.floatsPerLayer * static_cast<std::size_t>(ref.layer) +
                                    m_program.stateLayout.tensors[static_cast<std::size_t>(ref.tensor)].offset);
}

Result<void> VulkanExecutable::compile(Ledger& ledger) {
  for (const Size size : kSizes) {
    const auto i = static_cast<std::size_t>(size);
    if (size == Size::Many && !m_tuning.tiles) {
      m_bodies[i] = m_bodies[i - 1];
      m_heads[i] = m_heads[i - 1];
      continue;
    }
    if (size != Size::One && m_maxTokens == 1) continue;
    for (const Stage& stage : m_program.stages) {
      if (auto good = compileStage(stage, size, m_bodies[i], m_heads[i]); !good) return good;
    }
  }
  m_device->keepPipelines();
  const auto bytes = std::as_bytes(std::span(m_recordList));
  auto records = m_device->newBuffer(bytes.size(), VulkanMemory::Device, ledger, "scratch", "records");
  if (!records) return tl::unexpected(records.error());
  m_records = std::move(*records);
  if (auto good = m_device->write(m_records, 0, bytes); !good) return good;

  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kMostPairs * kVulkanBindings};
  VkDescriptorPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  pool.maxSets = kMostPairs;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  if (const VkResult r = m_device->api().vkCreateDescriptorPool(m_device->handle(), &pool, nullptr, &m_descriptors); r != VK_SUCCESS)
    return vulkanFailure(r, "making a descriptor pool");
  return {};
}

Result<VulkanExecutable::Pair*> VulkanExecutable::pairOf(const VulkanState& in, const VulkanState& out) {
  const auto key = std::pair(in.id(), out.id());
  if (const auto found = m_pairs.find(key); found != m_pairs.end()) return &found->second;
  if (m_pairs.size() == kMostPairs) forgetRecordings();

  const VkDescriptorSetLayout layout = m_device->setLayout();
  VkDescriptorSetAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  allocate.descriptorPool = m_descriptors;
  allocate.descriptorSetCount = 1;
  allocate.pSetLayouts = &layout;
  Pair pair;
  if (const VkResult r = m_device->api().vkAllocateDescriptorSets(m_device->handle(), &allocate, &pair.set); r != VK_SUCCESS)
    return vulkanFailure(r, "making a descriptor set");
  const std::array<VkBuffer, kVulkanBindings> buffers{m_activations.handle(), m_run.handle(), m_inputs.handle(), m_outputs.handle(), in.buffer().handle(), out.buffer().handle(), m_activations.handle()};
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
  m_device->api().vkUpdateDescriptorSets(m_device->handle(), kVulkanBindings, writes.data(), 0, nullptr);
  return &m_pairs.emplace(key, std::move(pair)).first->second;
}

void VulkanExecutable::forgetRecordings() {
  std::vector<VkCommandBuffer> commands;
  for (const auto& [key, pair] : m_pairs) {
    for (const auto* recordings : {&pair.bodies, &pair.heads})
      for (const auto& [size, pieces] : *recordings) commands.insert(commands.end(), pieces.begin(), pieces.end());
  }
  m_device->freeCommands(commands);
  m_pairs.clear();
  if (m_descriptors != VK_NULL_HANDLE) m_device->api().vkResetDescriptorPool(m_device->handle(), m_descriptors, 0);
}

void VulkanExecutable::skipBarrier(std::optional<Barrier> barrier) {
  const std::lock_guard lock(m_running);
  m_skippedBarrier = barrier;
  forgetRecordings();
}

Result<std::vector<float>> VulkanExecutable::read(ValueId id, std::size_t tokens) const {
  const auto width = static_cast<std::size_t>(m_program.values[static_cast<std::size_t>(id)].width);
  std::vector<float> all(tokens * width);
  for (std::size_t t = 0; t < tokens; ++t) {
    const std::span row(all.data() + t * width, width);
    auto good = m_device->read(m_activations, (offset(id) + t * ld(id)) * sizeof(float), std::as_writable_bytes(row));
    if (!good) return tl::unexpected(good.error());
  }
  return all;
}

std::size_t VulkanExecutable::decodeDispatches(int layer) const {
  return static_cast<std::size_t>(std::count_if(m_bodies[0].begin(), m_bodies[0].end(), [&](const VulkanDispatch& d) { return d.layer == layer; }));
}

void VulkanExecutable::recordCopies(VkCommandBuffer commands, std::span<const ValueId> values, std::uint32_t size, const VulkanBuffer& buffer, std::size_t first, bool in) const {
  std::uint64_t at = first * sizeof(float);
  for (const ValueId id : values) {
    const std::uint64_t inActivations = std::uint64_t{offset(id)} * sizeof(float), row = std::uint64_t{ld(id)} * sizeof(float);
    const VkBufferCopy copy{in ? at : inActivations, in ? inActivations : at, size * row};
    m_device->api().vkCmdCopyBuffer(commands, in ? buffer.handle() : m_activations.handle(), in ? m_activations.handle() : buffer.handle(), 1, &copy);
    at += m_maxTokens * row;
  }
}

void VulkanExecutable::takeInputs(const RunArgs& args) {
  auto* inputs = reinterpret_cast<float*>(m_inputs.data());
  const auto width = static_cast<std::size_t>(m_program.shape.nEmbd);
  if (m_program.range.embedding)
    for (std::size_t t = 0; t < args.tokens.size(); ++t) m_weights->table(m_embedding).read(args.tokens[t], inputs + t * width);
  inputs += embeddingFloats();
  const float* from = args.valuesIn.data();
  for (const ValueId id : m_program.valuesIn) {
    for (std::size_t t = 0; t < args.tokens.size(); ++t, from += width) std::copy_n(from, width, inputs + t * ld(id));
    inputs += m_maxTokens * ld(id);
  }
  for (const auto& [table, out] : m_rows) {
    for (std::size_t t = 0; t < args.tokens.size(); ++t) m_weights->table(table).read(args.tokens[t], inputs + t * ld(out));
    inputs += m_maxTokens * ld(out);
  }
}

void VulkanExecutable::handOutValues(const RunArgs& args) const {
  const auto* outputs = reinterpret_cast<const float*>(m_outputs.data());
  const auto width = static_cast<std::size_t>(m_program.shape.nEmbd);
  float* to = args.valuesOut.data();
  for (const ValueId id : m_program.valuesOut) {
    for (std::size_t t = 0; t < args.tokens.size(); ++t, to += width) std::copy_n(outputs + t * ld(id), width, to);
    outputs += m_maxTokens * ld(id);
  }
}

// A chunk is recorded in pieces: a system resets a device that does not come back from its work within a few seconds, and
// a small one takes that long for a chunk of a large model.
std::vector<VulkanExecutable::Piece> VulkanExecutable::piecesOf(bool body, std::uint32_t size) const {
  const std::size_t all = dispatchesOf(body, size).size(), most = sizeOf(size) == Size::Many ? kPiece : std::max<std::size_t>(1, all);
  std::vector<Piece> pieces;
  for (std::size_t first = 0; first == 0 || first < all; first += most) pieces.push_back({first, std::min(all, first + most), body});
  return pieces;
}

Result<void> VulkanExecutable::addCommands(Pair& pair, bool body, std::uint32_t size, std::vector<VkCommandBuffer>& commands) {
  auto& recordings = body ? pair.bodies : pair.heads;
  auto found = recordings.find(size);
  if (found == recordings.end()) {
    std::vector<VkCommandBuffer> recorded;
    std::size_t barriers = 0;
    for (const Piece& piece : piecesOf(body, size)) {
      auto made = record(pair, piece, size, barriers);
      if (!made) {
        m_device->freeCommands(recorded);
        return tl::unexpected(made.error());
      }
      recorded.push_back(*made);
    }
    found = recordings.emplace(size, std::move(recorded)).first;
  }
  commands.insert(commands.end(), found->second.begin(), found->second.end());
  return {};
}

Result<VkCommandBuffer> VulkanExecutable::record(const Pair& pair, const Piece& piece, std::uint32_t size, std::size_t& barriers) const {
  auto made = m_device->newCommands(fmt::format("{} of {}", piece.body ? "body" : "head", size));
  if (!made) return made;
  const VolkDeviceTable& api = m_device->api();
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  VkResult recorded = VK_SUCCESS;
  {
    const auto lock = m_device->recording();
    recorded = api.vkBeginCommandBuffer(*made, &begin);
    if (recorded == VK_SUCCESS) {
      recordPiece(*made, pair, piece, size, barriers);
      recorded = api.vkEndCommandBuffer(*made);
    }
  }
  if (recorded == VK_SUCCESS) return made;
  m_device->freeCommands(std::span(&*made, 1));
  return vulkanFailure(recorded, "recording commands");
}

void VulkanExecutable::recordPiece(VkCommandBuffer commands, const Pair& pair, const Piece& piece, std::uint32_t size, std::size_t& barriers) const {
  const auto [first, last, body] = piece;
  const Dispatches& dispatches = dispatchesOf(body, size);
  const VolkDeviceTable& api = m_device->api();
  const auto barrier = [&](VkPipelineStageFlags from, VkAccessFlags fromAccess, VkPipelineStageFlags to, VkAccessFlags toAccess) {
    const std::size_t number = barriers++;
    if (m_skippedBarrier && m_skippedBarrier->body == body && m_skippedBarrier->number == number) return;
    const VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, fromAccess, toAccess};
    api.vkCmdPipelineBarrier(commands, from, to, 0, 1, &memory, 0, nullptr, 0, nullptr);
  };
  constexpr VkPipelineStageFlags kCompute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, kTransfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
  constexpr VkAccessFlags kReadWrite = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  const bool copiesIn = body && first == 0 && !m_copiedIn.empty();
  const bool copiesOut = body && last == dispatches.size() && !m_program.valuesOut.empty();
  if (copiesIn) {  // what ran before ended with a barrier for copies
    recordCopies(commands, m_copiedIn, size, m_inputs, embeddingFloats(), true);
    barrier(kTransfer, VK_ACCESS_TRANSFER_WRITE_BIT, kCompute, kReadWrite);
  } else {  // what earlier command buffers left: the last token's state, and for the head the body's last row
    barrier(kCompute | kTransfer, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT, kCompute, kReadWrite);
  }
  api.vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, m_device->pipelineLayout(), 0, 1, &pair.set, 0, nullptr);
  VkPipeline bound = VK_NULL_HANDLE;
  for (std::size_t i = first; i < last; ++i) {
    const VulkanDispatch& dispatch = dispatches[i];
    if (dispatch.pipeline != bound) api.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, dispatch.pipeline);
    bound = dispatch.pipeline;
    struct {
      std::uint64_t records;
      std::uint32_t count, option;
    } push{m_records.address() + dispatch.firstRecord * sizeof(VulkanRecord), dispatch.recordCount, dispatch.option};
    api.vkCmdPushConstants(commands, m_device->pipelineLayout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, &push);
    const std::uint32_t x = dispatch.tokensPerGroup == 0 ? dispatch.groupsX : (size + dispatch.tokensPerGroup - 1) / dispatch.tokensPerGroup;
    api.vkCmdDispatch(commands, x, dispatch.groupsY, 1);
    if (i + 1 < last) barrier(kCompute, VK_ACCESS_SHADER_WRITE_BIT, kCompute, kReadWrite);
  }
  if (last < dispatches.size()) return;  // the next piece begins with a barrier
  // For the host, which reads outputs, and for copies: of a state, and of values here and at the next run's beginning. The
  // copies' target is bound as logits, so for all that validation knows a dispatch wrote there.
  constexpr VkPipelineStageFlags kHost = VK_PIPELINE_STAGE_HOST_BIT;
  constexpr VkAccessFlags kFetched = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
  barrier(kCompute, VK_ACCESS_SHADER_WRITE_BIT, kHost | kTransfer, kFetched | VK_ACCESS_TRANSFER_WRITE_BIT);
  if (copiesOut) {
    recordCopies(commands, m_program.valuesOut, size, m_outputs, 0, false);
    barrier(kTransfer, VK_ACCESS_TRANSFER_WRITE_BIT, kHost | kTransfer, kFetched);
  }
}

Result<VulkanExecutable::Together> VulkanExecutable::recordTogether(const VulkanState& a, const VulkanState& b, std::uint32_t tokens) {
  const std::lock_guard lock(m_running);
  auto there = pairOf(a, b);
  if (!there) return tl::unexpected(there.error());
  auto back = pairOf(b, a);
  if (!back) return tl::unexpected(back.error());
  Ledger ledger;
  // What stands for the staging memory: the state before, and after each run the state and the outputs.
  const std::uint64_t stateBytes = a.buffer().bytes(), outputBytes = m_outputs.bytes();
  auto fetched = m_device->newBuffer(3 * stateBytes + 2 * outputBytes, VulkanMemory::ToHost, ledger, "test", "fetched");
  if (!fetched) return tl::unexpected(fetched.error());
  const VolkDeviceTable& api = m_device->api();
  Together together;
  std::uint64_t at = 0;
  const auto fetch = [&](VkCommandBuffer recorded, const VulkanBuffer& buffer) {
    const VkBufferCopy copy{0, at, buffer.bytes()};
    api.vkCmdCopyBuffer(recorded, buffer.handle(), fetched->handle(), 1, &copy);
    at += buffer.bytes();
  };
  const auto commands = m_device->recordOnce([&](VkCommandBuffer recorded) {
    const VkBufferCopy upload{2 * (stateBytes + outputBytes), 0, stateBytes};
    api.vkCmdCopyBuffer(recorded, fetched->handle(), a.buffer().handle(), 1, &upload);
    for (const bool first : {true, false}) {
      const Pair& pair = first ? **there : **back;
      together = {};
      const auto body = piecesOf(true, std::bit_ceil(tokens));
      together.pieces = body.size();
      for (const Piece& piece : body) recordPiece(recorded, pair, piece, std::bit_ceil(tokens), together.bodyBarriers);
      fetch(recorded, first ? b.buffer() : a.buffer());
      const bool head = m_program.range.head;
      if (!first && head)
        for (const Piece& piece : piecesOf(false, 1)) recordPiece(recorded, pair, piece, 1, together.headBarriers);
      if (!first || !head) fetch(recorded, m_outputs);
    }
  });
  if (!commands) return tl::unexpected(commands.error());
  m_device->freeCommands(std::span(&*commands, 1));
  return together;
}

Result<double> VulkanExecutable::timeToken(const VulkanState& in, const VulkanState& out, int runs) {
  const std::lock_guard lock(m_running);
  const std::array<std::uint32_t, kRunHeader + 1> header{1, 1, 0, 0, 0};
  std::memcpy(m_run.data(), header.data(), sizeof header);
  auto* inputs = reinterpret_cast<float*>(m_inputs.data());
  for (std::int32_t i = 0; i < m_program.shape.nEmbd; ++i) inputs[i] = static_cast<float>(i * 37 % 101 - 50) / 50.0F;  // or nothing behind a relu is read
  auto pair = pairOf(in, out);
  if (!pair) return tl::unexpected(pair.error());
  std::vector<VkCommandBuffer> commands;
  for (const bool body : {true, false}) {
    if ((body ? m_bodies : m_heads)[0].empty()) continue;
    if (auto good = addCommands(**pair, body, 1, commands); !good) return tl::unexpected(good.error());
  }
  double fastest = std::numeric_limits<double>::infinity();
  for (int i = 0; i <= runs; ++i) {  // the first one is for warming up
    const auto begin = std::chrono::steady_clock::now();
    if (auto good = m_device->run(commands, false); !good) return tl::unexpected(good.error());
    if (i > 0) fastest = std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return fastest;
}

Result<void> VulkanExecutable::submit(const RunArgs& args) {
  const std::lock_guard lock(m_running);
  if (auto good = checkRun(m_program, m_maxTokens, args); !good) return good;

  auto* run = reinterpret_cast<std::uint32_t*>(m_run.data());
  run[0] = static_cast<std::uint32_t>(args.tokens.size());
  run[1] = static_cast<std::uint32_t>(args.logitRows.size());
  run[2] = 0;
  run[3] = 0;
  std::copy(args.logitRows.begin(), args.logitRows.end(), run + kRunHeader);
  takeInputs(args);

  auto pair = pairOf(static_cast<const VulkanState&>(*args.stateIn), static_cast<const VulkanState&>(*args.stateOut));
  if (!pair) return tl::unexpected(pair.error());
  std::vector<VkCommandBuffer> commands;
  const std::uint32_t size = std::bit_ceil(run[0]), rows = std::bit_ceil(run[1]);
  if (auto good = addCommands(**pair, true, size, commands); !good) return good;
  if (!args.logitRows.empty()) {
    if (auto good = addCommands(**pair, false, rows, commands); !good) return good;
  }
  // Every group of every dispatch looks at this word first, so a stop empties the rest of the run.
  auto good = m_device->run(commands, sizeOf(size) == Size::Many, args.stop, [&] { reinterpret_cast<volatile std::uint32_t*>(m_run.data())[2] = 1; });
  if (!good) return good;
  if (args.stop.stop_requested()) return fail(ErrorCode::Cancelled, "The run was stopped.");
  if (m_program.range.head) {
    std::memcpy(args.logits.data(), m_outputs.data(), args.logits.size_bytes());
  } else {
    handOutValues(args);
  }
  return {};
}

}  // namespace rookery::engine
