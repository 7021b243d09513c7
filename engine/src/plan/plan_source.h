// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "rookery/memory_plan.h"
#include "weights/weight_source.h"

namespace rookery::engine {

/// planLoad() of any source of weights. `precision`: of stages that name no type; nullopt: as the weights came.
Result<std::vector<MemoryRow>> planSource(WeightSource& source, std::optional<DType> precision, const LoadOptions& options,
                                          PlanAllocator allocator = PlanAllocator::Plain);

}  // namespace rookery::engine
