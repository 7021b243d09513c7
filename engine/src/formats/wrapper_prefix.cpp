// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/wrapper_prefix.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "formats/file_notes.h"

namespace rookery::engine {
namespace {

constexpr std::array<std::string_view, 9> kWrappers{
    "model.",      "module.",      "_forward_module.", "_orig_mod.", "_fsdp_wrapped_module.",
    "base_model.", "transformer.", "net.",             "rwkv7."};
/// Those that wrap single blocks, too, and so stand within names.
constexpr std::array<std::string_view, 3> kWithin{"._checkpoint_wrapped_module.", "._fsdp_wrapped_module.",
                                                  "._orig_mod."};

/// Official, and of flash-linear-attention, where "model." belongs to the name.
bool isNameOfRwkv(std::string_view name) {
  constexpr std::array<std::string_view, 6> kStarts{
      "emb.weight", "blocks.", "ln_out.", "head.weight", "model.embeddings.weight", "model.layers."};
  return std::any_of(kStarts.begin(), kStarts.end(), [&](std::string_view start) { return name.starts_with(start); });
}

/// What stands before such a name; nullopt for other names.
std::optional<std::string_view> prefixOf(std::string_view name) {
  constexpr int kMostWrappers = 4;
  std::size_t length = 0;
  for (int i = 0; i <= kMostWrappers; ++i) {
    const std::string_view rest = name.substr(length);
    if (isNameOfRwkv(rest)) return name.substr(0, length);
    const auto wrapper =
        std::find_if(kWrappers.begin(), kWrappers.end(), [&](std::string_view w) { return rest.starts_with(w); });
    if (wrapper == kWrappers.end()) break;
    length += wrapper->size();
  }
  return {};
}

std::string unwrapped(std::string name) {
  for (const std::string_view wrapper : kWithin)
    for (std::size_t at = name.find(wrapper); at != std::string::npos; at = name.find(wrapper, at))
      name.erase(at, wrapper.size() - 1);  // one of its dots stays
  return name;
}

/// Takes off what wraps single blocks, unless two names would become the same.
void stripWithin(ModelFile::Contents& contents) {
  const auto isWrapped = [](const TensorSource& tensor) {
    return std::any_of(kWithin.begin(), kWithin.end(),
                       [&](std::string_view w) { return tensor.name.find(w) != std::string::npos; });
  };
  if (std::none_of(contents.tensors.begin(), contents.tensors.end(), isWrapped)) return;
  std::vector<std::string> names;
  for (const TensorSource& tensor : contents.tensors) names.push_back(unwrapped(tensor.name));
  if (std::set<std::string_view>(names.begin(), names.end()).size() != names.size()) return;
  for (std::size_t i = 0; i < names.size(); ++i) contents.tensors[i].name = std::move(names[i]);
  (void)contents.index();  // no name is there twice, as was just seen
}

void stripCommon(ModelFile::Contents& contents) {
  std::optional<std::string> common;
  for (const TensorSource& tensor : contents.tensors) {
    const auto prefix = prefixOf(tensor.name);
    if (!prefix) continue;
    if (prefix->empty() || (common && *common != *prefix)) return;
    common = *prefix;
  }
  if (!common) return;
  std::set<std::string_view> names;
  for (const TensorSource& tensor : contents.tensors) {
    const std::string_view name = tensor.name;
    if (!names.insert(name.starts_with(*common) ? name.substr(common->size()) : name).second) return;
  }
  for (TensorSource& tensor : contents.tensors)
    if (tensor.name.starts_with(*common)) tensor.name.erase(0, common->size());
  contents.metadata.insert_or_assign(std::string(kPrefixNote), *common);
  (void)contents.index();
}

}  // namespace

void stripPrefix(ModelFile::Contents& contents) {
  if (contents.container == Container::Gguf) return;
  stripCommon(contents);  // first: what wraps blocks may be a part of the prefix, too
  stripWithin(contents);
}

}  // namespace rookery::engine
