// SPDX-License-Identifier: GPL-3.0-or-later
// Coded weights: codes of 4 to 8 bits under scales, in the layout of kernels/coded_format.h. Included after
// matrix.glsl. In gemm.comp a lane takes 16 neighbouring outputs and PART inputs of one sub-block at a time.
#include "kernels/coded_formats.h"

layout(constant_id = kIdPart) const uint PART = 8;  // a power of two, at most 32

struct Coded {
  uint sub, subs, bits, planes;
  float bias;
  uint table;  // 0: the code is the number; 1: IQ4_NL; 2: NF4
  bool minimum, subtracts, signedScale, signedCode, halfInputs, columns;
};

/// coded() of kernels/coded_format.h.
Coded describe(const uint format) {
  Coded f = Coded(32, 1, 4, 0, 0.0, 0, false, false, false, false, false, false);
  switch (format) {
#define CODED_FORMAT(name, number, sub, subs, bits, planes, bias, table, minimum, subtracts, signedScale, signedCode, halfInputs, columns) \
  case number: f = Coded(sub, subs, bits, planes, bias, table, minimum, subtracts, signedScale, signedCode, halfInputs, columns); break;
    ROOKERY_CODED_FORMATS(CODED_FORMAT)
#undef CODED_FORMAT
  }
  return f;
}

const float kIq4[16] = float[](-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
const float kNf4[16] = float[](-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                               -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                               0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                               0.7229568362236023, 1.0);

/// Numbers of four codes, the lowest byte first; `high`: what planes add to each.
vec4 codeValues(const Coded f, uint bytes, uvec4 high) {
  const uvec4 code = uvec4(bytes, bytes >> 8, bytes >> 16, bytes >> 24) & 0xffu;
  if (f.signedCode) return vec4(bitfieldExtract(ivec4(code), 0, 8));
  if (f.table == 1) return vec4(kIq4[code.x], kIq4[code.y], kIq4[code.z], kIq4[code.w]);
  if (f.table == 2) return vec4(kNf4[code.x], kNf4[code.y], kNf4[code.z], kNf4[code.w]);
  return vec4(code + high) - f.bias;
}

/// Where 16 neighbouring rows of a matrix lie. Places are in quads (16 bytes).
struct CodedLayout {
  uint wide;     ///< quads of one byte for each row of a panel
  uint row16;    ///< the rows' group of 16 within the panel
  uint panel;    ///< where the panel begins
  uint sub;      ///< inputs of a sub-block
  uint headBytes, codesAt, planesAt, subBytes, blockBytes;  ///< per row; times `wide` they are quads
};

CodedLayout layoutOf(const Coded f, const Matrix m, uint rowGroup) {
  CodedLayout l;
  l.wide = m.panelRows / 16;
  l.sub = f.sub == 0 ? m.cols : f.sub;
  l.headBytes = f.subs > 1 ? (f.minimum ? 4 : 2) : 0;
  l.codesAt = (f.subs > 1 ? 1 : 2) * (f.minimum ? 2 : 1);
  l.planesAt = l.codesAt + l.sub * f.bits / 8;
  l.subBytes = l.planesAt + f.planes * l.sub / 8;
  l.blockBytes = l.headBytes + f.subs * l.subBytes;
  const uint panel = rowGroup / l.wide;
  l.row16 = rowGroup % l.wide;
  l.panel = (f.columns ? (4 * m.cols + 63) / 64 * 4 : 0) + panel * (m.cols / (l.sub * f.subs)) * l.blockBytes * l.wide;
  return l;
}

struct SubBlock {
  uint block, at;  ///< quads; `at`: its own head
  uint first;      ///< of the part that begins at the input it was asked for, within the sub-block
};

SubBlock subBlockOf(const Coded f, const CodedLayout l, uint k) {
  SubBlock b;
  const uint group = k / l.sub;
  b.block = l.panel + group / f.subs * l.blockBytes * l.wide;
  b.at = b.block + (l.headBytes + group % f.subs * l.subBytes) * l.wide;
  b.first = k % l.sub;
  return b;
}

/// Codes of the inputs k and k + 1 from b.first on, k even; a byte a row.
void loadCodes(const Coded f, const Matrix m, const CodedLayout l, const SubBlock b, uint k, out uvec4 bytes[2]) {
  const uint codes = b.at + l.codesAt * l.wide + l.row16;
  if (f.bits == 8) {
    bytes[0] = load16(m.weights, codes + (b.first + k) * l.wide);
    bytes[1] = load16(m.weights, codes + (b.first + k + 1) * l.wide);
  } else {
    const uvec4 both = load16(m.weights, codes + (b.first + k) / 2 * l.wide);
    bytes[0] = both & 0x0f0f0f0fu;
    bytes[1] = both >> 4 & 0x0f0f0f0fu;
  }
}

uint halfAt(uvec2 address, uint index) {
  const uint both = Words(address).at[index >> 1];
  return (index & 1) == 0 ? both & 0xffffu : both >> 16;
}

/// The fifth and sixth bits of input k's codes, 16 bits each, one a row.
uvec2 planesAt(const Coded f, const Matrix m, const CodedLayout l, const SubBlock b, uint k) {
  uvec2 planes = uvec2(0);
  const uint first = (b.at + l.planesAt * l.wide) * 8 + (b.first + k) * l.wide + l.row16;
  if (f.planes > 0) planes.x = halfAt(m.weights, first);
  if (f.planes > 1) planes.y = halfAt(m.weights, first + l.sub * l.wide);
  return planes;
}

/// What the planes add to the codes of rows 4 q .. 4 q + 3.
uvec4 highBits(const Coded f, uvec2 planes, uint q) {
  if (f.planes == 0) return uvec4(0);
  const uvec4 rows = uvec4(4 * q, 4 * q + 1, 4 * q + 2, 4 * q + 3);
  uvec4 high = (uvec4(planes.x) >> rows & 1u) << 4;
  if (f.planes > 1) high |= (uvec4(planes.y) >> rows & 1u) << 5;
  return high;
}

/// 16 halves from two quads, the first one at `index`: value `q` of four.
vec4 halfQuad(uvec2 address, uint index, uint q) {
  const uvec4 both = load16(address, index + q / 2);
  return (q & 1) == 0 ? halves(both.xy) : halves(both.zw);
}

vec4 scaleBytes(const Coded f, uint bytes) {
  const uvec4 code = uvec4(bytes, bytes >> 8, bytes >> 16, bytes >> 24) & 0xffu;
  return f.signedScale ? vec4(bitfieldExtract(ivec4(code), 0, 8)) : vec4(code);
}

/// Of rows 4 q .. 4 q + 3.
vec4 scaleOf(const Coded f, const Matrix m, const CodedLayout l, const SubBlock b, uint q) {
  if (f.subs == 1) return halfQuad(m.weights, b.at + 2 * l.row16, q);
  return halfQuad(m.weights, b.block + 2 * l.row16, q) * scaleBytes(f, load16(m.weights, b.at + l.row16)[q]);
}

vec4 minimumOf(const Coded f, const Matrix m, const CodedLayout l, const SubBlock b, uint q) {
  const vec4 minimum = f.subs == 1 ? halfQuad(m.weights, b.at + 2 * l.wide + 2 * l.row16, q)
                                   : halfQuad(m.weights, b.block + 2 * l.wide + 2 * l.row16, q) * scaleBytes(f, load16(m.weights, b.at + l.wide + l.row16)[q]);
  return f.subtracts ? -minimum : minimum;
}
