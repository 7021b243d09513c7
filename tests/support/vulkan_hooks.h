// SPDX-License-Identifier: GPL-3.0-or-later
// What tests see and change inside a VulkanExecutable.
#pragma once

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

#include "backend/vulkan/vulkan_executable.h"

namespace rookery::engine {

class VulkanHooks {
 public:
  using Barrier = VulkanRecorder::Barrier;
  explicit VulkanHooks(VulkanExecutable& executable)
      : m_executable(executable), m_work(executable.m_work), m_recorder(executable.m_recorder) {}

  /// A value of the last run's tokens, [tokens][width].
  Result<std::vector<float>> read(ValueId id, std::size_t tokens) const {
    const auto width = static_cast<std::size_t>(m_work.lowered.values[static_cast<std::size_t>(id)].width);
    std::vector<float> all(tokens * width);
    for (std::size_t t = 0; t < tokens; ++t) {
      const std::span row(all.data() + t * width, width);
      const std::size_t at = m_work.layout.offset(id) + t * m_work.layout.width(id);
      auto good = m_work.device->read(m_work.activations, at * sizeof(float), std::as_writable_bytes(row));
      if (!good) return tl::unexpected(good.error());
    }
    return all;
  }

  /// Dispatches (each has one barrier) of a layer in decode.
  std::size_t decodeDispatches(int layer) const {
    const auto& body = m_work.compiled.dispatches(true, RunSize::One);
    return static_cast<std::size_t>(
        std::count_if(body.begin(), body.end(), [&](const VulkanDispatch& d) { return d.layer == layer; }));
  }

  /// Leaves a barrier out of what is recorded from now on.
  void skipBarrier(std::optional<Barrier> barrier) {
    const std::lock_guard lock(m_executable.m_running);
    m_recorder.m_skipped = barrier;
    m_recorder.forget();
  }

  struct Together {
    std::size_t bodyBarriers = 0, headBarriers = 0;  ///< of the last run
    std::size_t pieces = 0;                          ///< of its body
  };
  /// `tokens` tokens twice, from `a` to `b` and, with the head, back, all in one command buffer, because
  /// synchronisation validation looks at one at a time, when it is recorded: it is not run. `a` is uploaded before;
  /// after each run what it left is fetched. No inputs are taken.
  Result<Together> recordTogether(const VulkanState& a, const VulkanState& b, std::uint32_t tokens) {
    const std::lock_guard lock(m_executable.m_running);
    auto there = m_recorder.pairOf(a, b);
    if (!there) return tl::unexpected(there.error());
    auto back = m_recorder.pairOf(b, a);
    if (!back) return tl::unexpected(back.error());
    VulkanDevice& device = *m_work.device;
    Ledger ledger;
    // What stands for the staging memory: the state before, and after each run the state and the outputs.
    const std::uint64_t stateBytes = a.buffer().bytes(), outputBytes = m_work.outputs.bytes();
    auto fetched = device.newBuffer(3 * stateBytes + 2 * outputBytes, VulkanMemory::ToHost, ledger, "test", "fetched");
    if (!fetched) return tl::unexpected(fetched.error());
    const VolkDeviceTable& api = device.api();
    Together together;
    std::uint64_t at = 0;
    const auto fetch = [&](VkCommandBuffer recorded, const VulkanBuffer& buffer) {
      const VkBufferCopy copy{0, at, buffer.bytes()};
      api.vkCmdCopyBuffer(recorded, buffer.handle(), fetched->handle(), 1, &copy);
      at += buffer.bytes();
    };
    const auto commands = device.recordOnce([&](VkCommandBuffer recorded) {
      const VkBufferCopy upload{2 * (stateBytes + outputBytes), 0, stateBytes};
      api.vkCmdCopyBuffer(recorded, fetched->handle(), a.buffer().handle(), 1, &upload);
      for (const bool first : {true, false}) {
        const auto& pair = first ? **there : **back;
        together = {};
        const auto body = m_recorder.piecesOf(true, std::bit_ceil(tokens));
        together.pieces = body.size();
        for (const auto& piece : body)
          m_recorder.recordPiece(recorded, pair, piece, std::bit_ceil(tokens), together.bodyBarriers);
        fetch(recorded, first ? b.buffer() : a.buffer());
        const bool head = m_work.program.range.head;
        if (!first && head)
          for (const auto& piece : m_recorder.piecesOf(false, 1))
            m_recorder.recordPiece(recorded, pair, piece, 1, together.headBarriers);
        if (!first || !head) fetch(recorded, m_work.outputs);
      }
    });
    if (!commands) return tl::unexpected(commands.error());
    device.freeCommands(std::span(&*commands, 1));
    return together;
  }

 private:
  VulkanExecutable& m_executable;
  VulkanWork& m_work;
  VulkanRecorder& m_recorder;
};

}  // namespace rookery::engine
