// SPDX-License-Identifier: GPL-3.0-or-later
#include "quant/policy.h"

namespace rookery::engine {

namespace {

DType wanted(DType precision, WeightPart part) {
  const bool ours4 = precision == DType::Int4 || precision == DType::NF4;
  const bool ours = ours4 || precision == DType::Int8 || isLoadOnly(precision);
  switch (part) {
    case WeightPart::Vector: return DType::F32;
    case WeightPart::LowRank: return DType::F16;
    case WeightPart::Embedding: return ours ? DType::F16 : DType::Q8_0;
    case WeightPart::FirstOutput: return ours4 ? DType::Int8 : precision == DType::Int8 ? DType::F16 : precision;
    case WeightPart::Head:
      if (ours4) return DType::Int8;
      if (precision == DType::A16W4) return DType::A16W8;
      return ours || precision == DType::Q8_0 ? precision : DType::Q6_K;
    case WeightPart::Matrix: break;
  }
  return precision;
}

}  // namespace

WeightPart matrixPart(std::string_view officialName) noexcept {
  if (officialName == "emb.weight" || officialName.ends_with(".ffn.s_emb.weight")) return WeightPart::Embedding;
  if (officialName == "head.weight") return WeightPart::Head;
  if (officialName == "blocks.0.att.output.weight") return WeightPart::FirstOutput;
  return WeightPart::Matrix;
}

DType storedAs(DType precision, WeightPart part, std::int64_t cols) noexcept {
  const bool plain = traits(precision).blockSize == 1 && !isLoadOnly(precision);
  if (plain) return precision;
  const DType type = wanted(precision, part);
  if (part == WeightPart::Vector) return type;
  if (isLoadOnly(type)) return cols % 2 == 0 ? type : DType::F16;  // kernels take inputs in pairs
  if (cols % traits(type).blockSize == 0) return type;
  return cols % traits(DType::Q8_0).blockSize == 0 ? DType::Q8_0 : DType::F16;
}

}  // namespace rookery::engine
