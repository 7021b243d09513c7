// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "rookery/result.h"

namespace rookery::engine {

struct OutputTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const float> data;
};

/// Writes F32 tensors, atomically: a temporary file beside `path`, flushed, then renamed. FileWriteFailed names the
/// system's reason; the old file is left as it was.
Result<void> writeSafetensors(const std::filesystem::path& path, std::span<const OutputTensor> tensors);

}  // namespace rookery::engine
