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

shared float parts[1024];  // [subgroup][STRIP], one token at a time
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

uint outputsPerLane(const uint format) { return format == kF32 ? 4 : 8; }

/// Multiplies the lane's share of the strip into `acc`.
void multiply(const uint format, const Matrix m, uint strip, uint firstToken) {
  const uint perLane = outputsPerLane(format), units = STRIP / perLane, lane = laneIndex();
  const uint unit = lane % units, slice = lane / units, slices = gl_WorkGroupSize.x / units;
  const uint step = m.panelRows / perLane;  // 16-byte quads from one input to the next
  const bool inside = strip * STRIP + unit * perLane < (m.rows + 15) / 16 * 16;
  if (!inside) return;
  uint at = (m.panelRows == STRIP ? strip * m.cols * step : strip * units) + unit + slice * step;
  for (uint k = slice; k < m.cols; k += slices, at += slices * step) {
    float x[TOKENS];
    [[unroll]] for (uint t = 0; t < TOKENS; ++t) x[t] = inputAt(m, firstToken + t, k);
    if (SPARSE != 0 && TOKENS == 1 && x[0] == 0.0) continue;
    const uvec4 q = load16(m.weights, at);
    if (format == kF32) {
      const vec4 w = uintBitsToFloat(q);
      [[unroll]] for (uint t = 0; t < TOKENS; ++t) acc[t][0] = fma(w, vec4(x[t]), acc[t][0]);
    } else {
      const vec4 low = format == kF16 ? halves(q.xy) : bfloats(q.xy), high = format == kF16 ? halves(q.zw) : bfloats(q.zw);
      [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
        acc[t][0] = fma(low, vec4(x[t]), acc[t][0]);
        acc[t][1] = fma(high, vec4(x[t]), acc[t][1]);
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
  act[at] = value;
}

/// Adds the lanes' sums and writes the outputs of a strip.
void finish(const uint format, const Matrix m, uint strip, uint firstToken, uint tokens) {
  const uint perLane = outputsPerLane(format), units = STRIP / perLane, quads = perLane / 4, lane = laneIndex();
  const uint lanes = min(gl_SubgroupSize, gl_WorkGroupSize.x), subgroups = gl_WorkGroupSize.x / lanes;
  const uint most = (m.rows + 15) / 16 * 16;
  [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
    [[unroll]] for (uint q = 0; q < quads; ++q)
      for (uint bit = units; bit < lanes; bit <<= 1) acc[t][q] += subgroupShuffleXor(acc[t][q], bit);
    if (subgroups == 1) {
      if (lane < units && firstToken + t < tokens) {
        [[unroll]] for (uint q = 0; q < quads; ++q)
          [[unroll]] for (uint i = 0; i < 4; ++i) {
            const uint output_ = strip * STRIP + lane * perLane + q * 4 + i;
            if (output_ < most) store(m, firstToken + t, output_, acc[t][q][i]);
          }
      }
      continue;
    }
    if (gl_SubgroupInvocationID < units) {
      [[unroll]] for (uint q = 0; q < quads; ++q)
        [[unroll]] for (uint i = 0; i < 4; ++i) parts[gl_SubgroupID * STRIP + gl_SubgroupInvocationID * perLane + q * 4 + i] = acc[t][q][i];
    }
    barrier();
    for (uint bit = 1; bit < subgroups; bit <<= 1) {
      for (uint i = lane; i < subgroups * STRIP; i += gl_WorkGroupSize.x)
        if ((i / STRIP & (2 * bit - 1)) == 0) parts[i] += parts[i + bit * STRIP];
      barrier();
    }
    if (firstToken + t < tokens) {
      for (uint i = lane; i < STRIP; i += gl_WorkGroupSize.x)
        if (strip * STRIP + i < most) store(m, firstToken + t, strip * STRIP + i, parts[i]);
    }
    barrier();
  }
}

void strips(const uint format, const Matrix m, uint first, uint last, uint firstToken, uint tokens) {
  for (uint strip = first; strip < last; ++strip) {
    [[unroll]] for (uint t = 0; t < TOKENS; ++t)
      [[unroll]] for (uint q = 0; q < 4; ++q) acc[t][q] = vec4(0.0);
    multiply(format, m, strip, firstToken);
    finish(format, m, strip, firstToken, tokens);
  }
}

/// The mixed input into `row`. One group also leaves n for the next token.
void makeInput(const Record r) {
  const uint lane = laneIndex(), width = r.values[3], x = r.values[12], shift = r.values[13];
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) row[i] = act[x + i];
  barrier();
  const vec2 statistics = rowStatistics(width, uintBitsToFloat(r.values[15]));
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) {
    const float n = normalised(row[i], statistics, Floats(r.weights[1]).at[i], Floats(r.weights[2]).at[i]);
    row[i] = mixed(r.values[14], n, stateIn[shift + i], Floats(r.weights[3]).at[i]);
    if (gl_WorkGroupID.y == 0) stateOut[shift + i] = n;
  }
  barrier();
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
