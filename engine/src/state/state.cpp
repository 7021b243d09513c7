// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/state.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace rookery::engine {

StateLayout StateLayout::of(const ModelShape& shape) {
  StateLayout layout;
  layout.version = isRwkv7(shape.version) ? RwkvVersion::V7 : shape.version;
  layout.layers = shape.layers;
  const auto add = [&](const char* name, std::vector<std::int64_t> dims) {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    layout.tensors.push_back({name, std::move(dims), layout.floatsPerLayer, count});
    layout.floatsPerLayer += count;
  };
  const std::int64_t c = shape.nEmbd, h = shape.heads(), n = shape.headSize;
  switch (layout.version) {
    case RwkvVersion::V4:
      for (const char* name : {"att_xx", "att_aa", "att_bb", "att_pp", "ffn_xx"}) add(name, {c});
      break;
    case RwkvVersion::V7:
      add("att_x_prev", {c});
      add("att_kv", {h, n, n});  // [head, value, key]
      add("ffn_x_prev", {c});
      break;
    default:
      add("att_xx", {c});
      add("att_kv", {h, n, n});  // [head, key, value]
      add("ffn_xx", {c});
      break;
  }
  return layout;
}

State::State(const ModelShape& shape) : m_layout(StateLayout::of(shape)), m_data(m_layout.floats()) {
  if (shape.version != RwkvVersion::V4) return;
  for (int layer = 0; layer < m_layout.layers; ++layer)
    for (float& value : tensor("att_pp", layer)) value = -1e30F;
}

std::span<float> State::tensor(std::string_view name, int layer) {
  const auto found = static_cast<const State*>(this)->tensor(name, layer);
  return {const_cast<float*>(found.data()), found.size()};
}

std::span<const float> State::tensor(std::string_view name, int layer) const {
  if (layer < 0 || layer >= m_layout.layers) return {};
  for (const StateTensor& t : m_layout.tensors)
    if (t.name == name)
      return std::span(m_data).subspan(m_layout.floatsPerLayer * static_cast<std::size_t>(layer) + t.offset, t.count);
  return {};
}

StateDifference State::compare(const State& other) const {
  StateDifference worst;
  if (m_data.size() != other.m_data.size()) return {std::numeric_limits<float>::infinity(), "layout"};
  for (int layer = 0; layer < m_layout.layers; ++layer) {
    for (const StateTensor& t : m_layout.tensors) {
      const auto a = tensor(t.name, layer), b = other.tensor(t.name, layer);
      for (std::size_t i = 0; i < a.size(); ++i) {
        const float difference = std::fabs(a[i] - b[i]);
        if (difference > worst.maxAbs || std::isnan(difference)) worst = {difference, fmt::format("{}.{}", t.name, layer)};
      }
    }
  }
  return worst;
}

}  // namespace rookery::engine
