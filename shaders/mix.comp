// SPDX-License-Identifier: GPL-3.0-or-later
// n = ln(x), then up to six rows between n and the n of the token before, or n itself; x: a token, y: a share of the channels.
// Version 6 has mixes that depend on the data: mix i is mix_i + up_i hidden_i.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
layout(constant_id = kIdFormatA) const uint FORMAT = 1;  // of `up`
layout(constant_id = kIdDependent) const uint DEPENDENT = 0;
#include "reduce.glsl"

// A lane reads its own part of the row only: nothing need be shared.
uint rowFrom;
#define ROW_AT(i) act[rowFrom + (i)]
#include "norm.glsl"
#include "weights.glsl"

void main() {
  const uint t = gl_WorkGroupID.x, lane = laneIndex();
  if (stopped() || t >= run.tokens) return;
  const Record r = Records(push.records).at[0];
  const uint width = r.values[kMixWidth], x = r.values[kMixX], ldX = r.values[kMixLdX], shift = r.values[kMixShift], form = r.values[kMixForm];
  const float eps = uintBitsToFloat(r.values[kMixEps]);
  const uint hidden = r.values[kMixHidden], ldHidden = r.values[kMixLdHidden], rank = r.values[kMixRank], ldOut = r.values[kMixLdOut];

  vec2 before = vec2(0.0);
  if (t > 0) {
    rowFrom = x + (t - 1) * ldX;
    before = rowStatistics(width, eps);
  }
  rowFrom = x + t * ldX;
  const vec2 now = rowStatistics(width, eps);

  for (uint i = gl_WorkGroupID.y * gl_WorkGroupSize.x + lane; i < width; i += gl_NumWorkGroups.y * gl_WorkGroupSize.x) {
    const float weight = Floats(r.weights[0]).at[i], bias = Floats(r.weights[1]).at[i];
    const float current = normalised(ROW_AT(i), now, weight, bias);
    const float previous = t > 0 ? normalised(act[x + (t - 1) * ldX + i], before, weight, bias) : stateIn[shift + i];
    for (uint m = 0; m < push.count; ++m) {
      if (r.weights[3 + m] == uvec2(0)) {
        results[r.values[kMixOut0 + m] + t * ldOut + i] = current;
        continue;
      }
      float mix = Floats(r.weights[3 + m]).at[i];
      if (DEPENDENT != 0) {
        const uint first = m * width + i;  // row of `up`; panels of 16 rows
        for (uint k = 0; k < rank; ++k)
          mix = fma(plainWeight(FORMAT, r.weights[2], (first / 16 * rank + k) * 16 + first % 16), act[hidden + t * ldHidden + m * rank + k], mix);
      }
      results[r.values[kMixOut0 + m] + t * ldOut + i] = mixed(form, current, previous, mix);
    }
    if (t + 1 == run.tokens) stateOut[shift + i] = current;
  }
}
