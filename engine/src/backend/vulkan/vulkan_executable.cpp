// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_executable.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>

#include "backend/common/runs.h"

namespace rookery::engine {

namespace {

enum RunWord : std::uint8_t {
  kTokens,
  kRows,
  kCancel,
  kPad,
  kFirstRow
};  ///< of the buffer `run` (shaders/common.glsl)

}  // namespace

VulkanExecutable::VulkanExecutable(const Program& program, std::shared_ptr<const VulkanWeights> weights,
                                   std::shared_ptr<VulkanDevice> device) {
  m_work.program = program;
  m_work.lowered = lower(m_work.program);
  m_work.weights = std::move(weights);
  m_work.device = std::move(device);
}

Result<std::unique_ptr<VulkanExecutable>> VulkanExecutable::create(const Program& program,
                                                                   std::shared_ptr<const VulkanWeights> weights,
                                                                   std::shared_ptr<VulkanDevice> device, Ledger& ledger,
                                                                   const VulkanTuning& tuning, std::size_t maxTokens,
                                                                   const std::stop_token& stop) {
  std::unique_ptr<VulkanExecutable> executable(new VulkanExecutable(program, std::move(weights), std::move(device)));
  if (auto good = executable->allocate(maxTokens == 0 ? longestRun(program.shape) : maxTokens, ledger); !good)
    return tl::unexpected(good.error());
  if (auto good = executable->compile(tuning, stop); !good) return tl::unexpected(good.error());
  return executable;
}

Result<VulkanScratch> vulkanScratch(const Program& program, const LoweredProgram& lowered, std::size_t wanted,
                                    const VulkanLimits& limits, std::string_view device) {
  VulkanScratch scratch;
  scratch.outputKind = program.range.head ? "logits" : "outputs";
  const HostExchange ofToken(program, 1);
  const std::uint64_t activations = ActivationLayout(lowered.values, 1).floats() * sizeof(float),
                      inputs = ofToken.inputs.floats() * sizeof(float),
                      outputs = ofToken.outputs.floats() * sizeof(float);
  const std::array<BoundBuffer, 4> bound{{{"activations", activations, 0},
                                          {"inputs", inputs, 0},
                                          {scratch.outputKind, outputs, 0},
                                          {"states", 0, program.stateLayout.floats() * sizeof(float)}}};
  const auto chunk = chunkThatFits(limits, wanted, bound, device);
  if (!chunk) return tl::unexpected(chunk.error());
  scratch.maxTokens = *chunk;
  scratch.activations = activations * *chunk;
  scratch.run = (kFirstRow + *chunk) * sizeof(std::uint32_t);
  scratch.inputs = inputs * *chunk;
  scratch.outputs = outputs * *chunk;
  scratch.records = mostRecords(lowered) * sizeof(VulkanRecord);
  return scratch;
}

Result<void> VulkanExecutable::allocate(std::size_t maxTokens, Ledger& ledger) {
  VulkanWork& w = m_work;
  const auto scratch =
      vulkanScratch(w.program, w.lowered, maxTokens, w.device->candidate().limits, w.device->info().name);
  if (!scratch) return tl::unexpected(scratch.error());
  w.maxTokens = scratch->maxTokens;
  w.layout = {w.lowered.values, w.maxTokens};
  w.exchange = HostExchange(w.program, w.maxTokens);
  const auto make = [&](VulkanBuffer& buffer, std::uint64_t bytes, VulkanMemory where,
                        const char* kind) -> Result<void> {
    auto made = w.device->newBuffer(bytes, where, ledger, "scratch", kind);
    if (!made) return tl::unexpected(made.error());
    buffer = std::move(*made);
    return {};
  };
  if (auto good = make(w.activations, scratch->activations, VulkanMemory::Device, "activations"); !good) return good;
  if (auto good = make(w.run, scratch->run, VulkanMemory::ToDevice, "run"); !good) return good;
  if (auto good = make(w.inputs, scratch->inputs, VulkanMemory::ToDevice, "inputs"); !good) return good;
  if (auto good = make(w.outputs, scratch->outputs, VulkanMemory::ToHost, scratch->outputKind); !good) return good;
  if (auto good = make(w.records, scratch->records, VulkanMemory::Device, "records"); !good) return good;
  // What a masked row reads must be a number.
  std::memset(w.inputs.data(), 0, w.inputs.bytes());
  return w.device->runOnce([&](VkCommandBuffer commands) {
    w.device->api().vkCmdFillBuffer(commands, w.activations.handle(), 0, VK_WHOLE_SIZE, 0);
  });
}

Result<void> VulkanExecutable::compile(const VulkanTuning& tuning, const std::stop_token& stop) {
  VulkanWork& w = m_work;
  auto compiled = compileProgram({w.program, w.lowered, w.layout, *w.weights, *w.device, tuning, w.maxTokens}, stop);
  if (!compiled) return tl::unexpected(compiled.error());
  w.compiled = std::move(*compiled);
  w.device->keepPipelines();
  if (auto good = w.device->write(w.records, 0, std::as_bytes(std::span(w.compiled.records))); !good) return good;
  return m_recorder.create();
}

void VulkanExecutable::writeRun(std::uint32_t tokens, std::span<const std::uint32_t> rows) {
  auto* run = reinterpret_cast<std::uint32_t*>(m_work.run.data());
  run[kTokens] = tokens;
  run[kRows] = static_cast<std::uint32_t>(rows.size());
  run[kCancel] = 0;
  run[kPad] = 0;
  std::copy(rows.begin(), rows.end(), run + kFirstRow);
}

Result<double> VulkanExecutable::timeToken(const VulkanState& in, const VulkanState& out, int runs) {
  const std::lock_guard lock(m_running);
  const std::uint32_t row = 0;
  writeRun(1, std::span(&row, 1));
  auto* inputs = reinterpret_cast<float*>(m_work.inputs.data());
  for (std::int32_t i = 0; i < m_work.program.shape.nEmbd; ++i)
    inputs[i] = static_cast<float>(i * 37 % 101 - 50) / 50.0F;  // or nothing behind a relu is read
  std::vector<VkCommandBuffer> commands;
  if (auto good = m_recorder.addRun(in, out, 1, m_work.program.range.head ? 1 : 0, commands); !good)
    return tl::unexpected(good.error());
  double fastest = std::numeric_limits<double>::infinity();
  for (int i = 0; i <= runs; ++i) {  // the first one is for warming up
    const auto begin = std::chrono::steady_clock::now();
    if (auto good = m_work.device->run(commands, false); !good) return tl::unexpected(good.error());
    if (i > 0)
      fastest = std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return fastest;
}

Result<void> VulkanExecutable::submit(const RunArgs& args) {
  const std::lock_guard lock(m_running);
  const Program& program = m_work.program;
  if (auto good = checkRun(program, m_work.maxTokens, args); !good) return good;
  const auto tokens = static_cast<std::uint32_t>(args.tokens.size());
  writeRun(tokens, args.logitRows);
  takeInputs(program, m_work.exchange, m_work.weights->tables(), args, reinterpret_cast<float*>(m_work.inputs.data()));
  std::vector<VkCommandBuffer> commands;
  auto good =
      m_recorder.addRun(static_cast<const VulkanState&>(*args.stateIn), static_cast<const VulkanState&>(*args.stateOut),
                        tokens, static_cast<std::uint32_t>(args.logitRows.size()), commands);
  if (!good) return good;
  // Every group of every dispatch looks at this word first, so a stop empties the rest of the run.
  const auto cancel = [&] { reinterpret_cast<volatile std::uint32_t*>(m_work.run.data())[kCancel] = 1; };
  const bool apart = runSizeOf(tokens) == RunSize::Many;
  if (good = m_work.device->run(commands, apart, args.stop, cancel); !good) return good;
  if (args.stop.stop_requested()) return fail(ErrorCode::Cancelled, "The run was stopped.");
  if (program.range.head) {
    std::memcpy(args.logits.data(), m_work.outputs.data(), args.logits.size_bytes());
  } else {
    handOutValues(program, m_work.exchange.outputs, args, reinterpret_cast<const float*>(m_work.outputs.data()));
  }
  return {};
}

}  // namespace rookery::engine
