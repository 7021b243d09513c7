// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/dtype.h"

#include <array>

namespace rookery::engine {

const DTypeTraits& traits(DType type) noexcept {
  static constexpr std::array<DTypeTraits, 11> kTraits{{
      {"fp32", 1, 4},
      {"fp16", 1, 2},
      {"bf16", 1, 2},
      {"q8_0", 32, 34},
      {"fp64", 1, 8},
      {"i8", 1, 1},
      {"i16", 1, 2},
      {"i32", 1, 4},
      {"i64", 1, 8},
      {"u8", 1, 1},
      {"bool", 1, 1},
  }};
  return kTraits[static_cast<std::size_t>(type)];
}

bool isWeightType(DType type) noexcept {
  return type == DType::F32 || type == DType::F16 || type == DType::BF16 || type == DType::Q8_0;
}

std::uint64_t byteSize(DType type, std::uint64_t count) noexcept {
  const DTypeTraits& t = traits(type);
  return count / t.blockSize * t.blockBytes;
}

}  // namespace rookery::engine
