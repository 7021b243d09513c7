// SPDX-License-Identifier: GPL-3.0-or-later
// Layouts as the programs write them: the rwkv package (rwkv/model.py: a list, layer by layer), web-rwkv's converter and
// state tuning (blocks.N.att.time_state), rwkv-metal ("rwkv-state" version 1), rwkv-tl (tmix and cmix).
#include "state/state_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "weights/names_web_rwkv.h"

namespace rookery::engine {
namespace {

using Writer = StateForm::Writer;

constexpr int kMostLayers = 4096;  // far above any model
// In the order of the official list.
constexpr std::array<std::string_view, 5> kNames4{"att_xx", "att_aa", "att_bb", "att_pp", "ffn_xx"};

/// Which of the three parts of generations 5 to 7 it is; -1: none.
int positionOf(std::string_view name) {
  if (name == "att_xx" || name == "att_x_prev") return 0;
  if (name == "att_kv") return 1;
  if (name == "ffn_xx" || name == "ffn_x_prev") return 2;
  return -1;
}

/// Nothing but a list: every tensor is called by its place in it, after one common prefix ("state.0"). nullopt: it is not.
std::optional<std::string> prefixOfList(const ModelFile& file) {
  const auto tensors = file.tensors();
  if (tensors.empty()) return std::nullopt;
  const std::string prefix = tensors[0].name.substr(0, tensors[0].name.find_last_not_of("0123456789") + 1);
  if (prefix.size() == tensors[0].name.size() || (!prefix.empty() && !prefix.ends_with('.'))) return std::nullopt;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (file.find(fmt::format("{}{}", prefix, i)) == nullptr) return std::nullopt;
  return prefix;
}

/// A list that begins as a state does: [C], [head, size, size], [C], or five times [C].
int partsOfList(const ModelFile& file, const std::string& prefix) {
  const std::size_t count = file.tensors().size();
  const auto elements = [&](int i) {
    const TensorSource* tensor = file.find(fmt::format("{}{}", prefix, i));
    return tensor == nullptr ? 0 : tensor->elementCount();
  };
  const std::uint64_t width = elements(0);
  if (width == 0) return 0;
  const bool five = count % 5 == 0 && elements(1) == width && elements(2) == width && elements(3) == width && elements(4) == width;
  if (five) return 5;
  const bool three = count % 3 == 0 && elements(2) == width && elements(1) >= width && elements(1) % width == 0;
  return three ? 3 : 0;
}

}  // namespace

std::optional<StateForm> StateForm::of(const ModelFile& file) {
  const auto has = [&](const char* name) { return file.find(name) != nullptr; };
  if (has("att_xx.0") || has("att_x_prev.0") || has("att_kv.0")) return StateForm(file, Writer::Rookery, {});
  if (has("blocks.0.att.time_state")) return StateForm(file, Writer::Tuner, {});
  if (has("wkv") && has("tmix_shift") && has("cmix_shift")) return StateForm(file, Writer::RwkvMetal, {});
  if (has("tmix.0.rnn") && has("tmix.0.x") && has("cmix.0.x")) return StateForm(file, Writer::RwkvTl, {});
  if (const auto prefix = prefixOfList(file)) {
    StateForm form(file, Writer::RwkvList, *prefix);
    form.m_partsPerLayer = partsOfList(file, *prefix);
    if (form.m_partsPerLayer > 0) return form;
  }
  return std::nullopt;
}

const char* StateForm::name() const noexcept {
  switch (m_writer) {
    case Writer::Rookery: return "rookery";
    case Writer::Tuner: return "tuned";
    case Writer::RwkvList: return "rwkv";
    case Writer::RwkvMetal: return "rwkv-metal";
    case Writer::RwkvTl: return "rwkv-tl";
  }
  return "";
}

StateKind StateForm::kind() const {
  if (m_writer == Writer::Rookery) return StateKind::Saved;
  if (m_writer == Writer::Tuner) return StateKind::Tuned;
  if (m_writer == Writer::RwkvMetal) {
    const auto found = m_file->metadata().find("kind");
    const auto* kind = found == m_file->metadata().end() ? nullptr : std::get_if<std::string>(&found->second);
    if (kind != nullptr && *kind == "tuned") return StateKind::Tuned;
  }
  return StateKind::Foreign;
}

bool StateForm::keyFirst() const {
  return m_writer == Writer::Tuner && isNamedAsWebRwkv(*m_file);
}

bool StateForm::isV4() const {
  return m_writer == Writer::RwkvList ? m_partsPerLayer == 5 : m_writer == Writer::Rookery && m_file->find("att_aa.0") != nullptr;
}

std::int64_t StateForm::texts() const {
  const TensorSource* wkv = m_writer == Writer::RwkvMetal ? m_file->find("wkv") : nullptr;
  return wkv != nullptr && wkv->shape.size() == 5 ? wkv->shape[1] : 1;
}

bool StateForm::hasPart(int layer) const {
  const auto any = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return part(name, layer).has_value(); });
  };
  return any({"att_xx", "att_kv", "att_x_prev"});
}

int StateForm::layers() const {
  int layers = 0;
  while (layers < kMostLayers && hasPart(layers)) ++layers;
  return layers;
}

std::string StateForm::partName(std::string_view name, int layer) const {
  const int position = positionOf(name);
  switch (m_writer) {
    case Writer::Rookery: return fmt::format("{}.{}", name, layer);
    case Writer::Tuner: return name == "att_kv" ? fmt::format("blocks.{}.att.time_state", layer) : std::string();
    case Writer::RwkvList: {
      const auto four = std::find(kNames4.begin(), kNames4.end(), name);
      const auto at = m_partsPerLayer == 5 ? (four == kNames4.end() ? -1 : four - kNames4.begin()) : std::ptrdiff_t{position};
      return at < 0 ? std::string() : fmt::format("{}{}", m_prefix, layer * m_partsPerLayer + at);
    }
    case Writer::RwkvMetal: {
      constexpr std::array<const char*, 3> kMetal{"tmix_shift", "wkv", "cmix_shift"};
      return position < 0 ? std::string() : std::string(kMetal[static_cast<std::size_t>(position)]);
    }
    case Writer::RwkvTl: {
      constexpr std::array<const char*, 3> kTl{"tmix.{}.x", "tmix.{}.rnn", "cmix.{}.x"};
      return position < 0 ? std::string() : fmt::format(fmt::runtime(kTl[static_cast<std::size_t>(position)]), layer);
    }
  }
  return {};
}

std::optional<TensorSource> StateForm::part(std::string_view name, int layer) const {
  const std::string theirs = partName(name, layer);
  const TensorSource* tensor = theirs.empty() ? nullptr : m_file->find(theirs);
  if (tensor == nullptr) return std::nullopt;
  if (m_writer != Writer::RwkvMetal) return *tensor;
  // [layer, text, ...]: all layers in one tensor.
  if (tensor->shape.empty() || layer >= tensor->shape[0]) return std::nullopt;
  const std::size_t bytes = tensor->bytes.size() / static_cast<std::size_t>(tensor->shape[0]);
  return TensorSource{fmt::format("{}[{}]", theirs, layer), {tensor->shape.begin() + 1, tensor->shape.end()}, tensor->dtype,
                      tensor->bytes.subspan(bytes * static_cast<std::size_t>(layer), bytes)};
}

}  // namespace rookery::engine
