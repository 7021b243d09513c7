// SPDX-License-Identifier: GPL-3.0-or-later
// The K types: 256 codes, scales of 4 or 6 or 8 bits per 16 or 32 codes, one or two fp16 numbers over all (ggml-common.h,
// ggml-quants.c of llama.cpp define the layout).
#include "quant/k_blocks.h"

#include <cstring>

namespace rookery::engine {

namespace {

using Bytes = const std::uint8_t*;

Bytes bytes(const std::byte* in) { return reinterpret_cast<Bytes>(in); }
std::uint16_t half(Bytes p) { return static_cast<std::uint16_t>(p[0] | p[1] << 8); }
void putHalf(std::byte* out, std::uint16_t value) { std::memcpy(out, &value, 2); }

// Two bits of 256 codes: byte l of each run of 32 holds the codes l, l + 32, l + 64, l + 96 of its 128.
std::uint8_t twoBits(Bytes q, std::size_t i) { return q[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3U; }
void putTwoBits(std::byte* q, std::size_t i, unsigned bits) { q[i / 128 * 32 + i % 32] |= static_cast<std::byte>((bits & 3U) << (i % 128 / 32 * 2)); }

// Four bits of 256 codes of Q4_K and Q5_K: 64 codes in 32 bytes, the first half low.
std::uint8_t fourBits(Bytes q, std::size_t i) { return q[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 0xFU; }
void putFourBits(std::byte* q, std::size_t i, unsigned bits) { q[i / 64 * 32 + i % 32] |= static_cast<std::byte>((bits & 0xFU) << (i % 64 / 32 * 4)); }

// Of Q6_K: 128 codes in 64 bytes, codes l and l + 64 share a byte.
std::size_t q6Byte(std::size_t i) { return i / 128 * 64 + i % 64; }
unsigned q6Shift(std::size_t i) { return static_cast<unsigned>(i % 128 / 64 * 4); }

// Eight scales and eight minima of 6 bits in 12 bytes: the first four of each whole, of the others the low halves
// together and the upper two bits on top of the first four.
void unpackSixBits(Bytes s, BlockParts& parts) {
  for (std::size_t j = 0; j < 4; ++j) {
    parts.scales[j] = static_cast<std::int8_t>(s[j] & 63);
    parts.mins[j] = s[j + 4] & 63;
    parts.scales[j + 4] = static_cast<std::int8_t>((s[j + 8] & 0xF) | (s[j] >> 6) << 4);
    parts.mins[j + 4] = static_cast<std::uint8_t>((s[j + 8] >> 4) | (s[j + 4] >> 6) << 4);
  }
}
void packSixBits(const BlockParts& parts, std::byte* s) {
  for (std::size_t j = 0; j < 4; ++j) {
    const auto low = static_cast<unsigned>(parts.scales[j]), high = static_cast<unsigned>(parts.scales[j + 4]);
    s[j] = static_cast<std::byte>((low & 63U) | (high >> 4U) << 6U);
    s[j + 4] = static_cast<std::byte>((parts.mins[j] & 63U) | (parts.mins[j + 4] >> 4U) << 6U);
    s[j + 8] = static_cast<std::byte>((high & 0xFU) | (parts.mins[j + 4] & 0xFU) << 4U);
  }
}

void unpackQ2(Bytes p, BlockParts& parts) {  // scales and minima [16], codes [64], d, dmin
  for (std::size_t j = 0; j < 16; ++j) {
    parts.scales[j] = static_cast<std::int8_t>(p[j] & 0xF);
    parts.mins[j] = p[j] >> 4;
  }
  for (std::size_t i = 0; i < 256; ++i) parts.codes[i] = twoBits(p + 16, i);
  parts.d = half(p + 80);
  parts.m = half(p + 82);
}

void unpackQ3(Bytes p, BlockParts& parts) {  // third bits [32], two bits [64], scales [12], d
  for (std::size_t i = 0; i < 256; ++i)
    parts.codes[i] = static_cast<std::uint8_t>(twoBits(p + 32, i) | (p[i % 32] >> (i / 32) & 1) << 2);
  const Bytes s = p + 96;
  for (std::size_t j = 0; j < 16; ++j) {
    const int low = s[j % 8] >> (j / 8 * 4) & 0xF, high = s[8 + j % 4] >> (j / 4 * 2) & 3;
    parts.scales[j] = static_cast<std::int8_t>((low | high << 4) - 32);
  }
  parts.d = half(p + 108);
}

}  // namespace

bool isKType(DType type) noexcept { return traits(type).blockSize == 256; }
std::size_t subBlock(DType type) noexcept { return type == DType::Q4_K || type == DType::Q5_K ? 32 : 16; }

void unpackK(DType type, const std::byte* in, BlockParts& parts) noexcept {
  const Bytes p = bytes(in);
  switch (type) {
    case DType::Q2_K: return unpackQ2(p, parts);
    case DType::Q3_K: return unpackQ3(p, parts);
    case DType::Q4_K: case DType::Q5_K: {  // d, dmin, scales [12], fifth bits [32] of Q5_K, four bits [128]
      parts.d = half(p);
      parts.m = half(p + 2);
      unpackSixBits(p + 4, parts);
      const bool five = type == DType::Q5_K;
      for (std::size_t i = 0; i < 256; ++i)
        parts.codes[i] = static_cast<std::uint8_t>(fourBits(p + (five ? 48 : 16), i) | (five ? (p[16 + i % 32] >> (i / 32) & 1) << 4 : 0));
      return;
    }
    case DType::Q6_K: {  // four bits [128], two bits [64], scales [16], d
      for (std::size_t i = 0; i < 256; ++i)
        parts.codes[i] = static_cast<std::uint8_t>((p[q6Byte(i)] >> q6Shift(i) & 0xF) | twoBits(p + 128, i) << 4);
      std::memcpy(parts.scales.data(), p + 192, 16);
      parts.d = half(p + 208);
      return;
    }
    default: return;
  }
}

void packK(DType type, const BlockParts& parts, std::byte* out) noexcept {
  std::memset(out, 0, traits(type).blockBytes);
  switch (type) {
    case DType::Q4_K: case DType::Q5_K: {
      putHalf(out, parts.d);
      putHalf(out + 2, parts.m);
      packSixBits(parts, out + 4);
      const bool five = type == DType::Q5_K;
      for (std::size_t i = 0; i < 256; ++i) {
        putFourBits(out + (five ? 48 : 16), i, parts.codes[i]);
        if (five) out[16 + i % 32] |= static_cast<std::byte>((parts.codes[i] >> 4U & 1U) << i / 32);
      }
      return;
    }
    case DType::Q6_K:
      for (std::size_t i = 0; i < 256; ++i) {
        out[q6Byte(i)] |= static_cast<std::byte>((parts.codes[i] & 0xFU) << q6Shift(i));
        putTwoBits(out + 128, i, parts.codes[i] >> 4U);
      }
      std::memcpy(out + 192, parts.scales.data(), 16);
      putHalf(out + 208, parts.d);
      return;
    default: return;
  }
}

}  // namespace rookery::engine
