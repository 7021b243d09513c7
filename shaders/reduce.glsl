// SPDX-License-Identifier: GPL-3.0-or-later
// Sums over a group as a binary tree over lane numbers: the same order, and so the same bits, whatever the size of a
// subgroup.
shared float reduceParts[128];  // one per subgroup

/// Sum of `value` over all lanes, in every lane. To be called by the whole group.
float sumOverGroup(float value) {
  const uint lanes = gl_WorkGroupSize.x / SUBGROUPS;
  for (uint bit = 1; bit < lanes; bit <<= 1) value += subgroupShuffleXor(value, bit);
  if (SUBGROUPS == 1) return value;
  if (gl_SubgroupInvocationID == 0) reduceParts[gl_SubgroupID] = value;
  groupBarrier();
  const uint lane = laneIndex();
  for (uint bit = 1; bit < SUBGROUPS; bit <<= 1) {
    if (lane < SUBGROUPS && (lane & (2 * bit - 1)) == 0) reduceParts[lane] += reduceParts[lane + bit];
    groupBarrier();
  }
  value = reduceParts[0];
  groupBarrier();
  return value;
}
