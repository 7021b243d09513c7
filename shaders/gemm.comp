// SPDX-License-Identifier: GPL-3.0-or-later
// y = W x for a list of matrices that do not depend on each other, for one token (decode) or tiles of TOKENS tokens.
//
// A group takes strips of STRIP outputs. A lane holds a few neighbouring outputs (16 bytes of weights) and every
// S-th input; the partial sums of the lanes are added as a binary tree. So the chain of an output depends on the
// group's size and the format only: not on the number of tokens, nor on the size of a subgroup.
// FUSED: the input is ln(x) mixed with the token before, made by every group for itself (one token only).
// SPARSE: inputs that are zero are not read (one token; the chain does not change).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
layout(constant_id = 1) const uint FORMAT_A = 0;
layout(constant_id = 2) const uint FORMAT_B = 0;
layout(constant_id = 3) const uint TOKENS = 1;
layout(constant_id = 4) const uint STRIP = 16;
layout(constant_id = 5) const uint FUSED = 0;
layout(constant_id = 6) const uint ROW = 1;
layout(constant_id = 7) const uint SPARSE = 0;
layout(constant_id = 9) const uint STRIPS = 1;  // of a group
shared float row[ROW];
#include "reduce.glsl"
#include "norm.glsl"
#include "math.glsl"
#include "weights.glsl"
#include "coded.glsl"

layout(constant_id = 13) const uint PARTS = 16;
shared float parts[PARTS];  // [subgroup][TOKENS][STRIP]
vec4 acc[TOKENS][4];       // the lane's outputs: 4, 8 or 16 of them

struct Matrix {
  uvec2 weights;
  uint rows, cols;
  uint panelRows;
  uint x, ldX;
  uint y, ldY;
  uint gate, ldGate;
  uint activation;
  bool accumulate;
  bool toLogits;
};

float inputAt(const Matrix m, uint token, uint k) { return FUSED != 0 ? row[k] : act[m.x + token * m.ldX + k]; }

uint outputsPerLane(const uint format) { return format == kF32 ? 4 : format <= kBF16 ? 8 : 16; }

/// Multiplies the lane's share of the strip into `acc`.
void multiply(const uint format, const Matrix m, uint strip, uint firstToken) {
  const uint perLane = outputsPerLane(format), units = STRIP / perLane, lane = laneIndex();
  const uint unit = lane % units, slice = lane / units, slices = gl_WorkGroupSize.x / units;
  const uint step = m.panelRows / perLane;  // 16-byte quads from one input to the next
  if (strip * STRIP + unit * perLane >= (m.rows + 15) / 16 * 16) return;
  vec4 low_[TOKENS], high_[TOKENS];
  [[unroll]] for (uint t = 0; t < TOKENS; ++t) low_[t] = high_[t] = vec4(0.0);
  uint at = (m.panelRows == STRIP ? strip * m.cols * step : strip * units) + unit + slice * step;
  for (uint k = slice; k < m.cols; k += slices, at += slices * step) {
    float x[TOKENS];
    [[unroll]] for (uint t = 0; t < TOKENS; ++t) x[t] = inputAt(m, firstToken + t, k);
    if (SPARSE != 0 && TOKENS == 1 && x[0] == 0.0) continue;
    const uvec4 q = load16(m.weights, at);
    if (format == kF32) {
      const vec4 w = uintBitsToFloat(q);
      [[unroll]] for (uint t = 0; t < TOKENS; ++t) low_[t] = fma(w, vec4(x[t]), low_[t]);
    } else {
      const vec4 low = format == kF16 ? halves(q.xy) : bfloats(q.xy), high = format == kF16 ? halves(q.zw) : bfloats(q.zw);
      [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
        low_[t] = fma(low, vec4(x[t]), low_[t]);
        high_[t] = fma(high, vec4(x[t]), high_[t]);
      }
    }
  }
  [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
    acc[t][0] = low_[t];
    acc[t][1] = high_[t];
  }
}

