// SPDX-License-Identifier: GPL-3.0-or-later
#include "weights/foreign_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>
#include <string_view>

#include "formats/adapter_names.h"
#include "formats/names.h"
#include "rookery/state_file.h"

namespace rookery::engine {
namespace {

bool anyContains(const ModelFile& file, std::string_view part) {
  return std::any_of(file.tensors().begin(), file.tensors().end(), [&](const TensorSource& t) { return t.name.find(part) != std::string::npos; });
}

// "model-00001-of-00003.safetensors", as Hugging Face names the parts of a model, without the list of them.
std::optional<Error> part(const ModelFile& file) {
  // llama-gguf-split says it in the file, whatever this is called.
  const auto split = [&](const char* key) -> std::int64_t {
    const auto found = file.metadata().find(key);
    const auto* value = found == file.metadata().end() ? nullptr : std::get_if<std::int64_t>(&found->second);
    return value == nullptr || file.container() != Container::Gguf ? 0 : *value;
  };
  if (split("split.count") > 1)
    return Error{ErrorCode::TensorMissing,
                 fmt::format("{} is only part {} of {} of a model. Get it in one file, or join the parts with "
                             "llama.cpp's llama-gguf-split --merge.",
                             file.name(), split("split.no") + 1, split("split.count")), {}};
  static const std::regex kPart("^(.*)-0*([0-9]{1,5})-of-0*([0-9]{1,5})\\.(safetensors|gguf|pth|bin)$");
  std::smatch match;
  if (!std::regex_search(file.name(), match, kPart) || match[3] == "1") return std::nullopt;
  const std::string what = fmt::format("{} is only part {} of {} of a model.", file.name(), match[2].str(), match[3].str());
  if (match[4] == "safetensors")
    return Error{ErrorCode::TensorMissing, fmt::format("{} Put all parts and their list, {}.safetensors.index.json, into one folder; then any of them opens the "
                                                       "model.", what, match[1].str()), {}};
  return Error{ErrorCode::TensorMissing, fmt::format("{} Of models in several files, only .safetensors with their list can be opened: get it in one file.", what), {}};
}

// Adapters alone, and those that lie beside the weights that they change: run without them, the model would answer as
// if it had not been tuned.
std::optional<Error> adapter(const ModelFile& file, const std::string& name) {
  const auto found = std::find_if(file.tensors().begin(), file.tensors().end(),
                                  [](const TensorSource& t) { return isOfAdapter(t.name); });
  const bool ofWebRwkv = file.find("emb.weight") == nullptr && anyContains(file, ".lora.1");
  if (found == file.tensors().end() && !ofWebRwkv) return std::nullopt;
  const auto any = [&](std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return anyContains(file, part); });
  };
  if (found == file.tensors().end() || !any({"ffn.key.weight", "ffn.value.weight", ".base_layer."}))
    return Error{ErrorCode::NotRwkv,
                 fmt::format("{} is an adapter (LoRA or the like), not a whole model. Merge it into its model with the "
                             "tool that trained it.", name), {}};
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} holds an adapter that is not merged into its model ({}); without it the model would answer "
                           "as before its training. Merge the two with the tool that trained it, and open the result.",
                           name, printable(found->name)), {}};
}

// mlx.nn.quantize: a matrix as U32 words, its scales and biases beside it.
bool isQuantisedForMlx(const ModelFile& file) {
  constexpr std::string_view kScales = ".scales";
  return std::any_of(file.tensors().begin(), file.tensors().end(), [&](const TensorSource& t) {
    if (!t.name.ends_with(kScales)) return false;
    const TensorSource* words = file.find(t.name.substr(0, t.name.size() - kScales.size()) + ".weight");
    return words != nullptr && words->dtype == DType::U32;
  });
}

// What tools that quantise matrices put in their place or beside them.
const char* quantiser(const ModelFile& file) {
  constexpr auto kParts = std::to_array<std::pair<std::string_view, const char*>>({
      {"::codes", "rwkv-quant (.rwkvq)"},
      {".quant_state.bitsandbytes", "bitsandbytes"},
      {".SCB", "bitsandbytes"},
      {".qweight", "GPTQ or AWQ"},
      {".weight_packed", "compressed-tensors"},
      {".W_q", "HQQ"},
      {".weight._scale", "quanto"},
      {"_packed_params", "torch"},
  });
  if (file.metadata().contains("rwkvq")) return kParts[0].second;
  if (isQuantisedForMlx(file)) return "MLX";
  for (const auto& [part, tool] : kParts)
    if (anyContains(file, part)) return tool;
  return nullptr;
}

