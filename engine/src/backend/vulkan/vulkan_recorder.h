// SPDX-License-Identifier: GPL-3.0-or-later
// Command buffers of a compiled program: recorded once for each pair of states and each size of a run, and kept.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "backend/common/activations.h"
#include "backend/vulkan/vulkan_compiler.h"
#include "backend/vulkan/vulkan_device.h"
#include "backend/vulkan/vulkan_state.h"

namespace rookery::engine {

/// What the dispatches of a program work on, and where it lies.
struct VulkanWork {
  Program program;
  LoweredProgram lowered;
  std::shared_ptr<const VulkanWeights> weights;
  std::shared_ptr<VulkanDevice> device;
  std::size_t maxTokens = 0;
  ActivationLayout layout;  ///< of `activations`
  HostExchange exchange;    ///< of `inputs` and `outputs`
  VulkanBuffer activations, run, inputs, outputs, records;
  CompiledProgram compiled;
};

class VulkanRecorder {
 public:
  /// `work` outlives it and is not moved.
  explicit VulkanRecorder(const VulkanWork& work) : m_work(work) {}
  ~VulkanRecorder();
  VulkanRecorder(const VulkanRecorder&) = delete;
  VulkanRecorder& operator=(const VulkanRecorder&) = delete;
  Result<void> create();

  /// Appends to `commands` what runs the body for `tokens`, and the head for `rows` (0: not at all), from one state to
  /// another.
  Result<void> addRun(const VulkanState& in, const VulkanState& out, std::uint32_t tokens, std::uint32_t rows,
                      std::vector<VkCommandBuffer>& commands);

  /// Barriers are numbered as they are recorded, through all pieces; those of the body and of the head apart.
  struct Barrier {
    bool body = true;
    std::size_t number = 0;
  };

 private:
  friend class VulkanHooks;
  struct Pair {
    VkDescriptorSet set = VK_NULL_HANDLE;
    std::map<std::uint32_t, std::vector<VkCommandBuffer>> bodies,
        heads;  ///< by tokens and rows, rounded up; to be run in order
  };
  struct Piece {
    std::size_t first = 0, last = 0;  ///< dispatches [first, last)
    bool body = true;
  };

  Result<Pair*> pairOf(const VulkanState& in, const VulkanState& out);
  Result<void> add(Pair& pair, bool body, std::uint32_t size, std::vector<VkCommandBuffer>& commands);
  std::vector<Piece> piecesOf(bool body, std::uint32_t size) const;
  Result<VkCommandBuffer> record(const Pair& pair, const Piece& piece, std::uint32_t size, std::size_t& barriers) const;
  /// Into commands that are being recorded. `barriers`: counted on.
  void recordPiece(VkCommandBuffer commands, const Pair& pair, const Piece& piece, std::uint32_t size,
                   std::size_t& barriers) const;
  void recordDispatch(VkCommandBuffer commands, const VulkanDispatch& dispatch, std::uint32_t size) const;
  /// Copies `size` rows of values between the activations and `buffer`, where they lie as `layout` says.
  void recordCopies(VkCommandBuffer commands, std::span<const ValueId> values, std::uint32_t size,
                    const VulkanBuffer& buffer, const ActivationLayout& layout, bool in) const;
  void forget();

  const VulkanWork& m_work;
  VkDescriptorPool m_descriptors = VK_NULL_HANDLE;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Pair> m_pairs;
  std::optional<Barrier> m_skipped;  ///< left out, by a test
};

}  // namespace rookery::engine
