// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "rookery/tokenizer.h"

namespace rookery::engine {

/// Official settings and order (rwkv/utils.py): penalties on generated tokens, softmax,
/// top_p, top_k, temperature.
struct SamplerSettings {
  float temperature = 1.0F;  ///< 0: greedy
  float topP = 0.3F;         ///< 0: greedy; >= 1: off
  int topK = 0;              ///< 0: off
  float presencePenalty = 0.5F;
  float frequencyPenalty = 0.5F;
  float penaltyDecay = 0.996F;
  bool operator==(const SamplerSettings&) const = default;
};

/// The filtered distribution that a draw would use; sums to 1. `logits` and `probs` have [vocab] entries.
/// `top_p >= 1` switches that filter off (the reference then turns greedy by float rounding: not copied).
void filteredProbabilities(std::span<const float> logits, const SamplerSettings& settings, std::span<float> probs);

/// Draws tokens. A pure function of (settings, seed, tokens accepted so far, logits): after a restart,
/// accept() the journal's tokens and the next draw is the one an unbroken run would have made.
/// One thread at a time.
class Sampler {
 public:
  Sampler(const SamplerSettings& settings, std::uint64_t seed, std::shared_ptr<const Tokenizer> tokenizer = nullptr);

  void ban(TokenId id);  ///< never drawn
  /// Applies penalties to a copy of `logits` [vocab] and draws; does not accept.
  TokenId sample(std::span<const float> logits);
  /// Counts a generated token: counts decay, then the token's grows by 1 (by 0 for tokens whose text is a
  /// part of " \t0123456789", as PIPELINE.generate does), and the draw counter advances.
  void accept(TokenId id);
  /// `logits` after penalties and bans, for tests and inspection.
  void penalise(std::span<float> logits) const;

  const SamplerSettings& settings() const noexcept { return m_settings; }
  std::uint64_t seed() const noexcept { return m_seed; }
  std::uint64_t drawn() const noexcept { return m_drawn; }

 private:
  SamplerSettings m_settings;
  std::uint64_t m_seed;
  std::uint64_t m_drawn = 0;  ///< tokens accepted; the counter of the generator
  std::shared_ptr<const Tokenizer> m_tokenizer;
  std::unordered_map<TokenId, float> m_counts;
  std::vector<TokenId> m_banned;
  std::vector<float> m_logits, m_probs;  ///< scratch
};

}  // namespace rookery::engine
