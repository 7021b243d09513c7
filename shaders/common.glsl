// SPDX-License-Identifier: GPL-3.0-or-later
// What every shader sees. Activations, state and logits come through descriptors, so that synchronisation validation
// sees who reads and writes them; weights, which nobody writes, come as addresses.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_EXT_control_flow_attributes : require
#ifdef INT64
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#endif

#include "records.h"

layout(local_size_x_id = kIdGroupSize) in;  // a power of two
layout(constant_id = kIdSubgroups) const uint SUBGROUPS = 1;  // of a group; as many as its size over the device's subgroup size

// Activations are bound twice, to be read and to be written: of a buffer that is both, validation sees only writes, and
// keeps quiet about a write after a write.
layout(set = 0, binding = 0) readonly buffer Activations { float act[]; };
/// What changes from run to run. `row`: which tokens' logits are wanted, ascending.
layout(set = 0, binding = 1) readonly buffer Run { uint tokens; uint rows; uint cancel; uint pad; uint row[]; } run;
layout(set = 0, binding = 2) readonly buffer Inputs { float inputs[]; };  // embedding rows, [tokens][width]
layout(set = 0, binding = 3) writeonly buffer Logits { float logits[]; };
layout(set = 0, binding = 4) readonly buffer StateIn { float stateIn[]; };
layout(set = 0, binding = 5) writeonly buffer StateOut { float stateOut[]; };
layout(set = 0, binding = 6) writeonly buffer Results { float results[]; };

/// An operation's arguments, made once (records.h names the places).
struct Record {
  uvec2 weights[kRecordWeights];
  uint values[kRecordValues];
};
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Records { Record at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Floats { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Words { uint at[]; };

layout(push_constant) uniform Push {
  uvec2 records;  ///< of this dispatch
  uint count;     ///< how many
  uint option;    ///< what the shader says
} push;

/// This invocation's place in its group. Built from the subgroup's numbers, because lanes meet by shuffles.
uint laneIndex() {
  return SUBGROUPS == 1 ? gl_SubgroupInvocationID : gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
}

/// Waits for the group, and makes visible what its lanes shared. A processor pays dearly for barriers across subgroups,
/// even for those that it never meets.
void groupBarrier() {
  if (SUBGROUPS == 1) {
    subgroupBarrier();
  } else {
    barrier();
  }
}

shared uint sharedCancel;

/// Whether the run has been stopped. The processor may write the word at any time, so one lane reads it for all: were they
/// to differ, some would wait at a barrier for those that left. To be called by the whole group.
bool stopped() {
  if (SUBGROUPS == 1) return subgroupShuffle(run.cancel, 0) != 0;
  if (laneIndex() == 0) sharedCancel = run.cancel;
  barrier();
  return sharedCancel != 0;
}
