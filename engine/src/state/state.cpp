// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "formats/safetensors_writer.h"
#include "quant/convert.h"
#include "rookery/model_file.h"
#include "sampler/softmax.h"

namespace rookery::engine {

StateLayout StateLayout::of(const ModelShape& shape) {
  StateLayout layout;
  layout.version = shape.version;
  layout.layers = shape.layers;
  const auto add = [&](const char* name, std::vector<std::int64_t> dims) {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    layout.tensors.push_back({name, std::move(dims), layout.floatsPerLayer, count});
    layout.floatsPerLayer += count;
  };
  const std::int64_t c = shape.nEmbd, h = shape.heads(), n = shape.headSize;
  switch (shape.version) {
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

Result<void> State::save(const std::filesystem::path& path) const {
  std::vector<OutputTensor> tensors;
  for (int layer = 0; layer < m_layout.layers; ++layer)
    for (const StateTensor& t : m_layout.tensors)
      tensors.push_back({fmt::format("{}.{}", t.name, layer), t.shape, tensor(t.name, layer)});
  return writeSafetensors(path, tensors);
}

namespace {

std::vector<std::int64_t> withoutOnes(std::vector<std::int64_t> shape) {
  std::erase(shape, 1);  // files differ in them
  return shape;
}

Result<void> readInto(const TensorSource& source, const std::vector<std::int64_t>& shape, std::span<float> out) {
  if (source.elementCount() == out.size() && withoutOnes(source.shape) != withoutOnes(shape))
    return fail(ErrorCode::StateMismatch, fmt::format("State tensor {} has the shape [{}]; this model needs [{}].", source.name,
                                                      fmt::join(source.shape, ", "), fmt::join(shape, ", ")));
  if (source.elementCount() != out.size())
    return fail(ErrorCode::StateMismatch, fmt::format("State tensor {} holds {} numbers; this model needs {}.", source.name,
                                                      source.elementCount(), out.size()));
  if (!isWeightType(source.dtype))
    return fail(ErrorCode::StateMismatch, fmt::format("State tensor {} is of type {}, which no state has.", source.name,
                                                      traits(source.dtype).name));
  decodeToF32(source.dtype, source.bytes, out);
  if (!allNumbers(out))
    return fail(ErrorCode::FileDamaged, fmt::format("State tensor {} holds values that are no numbers (NaN or infinite): the file is damaged, or its training failed.", source.name));
  return {};
}

// [head, value, key] as state tuning writes it; versions 5 and 6 keep [head, key, value] (golden/README.md).
void transposeHeads(std::span<float> kv, std::int64_t n) {
  for (std::size_t head = 0; head + static_cast<std::size_t>(n * n) <= kv.size(); head += static_cast<std::size_t>(n * n))
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < i; ++j)
        std::swap(kv[head + static_cast<std::size_t>(i * n + j)], kv[head + static_cast<std::size_t>(j * n + i)]);
}

}  // namespace

Result<State> State::load(const std::filesystem::path& path, const ModelShape& shape) {
  auto file = ModelFile::open(path);
  if (!file) return tl::unexpected(file.error());
  State state(shape);
  const bool tuned = (*file)->find("blocks.0.att.time_state") != nullptr;
  // web-rwkv's converter turns the last two dimensions round, which no square shows; only its files end in .st.
  const bool keyFirst = path.extension() == ".st";
  // A bigger model of the same width has the same tensors, and more.
  if (const std::string next = tuned ? fmt::format("blocks.{}.att.time_state", shape.layers) : fmt::format("{}.{}", state.m_layout.tensors[0].name, shape.layers);
      (*file)->find(next) != nullptr)
    return fail(ErrorCode::StateMismatch, fmt::format("{} is a state of a model with more layers than this one, which has {}.", path.filename().string(), shape.layers));
  for (int layer = 0; layer < shape.layers; ++layer) {
    if (tuned) {
      if (shape.headSize == 0) return fail(ErrorCode::StateMismatch, "RWKV-4 has no tuned states of this form.");
      const std::string name = fmt::format("blocks.{}.att.time_state", layer);
      const TensorSource* source = (*file)->find(name);
      if (source == nullptr) return fail(ErrorCode::StateMismatch, fmt::format("The state file has no {}; this model has {} layers.", name, shape.layers));
      const auto kv = state.tensor("att_kv", layer);
      if (auto good = readInto(*source, {shape.heads(), shape.headSize, shape.headSize}, kv); !good) return tl::unexpected(good.error());
      if ((shape.version == RwkvVersion::V7) == keyFirst) transposeHeads(kv, shape.headSize);
      continue;
    }
    for (const StateTensor& t : state.m_layout.tensors) {
      const std::string name = fmt::format("{}.{}", t.name, layer);
      const TensorSource* source = (*file)->find(name);
      if (source == nullptr)
        return fail(ErrorCode::StateMismatch, fmt::format("{} is not a state of this model: tensor {} is missing.", path.filename().string(), name));
      if (auto good = readInto(*source, t.shape, state.tensor(t.name, layer)); !good) return tl::unexpected(good.error());
    }
  }
  return state;
}

}  // namespace rookery::engine
