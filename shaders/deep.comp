// SPDX-License-Identifier: GPL-3.0-or-later
// DeepEmbed of version 7a: hidden *= s0 + s2 (query row), where a token's row is [RANK, RANK]; x: a token, y: a share of
// the outputs. Every group makes the product of query and row for itself.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
layout(constant_id = kIdFormatA) const uint FORMAT = 1;  // of s2
layout(constant_id = kIdRow) const uint RANK = 1;
#include "weights.glsl"

shared float product[RANK];

void main() {
  const uint t = gl_WorkGroupID.x, lane = laneIndex();
  if (stopped() || t >= run.tokens) return;
  const Record r = Records(push.records).at[0];
  const uint width = r.values[kDeepWidth], query = r.values[kDeepQuery] + t * r.values[kDeepLdQuery], row = r.values[kDeepRow] + t * r.values[kDeepLdRow], hidden = r.values[kDeepHidden] + t * r.values[kDeepLdHidden];
  for (uint j = lane; j < RANK; j += gl_WorkGroupSize.x) {
    float sum = 0.0;
    for (uint i = 0; i < RANK; ++i) sum = fma(act[query + i], act[row + i * RANK + j], sum);
    product[j] = sum;
  }
  groupBarrier();
  for (uint i = gl_WorkGroupID.y * gl_WorkGroupSize.x + lane; i < width; i += gl_NumWorkGroups.y * gl_WorkGroupSize.x) {
    float factor = Floats(r.weights[0]).at[i];
    for (uint k = 0; k < RANK; ++k) factor = fma(plainWeight(FORMAT, r.weights[1], (i / 16 * RANK + k) * 16 + i % 16), product[k], factor);
    results[hidden + i] = act[hidden + i] * factor;
  }
}
