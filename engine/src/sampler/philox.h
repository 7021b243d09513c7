// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>

namespace rookery::engine {

/// Philox4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
/// Counter-based: the n-th number is a function of (key, n), so a journal needs no generator state.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32U) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32U) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9U;  // the golden ratio and sqrt(3) - 1, as the paper has them
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

/// Draw number `index` of `seed`: uniform in [0, 1), 53 bits.
constexpr double uniformDraw(std::uint64_t seed, std::uint64_t index) noexcept {
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32U); };
  const auto words = philox4x32({low(index), high(index), 0, 0}, {low(seed), high(seed)});
  const std::uint64_t bits = (std::uint64_t{words[1]} << 32U | words[0]) >> 11U;
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace rookery::engine
