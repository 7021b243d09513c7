// SPDX-License-Identifier: GPL-3.0-or-later
#include "weights/names_web_rwkv.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>

namespace rookery::engine {
namespace {

bool replace(std::string& name, std::string_view theirs, std::string_view ours) {
  const std::size_t at = name.find(theirs);
  if (at == std::string::npos) return false;
  name.replace(at, theirs.size(), ours);
  return true;
}

/// `suffix` in small letters.
bool hasSuffix(std::string_view name, std::string_view suffix) {
  return name.size() >= suffix.size() && std::equal(suffix.begin(), suffix.end(), name.end() - static_cast<std::ptrdiff_t>(suffix.size()), [](char a, char b) {
    return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
  });
}

}  // namespace

bool isNamedAsWebRwkv(const ModelFile& file) {
  const bool hasNone = std::filesystem::path(file.name()).extension().empty();  // as in the caches of download tools
  return file.container() == Container::SafeTensors && !hasNone && !hasSuffix(file.name(), ".safetensors") &&
         !hasSuffix(file.name(), ".safetensors.index.json");
}

WebRwkvNames::WebRwkvNames(const ModelFile& file) : m_version6(file.find("blocks.0.att.time_mix_w1") != nullptr) {
  // The official time_first of version 5.0 is one number a head; it is the logarithm of the bonus, time_faaaa is not.
  const TensorSource* first = file.find("blocks.0.att.time_first");
  m_bonusRenamed = m_version6 || (first != nullptr && first->shape.size() == 2 && file.find("blocks.0.att.gate.weight") != nullptr);
}

std::string WebRwkvNames::official(const TensorSource& tensor) const {
  std::string name = tensor.name;
  if (m_bonusRenamed && replace(name, ".time_first", ".time_faaaa")) return name;
  if (m_version6) replace(name, ".time_mix_", ".time_maa_");
  return name;
}

}  // namespace rookery::engine
