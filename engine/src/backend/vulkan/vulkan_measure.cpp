// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_measure.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "backend/common/device_cache.h"
#include "backend/vulkan/vulkan_executable.h"
#include "shaders/shaders.h"

namespace rookery::engine {

namespace {

using Search = TuningSearch<VulkanTuning>;

// On a processor groups are dear and lanes few; barriers across subgroups are dearest of all.
VulkanTuning startingPoint(const VulkanDevice& device) {
  const std::uint32_t lanes = device.candidate().subgroupSize;
  if (device.info().software)
    return {.groupSize = lanes, .part = 32, .tiles = false, .lanes = lanes, .unroll = 1, .strips = 0};
  VulkanTuning tuning;
  tuning.lanes = lanes;
  tuning.groupSize = std::max(tuning.groupSize, device.candidate().mostLanes);
  return tuning;
}

bool suits(const VulkanTuning& tuning, const VulkanDevice& device) {
  const VulkanCandidate& candidate = device.candidate();
  return tuning.lanes >= candidate.leastLanes && tuning.lanes <= candidate.mostLanes &&
         tuning.groupSize >= tuning.lanes && tuning.groupSize <= candidate.groupSize;
}

// What the speed of a tuning depends on.
std::string cacheName(const Program& program, const VulkanWeights& weights, const VulkanDevice& device) {
  std::string what = fmt::format("{} {}", program.shape.vocab, program.stages.size());
  for (std::size_t i = 0; i < program.weights.size(); ++i) {
    const kernels::PackedMatrix& matrix = weights.matrix(static_cast<WeightId>(i));
    if (program.weights[i].role != WeightRole::Vector && program.weights[i].role != WeightRole::Embedding)
      what += fmt::format(" {}:{}x{}:{}", static_cast<int>(matrix.format), matrix.rows, matrix.cols, matrix.panelRows);
  }
  const auto code = shaders::find("gemm", device.candidate().int64);
  return fmt::format("{}-{:016x}{:016x}.tuning", device.candidate().cacheKey, XXH3_64bits(what.data(), what.size()),
                     XXH3_64bits(code.data(), code.size()));
}

/// Two empty states for a run.
Result<std::array<std::shared_ptr<VulkanState>, 2>> emptyStates(const StateLayout& layout,
                                                                const std::shared_ptr<VulkanDevice>& device,
                                                                Ledger& ledger) {
  std::array<std::shared_ptr<VulkanState>, 2> states;
  for (auto& state : states) {
    auto buffer = device->newBuffer(stateBufferBytes(layout), VulkanMemory::Device, ledger, "state", "state");
    if (!buffer) return tl::unexpected(buffer.error());
    const VkBuffer handle = buffer->handle();
    auto good = device->runOnce(
        [&](VkCommandBuffer commands) { device->api().vkCmdFillBuffer(commands, handle, 0, VK_WHOLE_SIZE, 0); });
    if (!good) return tl::unexpected(good.error());
    state = std::make_shared<VulkanState>(device, std::move(*buffer));
  }
  return states;
}

Result<Search> measure(const Program& program, const std::shared_ptr<const VulkanWeights>& weights,
                       const std::shared_ptr<VulkanDevice>& device, const VulkanTuning& start,
                       std::chrono::nanoseconds left, const std::stop_token& stop) {
  Ledger ledger;  // nothing of this stays
  if (left <= left.zero()) return Search::withoutTime(start);
  const auto states = emptyStates(program.stateLayout, device, ledger);
  if (!states) return tl::unexpected(states.error());
  std::shared_ptr<VulkanExecutable> executable;
  const auto compile = [&](const VulkanTuning& tuning) -> Result<Search::Timer> {
    executable.reset();
    auto made = VulkanExecutable::create(program, weights, device, ledger, tuning, 1, stop);
    if (!made) {  // a driver may refuse a size of subgroups, say: the others remain, if the device does
      if (auto good = device->runOnce([](VkCommandBuffer) {}); !good) return tl::unexpected(good.error());
      return Search::Timer();
    }
    executable = std::move(*made);
    return [&](int runs) { return executable->timeToken(*(*states)[0], *(*states)[1], runs); };
  };
  Search search(start, left, stop);
  if (auto good = search.consider(start, compile); !good) return tl::unexpected(good.error());
  if (!search.measured()) return search;
  std::vector<std::uint32_t> lanes;
  for (std::uint32_t n = device->candidate().leastLanes; n <= device->candidate().mostLanes; n *= 2) lanes.push_back(n);
  if (auto good = search.vary(&VulkanTuning::lanes, lanes, compile); !good) return tl::unexpected(good.error());
  search.forgetCost();  // lanes change every shader, these only the products'
  if (auto good = search.vary(&VulkanTuning::unroll, std::array{1U, 2U, 4U, 8U}, compile); !good)
    return tl::unexpected(good.error());
  if (auto good = search.vary(&VulkanTuning::strips, std::array{1U, 2U, 4U}, compile); !good)
    return tl::unexpected(good.error());
  return search;
}

Result<VulkanTuning> choose(const Program& program, const std::shared_ptr<const VulkanWeights>& weights,
                            const std::shared_ptr<VulkanDevice>& device, const std::stop_token& stop) {
  const VulkanTuning start = startingPoint(*device);
  const char* wanted = std::getenv("ROOKERY_VULKAN_TUNING");
  const std::string_view asked = wanted == nullptr ? "" : wanted;
  if (!asked.empty() && asked != "measure") {
    auto tuning = parseTuning(asked, start);
    if (tuning && !suits(*tuning, *device))
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("ROOKERY_VULKAN_TUNING: {} does not suit this device: {} to {} lanes make a subgroup, "
                              "and whole subgroups a group.",
                              asked, device->candidate().leastLanes, device->candidate().mostLanes));
    return tuning;
  }
  if (asked.empty() && device->info().software) return start;
  const std::string name = cacheName(program, *weights, *device);
  if (asked.empty()) {
    const std::vector<std::byte> kept = readCached("vulkan", name);
    if (!kept.empty()) {
      auto tuning = parseTuning({reinterpret_cast<const char*>(kept.data()), kept.size()}, start);
      if (tuning && suits(*tuning, *device) && tuning->groupSize == start.groupSize && tuning->part == start.part &&
          tuning->tiles == start.tiles)
        return tuning;
    }
  }
  VulkanTuningRecord& record = device->tuningRecord();
  const bool inFull = record.left == VulkanTuningRecord{}.left;
  const VulkanTuning from = record.chosen.empty() ? start : record.chosen.back();
  auto search = measure(program, weights, device, from, record.left, stop);
  if (!search) return tl::unexpected(search.error());
  record.left -= std::min(record.left, search->spent());
  if (!search->measured() || (!search->whole() && !inFull))
    return search->best();  // the next load has more time for it
  const std::string text = tuningText(search->best());
  writeCached("vulkan", name, std::as_bytes(std::span(text)));
  return search->best();
}

}  // namespace

Result<VulkanTuning> tuningFor(const Program& program, const std::shared_ptr<const VulkanWeights>& weights,
                               const std::shared_ptr<VulkanDevice>& device, const std::stop_token& stop) {
  auto tuning = choose(program, weights, device, stop);
  if (tuning) device->tuningRecord().chosen.push_back(*tuning);
  return tuning;
}

}  // namespace rookery::engine
