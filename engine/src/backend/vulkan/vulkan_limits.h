// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "rookery/result.h"

namespace rookery::engine {

/// What a device lets a dispatch have. The defaults are the least that Vulkan allows a device to offer.
struct VulkanLimits {
  std::uint64_t boundBytes = std::uint64_t{128} << 20;  ///< of a buffer that is bound as a descriptor
  std::uint32_t sharedBytes = 16384;                    ///< of a group
  std::uint32_t groups = 65535;                         ///< in x and in y
};

/// A buffer that shaders see through a descriptor.
struct BoundBuffer {
  std::string_view name;
  std::uint64_t bytesPerToken = 0, bytes = 0;  ///< of each token of a chunk, and besides
};

/// What every shader has (shaders/common.glsl), and the largest group of any.
inline constexpr std::uint32_t kVulkanBindings = 7, kVulkanPushBytes = 16, kVulkanLargestGroup = 256;

/// Tokens that a group multiplies at once, at most: chunks are whole numbers of them, or of one token.
inline constexpr std::size_t kVulkanTokenTile = 8;

/// The longest chunk, at most `wanted` (a power of two), for which every buffer can be bound. OutOfMemory where one token
/// is too much.
Result<std::size_t> chunkThatFits(const VulkanLimits& limits, std::size_t wanted, std::span<const BoundBuffer> buffers, std::string_view device);

/// Bytes that a group of gemm.comp shares: a row, the partial sums, and those of reduce.glsl.
constexpr std::uint64_t gemmSharedBytes(std::uint64_t row, std::uint64_t parts) noexcept { return 4 * (row + parts + 128); }

/// Partial sums that a group may share when tokens are multiplied in tiles, a power of two: at most 4096, which every
/// device but the poorest has room for.
std::uint32_t mostParts(const VulkanLimits& limits) noexcept;

/// Strips of a group so that `strips` of `matrices` matrices, none of which shares a group, are not too many groups.
std::int64_t fewestStripsPerGroup(const VulkanLimits& limits, std::int64_t strips, std::int64_t matrices) noexcept;

}  // namespace rookery::engine
