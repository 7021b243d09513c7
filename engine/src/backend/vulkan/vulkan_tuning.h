// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/result.h"

namespace rookery::engine {

class VulkanDevice;
class VulkanWeights;
struct Program;

/// How work is cut for a device. `groupSize`, `part` and `tiles` decide the order of sums, so they follow from the kind of
/// device alone; `lanes`, `unroll` and `strips` decide speed only, and are measured.
struct VulkanTuning {
  std::uint32_t groupSize = 128;  ///< lanes of a group; a power of two, no less than a subgroup
  std::uint32_t part = 8;         ///< inputs of coded weights that share a chain; a power of two, at most 32
  bool tiles = true;              ///< chunks of more than 16 tokens by tile.comp
  std::uint32_t lanes = 32;       ///< of a subgroup
  std::uint32_t unroll = 1;       ///< loads of a lane in flight in decode: 1 to 8
  std::uint32_t strips = 1;       ///< of a group; 0: as many as give each core of a processor a few groups

  bool operator==(const VulkanTuning&) const = default;
};

/// Of one load, whose stages may share a device; kept with the device, which is opened anew for each load.
struct TuningRecord {
  std::chrono::nanoseconds left = std::chrono::seconds(2);  ///< that measuring may still take
  std::vector<VulkanTuning> chosen;                         ///< of each stage, in their order
};

/// "group=128,part=8,tiles=1,lanes=32,unroll=2,strips=1"; what is not named stays as it is. InvalidArgument.
Result<VulkanTuning> parseTuning(std::string_view text, VulkanTuning tuning);
std::string tuningText(const VulkanTuning& tuning);

/// For a program and its placed weights: what ROOKERY_VULKAN_TUNING says (as parseTuning; "measure": measured anew); else
/// on a software device what is known to be good; else what was measured before (kept in the cache folder, per device,
/// driver, shape and format), or is measured now, in what the device's record leaves of 2 seconds. A stage for which that is
/// not enough goes on from the tuning of the stage before, and nothing is kept of it. Entered in the record. Cancelled, between two
/// candidates.
/// The first candidate's compilation comes before those seconds: its shaders are needed to run the model at all, and how long
/// a driver takes for them can neither be told beforehand nor be cut short.
Result<VulkanTuning> tuningFor(const Program& program, const std::shared_ptr<const VulkanWeights>& weights,
                               const std::shared_ptr<VulkanDevice>& device, const std::stop_token& stop = {});

}  // namespace rookery::engine
