// SPDX-License-Identifier: GPL-3.0-or-later
// Loops over a whole vocabulary, written in independent lanes so that the compiler uses vectors (built with -O3).
#include "sampler/softmax.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace rookery::engine {
namespace {

constexpr std::size_t kLanes = 16;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// exp(x) for x <= 0 within 2 ulp; 0 below -87 and for NaN.
inline float expNegative(float x) noexcept {
  // x = n ln 2 + r with |r| <= ln 2 / 2; the remainder of the Taylor series is then below 6e-9.
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer in the low mantissa bits
  const float shifted = x * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693145752F) - n * 1.42860677e-6F;  // ln 2 in two parts, the first with 15 bits
  float p = 1.0F / 5040;
  p = p * r + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(kRound) + 127U;
  const float value = p * std::bit_cast<float>(exponent << 23U);
  return x >= -87.0F ? value : 0.0F;
}

}  // namespace

float maximum(std::span<const float> values) noexcept {
  std::array<float, kLanes> best;
  best.fill(-kInfinity);
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = values[i + lane];
      best[lane] = value > best[lane] ? value : best[lane];  // false for NaN
    }
  }
  float result = -kInfinity;
  for (; i < values.size(); ++i) result = values[i] > result ? values[i] : result;
  for (const float value : best) result = value > result ? value : result;
  return result;
}

std::size_t argmax(std::span<const float> values) noexcept {
  const float best = maximum(values);
  const bool nothing = best == -kInfinity;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (nothing ? std::isnan(values[i]) : values[i] == best) return i;
  }
  return 0;
}

void expWeights(std::span<const float> logits, float peak, float temperature, std::span<float> weights) noexcept {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float value = expNegative((logits[i] - peak) / temperature);
    weights[i] = weights[i] > 0.0F ? value : 0.0F;
  }
}

void normalise(std::span<float> weights) noexcept {
  // Short float sums in lanes, joined in double: as exact as double for what the result is used for.
  constexpr std::size_t kBlock = kLanes * 16;
  double sum = 0;
  for (std::size_t begin = 0; begin < weights.size(); begin += kBlock) {
    const std::size_t end = begin + kBlock < weights.size() ? begin + kBlock : weights.size();
    std::array<float, kLanes> partial{};
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) partial[lane] += weights[i + lane];
    }
    for (; i < end; ++i) partial[0] += weights[i];
    for (const float value : partial) sum += static_cast<double>(value);
  }
  const auto divisor = static_cast<float>(sum);
  for (float& weight : weights) weight /= divisor;
}

}  // namespace rookery::engine
