// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <mutex>

#include "backend/vulkan/vulkan_recorder.h"

namespace rookery::engine {

/// The buffers of a program, in bytes, and the tokens of its longest run that a device has room to bind.
struct VulkanScratch {
  std::size_t maxTokens = 0;
  std::uint64_t activations = 0, run = 0, inputs = 0, outputs = 0, records = 0;
  const char* outputKind = "";  ///< "logits", or "outputs"
};
/// `wanted`: tokens of the longest run, where the device allows it; else OutOfMemory says what it does not.
Result<VulkanScratch> vulkanScratch(const Program& program, const LoweredProgram& lowered, std::size_t wanted,
                                    const VulkanLimits& limits, std::string_view device);

/// Runs a program: its dispatches (vulkan_compiler.h), recorded once (vulkan_recorder.h), are put on the queue again
/// and again.
class VulkanExecutable final : public Executable {
 public:
  /// `maxTokens` 0: as many as suit the model. Cancelled, between two shaders.
  static Result<std::unique_ptr<VulkanExecutable>> create(const Program& program,
                                                          std::shared_ptr<const VulkanWeights> weights,
                                                          std::shared_ptr<VulkanDevice> device, Ledger& ledger,
                                                          const VulkanTuning& tuning, std::size_t maxTokens,
                                                          const std::stop_token& stop = {});

  std::size_t maxTokens() const noexcept override { return m_work.maxTokens; }
  Result<void> submit(const RunArgs& args) override;

  /// Seconds of a decoded token, the fastest of `runs`; made-up inputs. For tuning.
  Result<double> timeToken(const VulkanState& in, const VulkanState& out, int runs);

 private:
  friend class VulkanHooks;  ///< of tests
  VulkanExecutable(const Program& program, std::shared_ptr<const VulkanWeights> weights,
                   std::shared_ptr<VulkanDevice> device);
  Result<void> allocate(std::size_t maxTokens, Ledger& ledger);
  Result<void> compile(const VulkanTuning& tuning, const std::stop_token& stop);
  /// Into the buffer that every dispatch looks at.
  void writeRun(std::uint32_t tokens, std::span<const std::uint32_t> rows);

  VulkanWork m_work;
  VulkanRecorder m_recorder{m_work};
  std::mutex m_running;
};

}  // namespace rookery::engine
