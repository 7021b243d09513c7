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
  while (which + 1 < push.count && gl_WorkGroupID.y >= Records(push.records).at[which + 1].values[0]) ++which;
  return Records(push.records).at[which];
}

Matrix matrixOf(const Record r) {
  Matrix m;
  m.weights = r.weights[0];
  m.rows = r.values[2];
  m.cols = r.values[3];
  m.x = r.values[4];
  m.ldX = r.values[5];
  m.y = r.values[6];
  m.ldY = r.values[7];
  m.gate = r.values[8];
  m.ldGate = r.values[9];
  m.activation = r.values[10] & 0xffu;
  m.accumulate = (r.values[10] >> 8 & 1u) != 0;
  m.toLogits = (r.values[10] >> 9 & 1u) != 0;
  m.format = r.values[10] >> 16;
  m.panelRows = r.values[11];
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
  if (m.gate != kNone) {
    value = fma(value, act[m.gate + token * m.ldGate + output_], act[at]);
  } else if (m.accumulate) {
    value = act[at] + value;
  }
  results[at] = value;
}
