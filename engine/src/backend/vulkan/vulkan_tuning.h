// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backend/common/tuner.h"
#include "rookery/result.h"

namespace rookery::engine {

/// How work is cut for a device. `groupSize`, `part` and `tiles` decide the order of sums, so they follow from the kind
/// of device alone; `lanes`, `unroll` and `strips` decide speed only, and are measured.
struct VulkanTuning {
  std::uint32_t groupSize = 128;  ///< lanes of a group; a power of two, no less than a subgroup
  std::uint32_t part = 8;         ///< inputs of coded weights that share a chain; a power of two, at most 32
  std::uint32_t tiles = 1;        ///< 1: chunks of more than 16 tokens by tile.comp
  std::uint32_t lanes = 32;       ///< of a subgroup
  std::uint32_t unroll = 1;       ///< loads of a lane in flight in decode: 1 to 8
  std::uint32_t strips = 1;       ///< of a group; 0: as many as give each core of a processor a few groups

  bool operator==(const VulkanTuning&) const = default;
};

using VulkanTuningRecord = TuningRecord<VulkanTuning>;

/// "group=128,part=8,tiles=1,lanes=32,unroll=2,strips=1"; what is not named stays as it is. InvalidArgument.
Result<VulkanTuning> parseTuning(std::string_view text, VulkanTuning tuning);
std::string tuningText(const VulkanTuning& tuning);

}  // namespace rookery::engine
