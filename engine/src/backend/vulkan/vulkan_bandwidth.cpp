// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_bandwidth.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <vector>

#include "shaders/records.h"
#include "device/cpu_facts.h"

namespace rookery::engine {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kUnit = std::uint64_t{16} << 20;      // the buffer is so many of them
constexpr std::uint64_t kMost = std::uint64_t{2} << 30;
constexpr std::uint64_t kLeast = std::uint64_t{256} << 20;    // caches of graphics devices hold up to half of it
constexpr std::uint64_t kLittle = std::uint64_t{4} << 20;     // read first, to learn how fast a pattern is
constexpr std::uint32_t kMostGroups = 16384;
constexpr std::uint64_t kQuad = 16;
constexpr std::uint64_t kMostSteps = 32768;                   // llvmpipe leaves a loop after 65535 rounds
constexpr std::uint64_t kMostParts = 1024;                    // dispatches of a pass
constexpr double kPassSeconds = 0.025;                        // long against the start of a run, short for a stop
constexpr double kLongestStep = 0.03;
constexpr double kExploreSeconds = 1.2, kFinalSeconds = 0.5;  // what was measured by then counts
constexpr std::size_t kFinalists = 4;
constexpr int kFinalRepeats = 5;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<std::uint32_t> groupCounts(const VulkanDevice& device) {
  if (!device.info().software) return {1024, 4096, kMostGroups};
  const auto cores = static_cast<std::uint32_t>(std::clamp(physicalCores(), 1, 1024));
  return {cores, 4 * cores, 16 * cores};
}

/// 0: too little is free for a figure that no cache made.
std::uint64_t bufferBytes(const VulkanDevice& device) {
  const std::uint64_t free = std::min(device.freeBytes() / 2, device.candidate().allocationBytes);
  const std::uint64_t wanted = device.info().software ? std::max(kLeast, 4 * lastLevelCacheBytes()) : std::clamp(device.freeBytes() / 4, kLeast, kMost);
  const std::uint64_t bytes = std::min({wanted, free, kMost});
  return bytes < kLeast ? 0 : bytes;
}

}  // namespace

VulkanReadProbe::VulkanReadProbe(std::shared_ptr<VulkanDevice> device) : m_device(std::move(device)) {
  const VulkanCandidate& candidate = m_device->candidate();
  m_groupSize = candidate.info.software ? candidate.subgroupSize : std::bit_floor(std::min(256U, candidate.groupSize));
  m_subgroups = std::max(1U, m_groupSize / candidate.subgroupSize);
}

Result<std::unique_ptr<VulkanReadProbe>> VulkanReadProbe::create(std::shared_ptr<VulkanDevice> device, std::uint64_t bytes, const std::stop_token& stop) {
  std::unique_ptr<VulkanReadProbe> probe(new VulkanReadProbe(std::move(device)));
  const std::uint64_t sums = std::uint64_t{kMostGroups} * probe->m_subgroups * sizeof(std::uint32_t);
  probe->m_bytes = (std::max(bytes, kUnit + sums) - sums) / kUnit * kUnit;
  auto buffer = probe->m_device->newBuffer(sums + probe->m_bytes, VulkanMemory::Device, probe->m_ledger, "probe", "probe");
  if (!buffer) return tl::unexpected(buffer.error());
  probe->m_buffer = std::move(*buffer);
  probe->m_next = probe->first();
  if (auto good = probe->fill(stop); !good) return tl::unexpected(good.error());
  return probe;
}

std::uint32_t VulkanReadProbe::word(std::uint32_t index) noexcept {
  std::uint32_t x = index * 0x9e3779b9U;
  x = (x ^ x >> 15U) * 0x85ebca6bU;
  return x ^ x >> 13U;
}

std::uint64_t VulkanReadProbe::stepBytes(const VulkanReadPattern& pattern) const {
  return std::uint64_t{pattern.groups} * m_groupSize * pattern.loads * kQuad;
}

Result<void> VulkanReadProbe::dispatch(const VulkanReadPattern& pattern, bool fill, std::uint32_t steps, std::span<const std::uint64_t> offsets) {
  using namespace shaders;
  const auto pipeline = m_device->pipeline("read", {{kIdGroupSize, m_groupSize}, {kIdSubgroups, m_subgroups}, {kIdLoads, pattern.loads},
                                                    {kIdStrided, pattern.strided ? 1 : 0}, {kIdFill, fill ? 1 : 0}},
                                           m_device->candidate().subgroupSize);
  if (!pipeline) return tl::unexpected(pipeline.error());
  m_sums = pattern.groups * m_subgroups;
  const VolkDeviceTable& api = m_device->api();
  return m_device->runOnce([&](VkCommandBuffer commands) {
    const VkMemoryBarrier written{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_HOST_READ_BIT};
    api.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, *pipeline);
    for (const std::uint64_t offset : offsets) {
      const struct {
        std::uint64_t buffer;
        std::uint32_t steps, firstQuad;
      } push{m_buffer.address(), steps, static_cast<std::uint32_t>(offset / kQuad)};
      api.vkCmdPushConstants(commands, m_device->pipelineLayout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, &push);
      api.vkCmdDispatch(commands, pattern.groups, 1, 1);
    }
    api.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                             &written, 0, nullptr, 0, nullptr);
  });
}

