// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>

namespace rookery::engine {

/// All of these take NaN as "cannot be chosen", like -inf. Own exp: the same bits with every C library.

/// Index of the largest entry, the lowest one of equals. Nothing to choose from: the first NaN (a broken
/// model's answer, but never a banned token), else 0.
std::size_t argmax(std::span<const float> values) noexcept;

/// The largest entry; -inf if there is none.
float maximum(std::span<const float> values) noexcept;

/// No NaN and no infinity among them.
bool allNumbers(std::span<const float> values) noexcept;

/// weights[i] = exp((logits[i] - peak) / temperature), 0 where the exponent is below -87 or weights[i] was 0.
/// `peak` is finite and not below any logit.
void expWeights(std::span<const float> logits, float peak, float temperature, std::span<float> weights) noexcept;

/// Entries below `cutoff` become 0; all are >= 0.
void zeroBelow(std::span<float> weights, float cutoff) noexcept;

/// Divides by the sum, so that the entries sum to 1. They are >= 0 and not all 0.
void normalise(std::span<float> weights) noexcept;

/// The entry on which `uniform` in [0, 1) falls when the entries lie side by side in index order, each as long as
/// its weight. Never one of weight 0, unless all are.
std::size_t drawIndex(std::span<const float> weights, double uniform) noexcept;

}  // namespace rookery::engine
