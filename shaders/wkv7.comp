// SPDX-License-Identifier: GPL-3.0-or-later
// One head of RWKV-7 time mixing over all tokens (arXiv 2503.14456; kernels/cpu/cpu_ops.h, Wkv7Args). A lane holds the
// state's row of one value in registers, from the first token to the last.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
layout(constant_id = kIdHead) const uint HEAD = 64;
// The state four floats at a time: a lane's row lies in a piece.
layout(set = 0, binding = 4) readonly buffer StateIn4 { vec4 stateIn4[]; };
layout(set = 0, binding = 5) writeonly buffer StateOut4 { vec4 stateOut4[]; };
#include "reduce.glsl"
#include "math.glsl"
shared float sharedR[HEAD], sharedW[HEAD], sharedK[HEAD], sharedRemoval[HEAD], sharedGain[HEAD];

void main() {
  if (stopped()) return;
  const uint lane = laneIndex(), head = gl_WorkGroupID.x, channel = head * HEAD + lane;
  const bool inside = lane < HEAD;
  const Record r = Records(push.records).at[0];
  const uint ld = r.values[kWkv7Ld], vFirst = r.values[kWkv7VFirst];
  const uint stateAt = r.values[kWkv7StateAt] + (head * HEAD + lane) * HEAD;

  float s[HEAD];
  float w0 = 0, a0 = 0, v0 = 0, kK = 0, kA = 0, rK = 0, lnWeight = 0, lnBias = 0;
  if (inside) {
    [[unroll]] for (uint j = 0; j < HEAD; j += 4) {
      const vec4 four = stateIn4[(stateAt + j) / 4];
      [[unroll]] for (uint i = 0; i < 4; ++i) s[j + i] = four[i];
    }
    w0 = Floats(r.weights[0]).at[channel];
    a0 = Floats(r.weights[1]).at[channel];
    if (vFirst != kNoOffset) v0 = Floats(r.weights[2]).at[channel];
    kK = Floats(r.weights[3]).at[channel];
    kA = Floats(r.weights[4]).at[channel];
    rK = Floats(r.weights[5]).at[channel];
    lnWeight = Floats(r.weights[6]).at[channel];
    lnBias = Floats(r.weights[7]).at[channel];
  }
  for (uint t = 0; t < run.tokens; ++t) {
    const uint at = t * ld + channel;
    float receptance = 0, key = 0, value = 0, gain = 0, removal = 0;
    if (inside) {
      receptance = act[r.values[kWkv7R] + at];
      const float k = act[r.values[kWkv7K] + at];
      value = act[r.values[kWkv7V] + at];
      removal = k * kK;
      gain = sigmoidOf(a0 + act[r.values[kWkv7A] + at]);
      key = k * fma(gain - 1.0, kA, 1.0);
      if (vFirst != kNoOffset) value = fma(act[vFirst + at] - value, sigmoidOf(v0 + act[r.values[kWkv7VUp] + at]), value);
      // 0.606531 = exp(-0.5): the decay stays above exp(-0.606531) = 0.545
      sharedW[lane] = expOf(-0.606531 * sigmoidOf(w0 + act[r.values[kWkv7W] + at]));
      sharedR[lane] = receptance;
      sharedK[lane] = key;
    }
    const float norm = sqrt(sumOverGroup(removal * removal));
    const float bonus = sumOverGroup(receptance * key * rK);
    if (inside) {
      removal *= 1.0 / max(norm, 1e-12);
      sharedRemoval[lane] = removal;
      sharedGain[lane] = removal * gain;
    }
    groupBarrier();
    float y = 0.0;
    if (inside) {
      float removed = 0.0;
      [[unroll]] for (uint j = 0; j < HEAD; ++j) removed = fma(s[j], sharedRemoval[j], removed);
      [[unroll]] for (uint j = 0; j < HEAD; ++j) {
        s[j] = fma(value, sharedK[j], fma(-removed, sharedGain[j], s[j] * sharedW[j]));
        y = fma(s[j], sharedR[j], y);
      }
    }
    const float mean = sumOverGroup(y) / float(HEAD);
    const float d = inside ? y - mean : 0.0;
    const float scale = 1.0 / sqrt(sumOverGroup(d * d) / float(HEAD) + 64e-5);
    if (inside) results[r.values[kWkv7Out] + at] = fma(bonus, value, fma(d * scale, lnWeight, lnBias)) * act[r.values[kWkv7Gate] + at];
    groupBarrier();  // the next token overwrites what lanes share
  }
  if (inside)
    [[unroll]] for (uint j = 0; j < HEAD; j += 4) stateOut4[(stateAt + j) / 4] = vec4(s[j], s[j + 1], s[j + 2], s[j + 3]);
}