/// The same for coded formats: per part of a sub-block one chain of code * x, then scale and minimum.
void multiplyCoded(const uint format, const Matrix m, uint strip, uint firstToken) {
  const Coded f = describe(format);
  const uint units = STRIP / 16, lane = laneIndex();
  const uint unit = lane % units, slice = lane / units, slices = gl_WorkGroupSize.x / units;
  if (strip * STRIP + unit * 16 >= (m.rows + 15) / 16 * 16) return;
  const uint sub = f.sub == 0 ? m.cols : f.sub, part = f.sub == 0 ? PART : min(PART, f.sub);
  const uint wide = m.panelRows / 16;  // quads of one byte for each row of a panel
  // Bytes per row of the parts of a block; times `wide` they are quads.
  const uint headBytes = f.subs > 1 ? (f.minimum ? 4 : 2) : 0, scaleSize = f.subs > 1 ? 1 : 2;
  const uint codesAt = scaleSize * (f.minimum ? 2 : 1), planesAt = codesAt + sub * f.bits / 8;
  const uint subBytes = planesAt + f.planes * sub / 8, blockBytes = headBytes + f.subs * subBytes;
  const bool dense = m.panelRows == STRIP;
  const uint columns = f.columns ? (4 * m.cols + 63) / 64 * 4 : 0;
  const uint panel = columns + (dense ? strip * (m.cols / (sub * f.subs)) * blockBytes * wide : 0);
  const uint row16 = dense ? unit : strip * units + unit;  // the lane's group of 16 rows within the panel

  for (uint p = slice; p * part < m.cols; p += slices) {
    const uint k0 = p * part, group = k0 / sub, inSub = k0 % sub;
    const uint block = panel + group / f.subs * blockBytes * wide;
    const uint at = block + (headBytes + group % f.subs * subBytes) * wide;
    vec4 sum[TOKENS][4];
    float inputs_[TOKENS], offsets[TOKENS];
    [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
      inputs_[t] = offsets[t] = 0.0;
      [[unroll]] for (uint q = 0; q < 4; ++q) sum[t][q] = vec4(0.0);
    }
    for (uint k = 0; k < part && k0 + k < m.cols; k += 2) {
      float x[TOKENS][2];
      bool any = false;
      [[unroll]] for (uint t = 0; t < TOKENS; ++t)
        [[unroll]] for (uint o = 0; o < 2; ++o) {
          float value = inputAt(m, firstToken + t, k0 + k + o);
          if (f.halfInputs) value = roundToHalf(value);
          if (f.minimum) inputs_[t] += value;
          if (f.columns) {
            offsets[t] = fma(value, unpackHalf2x16(halfAt(m.weights, m.cols + k0 + k + o)).x, offsets[t]);
            value *= unpackHalf2x16(halfAt(m.weights, k0 + k + o)).x;
          }
          x[t][o] = value;
          any = any || value != 0.0;
        }
      if (SPARSE != 0 && TOKENS == 1 && !any) continue;
      const uint codes = at + codesAt * wide + row16;
      uvec4 bytes[2];
      if (f.bits == 8) {
        bytes[0] = load16(m.weights, codes + (inSub + k) * wide);
        bytes[1] = load16(m.weights, codes + (inSub + k + 1) * wide);
      } else {
        const uvec4 both = load16(m.weights, codes + (inSub + k) / 2 * wide);
        bytes[0] = both & 0x0f0f0f0fu;
        bytes[1] = both >> 4 & 0x0f0f0f0fu;
      }
      [[unroll]] for (uint o = 0; o < 2; ++o) {
        uint planes[2];
        [[unroll]] for (uint plane = 0; plane < 2; ++plane)  // 16 bits, one a row
          planes[plane] = plane < f.planes ? halfAt(m.weights, (at + planesAt * wide) * 8 + (plane * sub + inSub + k + o) * wide + row16) : 0;
        [[unroll]] for (uint q = 0; q < 4; ++q) {
          uvec4 high = uvec4(0);
          if (f.planes > 0) {
            high = (uvec4(planes[0]) >> uvec4(4 * q, 4 * q + 1, 4 * q + 2, 4 * q + 3) & 1u) << 4;
            if (f.planes > 1) high |= (uvec4(planes[1]) >> uvec4(4 * q, 4 * q + 1, 4 * q + 2, 4 * q + 3) & 1u) << 5;
          }
          const vec4 values = codeValues(f, bytes[o][q], high);
          [[unroll]] for (uint t = 0; t < TOKENS; ++t) sum[t][q] = fma(values, vec4(x[t][o]), sum[t][q]);
        }
      }
    }
    [[unroll]] for (uint q = 0; q < 4; ++q) {
      vec4 scale, minimum = vec4(0.0);
      if (f.subs == 1) {
        scale = halfQuad(m.weights, at + 2 * row16, q);
        if (f.minimum) minimum = halfQuad(m.weights, at + 2 * wide + 2 * row16, q);
      } else {
        scale = halfQuad(m.weights, block + 2 * row16, q) * scaleBytes(f, load16(m.weights, at + row16)[q]);
        if (f.minimum) minimum = halfQuad(m.weights, block + 2 * wide + 2 * row16, q) * scaleBytes(f, load16(m.weights, at + wide + row16)[q]);
      }
      if (f.subtracts) minimum = -minimum;
      [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
        acc[t][q] = fma(sum[t][q], scale, acc[t][q]);
        if (f.minimum) acc[t][q] = fma(vec4(inputs_[t]), minimum, acc[t][q]);
        if (f.columns) acc[t][q] += offsets[t];
      }
    }
  }
}

