// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

namespace rookery::engine {

/// The best read bandwidth of a memory that was seen: decoding reads every weight once per token, so it is the ceiling.
struct BandwidthResult {
  double bytesPerSecond = 0;      ///< 0: not measured
  int threads = 0;                ///< of the CPU that read; 0 on a GPU
  std::string pattern;            ///< "avx512, 4 streams, 2 threads"; "Vulkan, 4 loads, strided, 4096 groups of 256"
  std::uint64_t bufferBytes = 0;  ///< larger than the last cache
};

/// Of the CPU's memory, over several access patterns and thread counts up to `threads` (0: one per physical core).
/// Nothing is measured where memory is missing or `stop` is asked for.
BandwidthResult measureReadBandwidth(int threads, std::stop_token stop = {});

}  // namespace rookery::engine
