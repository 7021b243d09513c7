// SPDX-License-Identifier: GPL-3.0-or-later
// GCC's static C++ library asks for arc4random, which C libraries have since 2022. With this the pack runs on older ones.
#include <sys/random.h>

#include <cstdint>

extern "C" std::uint32_t arc4random() noexcept;
extern "C" std::uint32_t arc4random() noexcept {
  std::uint32_t value = 0;
  (void)!getentropy(&value, sizeof value);
  return value;
}
