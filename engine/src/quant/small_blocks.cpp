// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of 32 and 64 codes under one scale: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL (ggml-common.h) and our own.
#include "quant/small_blocks.h"

#include <cstring>

namespace rookery::engine {

namespace {

template <class T>
const std::byte* take(const std::byte* in, T& value) {
  std::memcpy(&value, in, sizeof value);
  return in + sizeof value;
}

template <class T>
std::byte* put(std::byte* out, const T& value) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

bool hasMin(DType type) { return type == DType::Q4_1 || type == DType::Q5_1; }
bool hasFifthBit(DType type) { return type == DType::Q5_0 || type == DType::Q5_1; }
bool hasBytes(DType type) { return type == DType::Q8_0 || type == DType::Int8; }

}  // namespace

// Nibbles: the low halves are the first half of the block, the high halves the second.
void unpackSmall(DType type, const std::byte* in, BlockParts& parts) noexcept {
  const std::size_t size = traits(type).blockSize, half = size / 2;
  in = take(in, parts.d);
  if (hasMin(type)) in = take(in, parts.m);
  if (hasBytes(type)) {
    std::memcpy(parts.codes.data(), in, size);
    return;
  }
  std::uint32_t fifth = 0;
  if (hasFifthBit(type)) in = take(in, fifth);
  for (std::size_t j = 0; j < half; ++j) {
    const auto byte = static_cast<std::uint8_t>(in[j]);
    parts.codes[j] = static_cast<std::uint8_t>((byte & 0xFU) | ((fifth >> j) & 1U) << 4U);
    parts.codes[j + half] = static_cast<std::uint8_t>((byte >> 4U) | (half == 16 ? ((fifth >> (j + 16)) & 1U) << 4U : 0U));
  }
}

void packSmall(DType type, const BlockParts& parts, std::byte* out) noexcept {
  const std::size_t size = traits(type).blockSize, half = size / 2;
  out = put(out, parts.d);
  if (hasMin(type)) out = put(out, parts.m);
  if (hasBytes(type)) {
    std::memcpy(out, parts.codes.data(), size);
    return;
  }
  if (hasFifthBit(type)) {
    std::uint32_t fifth = 0;
    for (std::size_t j = 0; j < size; ++j) fifth |= ((parts.codes[j] >> 4U) & 1U) << j;
    out = put(out, fifth);
  }
  for (std::size_t j = 0; j < half; ++j)
    out[j] = static_cast<std::byte>((parts.codes[j] & 0xFU) | (parts.codes[j + half] & 0xFU) << 4U);
}

}  // namespace rookery::engine
