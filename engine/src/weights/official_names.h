// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>

#include "rookery/model_file.h"

namespace rookery::engine {

/// A tensor under its official name, dimensions of size one dropped (but one dimension always remains).
struct NamedTensor {
  DType dtype{};
  std::vector<std::int64_t> shape;
  bool transposed = false;  ///< a LoRA matrix stored [in][out]
  std::span<const std::byte> bytes;
};

using NamedTensors = std::map<std::string, NamedTensor>;

/// All tensors of a file under official names. GGUF: RWKV-7 names of llama.cpp are translated, fused
/// mixes split, copies that stand in for missing tensors dropped; other tensors keep their own names.
NamedTensors officialNames(const ModelFile& file);

}  // namespace rookery::engine
