// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "rookery/model_file.h"

namespace rookery::engine {

/// A tensor under its official name, dimensions of size one dropped (but one dimension always remains).
struct NamedTensor {
  DType dtype{};
  std::vector<std::int64_t> shape;
  bool transposed = false;  ///< a LoRA matrix stored [in][out]; time_maa_w2 (version 6): five of them, [5][in][out]
  std::span<const std::byte> bytes;
  std::int64_t inner = 0;   ///< the last dimension of what is stored in two, [head, size]; 0: in fewer or more
};

using NamedTensors = std::map<std::string, NamedTensor>;

/// All tensors of a file under official names. GGUF: RWKV-6 and 7 names of llama.cpp are translated, fused
/// mixes split, copies that stand in for missing tensors dropped. Names of web-rwkv's .st files and of Hugging Face
/// files (fla) are translated as well. Other tensors keep their own names.
NamedTensors officialNames(const ModelFile& file);

/// Without the dimensions of size one, but at least one dimension remains.
std::vector<std::int64_t> squeezed(const std::vector<std::int64_t>& shape);
/// Under whatever name: the tensor as it is stored.
NamedTensor namedTensor(const TensorSource& tensor, bool transposed = false);

/// llama.cpp's name of an official tensor of version 6 or 7 ("blk.3.time_mix_key.weight"); empty for unknown names and for
/// fusedMixes().
std::string ggufName(const std::string& official, bool version6);
/// The vectors that are one tensor there, time_mix_lerp_fused.weight, in its order: "att.x_r", ...
std::span<const std::string_view> fusedMixes(bool version6) noexcept;

}  // namespace rookery::engine
