// SPDX-License-Identifier: GPL-3.0-or-later
#include "weights/official_names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "rookery/lora_order.h"
#include "weights/names_fla.h"
#include "weights/names_web_rwkv.h"

namespace rookery::engine {

namespace {

// Within a block: llama.cpp's name, then the official one. Source: llama.cpp's converters and loaders of rwkv6 and rwkv7.
constexpr std::array<std::pair<std::string_view, std::string_view>, 34> kBlockNames{{
    {"attn_norm.weight", "ln1.weight"},
    {"attn_norm.bias", "ln1.bias"},
    {"attn_norm_2.weight", "ln2.weight"},
    {"attn_norm_2.bias", "ln2.bias"},
    {"time_mix_w0.weight", "att.w0"},
    {"time_mix_w1.weight", "att.w1"},
    {"time_mix_w2.weight", "att.w2"},
    {"time_mix_a0.weight", "att.a0"},
    {"time_mix_a1.weight", "att.a1"},
    {"time_mix_a2.weight", "att.a2"},
    {"time_mix_v0.weight", "att.v0"},
    {"time_mix_v1.weight", "att.v1"},
    {"time_mix_v2.weight", "att.v2"},
    {"time_mix_g1.weight", "att.g1"},
    {"time_mix_g2.weight", "att.g2"},
    {"time_mix_k_k.weight", "att.k_k"},
    {"time_mix_k_a.weight", "att.k_a"},
    {"time_mix_r_k.weight", "att.r_k"},
    {"time_mix_receptance.weight", "att.receptance.weight"},
    {"time_mix_key.weight", "att.key.weight"},
    {"time_mix_value.weight", "att.value.weight"},
    {"time_mix_output.weight", "att.output.weight"},
    {"time_mix_ln.weight", "att.ln_x.weight"},
    {"time_mix_ln.bias", "att.ln_x.bias"},
    {"time_mix_gate.weight", "att.gate.weight"},
    {"channel_mix_receptance.weight", "ffn.receptance.weight"},
    {"channel_mix_key.weight", "ffn.key.weight"},
    {"channel_mix_value.weight", "ffn.value.weight"},
    {"time_mix_w0", "att.w0"},
    {"time_mix_a0", "att.a0"},
    {"time_mix_v0", "att.v0"},
    {"time_mix_k_k", "att.k_k"},
    {"time_mix_k_a", "att.k_a"},
    {"time_mix_r_k", "att.r_k"},
}};

// Names that mean other tensors in other generations.
constexpr std::array<std::pair<std::string_view, std::string_view>, 1> kBlockNames7{{
    {"channel_mix_lerp_k.weight", "ffn.x_k"},
}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kBlockNames6{{
    {"time_mix_lerp_x.weight", "att.time_maa_x"},
    // Apart in files from before January 2025; time_mix_lerp_fused wins where both are there.
    {"time_mix_lerp_w.weight", "att.time_maa_w"},
    {"time_mix_lerp_k.weight", "att.time_maa_k"},
    {"time_mix_lerp_v.weight", "att.time_maa_v"},
    {"time_mix_lerp_r.weight", "att.time_maa_r"},
    {"time_mix_lerp_g.weight", "att.time_maa_g"},
    {"time_mix_w1.weight", "att.time_maa_w1"},
    {"time_mix_w2.weight", "att.time_maa_w2"},
    {"time_mix_first.weight", "att.time_faaaa"},
    {"time_mix_decay.weight", "att.time_decay"},
    {"time_mix_decay_w1.weight", "att.time_decay_w1"},
    {"time_mix_decay_w2.weight", "att.time_decay_w2"},
    {"channel_mix_lerp_k.weight", "ffn.time_maa_k"},
    {"channel_mix_lerp_r.weight", "ffn.time_maa_r"},
}};

// Parts of time_mix_lerp_fused.weight, in its order.
constexpr std::array<std::string_view, 6> kFused7{"att.x_r", "att.x_w", "att.x_k", "att.x_v", "att.x_a", "att.x_g"};
constexpr std::array<std::string_view, 5> kFused6{"att.time_maa_w", "att.time_maa_k", "att.time_maa_v", "att.time_maa_r", "att.time_maa_g"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOuterNames{{
    {"token_embd.weight", "emb.weight"},
    {"token_embd_norm.weight", "blocks.0.ln0.weight"},
    {"token_embd_norm.bias", "blocks.0.ln0.bias"},
    {"output_norm.weight", "ln_out.weight"},
    {"output_norm.bias", "ln_out.bias"},
    {"output.weight", "head.weight"},
}};

bool isLowRank(std::string_view official) {
  const std::size_t dot = official.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? official : official.substr(dot + 1);
  if (last == "time_maa_w1" || last == "time_maa_w2" || last == "time_decay_w1" || last == "time_decay_w2") return true;
  return last.size() == 2 && std::string_view("wavg").find(last[0]) != std::string_view::npos && (last[1] == '1' || last[1] == '2');
}

// Of DeepEmbed (version 7a), which no other program's converter knows: always as `x @ s1` wants them.
bool isDeepLowRank(std::string_view official) { return official.ends_with(".ffn.s1") || official.ends_with(".ffn.s2"); }

// blk.N.NAME -> blocks.N. and NAME
bool splitBlock(std::string_view name, std::string& prefix, std::string_view& rest) {
  if (!name.starts_with("blk.")) return false;
  const std::size_t dot = name.find('.', 4);
  if (dot == std::string_view::npos) return false;
  prefix = "blocks." + std::string(name.substr(4, dot - 4)) + ".";
  rest = name.substr(dot + 1);
  return true;
}

bool isVersion6(const ModelFile& file) {
  const auto found = file.metadata().find("general.architecture");
  const auto* architecture = found == file.metadata().end() ? nullptr : std::get_if<std::string>(&found->second);
  return architecture != nullptr && *architecture == "rwkv6";
}

// The official name of a tensor within a block; empty: none.
std::string_view blockName(std::string_view theirs, bool version6) {
  const auto in = [&](const auto& names) -> std::string_view {
    const auto found = std::find_if(names.begin(), names.end(), [&](const auto& pair) { return pair.first == theirs; });
    return found == names.end() ? std::string_view{} : found->second;
  };
  const std::string_view own = version6 ? in(kBlockNames6) : in(kBlockNames7);
  return own.empty() ? in(kBlockNames) : own;
}

void addGguf(const TensorSource& tensor, bool version6, NamedTensors& out) {
  NamedTensor named = namedTensor(tensor);
  for (const auto& [theirs, ours] : kOuterNames)
    if (tensor.name == theirs) {
      out[std::string(ours)] = std::move(named);
      return;
    }
  std::string prefix;
  std::string_view rest;
  if (!splitBlock(tensor.name, prefix, rest)) {
    out[tensor.name] = std::move(named);
    return;
  }
  const auto fused = fusedMixes(version6);
  if (rest == "time_mix_lerp_fused.weight" && named.shape.size() == 2 && named.shape[0] == static_cast<std::int64_t>(fused.size())) {
    const std::uint64_t part = named.bytes.size() / fused.size();
    for (std::size_t i = 0; i < fused.size(); ++i)
      out[prefix + std::string(fused[i])] = {named.dtype, {named.shape[1]}, false, named.bytes.subspan(i * part, part)};
    return;
  }
  // Layer 0 of version 7 has no value residual; the file holds copies of a0, a1, a2 in its place.
  if (prefix == "blocks.0." && (rest.starts_with("time_mix_v0") || rest.starts_with("time_mix_v1") || rest.starts_with("time_mix_v2"))) return;
  const std::string_view ours = blockName(rest, version6);
  out.try_emplace(ours.empty() ? tensor.name : prefix + std::string(ours), std::move(named));
}

// web-rwkv's converter writes LoRA matrices as [out][in]. Which way a file has them shows in any of them that is not
// square: w1 and its like read C inputs, w2 and its like write C outputs.
// nullopt: all are square, so nothing shows it.
std::optional<bool> loraStoredOutIn(const ModelFile& file, const WebRwkvNames& names) {
  if (names.renamed()) return true;
  const TensorSource* norm = file.find("blocks.0.ln1.weight");
  if (norm == nullptr) return false;
  const auto width = static_cast<std::int64_t>(norm->elementCount());
  bool square = false;
  for (const TensorSource& tensor : file.tensors()) {
    if (!isLowRank(tensor.name) || tensor.shape.size() != 2) continue;
    const bool first = tensor.name.back() == '1';
    if (tensor.shape[0] != tensor.shape[1]) return tensor.shape[first ? 1 : 0] == width;
    square = true;
  }
  return square ? std::nullopt : std::optional(false);
}

// The embedding as it is stored, before ln0, is the head of a model with tied embeddings; its file has no other. Where
// this model's config.json says so.
NamedTensors withTiedHead(const ModelFile& file, NamedTensors names) {
  const FolderConfig* config = file.config();
  const auto embedding = names.find("emb.weight");
  if (config != nullptr && config->tiedEmbeddings && embedding != names.end() && !embedding->second.shape.empty() &&
      config->width == embedding->second.shape.back())
    names.try_emplace("head.weight", embedding->second);
  return names;
}

}  // namespace

std::vector<std::int64_t> squeezed(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> out;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(out), [](std::int64_t dim) { return dim != 1; });
  if (out.empty()) out.push_back(1);
  return out;
}

NamedTensor namedTensor(const TensorSource& tensor, bool transposed) {
  return {tensor.dtype, squeezed(tensor.shape), transposed, tensor.bytes,
          tensor.shape.size() == 2 ? tensor.shape.back() : 0};
}

std::span<const std::string_view> fusedMixes(bool version6) noexcept {
  return version6 ? std::span<const std::string_view>(kFused6) : std::span<const std::string_view>(kFused7);
}

std::string ggufName(const std::string& official, bool version6) {
  const auto in = [](const auto& names, std::string_view ours) -> std::string_view {
    const auto found = std::find_if(names.begin(), names.end(), [&](const auto& pair) { return pair.second == ours; });
    return found == names.end() ? std::string_view{} : found->first;
  };
  if (const std::string_view outer = in(kOuterNames, official); !outer.empty()) return std::string(outer);
  const std::size_t dot = official.starts_with("blocks.") ? official.find('.', 7) : std::string::npos;
  if (dot == std::string::npos) return {};
  const std::string_view part = std::string_view(official).substr(dot + 1);
  std::string_view theirs = version6 ? in(kBlockNames6, part) : in(kBlockNames7, part);
  if (theirs.empty()) theirs = in(kBlockNames, part);
  return theirs.empty() ? std::string{} : "blk." + official.substr(7, dot - 6) + std::string(theirs);
}

std::optional<bool> squareLoraOutIn(const ModelFile& file) {
  if (file.container() == Container::Gguf || hasFlaNames(file) || loraStoredOutIn(file, WebRwkvNames(file))) return std::nullopt;
  return isNamedAsWebRwkv(file);
}

NamedTensors officialNames(const ModelFile& file) {
  NamedTensors out;
  if (file.container() == Container::Gguf) {
    const bool version6 = isVersion6(file);
    for (const TensorSource& tensor : file.tensors()) addGguf(tensor, version6, out);
    return out;
  }
  if (hasFlaNames(file)) return withTiedHead(file, namesOfFla(file));
  const WebRwkvNames names(file);
  const bool outIn = loraStoredOutIn(file, names).value_or(isNamedAsWebRwkv(file));
  for (const TensorSource& tensor : file.tensors()) {
    const std::string name = names.official(tensor);
    // Blocks lie along the inputs.
    const bool inOut =
        ((!outIn && isLowRank(name)) || isDeepLowRank(name)) && traits(tensor.dtype).blockSize == 1;
    out[name] = namedTensor(tensor, inOut);
  }
  return withTiedHead(file, std::move(out));
}

}  // namespace rookery::engine