void store(const Matrix m, uint token, uint output_, float value) {
  value = activate(value, m.activation);
  if (m.toLogits) {
    if (output_ < m.rows) logits[token * m.rows + output_] = value;
    return;
  }
  const uint at = m.y + token * m.ldY + output_;
  if (m.gate != kNone) {
    value = fma(value, act[m.gate + token * m.ldGate + output_], act[at]);
  } else if (m.accumulate) {
    value = act[at] + value;
  }
  results[at] = value;
}

/// Adds the lanes' sums and writes the outputs of a strip.
void finish(const uint format, const Matrix m, uint strip, uint firstToken, uint tokens) {
  const uint perLane = outputsPerLane(format), units = STRIP / perLane, quads = perLane / 4, lane = laneIndex();
  const uint lanes = gl_WorkGroupSize.x / SUBGROUPS, subgroup = lane / lanes, inSubgroup = lane % lanes;
  [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
    [[unroll]] for (uint q = 0; q < quads; ++q) {
      vec4 sum = acc[t][q];
      for (uint bit = units; bit < lanes; bit <<= 1) sum += subgroupShuffleXor(sum, bit);
      if (inSubgroup < units) {
        const uint at = (subgroup * TOKENS + t) * STRIP + inSubgroup * perLane + q * 4;
        [[unroll]] for (uint i = 0; i < 4; ++i) parts[at + i] = sum[i];
      }
    }
  }
  groupBarrier();
  const uint all = TOKENS * STRIP;  // outputs of the group
  for (uint bit = 1; bit < SUBGROUPS; bit <<= 1) {
    for (uint i = lane; i < SUBGROUPS * all; i += gl_WorkGroupSize.x)
      if ((i / all & (2 * bit - 1)) == 0) parts[i] += parts[i + bit * all];
    groupBarrier();
  }
  const uint most = (m.rows + 15) / 16 * 16;
  for (uint i = lane; i < all; i += gl_WorkGroupSize.x) {
    const uint token = firstToken + i / STRIP, output_ = strip * STRIP + i % STRIP;
    if (token < tokens && output_ < most) store(m, token, output_, parts[i]);
  }
  groupBarrier();  // the next strip overwrites the parts
}

void strips(const uint format, const Matrix m, uint first, uint last, uint firstToken, uint tokens) {
  for (uint strip = first; strip < last; ++strip) {
    [[unroll]] for (uint t = 0; t < TOKENS; ++t)
      [[unroll]] for (uint q = 0; q < 4; ++q) acc[t][q] = vec4(0.0);
    if (format <= kBF16) {
      multiply(format, m, strip, firstToken);
    } else {
      multiplyCoded(format, m, strip, firstToken);
    }
    finish(format, m, strip, firstToken, tokens);
  }
}

/// The mixed input into `row`. One group also leaves n for the next token.
void makeInput(const Record r) {
  const uint lane = laneIndex(), width = r.values[3], x = r.values[12], shift = r.values[13];
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) row[i] = act[x + i];
  groupBarrier();
  const vec2 statistics = rowStatistics(width, uintBitsToFloat(r.values[15]));
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) {
    const float n = normalised(row[i], statistics, Floats(r.weights[1]).at[i], Floats(r.weights[2]).at[i]);
    row[i] = mixed(r.values[14], n, stateIn[shift + i], Floats(r.weights[3]).at[i]);
    if (gl_WorkGroupID.y == 0) stateOut[shift + i] = n;
  }
  groupBarrier();
}

void main() {
  const uint firstToken = gl_WorkGroupID.x * TOKENS, tokens = push.option == 0 ? run.tokens : run.rows;
  if (run.cancel != 0 || firstToken >= tokens) return;
  uint which = 0;
  while (which + 1 < push.count && gl_WorkGroupID.y >= Records(push.records).at[which + 1].values[0]) ++which;
  const Record r = Records(push.records).at[which];
  Matrix m;
  m.weights = r.weights[0];
  m.rows = r.values[2];
  m.cols = r.values[3];
  m.x = r.values[4];
  m.ldX = r.values[5];
  m.y = r.values[6];
  m.ldY = r.values[7];
  m.gate = r.values[8];
  m.ldGate = r.values[9];
  m.activation = r.values[10] & 0xffu;
  m.accumulate = (r.values[10] >> 8 & 1u) != 0;
  m.toLogits = (r.values[10] >> 9 & 1u) != 0;
  m.panelRows = r.values[11];
  if (FUSED != 0) makeInput(r);
  const uint first = (gl_WorkGroupID.y - r.values[0]) * STRIPS, last = min(first + STRIPS, r.values[1]);
  if (FORMAT_A == FORMAT_B || (r.values[10] >> 16) == FORMAT_A) {
    strips(FORMAT_A, m, first, last, firstToken, tokens);
  } else {
    strips(FORMAT_B, m, first, last, firstToken, tokens);
  }
}
