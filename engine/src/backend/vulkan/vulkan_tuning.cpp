// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_tuning.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>

#include "backend/vulkan/device_cache.h"
#include "backend/vulkan/vulkan_executable.h"
#include "shaders/shaders.h"

namespace rookery::engine {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kMeasuring{2000};
constexpr int kRuns = 5;
constexpr double kWorthwhile = 0.98;  // of the time so far; less is noise

// On a processor groups are dear and lanes few; barriers across subgroups are dearest of all.
VulkanTuning startingPoint(const VulkanDevice& device) {
  const std::uint32_t lanes = device.candidate().subgroupSize;
  if (device.info().software) return {.groupSize = lanes, .part = 32, .tiles = false, .lanes = lanes, .unroll = 1, .strips = 0};
  VulkanTuning tuning;
  tuning.lanes = lanes;
  tuning.groupSize = std::max(tuning.groupSize, device.candidate().mostLanes);
  return tuning;
}

bool suits(const VulkanTuning& tuning, const VulkanDevice& device) {
  const VulkanCandidate& candidate = device.candidate();
  return tuning.lanes >= candidate.leastLanes && tuning.lanes <= candidate.mostLanes && tuning.groupSize >= tuning.lanes && tuning.groupSize <= candidate.groupSize;
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
  return fmt::format("{}-{:016x}{:016x}.tuning", device.candidate().cacheKey, XXH3_64bits(what.data(), what.size()), XXH3_64bits(code.data(), code.size()));
}

Result<VulkanTuning> measure(const Program& program, const std::shared_ptr<const VulkanWeights>& weights, const std::shared_ptr<VulkanDevice>& device,
                             const VulkanTuning& start, const std::stop_token& stop) {
  const auto deadline = Clock::now() + kMeasuring;
  Ledger ledger;  // nothing of this stays
  std::vector<std::unique_ptr<VulkanState>> states;
  for (int i = 0; i < 2; ++i) {
    auto buffer = device->newBuffer(stateBufferBytes(program.stateLayout), VulkanMemory::Device, ledger, "state", "state");
    if (!buffer) return tl::unexpected(buffer.error());
    const VkBuffer handle = buffer->handle();
    auto good = device->runOnce([&](VkCommandBuffer commands) { device->api().vkCmdFillBuffer(commands, handle, 0, VK_WHOLE_SIZE, 0); });
    if (!good) return tl::unexpected(good.error());
    states.push_back(std::make_unique<VulkanState>(device, std::move(*buffer)));
  }
  VulkanTuning best = start;
  double bestTime = 0;
  const auto consider = [&](const VulkanTuning& tuning) -> Result<void> {
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "Loading was stopped.");
    if (Clock::now() >= deadline) return {};
    auto executable = VulkanExecutable::create(program, weights, device, ledger, tuning, 1);
    if (!executable) return {};  // a driver may refuse a size of subgroups, say: the others remain
    const auto time = (*executable)->timeToken(*states[0], *states[1], kRuns);
    if (!time) return tl::unexpected(time.error());
    if (bestTime > 0 && *time >= bestTime * kWorthwhile) return {};
    best = tuning;
    bestTime = *time;
    return {};
  };
  if (auto good = consider(start); !good) return tl::unexpected(good.error());
  if (bestTime == 0) return start;  // without room to measure, say; loading will tell
  for (std::uint32_t lanes = device->candidate().leastLanes; lanes <= device->candidate().mostLanes; lanes *= 2) {
    VulkanTuning tuning = best;
    tuning.lanes = lanes;
    if (tuning == best) continue;
    if (auto good = consider(tuning); !good) return tl::unexpected(good.error());
  }
  for (const std::uint32_t unroll : {2U, 4U, 8U}) {
    VulkanTuning tuning = best;
    tuning.unroll = unroll;
    if (auto good = consider(tuning); !good) return tl::unexpected(good.error());
  }
  for (const std::uint32_t strips : {1U, 2U, 4U}) {
    VulkanTuning tuning = best;
    tuning.strips = strips;
    if (tuning == best) continue;
    if (auto good = consider(tuning); !good) return tl::unexpected(good.error());
  }
  return best;
}

}  // namespace

Result<VulkanTuning> parseTuning(std::string_view text, VulkanTuning tuning) {
  const auto bad = [&] { return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is no tuning; an example is group=128,part=8,tiles=1,lanes=32,unroll=2,strips=1.", text)); };
  std::uint32_t tiles = tuning.tiles ? 1 : 0;
  struct Field {
    std::uint32_t* value;
    std::uint32_t least, most;
    bool power;
  };
  const std::map<std::string_view, Field> fields{{"group", {&tuning.groupSize, 4, 256, true}}, {"part", {&tuning.part, 2, 32, true}}, {"tiles", {&tiles, 0, 1, false}}, {"lanes", {&tuning.lanes, 4, 128, true}},
                                                 {"unroll", {&tuning.unroll, 1, 8, true}}, {"strips", {&tuning.strips, 0, 64, false}}};
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return bad();
    const auto field = fields.find(item.substr(0, equals));
    if (field == fields.end()) return bad();
    std::uint32_t value = 0;
    const char* end = item.data() + item.size();
    if (const auto [at, problem] = std::from_chars(item.data() + equals + 1, end, value); problem != std::errc() || at != end) return bad();
    const Field& f = field->second;
    if (value < f.least || value > f.most || (f.power && !std::has_single_bit(value))) return bad();
    *f.value = value;
  }
  tuning.tiles = tiles != 0;
  return tuning;
}

std::string tuningText(const VulkanTuning& tuning) {
  return fmt::format("group={},part={},tiles={},lanes={},unroll={},strips={}", tuning.groupSize, tuning.part, tuning.tiles ? 1 : 0, tuning.lanes, tuning.unroll, tuning.strips);
}

Result<VulkanTuning> tuningFor(const Program& program, const std::shared_ptr<const VulkanWeights>& weights, const std::shared_ptr<VulkanDevice>& device, const std::stop_token& stop) {
  const VulkanTuning start = startingPoint(*device);
  const char* wanted = std::getenv("ROOKERY_VULKAN_TUNING");
  const std::string_view asked = wanted == nullptr ? "" : wanted;
  if (!asked.empty() && asked != "measure") {
    auto tuning = parseTuning(asked, start);
    if (tuning && !suits(*tuning, *device))
      return fail(ErrorCode::InvalidArgument, fmt::format("{} does not suit this device: {} to {} lanes make a subgroup, and whole subgroups a group.", asked,
                                                          device->candidate().leastLanes, device->candidate().mostLanes));
    return tuning;
  }
  if (asked.empty() && device->info().software) return start;
  const std::string name = cacheName(program, *weights, *device);
  if (asked.empty()) {
    const std::vector<std::byte> kept = readCached(name);
    if (!kept.empty()) {
      auto tuning = parseTuning({reinterpret_cast<const char*>(kept.data()), kept.size()}, start);
      if (tuning && suits(*tuning, *device) && tuning->groupSize == start.groupSize && tuning->part == start.part && tuning->tiles == start.tiles) return tuning;
    }
  }
  auto tuning = measure(program, weights, device, start, stop);
  if (!tuning) return tuning;
  const std::string text = tuningText(*tuning);
  writeCached(name, std::as_bytes(std::span(text)));
  return tuning;
}

}  // namespace rookery::engine
