// SPDX-License-Identifier: GPL-3.0-or-later
// Layer norm of a row that the group holds in shared memory: population variance, then weight and bias. Included after
// `shared float row[...]` and reduce.glsl.

/// Mean and 1 / sqrt(variance + eps) of row[0 .. width). The row must have been written and a barrier passed.
vec2 rowStatistics(uint width, float eps) {
  const uint lane = laneIndex();
  float sum = 0.0;
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) sum += row[i];
  const float mean = sumOverGroup(sum) / float(width);
  float square = 0.0;
  for (uint i = lane; i < width; i += gl_WorkGroupSize.x) {
    const float d = row[i] - mean;
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
