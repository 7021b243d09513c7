// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/output_file.h"
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

/// The same for tensors of any weight type, with `__metadata__`. A tensor of a block type goes in as U8 [rows, bytes of
/// a row] under its name and the type's: "head.weight.int8". The reader turns it back where the metadata says
/// kBlockLayoutKey = kBlockLayout.
Result<void> writeSafetensors(const std::filesystem::path& path, std::span<const OutputEntry> tensors,
                              std::vector<std::pair<std::string, std::string>> metadata);

inline constexpr const char* kBlockLayoutKey = "rookery.block_layout";
inline constexpr const char* kBlockLayout = "1";

}  // namespace rookery::engine
