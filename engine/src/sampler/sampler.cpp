// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/sampler.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sampler/philox.h"
#include "sampler/softmax.h"

namespace rookery::engine {

Sampler::Sampler(const SamplerSettings& settings, std::uint64_t seed, std::shared_ptr<const Tokenizer> tokenizer)
    : m_settings(settings), m_seed(seed), m_tokenizer(std::move(tokenizer)) {}

void Sampler::ban(TokenId id) {
  if (std::find(m_banned.begin(), m_banned.end(), id) == m_banned.end()) m_banned.push_back(id);
}

void Sampler::penalise(std::span<float> logits) const {
  for (const auto& [id, count] : m_counts) {
    if (id < logits.size()) logits[id] -= m_settings.presencePenalty + count * m_settings.frequencyPenalty;
  }
  for (const TokenId id : m_banned) {
    if (id < logits.size()) logits[id] = -std::numeric_limits<float>::infinity();
  }
}

TokenId Sampler::sample(std::span<const float> logits) {
  m_logits.assign(logits.begin(), logits.end());
  penalise(m_logits);
  // Equal maxima would all stay in the filtered distribution; greedy must not depend on a draw.
  if (!(m_settings.temperature > 0) || !(m_settings.topP > 0)) return static_cast<TokenId>(argmax(m_logits));

  m_probs.resize(m_logits.size());
  filteredProbabilities(m_logits, m_settings, m_probs);
  double total = 0;
  for (const float p : m_probs) {
    if (p > 0) total += static_cast<double>(p);
  }
  const double target = uniformDraw(m_seed, m_drawn) * total;
  double sum = 0;
  std::size_t last = 0;  // what a target lost in rounding falls on
  for (std::size_t id = 0; id < m_probs.size(); ++id) {
    if (!(m_probs[id] > 0)) continue;
    sum += static_cast<double>(m_probs[id]);
    last = id;
    if (sum > target) break;
  }
  return static_cast<TokenId>(last);
}

void Sampler::accept(TokenId id) {
  for (auto& [other, count] : m_counts) count *= m_settings.penaltyDecay;
  float weight = 1;
  if (m_tokenizer) {
    // A token without bytes (end of text) counts 1: the reference decodes it to U+FFFD.
    const std::string_view bytes = m_tokenizer->bytesOf(id);
    if (!bytes.empty() && std::string_view(" \t0123456789").find(bytes) != std::string_view::npos) weight = 0;
  }
  m_counts[id] += weight;
  ++m_drawn;
}

}  // namespace rookery::engine
