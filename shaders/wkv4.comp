// SPDX-License-Identifier: GPL-3.0-or-later
// Channels of RWKV-4 time mixing over all tokens (arXiv 2305.13048; kernels/cpu/cpu_ops.h, Wkv4Args): a lane a channel.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "math.glsl"

void main() {
  if (stopped()) return;
  const Record r = Records(push.records).at[0];
  const uint ld = r.values[kWkv4Ld], width = r.values[kWkv4Width];
  const uint channel = gl_WorkGroupID.x * gl_WorkGroupSize.x + laneIndex();
  if (channel >= width) return;
  const float decay = -expOf(Floats(r.weights[0]).at[channel]), first = Floats(r.weights[1]).at[channel];
  float aa = stateIn[r.values[kWkv4Aa] + channel], bb = stateIn[r.values[kWkv4Bb] + channel], pp = stateIn[r.values[kWkv4Pp] + channel];
  for (uint t = 0; t < run.tokens; ++t) {
    const uint at = t * ld + channel;
    const float k = act[r.values[kWkv4K] + at], v = act[r.values[kWkv4V] + at];
    const float now = first + k;
    float most = max(pp, now);
    float before = expOf(pp - most), here = expOf(now - most);
    results[r.values[kWkv4Out] + at] = act[r.values[kWkv4R] + at] * (fma(before, aa, here * v) / fma(before, bb, here));
    const float decayed = decay + pp;
    most = max(decayed, k);
    before = expOf(decayed - most);
    here = expOf(k - most);
    aa = fma(before, aa, here * v);
    bb = fma(before, bb, here);
    pp = most;
  }
  stateOut[r.values[kWkv4Aa] + channel] = aa;
  stateOut[r.values[kWkv4Bb] + channel] = bb;
  stateOut[r.values[kWkv4Pp] + channel] = pp;
}