// DeepSpeed's ZeRO 3 leaves empty tensors in place of the weights, which lie among its optimizer's numbers; torch's own
// distributed checkpoints are many saved tensors one after the other, of which the last is seen.
std::optional<Error> ofManyParts(const ModelFile& file, const std::string& name) {
  if (file.container() != Container::Pth || file.tensors().empty()) return std::nullopt;
  const auto is = [&](std::string_view what) {
    return Error{ErrorCode::FormatUnknown, fmt::format("{} {}", name, what), {}};
  };
  const auto isEmpty = [](const TensorSource& t) { return t.bytes.empty(); };
  if (std::all_of(file.tensors().begin(), file.tensors().end(), isEmpty))
    return is("holds only empty tensors: a part of a checkpoint of DeepSpeed (ZeRO 3), whose weights lie in others. "
              "Join its parts with the zero_to_fp32.py that lies beside them, and open the result.");
  if (file.tensors().size() == 1 && file.tensors()[0].name == "tensor")
    return is("holds a single tensor without a name, so it is no model. A distributed checkpoint of torch (.distcp) is "
              "joined with python -m torch.distributed.checkpoint.format_utils dcp_to_torch.");
  return std::nullopt;
}

// GGUF files that are no models, or not whole ones, as their keys say.
std::optional<Error> ggufOfOtherUse(const ModelFile& file, const std::string& name) {
  if (file.container() != Container::Gguf) return std::nullopt;
  const auto text = [&](const char* key) -> std::string_view {
    const auto found = file.metadata().find(key);
    const auto* value = found == file.metadata().end() ? nullptr : std::get_if<std::string>(&found->second);
    return value == nullptr ? std::string_view{} : *value;
  };
  const auto is = [&](std::string_view what) { return Error{ErrorCode::NotRwkv, fmt::format("{} {}", name, what), {}}; };
  constexpr auto kUses = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"imatrix", "is an importance matrix, which llama.cpp needs to quantise a model, and no model itself."},
      {"controlvector", "is a control vector of llama.cpp, which changes a model's answers there, and no model itself."},
      {"mmproj", "is the part of a model of llama.cpp that sees or hears, and no language model."},
      {"clip", "is the part of a model of llama.cpp that sees or hears, and no language model."},
  });
  for (const auto& [kind, what] : kUses)
    if (text("general.type") == kind || text("general.architecture") == kind) return is(what);
  if (file.tensors().empty() && file.metadata().contains("tokenizer.ggml.tokens"))
    return is("holds a vocabulary and no weights. Get the whole model.");
  return std::nullopt;
}

// convert_and_save_and_exit of the rwkv package turns matrices round, folds ln0 into the embedding and rescales: for its
// own loader, for one strategy and one version of it.
std::optional<Error> converted(const ModelFile& file, const std::string& name) {
  const auto& values = file.metadata();
  const auto strategy = values.find("_strategy");
  const bool marked = strategy != values.end() || (values.contains("_version") && values.contains("_rescale_layer"));
  if (file.container() != Container::Pth || !marked) return std::nullopt;
  const auto* text = strategy == values.end() ? nullptr : std::get_if<std::string>(&strategy->second);
  const std::string purpose = text == nullptr ? "" : fmt::format(" for the strategy '{}'", printable(*text));
  return Error{ErrorCode::FormatUnknown,
               fmt::format("{} was converted by the rwkv package{}. Open the original .pth.", name, purpose), {}};
}

// Models with an RWKV-7 in them that compute something else. (Experiments under official names: unsupportedVariant().)
std::optional<Error> relative(const ModelFile& file, const std::string& name) {
  const auto is = [&](const char* what) { return Error{ErrorCode::VersionUnsupported, fmt::format("{} {}", name, what), {}}; };
  const bool inside = file.find("rwkv.emb.weight") != nullptr || file.find("rwkv.blocks.0.att.r_k") != nullptr;
  const auto begins = [&](std::string_view start) {
    return std::any_of(file.tensors().begin(), file.tensors().end(),
                       [&](const TensorSource& t) { return t.name.starts_with(start); });
  };
  if (inside && begins("moba."))
    return is("holds an RWKV-X model: RWKV-7 with layers of attention between its own. It cannot be run.");
  if ((inside && begins("head.")) || begins("reranker."))
    return is("holds an EmbeddingRWKV model, which makes vectors of texts for searching and answers nothing. It cannot "
              "be run.");
  if (inside)
    return is("holds an RWKV-7 model as a part of another one: its tensors are called \"rwkv. ...\". It cannot be run; "
              "get the model it was made from.");
  return std::nullopt;
}

