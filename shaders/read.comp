// SPDX-License-Identifier: GPL-3.0-or-later
// How fast can the device read its memory? A group reads LOADS times 16 bytes a lane and begins anew; all that was read
// is xored, so that no load can be left out. With FILL the numbers are written first: words that are no pattern, should
// a device compress its memory.
// push.records: the sums, one word a subgroup, and from quad push.option on the numbers; push.count: steps of a group.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights.glsl"
layout(constant_id = kIdLoads) const uint LOADS = 1;
layout(constant_id = kIdStrided) const uint STRIDED = 0;  // groups read next to each other; else each its own piece
layout(constant_id = kIdFill) const uint FILL = 0;

layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer FilledQuads { uvec4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer Sums { uint at[]; };

uvec4 hashed(uvec4 x) {
  x *= 0x9e3779b9u;
  x = (x ^ x >> 15) * 0x85ebca6bu;
  return x ^ x >> 13;
}

void main() {
  const uint lane = laneIndex(), group = gl_WorkGroupID.x, groups = gl_NumWorkGroups.x, size = gl_WorkGroupSize.x;
  const uint step = size * LOADS;  // quads
  uvec4 sum = uvec4(0);
  for (uint i = 0; i < push.count; ++i) {
    const uint first = push.option + (STRIDED != 0 ? i * groups + group : group * push.count + i) * step + lane;
    if (FILL != 0) {
      [[unroll]] for (uint l = 0; l < LOADS; ++l) FilledQuads(push.records).at[first + l * size] = hashed((first + l * size) * 4 + uvec4(0, 1, 2, 3));
    } else {
      uvec4 quads[LOADS];
      [[unroll]] for (uint l = 0; l < LOADS; ++l) quads[l] = load16(push.records, first + l * size);
      [[unroll]] for (uint l = 0; l < LOADS; ++l) sum ^= quads[l];
    }
  }
  if (FILL != 0) return;
  uint all = sum.x ^ sum.y ^ sum.z ^ sum.w;
  const uint lanes = size / SUBGROUPS;
  for (uint bit = 1; bit < lanes; bit <<= 1) all ^= subgroupShuffleXor(all, bit);
  if (lane % lanes == 0) Sums(push.records).at[group * SUBGROUPS + lane / lanes] = all;
}
