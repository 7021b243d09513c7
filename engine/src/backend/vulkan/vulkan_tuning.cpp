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
#include <optional>

#include "backend/common/device_cache.h"
#include "backend/vulkan/vulkan_executable.h"
#include "shaders/shaders.h"

namespace rookery::engine {

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRuns = 5;
constexpr double kRunSeconds = 0.1;   // of one candidate; slow devices get fewer runs
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

struct Measured {
  VulkanTuning tuning;
  double seconds = 0;  ///< of a token; 0: nothing could be measured
  bool whole = true;   ///< every candidate was looked at
  Clock::duration spent{};
};

Result<Measured> measure(const Program& program, const std::shared_ptr<const VulkanWeights>& weights, const std::shared_ptr<VulkanDevice>& device,
                         const VulkanTuning& start, Clock::duration left, const std::stop_token& stop) {
  Measured best{start};
  if (left <= Clock::duration::zero()) {
    best.whole = false;
    return best;
  }
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
  int runs = 1;
  std::optional<Clock::time_point> since;  // the first candidate was compiled, which loading needs anyway
  Clock::duration dearest{};               // candidate of its kind after that, compilation included
  const auto consider = [&](const VulkanTuning& tuning) -> Result<void> {
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "Loading was stopped.");
    const auto begin = Clock::now();
    if (since && begin + dearest >= *since + left) {  // it would not end in time
      best.whole = false;
      return {};
    }
    auto executable = VulkanExecutable::create(program, weights, device, ledger, tuning, 1, stop);
    if (!executable) return device->runOnce([](VkCommandBuffer) {});  // a driver may refuse a size of subgroups, say: the others remain, if the device does
    const bool first = !since;
    if (first) since = Clock::now();
    auto time = (*executable)->timeToken(*states[0], *states[1], runs);
    if (time && best.seconds == 0) {
      runs = std::clamp(static_cast<int>(kRunSeconds / *time), 1, kRuns);
      if (runs > 1) time = (*executable)->timeToken(*states[0], *states[1], runs);
    }
    if (!time) return tl::unexpected(time.error());
    if (!first) dearest = std::max(dearest, Clock::now() - begin);
    best.spent = Clock::now() - *since;
    if (best.seconds > 0 && *time >= best.seconds * kWorthwhile) return {};
    best.tuning = tuning;
    best.seconds = *time;
    return {};
  };
  if (auto good = consider(start); !good) return tl::unexpected(good.error());
  if (best.seconds == 0) return best;  // without room to measure, say; loading will tell
  const auto vary = [&](std::uint32_t VulkanTuning::*field, std::uint32_t value) -> Result<void> {
    VulkanTuning tuning = best.tuning;
    tuning.*field = value;
    return tuning == best.tuning ? Result<void>() : consider(tuning);
  };
  for (std::uint32_t lanes = device->candidate().leastLanes; lanes <= device->candidate().mostLanes; lanes *= 2)
    if (auto good = vary(&VulkanTuning::lanes, lanes); !good) return tl::unexpected(good.error());
  dearest = {};  // lanes change every shader, these only the products'
  for (const std::uint32_t unroll : {1U, 2U, 4U, 8U})
    if (auto good = vary(&VulkanTuning::unroll, unroll); !good) return tl::unexpected(good.error());
  for (const std::uint32_t strips : {1U, 2U, 4U})
    if (auto good = vary(&VulkanTuning::strips, strips); !good) return tl::unexpected(good.error());
  return best;
}

Result<VulkanTuning> choose(const Program& program, const std::shared_ptr<const VulkanWeights>& weights, const std::shared_ptr<VulkanDevice>& device,
                            const std::stop_token& stop) {
  const VulkanTuning start = startingPoint(*device);
  const char* wanted = std::getenv("ROOKERY_VULKAN_TUNING");
  const std::string_view asked = wanted == nullptr ? "" : wanted;
  if (!asked.empty() && asked != "measure") {
    auto tuning = parseTuning(asked, start);
    if (tuning && !suits(*tuning, *device))
      return fail(ErrorCode::InvalidArgument, fmt::format("ROOKERY_VULKAN_TUNING: {} does not suit this device: {} to {} lanes make a subgroup, and whole subgroups a group.", asked,
                                                          device->candidate().leastLanes, device->candidate().mostLanes));
    return tuning;
  }
  if (asked.empty() && device->info().software) return start;
  const std::string name = cacheName(program, *weights, *device);
  if (asked.empty()) {
    const std::vector<std::byte> kept = readCached("vulkan", name);
    if (!kept.empty()) {
      auto tuning = parseTuning({reinterpret_cast<const char*>(kept.data()), kept.size()}, start);
      if (tuning && suits(*tuning, *device) && tuning->groupSize == start.groupSize && tuning->part == start.part && tuning->tiles == start.tiles) return tuning;
    }
  }
  TuningRecord& record = device->tuningRecord();
  const bool inFull = record.left == TuningRecord{}.left;
  const VulkanTuning from = record.chosen.empty() ? start : record.chosen.back();
  auto measured = measure(program, weights, device, from, record.left, stop);
  if (!measured) return tl::unexpected(measured.error());
  record.left -= std::min<std::chrono::nanoseconds>(record.left, measured->spent);
  if (measured->seconds == 0 || (!measured->whole && !inFull)) return measured->tuning;  // the next load has more time for it
  const std::string text = tuningText(measured->tuning);
  writeCached("vulkan", name, std::as_bytes(std::span(text)));
  return measured->tuning;
}

}  // namespace

Result<VulkanTuning> parseTuning(std::string_view text, VulkanTuning tuning) {
  const auto bad = [&] { return fail(ErrorCode::InvalidArgument, fmt::format("ROOKERY_VULKAN_TUNING: \"{:.60}\" is no tuning; an example is group=128,part=8,tiles=1,lanes=32,unroll=2,strips=1.", text)); };
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

Result<VulkanTuning> tuningFor(const Program& program, const std::shared_ptr<const VulkanWeights>& weights, const std::shared_ptr<VulkanDevice>& device,
                               const std::stop_token& stop) {
  auto tuning = choose(program, weights, device, stop);
  if (tuning) device->tuningRecord().chosen.push_back(*tuning);
  return tuning;
}

}  // namespace rookery::engine
