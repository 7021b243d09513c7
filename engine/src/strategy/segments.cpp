// SPDX-License-Identifier: GPL-3.0-or-later
#include "strategy/segments.h"

#include <algorithm>

#include "rookery/device.h"
#include "rookery/strategy.h"

namespace rookery::engine {

Result<std::vector<Segment>> segmentsOf(const LoadOptions& options, int layers) {
  const auto strategy = parseStrategy(options.strategy.empty() ? kCpuId : options.strategy, layers);
  if (!strategy) return tl::unexpected(strategy.error());
  std::vector<Segment> segments;
  int first = 0;
  for (const StrategyStage& stage : strategy->stages) {
    if (stage.stream && stage.layers + stage.streamedLayers > 0)
      return fail(ErrorCode::StrategyInvalid, "This build does not stream layers; leave the + away, and name a stage for the rest of the layers: \"vulkan *10 -> cpu\".");
    if (stage.layers == 0) continue;
    const int end = first + stage.layers;  // the head counts as the layer after the last
    segments.push_back({stage.device, stage.weights, {first, std::min(end, layers), first == 0, end > layers}});
    first = end;
  }
  return segments;
}

}  // namespace rookery::engine
