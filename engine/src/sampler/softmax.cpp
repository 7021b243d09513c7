// SPDX-License-Identifier: GPL-3.0-or-later
// Loops over a whole vocabulary, written in independent lanes so that the compiler uses vectors (built with -O3).
#include "sampler/softmax.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace rookery::engine {
namespace {

constexpr std::size_t kLanes = 16;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline std::uint32_t bitsOf(float value) noexcept { return std::bit_cast<std::uint32_t>(value); }

/// All ones or nothing. Choices by integer masks: compilers turn a choice between floats into a branch.
inline std::uint32_t maskIf(bool condition) noexcept { return 0U - static_cast<std::uint32_t>(condition); }

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
  const std::uint32_t exponent = bitsOf(shifted) - bitsOf(kRound) + 127U;
  const float value = p * std::bit_cast<float>(exponent << 23U);
  const auto magnitude = static_cast<std::int32_t>(bitsOf(x) & 0x7FFFFFFFU);
  return std::bit_cast<float>(bitsOf(value) & maskIf(magnitude <= static_cast<std::int32_t>(bitsOf(87.0F))));
}

constexpr std::size_t kBlock = kLanes * 16;

/// Short float sums in lanes, joined in double: as exact as double for what the result is used for.
double blockSum(std::span<const float> block) noexcept {
  std::array<float, kLanes> partial{};
  std::size_t i = 0;
  for (; i + kLanes <= block.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) partial[lane] += block[i + lane];
  }
  for (; i < block.size(); ++i) partial[0] += block[i];
  double sum = 0;
  for (const float value : partial) sum += static_cast<double>(value);
  return sum;
}

double sumOf(std::span<const float> values) noexcept {
  double sum = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    sum += blockSum(values.subspan(begin, std::min(kBlock, values.size() - begin)));
  }
  return sum;
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

bool allNumbers(std::span<const float> values) noexcept {
  constexpr std::uint32_t kExponent = 0x7F800000U;
  std::uint32_t broken = 0;
  for (const float value : values) broken |= maskIf((bitsOf(value) & kExponent) == kExponent);
  return broken == 0;
}

void expWeights(std::span<const float> logits, float peak, float temperature, std::span<float> weights) noexcept {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float value = expNegative((logits[i] - peak) / temperature);
    weights[i] = std::bit_cast<float>(bitsOf(value) & maskIf(bitsOf(weights[i]) != 0));
  }
}

void zeroBelow(std::span<float> weights, float cutoff) noexcept {
  const auto least = static_cast<std::int32_t>(bitsOf(cutoff));  // ordered as the floats are, from 0 up
  for (float& weight : weights) {
    weight = std::bit_cast<float>(bitsOf(weight) & maskIf(static_cast<std::int32_t>(bitsOf(weight)) >= least));
  }
}

void normalise(std::span<float> weights) noexcept {
  const auto divisor = static_cast<float>(sumOf(weights));
  for (float& weight : weights) weight /= divisor;
}

std::size_t drawIndex(std::span<const float> weights, double uniform) noexcept {
  double left = uniform * sumOf(weights);
  std::size_t last = 0;  // what a target lost in rounding falls on
  for (std::size_t begin = 0; begin < weights.size(); begin += kBlock) {
    const auto block = weights.subspan(begin, std::min(kBlock, weights.size() - begin));
    const double sum = blockSum(block);
    if (sum <= 0) continue;
    if (left < sum) {  // the entries' running sum may end below the block's by rounding: then the last one it is
      for (std::size_t i = 0; i < block.size(); ++i) {
        if (!(block[i] > 0)) continue;
        last = begin + i;
        left -= static_cast<double>(block[i]);
        if (left < 0) return last;
      }
      return last;
    }
    left -= sum;
    for (std::size_t i = block.size(); i-- > 0;) {
      if (block[i] > 0) {
        last = begin + i;
        break;
      }
    }
  }
  return last;
}

}  // namespace rookery::engine
