// SPDX-License-Identifier: GPL-3.0-or-later
// One head of RWKV-5.0 to 6 time mixing over all tokens (arXiv 2404.05892; kernels/cpu/cpu_ops.h, Wkv5Args). A lane
// holds the state's column of one value in registers.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
layout(constant_id = kIdHead) const uint HEAD = 64;
#include "reduce.glsl"
#include "math.glsl"
shared float sharedR[HEAD], sharedW[HEAD], sharedK[HEAD], sharedFirst[HEAD];

// Four keys a round: llvmpipe leaves all loops of an invocation after 65535 rounds, without a word, and 256 keys of 256
// tokens are more.
#define KEY(j) { \
  const float kv = sharedK[j] * value; \
  y = fma(sharedR[j], fma(sharedFirst[j], kv, s[j]), y); \
  s[j] = fma(sharedW[j], s[j], kv); \
}

void main() {
  if (stopped()) return;
  const uint lane = laneIndex(), head = gl_WorkGroupID.x, channel = head * HEAD + lane;
  const bool inside = lane < HEAD;
  const Record r = Records(push.records).at[0];
  const uint ld = r.values[kWkv5Ld], gate = r.values[kWkv5Gate], decayUp = r.values[kWkv5DecayUp];
  const uint stateAt = r.values[kWkv5StateAt] + head * HEAD * HEAD + lane;
  const uint perHead = r.values[kWkv5PerHead];  // 5.0, 5.1: one decay and one bonus a head

  float s[HEAD];
  float decay = 0, lnWeight = 0, lnBias = 0;
  if (inside) {
    for (uint j = 0; j < HEAD; ++j) s[j] = stateIn[stateAt + j * HEAD];
    decay = Floats(r.weights[0]).at[perHead != 0 ? head : channel];
    sharedFirst[lane] = Floats(r.weights[1]).at[perHead != 0 ? head : channel];
    lnWeight = Floats(r.weights[2]).at[channel];
    lnBias = Floats(r.weights[3]).at[channel];
    sharedW[lane] = expOf(-expOf(decay));
  }
  for (uint t = 0; t < run.tokens; ++t) {
    const uint at = t * ld + channel;
    float value = 0;
    if (inside) {
      sharedR[lane] = act[r.values[kWkv5R] + at];
      sharedK[lane] = act[r.values[kWkv5K] + at];
      value = act[r.values[kWkv5V] + at];
      if (decayUp != kNoOffset) sharedW[lane] = expOf(-expOf(decay + act[decayUp + at]));
    }
    groupBarrier();
    float y = 0.0;
    if (inside) {
      for (uint j = 0; j < HEAD; j += 4) {
        KEY(j)
        KEY(j + 1)
        KEY(j + 2)
        KEY(j + 3)
      }
    }
    const float mean = sumOverGroup(y) / float(HEAD);
    const float d = inside ? y - mean : 0.0;
    const float scale = 1.0 / sqrt(sumOverGroup(d * d) / float(HEAD) + 64e-5);
    if (inside) {
      const float out_ = fma(d * scale, lnWeight, lnBias);
      results[r.values[kWkv5Out] + at] = gate == kNoOffset ? out_ : out_ * act[gate + at];
    }
    groupBarrier();  // the next token overwrites what lanes share
  }
  if (inside)
    for (uint j = 0; j < HEAD; ++j) stateOut[stateAt + j * HEAD] = s[j];
}
