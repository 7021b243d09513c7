// SPDX-License-Identifier: GPL-3.0-or-later
// The normative conversions, against independent arithmetic: double precision and exhaustive search.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "quant/convert.h"
#include "rookery/dtype.h"

using namespace rookery::engine;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool isNan(std::uint16_t half) { return (half & 0x7FFFU) > 0x7C00U; }

double halfValue(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1F;
  const int mantissa = half & 0x3FF;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : exponent == 31 ? double{kInfinity} : std::ldexp(1024 + mantissa, exponent - 25);
  return (half & 0x8000U) != 0 ? -magnitude : magnitude;
}

/// floatToHalf by definition, for x >= 0: the nearest half, of two equally near the one with an even last bit.
std::uint16_t nearestHalf(double x) {
  std::uint16_t low = 0, high = 0x7C00;
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (halfValue(middle) <= x ? low : high) = middle;
  }
  const double top = high == 0x7C00 ? 65536.0 : halfValue(high);  // infinity stands where the next half would be
  const double below = x - halfValue(low), above = top - x;
  if (below != above) return below < above ? low : high;
  return low % 2 == 0 ? low : high;
}

}  // namespace

TEST_CASE("every half becomes its exact value and comes back") {
  for (unsigned bits = 0; bits <= 0xFFFF; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = halfToFloat(half);
    if (isNan(half)) {
      REQUIRE(std::isnan(value));
      REQUIRE(isNan(floatToHalf(value)));
      continue;
    }
    REQUIRE(double{value} == halfValue(half));
    REQUIRE(floatToHalf(value) == half);
  }
}

TEST_CASE("floats round to the nearest half, ties to even") {
  // Every midpoint between neighbours, and the floats right beside it.
  for (std::uint16_t half = 0; half < 0x7C00; ++half) {
    const double next = half == 0x7BFF ? 65536.0 : halfValue(static_cast<std::uint16_t>(half + 1));
    const auto middle = static_cast<float>((halfValue(half) + next) / 2);
    for (const float x : {std::nextafter(middle, 0.0F), middle, std::nextafter(middle, kInfinity)}) {
      REQUIRE(floatToHalf(x) == nearestHalf(x));
      REQUIRE(floatToHalf(-x) == (nearestHalf(x) | 0x8000U));
    }
  }
  CHECK(floatToHalf(65519.996F) == 0x7BFF);
  CHECK(floatToHalf(65520.0F) == 0x7C00);
  CHECK(floatToHalf(1e30F) == 0x7C00);
  CHECK(floatToHalf(-kInfinity) == 0xFC00);
  CHECK(floatToHalf(0x1p-25F) == 0);       // a tie: zero is even
  CHECK(floatToHalf(0x1.8p-25F) == 1);
  CHECK(floatToHalf(1e-40F) == 0);         // subnormal already as a float
  CHECK(floatToHalf(-0.0F) == 0x8000);
  CHECK(isNan(floatToHalf(std::numeric_limits<float>::quiet_NaN())));
  CHECK(isNan(floatToHalf(std::bit_cast<float>(0x7F800001U))));  // its payload does not fit
}

TEST_CASE("every bfloat comes back, and floats round to the nearest even one") {
  for (unsigned bits = 0; bits <= 0xFFFF; ++bits) {
    const auto bfloat = static_cast<std::uint16_t>(bits);
    const float value = bfloatToFloat(bfloat);
    if (std::isnan(value)) {
      REQUIRE(std::isnan(bfloatToFloat(floatToBfloat(value))));
    } else {
      REQUIRE(floatToBfloat(value) == bfloat);
    }
  }
  CHECK(floatToBfloat(std::bit_cast<float>(0x3F808000U)) == 0x3F80);  // tie, even below
  CHECK(floatToBfloat(std::bit_cast<float>(0x3F818000U)) == 0x3F82);  // tie, even above
  CHECK(floatToBfloat(std::bit_cast<float>(0x3F808001U)) == 0x3F81);
  CHECK(floatToBfloat(std::numeric_limits<float>::max()) == 0x7F80);
  CHECK(std::isnan(bfloatToFloat(floatToBfloat(std::bit_cast<float>(0x7F800001U)))));
}

