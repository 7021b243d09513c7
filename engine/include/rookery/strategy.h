// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/dtype.h"
#include "rookery/result.h"

namespace rookery::engine {

/// One stage of a strategy string (rwkv/model.py of the rwkv package).
struct StrategyStage {
  std::string device;            ///< "cpu", "cuda:0", "vulkan:1"; "vulkan": the first that is not software
  std::optional<DType> weights;  ///< nullopt: as the file has them
  int layers = 0;                ///< layers resident on the device, head counted as one layer
  bool stream = false;           ///< `+`: the rest is streamed from host memory
  int streamedLayers = 0;
};

struct Strategy {
  std::vector<StrategyStage> stages;
  std::string text;
  std::string note;  ///< where it does something else than it seems to say, a sentence; else empty
};

/// The official grammar `STAGE ( "->" STAGE )*`, DEVICE TYPE [*N[+]], with its layer arithmetic for
/// `layers` + 1 layers, extended by `vulkan[:K]` and further weight types; in upper or lower case. As in the official
/// program the last stage takes all layers that are left, whatever its N: then `note` says so. StrategyInvalid says why
/// and what would fit.
Result<Strategy> parseStrategy(std::string_view text, int layers);

/// `strategy` with `type` in each of its stages. InvalidArgument where a stage names one already. Nothing else is checked.
Result<std::string> withWeightType(std::string_view strategy, std::string_view type);

}  // namespace rookery::engine
