// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rookery/result.h"

namespace rookery::engine {

/// A tensor as a pickle describes it: a view of a storage.
struct PickledTensor {
  std::string storageClass;  ///< "torch.BFloat16Storage"
  std::string storageKey;
  std::int64_t storageCount = 0;  ///< elements
  std::int64_t offset = 0;        ///< elements
  std::vector<std::int64_t> shape, strides;
};

/// Reads the pickle of a torch state dict (protocols 2 to 4): a dictionary of tensors. Only the globals that rebuild
/// tensors are known, and "calling" them fills a struct: nothing is imported or executed. Values live in an arena and
/// refer to each other by index, so nesting costs no stack. FileDamaged says what else was found.
Result<std::vector<std::pair<std::string, PickledTensor>>> readPickledTensors(std::span<const std::byte> pickle);

}  // namespace rookery::engine
