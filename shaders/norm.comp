// SPDX-License-Identifier: GPL-3.0-or-later
// Layer norm of rows: one group a row. option 0: embedding rows of this run, for all tokens; 1: the rows of the
// residual stream whose logits are wanted.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "reduce.glsl"

// A lane reads its own part of the row only: nothing need be shared.
uint rowFrom;
float rowAt(uint i) { return push.option == 0 ? inputs[rowFrom + i] : act[rowFrom + i]; }
#define ROW_AT(i) rowAt(i)
#include "norm.glsl"

void main() {
  const uint t = gl_WorkGroupID.x, lane = laneIndex();
  if (stopped() || t >= (push.option == 0 ? run.tokens : run.rows)) return;
  const Record r = Records(push.records).at[0];
  const uint width = r.values[kNormWidth], from = r.values[kNormFrom], ldFrom = r.values[kNormLdFrom], to = r.values[kNormTo], ldTo = r.values[kNormLdTo];
  rowFrom = push.option == 0 ? t * width : from + run.row[t] * ldFrom;
  const vec2 statistics = rowStatistics(width, uintBitsToFloat(r.values[kNormEps]));
  const uint copy = r.values[kNormCopy];  // of the same width
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) {
    const float n = normalised(rowAt(i), statistics, Floats(r.weights[0]).at[i], Floats(r.weights[1]).at[i]);
    results[to + t * ldTo + i] = n;
    if (copy != kNoOffset) results[copy + t * ldTo + i] = n;
  }
}
