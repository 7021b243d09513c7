// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix of a dispatch: what its record says, where its inputs come from and its outputs go. Included after math.glsl.

struct Matrix {
  uvec2 weights;
  uint rows, cols;
  uint panelRows;
  uint x, ldX;
  uint y, ldY;
  uint gate, ldGate;
  uint activation;
  uint format;
  bool accumulate;
  bool toLogits;
};

/// The record whose strips the group computes. Groups of a dispatch are numbered through all its matrices.
Record recordOfGroup() {
  uint which = 0;
  while (which + 1 < push.count && gl_WorkGroupID.y >= Records(push.records).at[which + 1].values[kGemmFirstGroup]) ++which;
  return Records(push.records).at[which];
}

Matrix matrixOf(const Record r) {
  Matrix m;
  m.weights = r.weights[0];
  m.rows = r.values[kGemmRows];
  m.cols = r.values[kGemmCols];
  m.x = r.values[kGemmX];
  m.ldX = r.values[kGemmLdX];
  m.y = r.values[kGemmY];
  m.ldY = r.values[kGemmLdY];
  m.gate = r.values[kGemmGate];
  m.ldGate = r.values[kGemmLdGate];
  m.activation = r.values[kGemmFlags] & 0xffu;
  m.accumulate = (r.values[kGemmFlags] >> kGemmAccumulateBit & 1u) != 0;
  m.toLogits = (r.values[kGemmFlags] >> kGemmToLogitsBit & 1u) != 0;
  m.format = r.values[kGemmFlags] >> kGemmFormatBit;
  m.panelRows = r.values[kGemmPanelRows];
  return m;
}

uint outputsPerLane(const uint format) { return format == kF32 ? 4 : format <= kBF16 ? 8 : 16; }

void store(const Matrix m, uint token, uint output_, float value) {
  value = activate(value, m.activation);
  if (m.toLogits) {
    if (output_ < m.rows) logits[token * m.rows + output_] = value;
    return;
  }
  const uint at = m.y + token * m.ldY + output_;
  if (m.gate != kNoOffset) {
    value = fma(value, act[m.gate + token * m.ldGate + output_], act[at]);
  } else if (m.accumulate) {
    value = act[at] + value;
  }
  results[at] = value;
}
