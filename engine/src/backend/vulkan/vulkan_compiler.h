// SPDX-License-Identifier: GPL-3.0-or-later
// From steps to dispatches: which shader does what, with which constants and arguments.
#pragma once

#include <array>
#include <cstdint>
#include <stop_token>
#include <vector>

#include "backend/common/activations.h"
#include "backend/common/lowering.h"
#include "backend/vulkan/vulkan_device.h"
#include "backend/vulkan/vulkan_tuning.h"
#include "backend/vulkan/vulkan_weights.h"
#include "shaders/records.h"

namespace rookery::engine {

/// The arguments of a shader that do not change from run to run, as shaders/common.glsl declares them;
/// shaders/records.h names the places of the values.
struct VulkanRecord {
  std::array<std::uint64_t, shaders::kRecordWeights> weights{};
  std::array<std::uint32_t, shaders::kRecordValues> values{};
};
static_assert(sizeof(VulkanRecord) == 176);

/// One dispatch: a pipeline, its records, and the groups of a run.
struct VulkanDispatch {
  VkPipeline pipeline = VK_NULL_HANDLE;
  std::uint32_t firstRecord = 0, recordCount = 0;
  std::uint32_t option = 0;
  std::uint32_t tokensPerGroup = 0;  ///< groups in x: tokens of the run / this; 0: groupsX
  std::uint32_t groupsX = 1, groupsY = 1;
  int layer = kNone;
};
using VulkanDispatches = std::vector<VulkanDispatch>;

/// Tokens of a run that share a list of dispatches.
enum class RunSize : std::uint8_t { One, Few, Many };
inline constexpr std::array kRunSizes{RunSize::One, RunSize::Few, RunSize::Many};
constexpr RunSize runSizeOf(std::uint32_t tokens) noexcept {
  return tokens == 1 ? RunSize::One : tokens <= 16 ? RunSize::Few : RunSize::Many;
}

/// A program as lists of dispatches, each followed by a barrier, over all tokens and over the rows whose logits are
/// wanted.
struct CompiledProgram {
  std::array<VulkanDispatches, kRunSizes.size()> bodies, heads;  ///< by RunSize
  std::vector<VulkanRecord> records;

  const VulkanDispatches& dispatches(bool body, RunSize size) const {
    return (body ? bodies : heads)[static_cast<std::size_t>(size)];
  }
};

/// The most records that compileProgram() makes of steps, in all sizes together.
std::size_t mostRecords(const LoweredProgram& lowered);

/// Where everything is that dispatches work on.
struct CompileInput {
  const Program& program;
  const LoweredProgram& lowered;
  const ActivationLayout& layout;  ///< of lowered.values
  const VulkanWeights& weights;
  VulkanDevice& device;
  const VulkanTuning& tuning;
  std::size_t maxTokens;
};

/// Errors of the driver; DeviceUnavailable where a limit of the device is too low; Cancelled, between two shaders.
Result<CompiledProgram> compileProgram(const CompileInput& input, const std::stop_token& stop);

}  // namespace rookery::engine
