// SPDX-License-Identifier: GPL-3.0-or-later
// Functions whose accuracy Vulkan leaves open, written out: about 1 ulp, the same on every device, and the same
// operations as kernels/cpu/vec_math.h.

float expOf(float x) {
  x = min(max(x, -87.0), 87.0);
  const float n = roundEven(x * 1.44269504);
  float r = fma(n, -0.693359375, x);
  r = fma(n, 2.12194440e-4, r);
  float p = 1.3981999e-3;
  p = fma(p, r, 8.3334519e-3);
  p = fma(p, r, 4.1665796e-2);
  p = fma(p, r, 0.16666665);
  p = fma(p, r, 0.5);
  p = fma(p, r, 1.0);
  p = fma(p, r, 1.0);
  return p * intBitsToFloat((int(n) + 127) << 23);
}

/// To the nearest half (even) and back. packHalf2x16 may round as it likes.
float roundToHalf(float x) {
  const float size = abs(x);
  if (size < 6.103515625e-5) {  // subnormal halves are multiples of 2^-24, which is where 0.5 ends
    precise const float up = size + 0.5;
    precise const float rounded = up - 0.5;
    return x < 0.0 ? -rounded : rounded;
  }
  const uint bits = floatBitsToUint(x);
  const float rounded = uintBitsToFloat((bits + 0xfffu + (bits >> 13 & 1u)) & ~0x1fffu);
  return size < 65520.0 ? rounded : x * uintBitsToFloat(0x7f800000u);
}

float sigmoidOf(float x) { return 1.0 / (1.0 + expOf(-x)); }

// Numbers of ProgramActivation.
float activate(float x, uint activation) {
  switch (activation) {
    case 1: return fma(2.0, sigmoidOf(x + x), -1.0);
    case 2: return sigmoidOf(x);
    case 3: return x * sigmoidOf(x);
    case 4: {
      const float positive = max(x, 0.0);
      return positive * positive;
    }
  }
  return x;
}
