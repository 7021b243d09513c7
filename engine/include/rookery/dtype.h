// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rookery::engine {

/// Element types that tensors come in. Block types count as one dtype; their bytes are per block
/// along the last (contiguous) dimension. docs/quantisation.md describes each.
enum class DType : std::uint8_t {
  F32, F16, BF16, Q8_0, F64, I8, I16, I32, I64, U8, Bool,
  Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL,  ///< as ggml defines them
  Int8,    ///< own: 64 signed bytes under one fp16 scale
  Int4,    ///< own: 32 codes of 4 bits under one fp16 scale, chosen for the least squared error
  NF4,     ///< 64 codes of the QLoRA table under one fp16 maximum
  FP16I8,  ///< the rwkv package's scheme: bytes with an offset and a range for every row and every column; at load only
  A16W8,   ///< one fp16 scale per output, signed bytes, inputs rounded to fp16; at load only
  A16W4,   ///< the same with codes of 4 bits
  // Told apart, never read:
  U16, U32, U64, C64, F8_E4M3, F8_E5M2, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, F6_E2M3, F6_E3M2, F4,
};
inline constexpr std::size_t kDTypes = 39;

struct DTypeTraits {
  std::string_view name;     ///< "fp32", "fp16", "bf16", "q8_0", ...
  std::uint32_t blockSize;   ///< elements per block; 1 for plain types (F6: four in three bytes, F4: two in one)
  std::uint32_t blockBytes;  ///< bytes per block (FP16I8, A16W8, A16W4: without their scales)
};

const DTypeTraits& traits(DType type) noexcept;

/// True for the types that the weights of a file may have: F32, F16, BF16 and all block types.
bool isWeightType(DType type) noexcept;
/// True for FP16I8, A16W8 and A16W4: made from a whole matrix while it is placed, never stored in files.
bool isLoadOnly(DType type) noexcept;
/// What weights can be turned into, finest first: weight types (Q2_K, Q3_K, IQ4_NL are only read), and load-only ones.
std::span<const DType> precisions() noexcept;
/// By its name, one of precisions(); nullopt for other words.
std::optional<DType> precisionNamed(std::string_view name) noexcept;
/// "fp32, fp16, ... and a16w4", for messages.
std::string precisionList();

/// Bytes of `count` elements; count must be a multiple of the block size.
std::uint64_t byteSize(DType type, std::uint64_t count) noexcept;

}  // namespace rookery::engine
