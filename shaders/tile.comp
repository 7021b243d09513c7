// SPDX-License-Identifier: GPL-3.0-or-later
// y = W x for chunks: a group computes a tile of 64 outputs by 64 tokens, 4 by 4 of them a lane, from weights and inputs
// that it brings into shared memory, decoded, 16 inputs at a time. So weights are read once for 64 tokens, where
// gemm.comp reads them once for 4 or 8. The chain of an output runs over all inputs in order: another one than that of
// gemm.comp, and the same for every chunk that comes this way.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
layout(constant_id = kIdFormatA) const uint FORMAT_A = 0;
layout(constant_id = kIdFormatB) const uint FORMAT_B = 0;
layout(constant_id = kIdFormatC) const uint FORMAT_C = 0;  // the last of them is repeated where there are fewer
#include "math.glsl"
#include "weights.glsl"
#include "matrix.glsl"
#include "coded.glsl"

const uint kOutputs = 64, kTokens = 64, kInputs = 16;
shared vec4 tileWeights[kInputs][kOutputs / 4];
shared vec4 tileInputs[kInputs][kTokens / 4];

void loadWeights(const uint format, const Matrix m, uint firstOutput, uint firstInput) {
  const uint perLane = outputsPerLane(format), units = kOutputs / perLane, quads = perLane / 4, step = m.panelRows / perLane;
  for (uint i = gl_LocalInvocationIndex; i < units * kInputs; i += gl_WorkGroupSize.x) {
    const uint unit = i % units, k = i / units, output_ = firstOutput + unit * perLane;
    uvec4 q = uvec4(0);
    if (output_ < (m.rows + 15) / 16 * 16 && firstInput + k < m.cols) {
      const uint panel = output_ / m.panelRows, inPanel = output_ % m.panelRows / perLane;
      q = load16(m.weights, panel * m.cols * step + (firstInput + k) * step + inPanel);
    }
    if (format == kF32) {
      tileWeights[k][unit] = uintBitsToFloat(q);
    } else {
      tileWeights[k][unit * 2] = format == kF16 ? halves(q.xy) : bfloats(q.xy);
      tileWeights[k][unit * 2 + 1] = format == kF16 ? halves(q.zw) : bfloats(q.zw);
    }
  }
}

void loadCodedWeights(const uint format, const Matrix m, uint firstOutput, uint firstInput) {
  const Coded f = describe(format);
  const uint units = kOutputs / 16;
  for (uint i = gl_LocalInvocationIndex; i < units * kInputs / 2; i += gl_WorkGroupSize.x) {
    const uint unit = i % units, k = i / units * 2, output_ = firstOutput + unit * 16, input_ = firstInput + k;
    const bool inside = output_ < (m.rows + 15) / 16 * 16 && input_ < m.cols;
    if (!inside) {
      [[unroll]] for (uint q = 0; q < 4; ++q) tileWeights[k][unit * 4 + q] = tileWeights[k + 1][unit * 4 + q] = vec4(0.0);
      continue;
    }
    const CodedLayout l = layoutOf(f, m, output_ / 16);
    const SubBlock b = subBlockOf(f, l, input_);
    uvec4 bytes[2];
    loadCodes(f, m, l, b, 0, bytes);
    [[unroll]] for (uint q = 0; q < 4; ++q) {
      const vec4 scale = scaleOf(f, m, l, b, q), minimum = f.minimum ? minimumOf(f, m, l, b, q) : vec4(0.0);
      [[unroll]] for (uint o = 0; o < 2; ++o) {
        vec4 w = codeValues(f, bytes[o][q], highBits(f, planesAt(f, m, l, b, o), q)) * scale;
        if (f.columns) {  // (code + 1/2) row column + row minimum + column minimum
          w = w * unpackHalf2x16(halfAt(m.weights, input_ + o)).x + (minimum + unpackHalf2x16(halfAt(m.weights, m.cols + input_ + o)).x);
        } else if (f.minimum) {
          w += minimum;
        }
        tileWeights[k + o][unit * 4 + q] = w;
      }
    }
  }
}

void loadInputs(const Matrix m, bool halves_, uint firstToken, uint tokens, uint firstInput) {
  for (uint i = gl_LocalInvocationIndex; i < kTokens * kInputs; i += gl_WorkGroupSize.x) {
    const uint k = i % kInputs, t = i / kInputs;
    float x = 0.0;
    if (firstToken + t < tokens && firstInput + k < m.cols) x = act[m.x + (firstToken + t) * m.ldX + firstInput + k];
    tileInputs[k][t / 4][t % 4] = halves_ ? roundToHalf(x) : x;
  }
}

void tile(const uint format, const Matrix m, uint firstOutput, uint firstToken, uint tokens) {
  const bool halfInputs = format > kBF16 && describe(format).halfInputs;
  const uint outputs = gl_LocalInvocationIndex % (kOutputs / 4), rows = gl_LocalInvocationIndex / (kOutputs / 4);
  vec4 sum[4];
  [[unroll]] for (uint t = 0; t < 4; ++t) sum[t] = vec4(0.0);
  for (uint firstInput = 0; firstInput < m.cols; firstInput += kInputs) {
    if (format <= kBF16) {
      loadWeights(format, m, firstOutput, firstInput);
    } else {
      loadCodedWeights(format, m, firstOutput, firstInput);
    }
    loadInputs(m, halfInputs, firstToken, tokens, firstInput);
    barrier();
    [[unroll]] for (uint k = 0; k < kInputs; ++k) {
      const vec4 w = tileWeights[k][outputs], x = tileInputs[k][rows];
      [[unroll]] for (uint t = 0; t < 4; ++t) sum[t] = fma(w, vec4(x[t]), sum[t]);
    }
    barrier();
  }
  [[unroll]] for (uint t = 0; t < 4; ++t) {
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      const uint token = firstToken + rows * 4 + t, output_ = firstOutput + outputs * 4 + i;
      if (token < tokens && output_ < (m.rows + 15) / 16 * 16) store(m, token, output_, sum[t][i]);
    }
  }
}

void main() {
  const uint firstToken = gl_WorkGroupID.x * kTokens, tokens = push.option == 0 ? run.tokens : run.rows;
  if (stopped() || firstToken >= tokens) return;
  const Record r = recordOfGroup();
  const Matrix m = matrixOf(r);
  const uint firstOutput = (gl_WorkGroupID.y - r.values[kGemmFirstGroup]) * kOutputs;
  if (FORMAT_A == FORMAT_B || m.format == FORMAT_A) {
    tile(FORMAT_A, m, firstOutput, firstToken, tokens);
  } else if (FORMAT_B == FORMAT_C || m.format == FORMAT_B) {
    tile(FORMAT_B, m, firstOutput, firstToken, tokens);
  } else {
    tile(FORMAT_C, m, firstOutput, firstToken, tokens);
  }
}
