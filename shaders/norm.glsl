// SPDX-License-Identifier: GPL-3.0-or-later
// Layer norm of a row: population variance, then weight and bias. Included after reduce.glsl, and after the row:
// `shared float row[...]`, or ROW_AT(i).
#ifndef ROW_AT
#define ROW_AT(i) row[i]
#endif

/// Mean and 1 / sqrt(variance + eps) of the row's first `width`. What is shared must have been written and a barrier passed.
vec2 rowStatistics(uint width, float eps) {
  const uint lane = laneIndex();
  float sum = 0.0;
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) sum += ROW_AT(i);
  const float mean = sumOverGroup(sum) / float(width);
  float square = 0.0;
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) {
    const float d = ROW_AT(i) - mean;
    square = fma(d, d, square);
  }
  const float variance = sumOverGroup(square) / float(width);
  return vec2(mean, 1.0 / sqrt(variance + eps));
}

float normalised(float value, vec2 statistics, float weight, float bias) {
  return fma((value - statistics.x) * statistics.y, weight, bias);
}

// Numbers of MixForm.
float mixed(uint form, float current, float previous, float mix) {
  return form == 0 ? fma(previous - current, mix, current) : fma(current - previous, mix, previous);
}
