// SPDX-License-Identifier: GPL-3.0-or-later
// One block of a quantised row, taken apart: the form in which decoding, encoding and packing meet. Every block type is
// a scale (and perhaps a minimum) over small unsigned codes; the K types have a second level of 8-bit scales.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rookery/dtype.h"

namespace rookery::engine {

inline constexpr std::size_t kMostBlock = 256;

struct BlockParts {
  std::uint16_t d = 0;  ///< fp16: the scale, or of the K types the scale of the scales
  std::uint16_t m = 0;  ///< fp16: what is added (Q4_1, Q5_1), or the scale of the minima, which are subtracted
  std::array<std::int8_t, 16> scales{};   ///< K types: per 16 or 32 codes; Q3_K without its bias of 32
  std::array<std::uint8_t, 16> mins{};    ///< Q2_K, Q4_K, Q5_K
  std::array<std::uint8_t, kMostBlock> codes{};  ///< as stored, no bias taken off (Q8_0, Int8: bits of the signed byte)
};

/// True for every type with more than one element per block.
bool isBlockType(DType type) noexcept;

void unpackBlock(DType type, const std::byte* in, BlockParts& parts) noexcept;
void packBlock(DType type, const BlockParts& parts, std::byte* out) noexcept;

/// The numbers of a block, by the same operations in the same order as ggml's dequantize_row functions, so bit for bit
/// the same floats.
void blockValues(DType type, const BlockParts& parts, std::span<float> out) noexcept;

/// Codes and scales that come near `in` (one block), for the block types among precisions().
void quantiseBlock(DType type, std::span<const float> in, BlockParts& parts) noexcept;

/// The fixed numbers behind 4-bit codes: llama.cpp's IQ4_NL, and the normal-float table of QLoRA (arXiv 2305.14314).
extern const std::array<std::int8_t, 16> kIq4Table;
extern const std::array<float, 16> kNf4Table;

}  // namespace rookery::engine
