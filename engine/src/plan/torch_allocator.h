// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <set>

namespace rookery::engine {

/// What torch.cuda.memory_allocated() counts for a series of allocations without frees: the rules of
/// c10/cuda/CUDACachingAllocator.cpp of PyTorch with its default settings.
/// Sizes are rounded to 512 bytes. Blocks are cut from segments: up to 1 MiB from 2 MiB ones, below 10 MiB from
/// 20 MiB ones, above that from one of its own, rounded to 2 MiB. A block's rest is cut off and kept for later only
/// if it is at least 512 bytes (small pool) or above 1 MiB (large pool); otherwise it counts as allocated.
class TorchAllocator {
 public:
  std::uint64_t allocate(std::uint64_t bytes);  ///< what the allocation adds to memory_allocated()

 private:
  std::multiset<std::uint64_t> m_smallRests, m_largeRests;
};

}  // namespace rookery::engine
