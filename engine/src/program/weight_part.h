// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "program/program.h"
#include "quant/policy.h"

namespace rookery::engine {

/// What a program's weight is to the choice of formats.
inline WeightPart partOf(const Weight& weight) noexcept {
  switch (weight.role) {
    case WeightRole::Vector: return WeightPart::Vector;
    case WeightRole::LowRank: return WeightPart::LowRank;
    default: return matrixPart(weight.name);
  }
}

}  // namespace rookery::engine
