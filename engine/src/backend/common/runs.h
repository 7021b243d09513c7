// SPDX-License-Identifier: GPL-3.0-or-later
// What all backends ask of a run.
#pragma once

#include "backend/common/backend.h"

namespace rookery::engine {

/// Tokens of the longest run: enough to use each loaded weight many times, few enough that big models stop within 100
/// ms between two stages and that the activations stay small beside the weights.
std::size_t longestRun(const ModelShape& shape) noexcept;

/// Floats of a row of a value, which ends with a whole tile.
std::int64_t paddedWidth(std::int64_t width) noexcept;

/// Floats before a tensor of the state in the canonical layout.
inline std::size_t stateOffset(const StateLayout& layout, StateRef ref) {
  return layout.floatsPerLayer * static_cast<std::size_t>(ref.layer) +
         layout.tensors[static_cast<std::size_t>(ref.tensor)].offset;
}

/// InvalidArgument where `args` are outside the contract of a run of `program`, or a token outside its vocabulary.
Result<void> checkRun(const Program& program, std::size_t maxTokens, const RunArgs& args);

}  // namespace rookery::engine
