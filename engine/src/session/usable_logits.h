// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>

#include "rookery/result.h"
#include "sampler/softmax.h"

namespace rookery::engine {

/// NotFinite if a draw from `logits` would mean nothing: the weights are broken, or overflow their type. `position`: of
/// the token that they follow, from 0.
inline Result<void> usableLogits(std::span<const float> logits, std::uint64_t position) {
  if (allNumbers(logits)) return {};
  return fail(ErrorCode::NotFinite, fmt::format("At position {} the model computes values that are no numbers: its weights are damaged, or too large for "
                                                "their type.", position));
}

}  // namespace rookery::engine
