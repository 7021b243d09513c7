// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "rookery/model_info.h"
#include "weights/official_names.h"

namespace rookery::engine {

/// detect() on tensors that were named already.
Result<ModelInfo> detectNamed(const ModelFile& file, const NamedTensors& tensors);

}  // namespace rookery::engine
