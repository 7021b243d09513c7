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
layout(constant_id = kIdFormatA) const uint FORMAT_A = 0;
layout(constant_id = kIdFormatB) const uint FORMAT_B = 0;
layout(constant_id = kIdFormatC) const uint FORMAT_C = 0;  // the last of them is repeated where there are fewer
layout(constant_id = kIdTokens) const uint TOKENS = 1;
layout(constant_id = kIdStrip) const uint STRIP = 16;
layout(constant_id = kIdFused) const uint FUSED = 0;
layout(constant_id = kIdRow) const uint ROW = 1;
layout(constant_id = kIdSparse) const uint SPARSE = 0;
layout(constant_id = kIdStripsPerGroup) const uint STRIPS = 1;  // of a group
layout(constant_id = kIdUnroll) const uint UNROLL = 1;  // 16-byte loads of a lane on their way; coded: pairs of inputs
shared float row[ROW];
#include "reduce.glsl"
#include "norm.glsl"
#include "math.glsl"
#include "weights.glsl"
#include "matrix.glsl"
#include "coded.glsl"

layout(constant_id = kIdParts) const uint PARTS = 16;
shared float parts[PARTS];  // [subgroup][TOKENS][STRIP]
vec4 acc[TOKENS][4];       // the lane's outputs: 4, 8 or 16 of them

float inputAt(const Matrix m, uint token, uint k) { return FUSED != 0 ? row[k] : act[m.x + token * m.ldX + k]; }