TEST_CASE("Q8_0 is 32 codes under one fp16 scale") {
  CHECK(byteSize(DType::Q8_0, 64) == 68);
  std::vector<float> x(64, 0.0F);
  x[0] = 127.0F;
  x[1] = -63.5F;  // halves round away from zero, as roundf does
  x[2] = 2.5F;
  x[31] = -127.0F;
  x[32] = 1.0F;
  std::vector<std::byte> packed(68);
  encodeFromF32(DType::Q8_0, x, packed);
  const auto code = [&](std::size_t i) { return static_cast<int>(static_cast<std::int8_t>(packed[i])); };
  CHECK(code(2) == 127);
  CHECK(code(3) == -64);
  CHECK(code(4) == 3);
  CHECK(code(33) == -127);
  std::uint16_t scale = 0;
  std::memcpy(&scale, packed.data(), 2);
  CHECK(scale == 0x3C00);
  std::memcpy(&scale, packed.data() + 34, 2);
  CHECK(scale == floatToHalf(1.0F / 127.0F));
  std::vector<float> back(64);
  decodeToF32(DType::Q8_0, packed, back);
  CHECK(back[1] == -64.0F);
  CHECK(back[32] == halfToFloat(floatToHalf(1.0F / 127.0F)) * 127.0F);
}

TEST_CASE("Q8_0 codes come from the scale before it is rounded") {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> x(32), back(32);
    for (float& value : x) value = normal(random);
    std::vector<std::byte> packed(34);
    encodeFromF32(DType::Q8_0, x, packed);
    float most = 0;
    for (const float value : x) most = std::max(most, std::fabs(value));
    const float inverse = 1.0F / (most / 127.0F);
    for (std::size_t i = 0; i < 32; ++i) REQUIRE(static_cast<std::int8_t>(packed[2 + i]) == static_cast<std::int8_t>(std::round(x[i] * inverse)));
    decodeToF32(DType::Q8_0, packed, back);
    for (std::size_t i = 0; i < 32; ++i) REQUIRE(std::fabs(back[i] - x[i]) <= most / 127.0F * 0.57F);
  }
}

TEST_CASE("Q8_0 of values that have no code is still defined") {
  for (const float odd : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 1e-44F, 3e38F}) {
    std::vector<float> x(32, 1e-44F), back(32);
    x[5] = odd;
    std::vector<std::byte> packed(34);
    encodeFromF32(DType::Q8_0, x, packed);
    decodeToF32(DType::Q8_0, packed, back);  // the sanitizers watch
    CHECK(back.size() == 32);
  }
}

TEST_CASE("conversions work on unaligned bytes and on nothing") {
  for (const DType type : {DType::F32, DType::F16, DType::BF16, DType::Q8_0}) {
    const std::vector<float> x(32, 0.5F);
    std::vector<std::byte> packed(byteSize(type, 32) + 1);
    const std::span<std::byte> odd = std::span(packed).subspan(1);
    encodeFromF32(type, x, odd);
    std::vector<float> back(32);
    decodeToF32(type, odd, back);
    CHECK(back[31] == doctest::Approx(0.5F).epsilon(1e-3));
    encodeFromF32(type, {}, {});
    decodeToF32(type, {}, {});
  }
}

TEST_CASE("dtype names and sizes") {
  CHECK(traits(DType::F32).name == "fp32");
  CHECK(traits(DType::F16).name == "fp16");
  CHECK(traits(DType::BF16).name == "bf16");
  CHECK(traits(DType::Q8_0).name == "q8_0");
  CHECK(byteSize(DType::F64, 3) == 24);
  CHECK(byteSize(DType::Bool, 3) == 3);
  CHECK(isWeightType(DType::Q8_0));
  CHECK_FALSE(isWeightType(DType::I64));
}
