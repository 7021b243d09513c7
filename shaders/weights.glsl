// SPDX-License-Identifier: GPL-3.0-or-later
// Reading weights in the packed layout of kernels/packed_format.h. Formats are the numbers of kernels::Format.
const uint kF32 = 0, kF16 = 1, kBF16 = 2;

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Quads { uvec4 at[]; };
#ifdef INT64
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Quads64 { u64vec2 at[]; };
#endif

/// 16 bytes. Where a device has 64-bit integers they come in two parts: half the work on a CPU device, the same load
/// instruction on a GPU.
uvec4 load16(uvec2 address, uint index) {
#ifdef INT64
  const u64vec2 both = Quads64(address).at[index];
  return uvec4(unpack32(both.x), unpack32(both.y));
#else
  return Quads(address).at[index];
#endif
}

vec4 halves(uvec2 bits) { return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y)); }
vec4 bfloats(uvec2 bits) {
  return vec4(uintBitsToFloat(bits.x << 16), uintBitsToFloat(bits.x & 0xffff0000u),
              uintBitsToFloat(bits.y << 16), uintBitsToFloat(bits.y & 0xffff0000u));
}

/// One weight of a plain format.
float plainWeight(const uint format, uvec2 address, uint index) {
  if (format == kF32) return Floats(address).at[index];
  const uint both = Words(address).at[index >> 1];
  const uint bits = (index & 1) == 0 ? both & 0xffffu : both >> 16;
  return format == kF16 ? unpackHalf2x16(bits).x : uintBitsToFloat(bits << 16);
}