Result<void> VulkanReadProbe::fill(const std::stop_token& stop) {
  const VulkanReadPattern pattern{1, true, 64};
  const auto steps = static_cast<std::uint32_t>(kUnit / stepBytes(pattern));
  for (std::uint64_t at = first(); at < m_buffer.bytes(); at += kUnit) {
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "The measurement was stopped.");
    if (auto good = dispatch(pattern, true, steps, std::span(&at, 1)); !good) return good;
  }
  return {};
}

Result<VulkanReadProbe::Pass> VulkanReadProbe::read(const VulkanReadPattern& pattern, std::uint64_t bytes) {
  const std::uint64_t step = stepBytes(pattern);
  const std::uint64_t steps = std::min({m_bytes / step, std::max<std::uint64_t>(1, bytes / step), kMostSteps});
  if (steps == 0) return Pass{};
  Pass pass;
  pass.partBytes = steps * step;
  std::vector<std::uint64_t> offsets(std::clamp<std::uint64_t>(bytes / pass.partBytes, 1, kMostParts));
  for (std::uint64_t& offset : offsets) {
    if (m_next + pass.partBytes > m_buffer.bytes()) m_next = first();
    offset = m_next;
    m_next += pass.partBytes;
  }
  pass.lastPart = offsets.back();
  pass.bytes = pass.partBytes * offsets.size();
  const auto start = Clock::now();
  if (auto good = dispatch(pattern, false, static_cast<std::uint32_t>(steps), offsets); !good) return tl::unexpected(good.error());
  pass.seconds = secondsSince(start);
  return pass;
}

Result<std::uint32_t> VulkanReadProbe::checksum() {
  std::vector<std::uint32_t> sums(m_sums);
  if (auto good = m_device->read(m_buffer, 0, std::as_writable_bytes(std::span(sums))); !good) return tl::unexpected(good.error());
  std::uint32_t all = 0;
  for (const std::uint32_t sum : sums) all ^= sum;
  return all;
}

BandwidthResult measureReadBandwidth(const std::shared_ptr<VulkanDevice>& device, const std::stop_token& stop) {
  const std::uint64_t bytes = bufferBytes(*device);
  if (bytes == 0 || stop.stop_requested()) return {};
  const auto probe = VulkanReadProbe::create(device, bytes, stop);
  if (!probe) return {};
  struct Candidate {
    VulkanReadPattern pattern;
    double best = 0;  // bytes/s
  };
  double rate = 0;  // the best of all
  const auto measure = [&](Candidate& candidate, std::uint64_t wanted) {
    const auto pass = (*probe)->read(candidate.pattern, wanted);
    if (!pass || pass->bytes == 0 || pass->seconds <= 0) return;
    candidate.best = std::max(candidate.best, static_cast<double>(pass->bytes) / pass->seconds);
    rate = std::max(rate, candidate.best);
  };
  std::vector<Candidate> candidates;
  for (const std::uint32_t groups : groupCounts(*device))
    for (const std::uint32_t loads : {1U, 2U, 4U, 8U})
      for (const bool strided : {false, true}) candidates.push_back({{loads, strided, groups}, 0});
  // How fast a pattern is decides how much a pass reads: a slow one must not outlast a stop.
  const auto passBytes = [](const Candidate& candidate) { return std::max(kLittle, static_cast<std::uint64_t>(candidate.best * kPassSeconds)); };
  const auto exploring = Clock::now();
  for (Candidate& candidate : candidates) {
    if (stop.stop_requested()) return {};
    const VulkanReadPattern& p = candidate.pattern;
    const double step = static_cast<double>(p.groups) * (*probe)->groupSize() * p.loads * kQuad;
    if ((rate > 0 && step > rate * kLongestStep) || secondsSince(exploring) > kExploreSeconds) continue;
    measure(candidate, kLittle);  // compiles the pipeline
    candidate.best = 0;
    for (int i = 0; i < 3; ++i) measure(candidate, passBytes(candidate));  // from a guess to a figure
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.best > b.best; });
  candidates.resize(std::min(candidates.size(), kFinalists));
  const auto finals = Clock::now();
  for (int repeat = 0; repeat < kFinalRepeats; ++repeat) {
    for (Candidate& candidate : candidates) {
      if (stop.stop_requested()) return {};
      if (candidate.best > 0 && secondsSince(finals) < kFinalSeconds) measure(candidate, passBytes(candidate));
    }
  }
  const Candidate& best = *std::max_element(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.best < b.best; });
  if (best.best == 0) return {};
  BandwidthResult result;
  result.bytesPerSecond = best.best;
  result.bufferBytes = (*probe)->bytes();
  result.pattern = fmt::format("Vulkan, {} load{}, {}, {} groups of {}", best.pattern.loads, best.pattern.loads == 1 ? "" : "s", best.pattern.strided ? "strided" : "contiguous",
                               best.pattern.groups, (*probe)->groupSize());
  return result;
}

}  // namespace rookery::engine
