// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "rookery/result.h"
#include "sampler/softmax.h"

namespace rookery::engine {

/// FileDamaged if a draw from `logits` would mean nothing: the weights are broken, or overflow their type.
inline Result<void> usableLogits(std::span<const float> logits) {
  if (allNumbers(logits)) return {};
  return fail(ErrorCode::FileDamaged, "The model computes values that are no numbers: its weights are damaged, or too large for their type.");
}

}  // namespace rookery::engine
