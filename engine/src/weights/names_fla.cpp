// SPDX-License-Identifier: GPL-3.0-or-later
#include "weights/names_fla.h"

#include <array>
#include <string_view>
#include <utility>

namespace rookery::engine {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

constexpr std::array<Names, 4> kOuter{{{"model.embeddings.weight", "emb.weight"},
                                       {"model.norm.weight", "ln_out.weight"},
                                       {"model.norm.bias", "ln_out.bias"},
                                       {"lm_head.weight", "head.weight"}}};

// Starts of the names within a layer; what follows stays.
constexpr std::array<Names, 10> kParts{{{"pre_norm.", "ln0."},
                                        {"attn_norm.", "ln1."},
                                        {"ffn_norm.", "ln2."},
                                        {"attn.r_proj.", "att.receptance."},
                                        {"attn.k_proj.", "att.key."},
                                        {"attn.v_proj.", "att.value."},
                                        {"attn.o_proj.", "att.output."},
                                        {"attn.g_norm.", "att.ln_x."},
                                        {"attn.", "att."},
                                        {"ffn.", "ffn."}}};

// att.w_lora.lora.0.weight -> att.w1, .2.weight -> att.w2, .2.bias -> att.w0
std::string lowRankName(std::string_view rest) {
  constexpr std::array<Names, 3> kEnds{{{"_lora.lora.0.weight", "1"}, {"_lora.lora.2.weight", "2"}, {"_lora.lora.2.bias", "0"}}};
  for (const auto& [theirs, ours] : kEnds)
    if (rest.size() == 6 + theirs.size() && rest.starts_with("attn.") && rest.ends_with(theirs) && std::string_view("wavg").find(rest[5]) != std::string_view::npos)
      return "att." + std::string(1, rest[5]) + std::string(ours);
  return {};
}

std::string officialName(std::string_view name) {
  for (const auto& [theirs, ours] : kOuter)
    if (name == theirs) return std::string(ours);
  constexpr std::string_view kLayers = "model.layers.";
  if (!name.starts_with(kLayers)) return std::string(name);
  const std::size_t dot = name.find('.', kLayers.size());
  if (dot == std::string_view::npos) return std::string(name);
  const std::string prefix = "blocks." + std::string(name.substr(kLayers.size(), dot + 1 - kLayers.size()));
  const std::string_view rest = name.substr(dot + 1);
  if (const std::string low = lowRankName(rest); !low.empty()) return prefix + low;
  for (const auto& [theirs, ours] : kParts)
    if (rest.starts_with(theirs)) return prefix + std::string(ours) + std::string(rest.substr(theirs.size()));
  return std::string(name);
}

}  // namespace

bool hasFlaNames(const ModelFile& file) { return file.find("model.embeddings.weight") != nullptr || file.find("model.layers.0.attn.r_proj.weight") != nullptr; }

NamedTensors namesOfFla(const ModelFile& file) {
  constexpr std::string_view kFusedMix = ".att.x_x";
  NamedTensors out;
  for (const TensorSource& tensor : file.tensors()) {
    std::string name = officialName(tensor.name);
    NamedTensor named = namedTensor(tensor);
    if (name.ends_with(kFusedMix) && named.shape.size() == 2 && named.shape[0] == 6) {
      name.resize(name.size() - 1);
      const std::size_t part = named.bytes.size() / 6;
      for (std::size_t i = 0; i < 6; ++i)
        out[name + "rwkvag"[i]] = {named.dtype, {named.shape[1]}, false, named.bytes.subspan(i * part, part)};
      continue;
    }
    out[std::move(name)] = std::move(named);
  }
  return out;
}

}  // namespace rookery::engine
