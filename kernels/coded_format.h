// SPDX-License-Identifier: GPL-3.0-or-later
// What a coded weight format is, as numbers: codes of 4 to 8 bits under scales. One packed layout and one kernel serve
// them all.
//
// Packed: panels of `panelRows` rows as in packed_format.h. A panel is a run of blocks; a block is, rows side by side in each:
//   two levels:  d fp16, [m fp16], then per sub-block: scale 8 bits, [minimum 8 bits], codes
//   one level:   scale fp16, [minimum fp16], codes
// Codes of a sub-block: 8 bits: input after input one byte per row. 4 bits: one byte per row for two inputs, the even
// input in the low half. Further bits of a code follow as planes: input after input one bit per row, the fifth bits of
// the whole sub-block before the sixth.
// FP16I8 has in front of all panels two fp16 numbers for each input: the ranges of all inputs, then the offsets.
//
// Value of a weight: scale * (code - bias) (+ or - minimum); scale = d * scale8 and minimum = m * minimum8, rounded to
// fp32, where there are two levels. These are ggml's own operations, so the numbers are those of quant/blocks.h.
// Order of summation of an output: per sub-block one chain over its inputs of code * x and, with a minimum, one of x;
// the two times scale and minimum are then added to the output's chain by fused multiply-adds, codes first.
#pragma once

#include "kernels/coded_formats.h"
#include "kernels/packed_format.h"

namespace rookery::kernels {

enum class CodeTable : std::uint8_t { Linear, Iq4, Nf4 };

struct CodedFormat {
  int sub = 32;              ///< inputs under one scale; 0: all inputs of the row
  int subs = 1;              ///< sub-blocks of a block; more than one: two levels of scales
  int bits = 4;              ///< of the codes before the planes: 4 or 8
  int planes = 0;            ///< further bits: 1 or 2
  float bias = 0;            ///< taken off the code
  CodeTable table = CodeTable::Linear;
  bool minimum = false;
  bool subtracts = false;    ///< the minimum is subtracted
  bool signedScale = false;  ///< the 8-bit scales are
  bool signedCode = false;   ///< the 8-bit codes are
  bool halfInputs = false;   ///< inputs are rounded to fp16 first
  bool columns = false;      ///< FP16I8
};

/// For every format but F32, F16 and BF16. (Q8_0 is one of the family, with a kernel of its own on the CPU.)
constexpr CodedFormat coded(Format format) noexcept {
  switch (format) {
#define ROOKERY_CODED_FORMAT(name, number, sub, subs, bits, planes, bias, table, minimum, subtracts, signedScale, signedCode, halfInputs, columns) \
  case Format::name:                                                                                                                              \
    static_assert(static_cast<int>(Format::name) == number);                                                                                     \
    return {sub, subs, bits, planes, static_cast<float>(bias), static_cast<CodeTable>(table), minimum, subtracts, signedScale, signedCode, halfInputs, columns};
    ROOKERY_CODED_FORMATS(ROOKERY_CODED_FORMAT)
#undef ROOKERY_CODED_FORMAT
    case Format::F32: case Format::F16: case Format::BF16: break;
  }
  return {};
}

constexpr bool isCoded(Format format) noexcept { return format > Format::Q8_0; }

/// Inputs of a sub-block and of a block in a row of `cols` inputs.
constexpr std::int64_t subInputs(const CodedFormat& f, std::int64_t cols) noexcept { return f.sub == 0 ? cols : f.sub; }
constexpr std::int64_t blockInputs(const CodedFormat& f, std::int64_t cols) noexcept { return subInputs(f, cols) * f.subs; }

// Bytes per row of each part; times panelRows they are the panel's.
constexpr std::int64_t headBytes(const CodedFormat& f) noexcept { return f.subs > 1 ? (f.minimum ? 4 : 2) : 0; }
constexpr std::int64_t scaleBytes(const CodedFormat& f) noexcept { return f.subs > 1 ? 1 : 2; }
constexpr std::int64_t codesAt(const CodedFormat& f) noexcept { return scaleBytes(f) * (f.minimum ? 2 : 1); }
constexpr std::int64_t planesAt(const CodedFormat& f, std::int64_t cols) noexcept { return codesAt(f) + subInputs(f, cols) * f.bits / 8; }
constexpr std::int64_t subBytes(const CodedFormat& f, std::int64_t cols) noexcept {
  return planesAt(f, cols) + f.planes * subInputs(f, cols) / 8;
}
constexpr std::int64_t blockBytes(const CodedFormat& f, std::int64_t cols) noexcept { return headBytes(f) + f.subs * subBytes(f, cols); }
constexpr std::int64_t rowBytes(const CodedFormat& f, std::int64_t cols) noexcept { return cols / blockInputs(f, cols) * blockBytes(f, cols); }
/// In front of all panels, whole lines.
constexpr std::int64_t columnBytes(const CodedFormat& f, std::int64_t cols) noexcept { return f.columns ? (4 * cols + 63) / 64 * 64 : 0; }

}  // namespace rookery::kernels
