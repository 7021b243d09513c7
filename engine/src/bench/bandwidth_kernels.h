// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rookery::engine {

/// Reads every byte of [data, data + bytes) once and returns a checksum, so that no read can be left out.
/// `data` is 64-byte aligned, `bytes` a multiple of kReadGranule.
using ReadFn = std::uint64_t (*)(const std::byte* data, std::size_t bytes);
inline constexpr std::size_t kReadGranule = 4096;

struct ReadPattern {
  const char* isa;  ///< "avx512", "avx2", "scalar"
  int streams;      ///< places that are read in turn
  bool prefetch;
  ReadFn read;
};

/// The patterns of the widest instruction set that this CPU has.
std::vector<ReadPattern> readPatterns();
/// Every pattern that this CPU can run; all give the same checksum.
std::vector<ReadPattern> allReadPatterns();

}  // namespace rookery::engine
