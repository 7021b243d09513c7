// SPDX-License-Identifier: GPL-3.0-or-later
// Sums over a group as a binary tree over lane numbers: the same order, and so the same bits, whatever the size of a
// subgroup.
shared float reduceParts[128];  // one per subgroup

/// Sum of `value` over all lanes, in every lane. To be called by the whole group.
float sumOverGroup(float value) {
  const uint lanes = min(gl_SubgroupSize, gl_WorkGroupSize.x);
  for (uint bit = 1; bit < lanes; bit <<= 1) value += subgroupShuffleXor(value, bit);
  const uint subgroups = gl_WorkGroupSize.x / lanes;
  if (subgroups == 1) return value;
  if (gl_SubgroupInvocationID == 0) reduceParts[gl_SubgroupID] = value;
  barrier();
  const uint lane = laneIndex();
  for (uint bit = 1; bit < subgroups; bit <<= 1) {
    if (lane < subgroups && (lane & (2 * bit - 1)) == 0) reduceParts[lane] += reduceParts[lane + bit];
    barrier();
  }
  value = reduceParts[0];
  barrier();
  return value;
}
