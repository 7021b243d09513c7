// SPDX-License-Identifier: GPL-3.0-or-later
// Model files as other programs write them, made from official ones. Names and layouts are written down from those
// programs' own sources, not from the engine's tables: cryscan/web-rwkv, assets/scripts/convert_safetensors.py;
// fla-org/flash-linear-attention, utils/convert_from_rwkv7.py, fla/layers/rwkv7.py and fla/models/rwkv7/modeling_rwkv7.py.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rookery::test {

struct Raw {
  std::string name, dtype;  ///< as safetensors have it, "BF16"
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// Of a file whose tensors are all bf16.
std::vector<Raw> tensorsOf(const std::filesystem::path& path);
/// A .safetensors file.
void writeRaw(const std::string& path, const std::vector<Raw>& tensors);
/// The last two dimensions the other way round.
Raw turned(Raw t);
/// As fp16, to the nearest.
std::vector<Raw> halves(std::vector<Raw> tensors);
/// What web-rwkv's converter makes, but for the type (it writes halves()).
std::vector<Raw> webRwkv(std::vector<Raw> tensors);
/// The attribute names of RWKV7ForCausalLM, its blocks, attention and LoRA.
std::vector<Raw> fla(const std::vector<Raw>& tensors);
/// Version 1 of fla's attention, from fla(): the mixes as one parameter.
std::vector<Raw> fusedMixes(const std::vector<Raw>& tensors);

}  // namespace rookery::test