/// Multiplies the lane's share of the strip into `acc`.
void multiply(const uint format, const Matrix m, uint strip, uint firstToken) {
  const uint perLane = outputsPerLane(format), units = STRIP / perLane, lane = laneIndex();
  const uint unit = lane % units, slice = lane / units, slices = gl_WorkGroupSize.x / units;
  const uint step = m.panelRows / perLane;  // 16-byte quads from one input to the next
  if (strip * STRIP + unit * perLane >= (m.rows + 15) / 16 * 16) return;
  vec4 low_[TOKENS], high_[TOKENS];
  [[unroll]] for (uint t = 0; t < TOKENS; ++t) low_[t] = high_[t] = vec4(0.0);
  const uint at = (m.panelRows == STRIP ? strip * m.cols * step : strip * units) + unit;
  for (uint k = slice; k < m.cols; k += UNROLL * slices) {
    float x[UNROLL][TOKENS];
    uvec4 quads[UNROLL];
    [[unroll]] for (uint u = 0; u < UNROLL; ++u) {
      const uint wanted = k + u * slices, input_ = UNROLL == 1 ? wanted : min(wanted, m.cols - 1);
      [[unroll]] for (uint t = 0; t < TOKENS; ++t) x[u][t] = input_ == wanted ? inputAt(m, firstToken + t, input_) : 0.0;
      if (SPARSE != 0 && x[u][0] == 0.0) {
        quads[u] = uvec4(0);
      } else {
        quads[u] = load16(m.weights, at + input_ * step);
      }
    }
    [[unroll]] for (uint u = 0; u < UNROLL; ++u) {
      if (SPARSE != 0 && x[u][0] == 0.0) continue;
      const uvec4 q = quads[u];
      if (format == kF32) {
        const vec4 w = uintBitsToFloat(q);
        [[unroll]] for (uint t = 0; t < TOKENS; ++t) low_[t] = fma(w, vec4(x[u][t]), low_[t]);
      } else {
        const vec4 low = format == kF16 ? halves(q.xy) : bfloats(q.xy), high = format == kF16 ? halves(q.zw) : bfloats(q.zw);
        [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
          low_[t] = fma(low, vec4(x[u][t]), low_[t]);
          high_[t] = fma(high, vec4(x[u][t]), high_[t]);
        }
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
  const CodedLayout l = layoutOf(f, m, strip * units + unit);
  const uint part = f.sub == 0 ? PART : min(PART, f.sub), ahead = min(UNROLL, part / 2);

  for (uint p = slice; p * part < m.cols; p += slices) {
    const uint k0 = p * part;
    const SubBlock b = subBlockOf(f, l, k0);
    vec4 sum[TOKENS][4];
    float inputs_[TOKENS], offsets[TOKENS];
    [[unroll]] for (uint t = 0; t < TOKENS; ++t) {
      inputs_[t] = offsets[t] = 0.0;
      [[unroll]] for (uint q = 0; q < 4; ++q) sum[t][q] = vec4(0.0);
    }
    for (uint k = 0; k < part && k0 + k < m.cols; k += 2 * ahead) {
      float x[UNROLL][TOKENS][2];
      uvec4 bytes[UNROLL][2];
      [[unroll]] for (uint u = 0; u < ahead; ++u) {
        const uint pair = k0 + k + 2 * u;
        const bool inside = u == 0 || pair < m.cols;
        bool any = false;
        [[unroll]] for (uint t = 0; t < TOKENS; ++t)
          [[unroll]] for (uint o = 0; o < 2; ++o) {
            float value = inside ? inputAt(m, firstToken + t, pair + o) : 0.0;
            if (f.halfInputs) value = roundToHalf(value);
            if (f.minimum) inputs_[t] += value;
            if (f.columns && inside) {
              offsets[t] = fma(value, unpackHalf2x16(halfAt(m.weights, m.cols + pair + o)).x, offsets[t]);
              value *= unpackHalf2x16(halfAt(m.weights, pair + o)).x;
            }
            x[u][t][o] = value;
            any = any || value != 0.0;
          }
        bytes[u][0] = bytes[u][1] = uvec4(0);
        if (SPARSE == 0 || any) loadCodes(f, m, l, b, inside ? pair - k0 : 0, bytes[u]);
      }
      [[unroll]] for (uint u = 0; u < ahead; ++u) {
        const uint pair = k0 + k + 2 * u;
        if (u > 0 && pair >= m.cols) continue;
        if (SPARSE != 0 && x[u][0][0] == 0.0 && x[u][0][1] == 0.0) continue;
        [[unroll]] for (uint o = 0; o < 2; ++o) {
          const uvec2 planes = planesAt(f, m, l, b, pair - k0 + o);
          [[unroll]] for (uint q = 0; q < 4; ++q) {
            const vec4 values = codeValues(f, bytes[u][o][q], highBits(f, planes, q));
            [[unroll]] for (uint t = 0; t < TOKENS; ++t) sum[t][q] = fma(values, vec4(x[u][t][o]), sum[t][q]);
          }
        }
      }
    }
    [[unroll]] for (uint q = 0; q < 4; ++q) {
      const vec4 scale = scaleOf(f, m, l, b, q);
      [[unroll]] for (uint t = 0; t < TOKENS; ++t) acc[t][q] = fma(sum[t][q], scale, acc[t][q]);
      if (f.minimum) {
        const vec4 minimum = minimumOf(f, m, l, b, q);
        [[unroll]] for (uint t = 0; t < TOKENS; ++t) acc[t][q] = fma(vec4(inputs_[t]), minimum, acc[t][q]);
      }
      if (f.columns) {
        [[unroll]] for (uint t = 0; t < TOKENS; ++t) acc[t][q] += offsets[t];
      }
    }
  }
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
  const uint lane = laneIndex(), width = r.values[kGemmCols], x = r.values[kGemmFusedX], shift = r.values[kGemmShift];
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) row[i] = act[x + i];
  groupBarrier();
  const vec2 statistics = rowStatistics(width, uintBitsToFloat(r.values[kGemmEps]));
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) {
    const float n = normalised(row[i], statistics, Floats(r.weights[1]).at[i], Floats(r.weights[2]).at[i]);
    if (r.weights[3] == uvec2(0)) {
      row[i] = n;
    } else {
      row[i] = mixed(r.values[kGemmForm], n, stateIn[shift + i], Floats(r.weights[3]).at[i]);
    }
    if (gl_WorkGroupID.y == 0) stateOut[shift + i] = n;
  }
  groupBarrier();
}

void main() {
  const uint firstToken = gl_WorkGroupID.x * TOKENS, tokens = push.option == 0 ? run.tokens : run.rows;
  if (stopped() || firstToken >= tokens) return;
  const Record r = recordOfGroup();
  const Matrix m = matrixOf(r);
  if (FUSED != 0) makeInput(r);
  const uint first = (gl_WorkGroupID.y - r.values[kGemmFirstGroup]) * STRIPS, last = min(first + STRIPS, r.values[kGemmStrips]);
  if (FORMAT_A == FORMAT_B || m.format == FORMAT_A) {
    strips(FORMAT_A, m, first, last, firstToken, tokens);
  } else if (FORMAT_B == FORMAT_C || m.format == FORMAT_B) {
    strips(FORMAT_B, m, first, last, firstToken, tokens);
  } else {
    strips(FORMAT_C, m, first, last, firstToken, tokens);
  }
}