// The memory of an optimiser beside the weights, or alone.
bool isOfOptimizer(const ModelFile& file) {
  return anyContains(file, "exp_avg") || anyContains(file, "momentum") || anyContains(file, "optimizer");
}

}  // namespace

std::optional<Error> foreignModel(const ModelFile& file) {
  const std::string name = printable(file.name());
  const auto is = [&](ErrorCode code, std::string_view what) { return Error{code, fmt::format("{} {}", name, what), {}}; };
  if (const char* tool = quantiser(file))
    return is(ErrorCode::FormatUnknown,
              fmt::format("is quantised by {}, in a form that is not read. Get a bf16, fp16, Q8_0 or Q4_K_M file of the "
                          "same model.", tool));
  if (file.tensors().size() == 1 && (file.find("logits") != nullptr || file.find("probs") != nullptr))
    return is(ErrorCode::NotRwkv, "holds what a model answered (logits or probabilities of tokens), and no model itself.");
  for (const auto known : {ofManyParts, ggufOfOtherUse})
    if (auto error = known(file, name)) return error;
  if (auto error = converted(file, name)) return error;
  if (auto error = relative(file, name)) return error;
  const bool whole = file.find("emb.weight") != nullptr && file.find("head.weight") != nullptr;
  if (!whole)
    if (auto error = part(file)) return error;
  if (auto error = adapter(file, name)) return error;
  if (whole) return std::nullopt;
  if (const auto state = stateKindOf(file); state && !anyContains(file, "ffn.key.weight"))
    return is(ErrorCode::NotRwkv,
              fmt::format("is {}, not a model. Load the model that it belongs to, and this file as its state "
                          "(--state-in, /load in a chat).",
                          *state == StateKind::Tuned   ? "a tuned state"
                          : *state == StateKind::Saved ? "a saved state"
                                                       : "a state of another program"));
  if (anyContains(file, ".tmix.") && anyContains(file, ".cmix."))
    return is(ErrorCode::FormatUnknown,
              "has the tensor names of rwkv-metal, which are not read. Get the .pth or a .gguf of the same model.");
  if (anyContains(file, ".self_attn.") || anyContains(file, ".attn.q_proj.") || anyContains(file, ".attention.wq.") || anyContains(file, ".attn.c_attn."))
    return is(ErrorCode::NotRwkv, "holds a Transformer (a model of the Llama, GPT or a similar family), not an RWKV model. Rookery runs RWKV models only.");
  if (anyContains(file, ".mixer.A_log") || anyContains(file, ".mixer.in_proj."))
    return is(ErrorCode::NotRwkv, "holds a Mamba model, not an RWKV model. Rookery runs RWKV models only.");
  if (file.find("model.embeddings.weight") != nullptr && !anyContains(file, "attn.r_proj.weight"))
    return is(ErrorCode::NotRwkv, "holds a model of the flash-linear-attention family other than RWKV-7. Of those, RWKV-7 can be run.");
  if (file.find("model.embeddings.weight") != nullptr && file.find("lm_head.weight") == nullptr &&
      file.config() == nullptr)
    return is(ErrorCode::TensorMissing,
              "has no lm_head.weight. If its embeddings are tied, put its config.json beside it, which says so.");
  if (anyContains(file, "rwkv.blocks.") || anyContains(file, "rwkv.embeddings."))
    return is(ErrorCode::VersionUnsupported, "has the tensor names of an early Hugging Face form of RWKV, which is not read. Get the .pth of the same model.");
  if (file.container() == Container::Pth && (file.find("emb.weight") == nullptr || !anyContains(file, "blocks.0."))) {
    if (isOfOptimizer(file))
      return is(ErrorCode::NotRwkv, "is a part of a training checkpoint: it holds what an optimiser remembers, not the "
                                    "weights of a model. Open the file with the weights.");
    for (const char* counter : {"epoch", "global_step", "global_steps", "iteration", "iter", "step"})
      if (file.metadata().contains(counter))
        return is(ErrorCode::NotRwkv, "is a training checkpoint, but not of an RWKV model.");
  }
  return std::nullopt;
}

}  // namespace rookery::engine
