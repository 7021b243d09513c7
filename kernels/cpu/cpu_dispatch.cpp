// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#if defined(ROOKERY_X86)
#include <cpuid.h>
#endif

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/tables.h"

namespace rookery::kernels {

float specialHalfToFloat(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  std::uint32_t mantissa = half & 0x3FFU;
  if ((half & 0x7C00U) != 0) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  if (mantissa == 0) return std::bit_cast<float>(sign);
  std::uint32_t exponent = 113;  // subnormal: normalise
  while ((mantissa & 0x400U) == 0) {
    mantissa <<= 1;
    --exponent;
  }
  return std::bit_cast<float>(sign | (exponent << 23) | ((mantissa & 0x3FFU) << 13));
}

static std::uint32_t bitsOf(float value) noexcept {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float floatOf(std::uint32_t bits) noexcept {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

std::uint16_t floatToHalf(float value) noexcept {
  const std::uint32_t bits = bitsOf(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U | ((magnitude >> 13) & 0x3FFU));  // NaN
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);  // 65520 and more round to infinity
  if (magnitude >= 0x38800000U) {  // normal: drop 13 bits, ties to even; a carry grows the exponent as it should
    magnitude += 0xFFFU + ((magnitude >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000U) >> 13));
  }
  // Subnormal: adding 2^-1 * 2^-13 scaled aligns the last bit at 2^-24 and rounds in hardware, to nearest even.
  const float shifted = floatOf(magnitude) + 0.5F;
  return static_cast<std::uint16_t>(sign | (bitsOf(shifted) - 0x3F000000U));
}

#if defined(ROOKERY_X86)
// Clang 14 does not know "f16c" in __builtin_cpu_supports.
static bool hasF16c() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

const CpuOps* cpuOpsByName(const char* name) noexcept {
  if (std::strcmp(name, "scalar") == 0) return &scalar::table();
#if defined(ROOKERY_X86)
  // __builtin_cpu_supports also asks the operating system (XGETBV) whether it saves the wide registers.
  if (std::strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && hasF16c())
    return &avx2::table();
  if (std::strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    return &avx512::table();
#endif
  return nullptr;
}

const CpuOps& cpuOps() noexcept {
  static const CpuOps& chosen = []() -> const CpuOps& {
    if (const char* forced = std::getenv("ROOKERY_ISA"); forced != nullptr)
      if (const CpuOps* ops = cpuOpsByName(forced)) return *ops;
    for (const char* name : {"avx512", "avx2"})
      if (const CpuOps* ops = cpuOpsByName(name)) return *ops;
    return scalar::table();
  }();
  return chosen;
}

const char* isaName() noexcept { return cpuOps().name; }

}  // namespace rookery::kernels
