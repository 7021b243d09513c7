// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/dtype.h"

#include <array>

namespace rookery::engine {

const DTypeTraits& traits(DType type) noexcept {
  static constexpr std::array<DTypeTraits, kDTypes> kTraits{{
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
      {"q4_0", 32, 18},
      {"q4_1", 32, 20},
      {"q5_0", 32, 22},
      {"q5_1", 32, 24},
      {"q2_k", 256, 84},
      {"q3_k", 256, 110},
      {"q4_k", 256, 144},
      {"q5_k", 256, 176},
      {"q6_k", 256, 210},
      {"iq4_nl", 32, 18},
      {"int8", 64, 66},
      {"int4", 32, 18},
      {"nf4", 64, 34},
      {"fp16i8", 1, 1},
      {"a16w8", 1, 1},
      {"a16w4", 2, 1},
      {"u16", 1, 2},
      {"u32", 1, 4},
      {"u64", 1, 8},
      {"c64", 1, 8},
      {"f8_e4m3", 1, 1},
      {"f8_e5m2", 1, 1},
      {"f8_e8m0", 1, 1},
      {"f8_e4m3fnuz", 1, 1},
      {"f8_e5m2fnuz", 1, 1},
      {"f6_e2m3", 4, 3},
      {"f6_e3m2", 4, 3},
      {"f4", 2, 1},
  }};
  return kTraits[static_cast<std::size_t>(type)];
}

std::span<const DType> precisions() noexcept {
  using enum DType;
  static constexpr std::array kPrecisions{F32,  F16,  BF16, Int8, Q8_0, Q6_K, Q5_K,   Q5_1,  Q5_0,
                                          Q4_K, Q4_1, Int4, NF4,  Q4_0, FP16I8, A16W8, A16W4};
  return kPrecisions;
}

std::optional<DType> precisionNamed(std::string_view name) noexcept {
  for (const DType type : precisions())
    if (name == traits(type).name) return type;
  return std::nullopt;
}

std::string precisionList() {
  std::string list;
  for (const DType type : precisions()) {
    if (!list.empty()) list += type == precisions().back() ? " and " : ", ";
    list += traits(type).name;
  }
  return list;
}

bool isLoadOnly(DType type) noexcept { return type == DType::FP16I8 || type == DType::A16W8 || type == DType::A16W4; }

bool isWeightType(DType type) noexcept {
  if (type == DType::Q2_K || type == DType::Q3_K || type == DType::IQ4_NL) return true;  // read, never made
  for (const DType precision : precisions())
    if (type == precision) return !isLoadOnly(type);
  return false;
}

std::uint64_t byteSize(DType type, std::uint64_t count) noexcept {
  const DTypeTraits& t = traits(type);
  return count / t.blockSize * t.blockBytes;
}

}  // namespace rookery::engine
