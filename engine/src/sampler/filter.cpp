// SPDX-License-Identifier: GPL-3.0-or-later
// PIPELINE.sample_logits of the rwkv package (rwkv/utils.py), without its sort of the whole vocabulary.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include "rookery/sampler.h"
#include "sampler/softmax.h"

namespace rookery::engine {
namespace {

/// Descending order of non-negative floats; their bits are ordered as they are, so big arrays go by digits.
void sortDescending(std::vector<float>& values, std::vector<float>& scratch) {
  if (values.size() < 2048) {
    std::sort(values.begin(), values.end(), std::greater<>());
    return;
  }
  constexpr unsigned kBits = 11;
  scratch.resize(values.size());
  for (unsigned shift = 0; shift < 32; shift += kBits) {
    const auto digit = [shift](float value) {
      return (~std::bit_cast<std::uint32_t>(value) >> shift) & ((1U << kBits) - 1);
    };
    std::array<std::uint32_t, 1U << kBits> position{};
    for (const float value : values) ++position[digit(value)];
    std::uint32_t sum = 0;
    for (std::uint32_t& entry : position) entry = std::exchange(sum, sum + entry);
    for (const float value : values) scratch[position[digit(value)]++] = value;
    values.swap(scratch);
  }
}

/// The probability at which the float32 running sum in descending order first reaches `topP`; 0 if it never does
/// (the reference then falls back to the largest one: a bug that we do not copy).
/// Equal values add up the same in any order, so values suffice and they are sorted band by band, largest first.
float nucleusCutoff(std::span<const float> probs, float largest, float topP) {
  std::vector<float> band, scratch;
  float sum = 0;
  float upper = std::numeric_limits<float>::infinity();
  for (const float scale : {0x1p-4F, 0x1p-8F, 0x1p-12F, 0.0F}) {
    const float lower = largest * scale;
    band.clear();
    for (const float p : probs) {
      if (p >= lower && p < upper) band.push_back(p);
    }
    sortDescending(band, scratch);
    for (const float p : band) {
      sum += p;
      if (sum >= topP) return p;
    }
    upper = lower;
  }
  return 0;
}

/// Keeps the `count` largest entries that are >= cutoff, the lowest indices of equals; the others become 0.
void keepLargest(std::span<float> probs, float cutoff, std::size_t count) {
  std::vector<float> kept;
  std::copy_if(probs.begin(), probs.end(), std::back_inserter(kept), [&](float p) { return p >= cutoff; });
  std::size_t equals = kept.size();  // how many entries equal to the cutoff may stay
  if (count < kept.size()) {
    const auto last = kept.begin() + static_cast<std::ptrdiff_t>(count) - 1;
    std::nth_element(kept.begin(), last, kept.end(), std::greater<>());
    cutoff = *last;
    equals = count - static_cast<std::size_t>(std::count_if(kept.begin(), last, [&](float p) { return p > cutoff; }));
  }
  for (float& p : probs) {
    if (p > cutoff) continue;
    if (p == cutoff && equals > 0) {
      --equals;
    } else {
      p = 0;
    }
  }
}

}  // namespace

void filteredProbabilities(std::span<const float> logits, const SamplerSettings& settings, std::span<float> probs) {
  logits = logits.first(std::min(logits.size(), probs.size()));
  std::fill(probs.begin(), probs.end(), 0.0F);
  if (logits.empty()) return;
  probs = probs.first(logits.size());
  const float peak = maximum(logits);
  if (peak == -std::numeric_limits<float>::infinity()) {  // nothing but -inf and NaN
    probs[argmax(logits)] = 1;
    return;
  }
  if (peak == std::numeric_limits<float>::infinity()) {
    for (std::size_t i = 0; i < logits.size(); ++i) probs[i] = logits[i] == peak ? 1.0F : 0.0F;
  } else {
    std::fill(probs.begin(), probs.end(), 1.0F);
    expWeights(logits, peak, 1.0F, probs);
  }
  normalise(probs);

  const float largest = maximum(probs);
  const bool warm = settings.temperature > 0;  // false for NaN too
  float cutoff = 0;
  if (!warm || !(settings.topP > 0)) {
    cutoff = largest;
  } else if (settings.topP < 1) {
    cutoff = nucleusCutoff(probs, largest, settings.topP);
  }
  if (settings.topK > 0 && static_cast<std::size_t>(settings.topK) < probs.size()) {
    keepLargest(probs, cutoff, static_cast<std::size_t>(settings.topK));
  } else if (cutoff > 0) {
    for (float& p : probs) p = p < cutoff ? 0.0F : p;
  }
  // p^(1/T) is exp((logit - peak)/T) but for a common factor, and cannot underflow to nothing at a small T.
  if (warm && settings.temperature != 1.0F && std::isfinite(peak)) {
    expWeights(logits, peak, settings.temperature, probs);
  }
  normalise(probs);
}

}  // namespace rookery::engine
