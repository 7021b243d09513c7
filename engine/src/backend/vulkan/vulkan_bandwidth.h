// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>

#include "backend/vulkan/vulkan_device.h"
#include "rookery/bandwidth.h"

namespace rookery::engine {

/// How the groups of a dispatch share what is to be read, 16 bytes a lane and load.
struct VulkanReadPattern {
  std::uint32_t loads = 1;   ///< of a lane, in flight: 1, 2, 4 or 8
  bool strided = false;      ///< groups read next to each other; else each its own piece
  std::uint32_t groups = 1;
};

/// A buffer on a device that is read with patterns (shaders/read.comp).
class VulkanReadProbe {
 public:
  /// Of about `bytes`. OutOfMemory where they are not free; Cancelled.
  static Result<std::unique_ptr<VulkanReadProbe>> create(std::shared_ptr<VulkanDevice> device, std::uint64_t bytes, const std::stop_token& stop);

  /// What a call read, in parts of one dispatch each.
  struct Pass {
    std::uint64_t bytes = 0;  ///< 0: a step of the pattern is more than the buffer
    double seconds = 0;
    std::uint64_t lastPart = 0, partBytes = 0;  ///< where in the buffer the last part is; of a part
  };
  /// Reads about `bytes`, whole steps of the pattern: one part of the buffer after the other, so that none comes from a
  /// cache, and then again from its beginning.
  Result<Pass> read(const VulkanReadPattern& pattern, std::uint64_t bytes);
  /// For tests: xor of all words of the part that was read last.
  Result<std::uint32_t> checksum();

  std::uint64_t bytes() const noexcept { return m_bytes; }
  std::uint32_t groupSize() const noexcept { return m_groupSize; }
  /// What lies at word `index` of the buffer.
  static std::uint32_t word(std::uint32_t index) noexcept;

 private:
  explicit VulkanReadProbe(std::shared_ptr<VulkanDevice> device);
  Result<void> fill(const std::stop_token& stop);
  Result<void> dispatch(const VulkanReadPattern& pattern, bool fill, std::uint32_t steps, std::span<const std::uint64_t> offsets);
  std::uint64_t first() const noexcept { return m_buffer.bytes() - m_bytes; }  ///< of the numbers, behind the sums
  std::uint64_t stepBytes(const VulkanReadPattern& pattern) const;  ///< of all groups

  std::shared_ptr<VulkanDevice> m_device;
  std::uint32_t m_groupSize = 0, m_subgroups = 0;
  Ledger m_ledger;  ///< it belongs to no model
  VulkanBuffer m_buffer;
  std::uint64_t m_bytes = 0, m_next = 0;
  std::uint32_t m_sums = 0;  ///< words, of the last dispatch
};

/// The best of all patterns, in about two seconds.
BandwidthResult measureReadBandwidth(const std::shared_ptr<VulkanDevice>& device, const std::stop_token& stop);

}  // namespace rookery::engine
