// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quant/policy.h"
#include "rookery/model_info.h"

namespace rookery::engine {

struct WeightShape {
  WeightPart kind{};  ///< decides its format when the model is quantised
  std::uint64_t rows = 0, cols = 1;
  std::uint64_t count() const noexcept { return rows * cols; }
};

struct ComponentShapes {
  std::string name;  ///< embedding, ln0, deep_embedding (version 7a), block0.., ln_out, head
  std::vector<WeightShape> weights;  ///< in the order in which the official modules hold them
};

/// Every stored weight of a model (names and shapes of the official files), in the order in which it is used.
/// InvalidArgument if a dimension is not positive or beyond anything that exists.
Result<std::vector<ComponentShapes>> weightShapes(const ModelShape& shape);

}  // namespace rookery::engine
