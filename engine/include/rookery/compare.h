// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "rookery/model.h"
#include "rookery/result.h"
#include "rookery/tokenizer.h"

namespace rookery::engine {

/// How far the states are apart after `position` tokens: root of sum((a - b)^2) / sum(a^2) over all numbers of a state.
struct StateDrift {
  std::size_t position = 0;
  double relativeRms = 0;
};

/// Two models on one text; `a` is the reference. Natural logarithms; divergences in nats.
struct Comparison {
  std::size_t tokens = 0;             ///< predictions that were compared
  double perplexityA = 0, perplexityB = 0;
  double klMean = 0;                  ///< of sum p_a ln(p_a / p_b) over all predictions
  double kl999 = 0;                   ///< 99.9 % of the predictions are nearer than this
  double top1 = 0;                    ///< share of predictions with the same most probable token
  std::vector<StateDrift> drift;      ///< at 512, 2048, 8192 and at the end, as far as the text goes
};

/// Both models read the end-of-text token and then `tokens`; each token is predicted from those before it.
/// InvalidArgument: fewer than two tokens, or vocabularies of different sizes. Cancelled. Uses both models' threads.
Result<Comparison> compareModels(const std::shared_ptr<const Model>& a, const std::shared_ptr<const Model>& b,
                                 std::span<const TokenId> tokens, std::stop_token stop = {},
                                 const std::function<void(std::size_t done)>& progress = {});

}  // namespace rookery::engine
