// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/wrapper_prefix.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

#include "formats/file_notes.h"

namespace rookery::engine {
namespace {

constexpr std::array<std::string_view, 4> kWrappers{"model.", "module.", "_forward_module.", "_orig_mod."};

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

}  // namespace

void stripPrefix(ModelFile::Contents& contents) {
  if (contents.container == Container::Gguf) return;
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
  (void)contents.index();  // no name is there twice, as was just seen
}

}  // namespace rookery::engine
