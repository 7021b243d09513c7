// SPDX-License-Identifier: GPL-3.0-or-later
// The coded weight formats as numbers, one row each; nothing but a macro, for C++ (coded_format.h) and GLSL
// (shaders/coded.glsl) alike.
//
// number: of kernels::Format. sub: inputs under one scale, 0: all of a row. subs: sub-blocks of a block; more than one: two
// levels of scales. bits: of the codes before the planes. planes: further bits. bias: taken off the code. table: 0: the code
// is the number, 1: IQ4_NL, 2: NF4. Then: has a minimum; subtracts it; 8-bit scales are signed; 8-bit codes are; inputs are
// rounded to fp16 first; ranges and offsets of the inputs lie in front.
//     name, number, sub, subs, bits, planes, bias, table, minimum, subtracts, signedScale, signedCode, halfInputs, columns
#define ROOKERY_CODED_FORMATS(X)                                            \
  X(Q8_0, 3, 32, 1, 8, 0, 0, 0, false, false, false, true, false, false)    \
  X(Q4_0, 4, 32, 1, 4, 0, 8, 0, false, false, false, false, false, false)   \
  X(Q4_1, 5, 32, 1, 4, 0, 0, 0, true, false, false, false, false, false)    \
  X(Q5_0, 6, 32, 1, 4, 1, 16, 0, false, false, false, false, false, false)  \
  X(Q5_1, 7, 32, 1, 4, 1, 0, 0, true, false, false, false, false, false)    \
  X(Q2_K, 8, 16, 16, 4, 0, 0, 0, true, true, false, false, false, false)    \
  X(Q3_K, 9, 16, 16, 4, 0, 4, 0, false, false, true, false, false, false)   \
  X(Q4_K, 10, 32, 8, 4, 0, 0, 0, true, true, false, false, false, false)    \
  X(Q5_K, 11, 32, 8, 4, 1, 0, 0, true, true, false, false, false, false)    \
  X(Q6_K, 12, 16, 16, 4, 2, 32, 0, false, false, true, false, false, false) \
  X(IQ4_NL, 13, 32, 1, 4, 0, 0, 1, false, false, false, false, false, false) \
  X(NF4, 14, 64, 1, 4, 0, 0, 2, false, false, false, false, false, false)   \
  X(Int8, 15, 64, 1, 8, 0, 0, 0, false, false, false, true, false, false)   \
  X(FP16I8, 16, 0, 1, 8, 0, -0.5, 0, true, false, false, false, false, true) \
  X(A16W8, 17, 0, 1, 8, 0, 0, 0, false, false, false, true, true, false)    \
  X(A16W4, 18, 0, 1, 4, 0, 8, 0, false, false, false, false, true, false)
