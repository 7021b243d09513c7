// SPDX-License-Identifier: GPL-3.0-or-later
#include "weights/foreign_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <string_view>

#include "formats/names.h"

namespace rookery::engine {
namespace {

bool anyContains(const ModelFile& file, std::string_view part) {
  return std::any_of(file.tensors().begin(), file.tensors().end(), [&](const TensorSource& t) { return t.name.find(part) != std::string::npos; });
}

// "model-00001-of-00003.safetensors", as Hugging Face names the parts of a model, without the list of them.
std::optional<Error> part(const ModelFile& file) {
  static const std::regex kPart("^(.*)-0*([0-9]{1,5})-of-0*([0-9]{1,5})\\.(safetensors|gguf|pth|bin)$");
  std::smatch match;
  if (!std::regex_search(file.name(), match, kPart) || match[3] == "1") return std::nullopt;
  const std::string what = fmt::format("{} is only part {} of {} of a model.", file.name(), match[2].str(), match[3].str());
  if (match[4] == "safetensors")
    return Error{ErrorCode::TensorMissing, fmt::format("{} Put all parts and their list, {}.safetensors.index.json, into one folder; then any of them opens the "
                                                       "model.", what, match[1].str()), {}};
  return Error{ErrorCode::TensorMissing, fmt::format("{} Of models in several files, only .safetensors with their list can be opened: get it in one file.", what), {}};
}

}  // namespace

std::optional<Error> foreignModel(const ModelFile& file) {
  if (file.find("emb.weight") != nullptr && file.find("head.weight") != nullptr) return std::nullopt;
  if (auto error = part(file)) return error;
  const std::string name = printable(file.name());
  const auto is = [&](ErrorCode code, std::string_view what) { return Error{code, fmt::format("{} {}", name, what), {}}; };
  if (anyContains(file, ".att.time_state") && !anyContains(file, "ffn.key.weight"))
    return is(ErrorCode::NotRwkv, "is a tuned state, not a model. Load the model it was tuned for, and this file as its state (--state-in).");
  if (file.find("att_kv.0") != nullptr || file.find("att_xx.0") != nullptr)
    return is(ErrorCode::NotRwkv, "is a saved state, not a model. Load the model it belongs to, and this file as its state (--state-in).");
  if (anyContains(file, "lora_A") || anyContains(file, ".lora.1"))
    return is(ErrorCode::NotRwkv, "is an adapter (LoRA or the like), not a whole model. Merge it into its model with the tool that trained it.");
  if (anyContains(file, ".self_attn.") || anyContains(file, ".attn.q_proj.") || anyContains(file, ".attention.wq.") || anyContains(file, ".attn.c_attn."))
    return is(ErrorCode::NotRwkv, "holds a Transformer (a model of the Llama, GPT or a similar family), not an RWKV model. Rookery runs RWKV models only.");
  if (anyContains(file, ".mixer.A_log") || anyContains(file, ".mixer.in_proj."))
    return is(ErrorCode::NotRwkv, "holds a Mamba model, not an RWKV model. Rookery runs RWKV models only.");
  if (file.find("model.embeddings.weight") != nullptr && !anyContains(file, "attn.r_proj.weight"))
    return is(ErrorCode::NotRwkv, "holds a model of the flash-linear-attention family other than RWKV-7. Of those, RWKV-7 can be run.");
  if (anyContains(file, "rwkv.blocks.") || anyContains(file, "rwkv.embeddings."))
    return is(ErrorCode::VersionUnsupported, "has the tensor names of an early Hugging Face form of RWKV, which is not read. Get the .pth of the same model.");
  return std::nullopt;
}

}  // namespace rookery::engine
