// SPDX-License-Identifier: GPL-3.0-or-later
// A strategy as this build carries it out: which layers run where, in which weight type.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "program/program.h"
#include "rookery/model.h"

namespace rookery::engine {

struct Segment {
  std::string device;              ///< as in StrategyStage
  std::optional<DType> precision;  ///< nullopt: as the weights came
  LayerRange range;
};

/// In the order of the layers; the embedding belongs to the first, ln_out and head to the last. Stages that got no layer
/// are left out. StrategyInvalid also for what this build cannot do: streaming.
Result<std::vector<Segment>> segmentsOf(const LoadOptions& options, int layers);

}  // namespace rookery::engine
