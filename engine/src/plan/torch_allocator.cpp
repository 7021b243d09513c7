// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/torch_allocator.h"

#include <algorithm>

namespace rookery::engine {
namespace {

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::uint64_t kMinBlock = 512;
constexpr std::uint64_t kSmallSize = kMiB, kSmallSegment = 2 * kMiB;
constexpr std::uint64_t kMinLarge = 10 * kMiB, kLargeSegment = 20 * kMiB, kRoundLarge = 2 * kMiB;

std::uint64_t roundUp(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

std::uint64_t TorchAllocator::allocate(std::uint64_t bytes) {
  if (bytes == 0) return 0;
  const std::uint64_t size = std::max(kMinBlock, roundUp(bytes, kMinBlock));
  const bool small = size <= kSmallSize;
  auto& rests = small ? m_smallRests : m_largeRests;

  std::uint64_t block = small ? kSmallSegment : size < kMinLarge ? kLargeSegment : roundUp(size, kRoundLarge);
  if (const auto best = rests.lower_bound(size); best != rests.end()) {
    block = *best;
    rests.erase(best);
  }
  const std::uint64_t rest = block - size;
  const bool split = small ? rest >= kMinBlock : rest > kSmallSize;
  if (!split) return block;
  rests.insert(rest);
  return size;
}

}  // namespace rookery::engine
