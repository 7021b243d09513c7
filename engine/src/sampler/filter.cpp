// SPDX-License-Identifier: GPL-3.0-or-later
// PIPELINE.sample_logits of the rwkv package (rwkv/utils.py), without its sort of the whole vocabulary.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>

#include "rookery/sampler.h"
#include "sampler/softmax.h"

namespace rookery::engine {
namespace {

/// Bands below the largest probability, by their lower ends. Most draws need only the first.
constexpr std::array<float, 5> kBands = {0x1p-4F, 0x1p-8F, 0x1p-12F, 0x1p-16F, 0.0F};

/// The entries with lower <= p < upper, in index order.
void gather(std::span<const float> probs, float lower, float upper, std::vector<float>& out) {
  out.resize(probs.size());
  std::size_t count = 0;
  for (const float p : probs) {  // no branch: which entries are in the band cannot be predicted
    out[count] = p;
    count += static_cast<std::size_t>(p >= lower) & static_cast<std::size_t>(p < upper);
  }
  out.resize(count);
}

/// Descending order of non-negative floats, whose bits are ordered as they are. Many values go by digits, as few
/// as their range needs.
void sortDescending(std::vector<float>& values, std::vector<float>& scratch) {
  if (values.size() < 1024) {
    std::sort(values.begin(), values.end(), std::greater<>());
    return;
  }
  constexpr unsigned kDigitBits = 11;
  const auto bits = [](float value) { return std::bit_cast<std::uint32_t>(value); };
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const std::uint32_t top = bits(*most);
  const auto width = static_cast<unsigned>(std::bit_width(top - bits(*least)));
  scratch.resize(values.size());
  for (unsigned shift = 0; shift < width; shift += kDigitBits) {
    const auto digit = [&](float value) { return ((top - bits(value)) >> shift) & ((1U << kDigitBits) - 1); };
    std::array<std::uint32_t, 1U << kDigitBits> next{};
    for (const float value : values) ++next[digit(value)];
    std::exclusive_scan(next.begin(), next.end(), next.begin(), 0U);
    for (const float value : values) scratch[next[digit(value)]++] = value;
    values.swap(scratch);
  }
}

/// The probability at which the float32 running sum in descending order first reaches `topP`; 0 if it never does
/// (the reference then falls back to the largest one: a bug that we do not copy).
/// Equal values add up the same in any order, so the values suffice; they are sorted band by band.
float nucleusCutoff(std::span<const float> probs, float largest, float topP) {
  std::vector<float> band, scratch;
  float sum = 0;
  float upper = std::numeric_limits<float>::infinity();
  for (const float scale : kBands) {
    const float lower = largest * scale;
    gather(probs, lower, upper, band);
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
void keepLargest(std::span<float> probs, float largest, float cutoff, std::size_t count) {
  std::vector<float> kept;
  for (const float scale : kBands) {
    gather(probs, std::max(cutoff, largest * scale), std::numeric_limits<float>::infinity(), kept);
    if (kept.size() >= count) break;
  }
  std::size_t equals = kept.size();  // how many entries equal to the cutoff may stay
  if (count < kept.size()) {
    const auto last = kept.begin() + static_cast<std::ptrdiff_t>(count) - 1;
    std::nth_element(kept.begin(), last, kept.end(), std::greater<>());
    cutoff = *last;
    equals = count - static_cast<std::size_t>(std::count_if(kept.begin(), last, [&](float p) { return p > cutoff; }));
  }
  zeroBelow(probs, cutoff);
  if (equals == kept.size()) return;
  for (float& p : probs) {
    if (p == cutoff && equals > 0) {
      --equals;
    } else if (p == cutoff) {
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
    keepLargest(probs, largest, cutoff, static_cast<std::size_t>(settings.topK));
  } else if (cutoff > 0) {
    zeroBelow(probs, cutoff);
  }
  // p^(1/T) is exp((logit - peak)/T) but for a common factor, and cannot underflow to nothing at a small T.
  if (warm && settings.temperature != 1.0F && std::isfinite(peak)) {
    expWeights(logits, peak, settings.temperature, probs);
  }
  normalise(probs);
}

}  // namespace rookery::engine
