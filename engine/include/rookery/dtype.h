// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rookery::engine {

/// Element types that tensors come in. Block types count as one dtype; their bytes are per block
/// along the last (contiguous) dimension.
enum class DType : std::uint8_t { F32, F16, BF16, Q8_0, F64, I8, I16, I32, I64, U8, Bool };

struct DTypeTraits {
  std::string_view name;     ///< "fp32", "fp16", "bf16", "q8_0", ...
  std::uint32_t blockSize;   ///< elements per block; 1 for plain types
  std::uint32_t blockBytes;  ///< bytes per block
};

const DTypeTraits& traits(DType type) noexcept;

/// True for the types that weights may have (F32, F16, BF16, Q8_0).
bool isWeightType(DType type) noexcept;

/// Bytes of `count` elements; count must be a multiple of the block size.
std::uint64_t byteSize(DType type, std::uint64_t count) noexcept;

}  // namespace rookery::engine
