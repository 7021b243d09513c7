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

/// The kind of a file ("model", "state", "logits", "probs") and the program that wrote it: what tells our own files from
/// those of others when one is to be replaced. Also keys of a GGUF.
inline constexpr const char *kKindKey = "rookery.kind", *kProgramKey = "rookery.program";
std::vector<std::pair<std::string, std::string>> ownMetadata(std::string kind);

/// Writes F32 tensors with ownMetadata(kind), atomically: a temporary file beside `path`, flushed, then renamed.
/// FileWriteFailed names the system's reason; the old file is left as it was.
Result<void> writeSafetensors(const std::filesystem::path& path, std::span<const OutputTensor> tensors, std::string kind);

/// The same for tensors of any weight type, with `__metadata__`. A tensor of a block type goes in as U8 [rows, bytes of
/// a row] under its name and the type's: "head.weight.int8". The reader turns it back where the metadata says
/// kBlockLayoutKey = kBlockLayout.
Result<void> writeSafetensors(const std::filesystem::path& path, std::span<const OutputEntry> tensors,
                              std::vector<std::pair<std::string, std::string>> metadata);

inline constexpr const char* kBlockLayoutKey = "rookery.block_layout";
inline constexpr const char* kBlockLayout = "1";

}  // namespace rookery::engine
