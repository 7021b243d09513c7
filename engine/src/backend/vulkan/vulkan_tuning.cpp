// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_tuning.h"

#include <array>

namespace rookery::engine {

namespace {

constexpr std::array<TuningField<VulkanTuning>, 6> kFields{{{"group", &VulkanTuning::groupSize, 4, 256, true},
                                                            {"part", &VulkanTuning::part, 2, 32, true},
                                                            {"tiles", &VulkanTuning::tiles, 0, 1, false},
                                                            {"lanes", &VulkanTuning::lanes, 4, 128, true},
                                                            {"unroll", &VulkanTuning::unroll, 1, 8, true},
                                                            {"strips", &VulkanTuning::strips, 0, 64, false}}};

}  // namespace

Result<VulkanTuning> parseTuning(std::string_view text, VulkanTuning tuning) {
  return parseFields<VulkanTuning>(kFields, text, tuning, "ROOKERY_VULKAN_TUNING");
}

std::string tuningText(const VulkanTuning& tuning) { return fieldsText<VulkanTuning>(kFields, tuning); }

}  // namespace rookery::engine
