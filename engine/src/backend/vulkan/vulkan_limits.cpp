// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace rookery::engine {

Result<std::size_t> chunkThatFits(const VulkanLimits& limits, std::size_t wanted, std::span<const BoundBuffer> buffers, std::string_view device) {
  const auto bytesOf = [](const BoundBuffer& buffer, std::size_t tokens) { return buffer.bytes + buffer.bytesPerToken * tokens; };
  for (std::size_t tokens = wanted;; tokens = tokens > kVulkanTokenTile ? tokens / 2 : 1) {
    const auto tooLarge = std::find_if(buffers.begin(), buffers.end(), [&](const BoundBuffer& b) { return bytesOf(b, tokens) > limits.boundBytes; });
    if (tooLarge == buffers.end()) return tokens;
    if (tokens > 1) continue;
    return fail(ErrorCode::OutOfMemory, fmt::format("This model is too large for {}: its {} take {:.1f} MB for one token, and the device lets a program use {:.1f} MB at a time. The CPU has no such limit.",
                                                    device, tooLarge->name, static_cast<double>(bytesOf(*tooLarge, 1)) / 1e6, static_cast<double>(limits.boundBytes) / 1e6));
  }
}

std::uint32_t mostParts(const VulkanLimits& limits) noexcept {
  constexpr std::uint64_t kWanted = 4096;
  const std::uint64_t overhead = gemmSharedBytes(1, 0);
  const std::uint64_t room = limits.sharedBytes > overhead ? (limits.sharedBytes - overhead) / 4 : 1;
  return static_cast<std::uint32_t>(std::bit_floor(std::min(kWanted, std::max<std::uint64_t>(room, 1))));
}

std::int64_t fewestStripsPerGroup(const VulkanLimits& limits, std::int64_t strips, std::int64_t matrices) noexcept {
  const std::int64_t groups = std::max<std::int64_t>(1, std::int64_t{limits.groups} - matrices);  // the last group of a matrix may be half empty
  return std::max<std::int64_t>(1, (strips + groups - 1) / groups);
}

}  // namespace rookery::engine
