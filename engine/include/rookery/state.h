// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/model_info.h"
#include "rookery/result.h"

namespace rookery::engine {

/// One named tensor of the canonical state: fp32, row-major, one per layer.
struct StateTensor {
  std::string name;                 ///< "att_x_prev", "att_kv", "ffn_x_prev" (v7; golden/README.md for the others)
  std::vector<std::int64_t> shape;  ///< [C]; att_kv of v7: [head, value, key]
  std::size_t offset = 0;           ///< in floats, from the start of a layer's part
  std::size_t count = 0;
};

struct StateLayout {
  RwkvVersion version = RwkvVersion::V7;  ///< V7 for 7a too
  int layers = 0;
  std::vector<StateTensor> tensors;  ///< of one layer
  std::size_t floatsPerLayer = 0;

  static StateLayout of(const ModelShape& shape);
  std::size_t floats() const noexcept { return floatsPerLayer * static_cast<std::size_t>(layers); }
};

struct StateLabel;  // state_file.h

struct StateDifference {
  float maxAbs = 0;
  std::string where;  ///< "att_kv.3"
};

/// The model's whole memory of a text, as a value in the canonical host form (the reference's layout, fp32),
/// whatever backend computed it. Copies are deep and cost stateBytes: 2.4 MB (0.1B) to 66 MB (13.3B).
class State {
 public:
  State() = default;
  explicit State(const ModelShape& shape);  ///< the empty state: zeros (v4: att_pp = -1e30)

  bool empty() const noexcept { return m_data.empty(); }
  const StateLayout& layout() const noexcept { return m_layout; }
  std::span<float> data() noexcept { return m_data; }
  std::span<const float> data() const noexcept { return m_data; }
  std::span<float> tensor(std::string_view name, int layer);
  std::span<const float> tensor(std::string_view name, int layer) const;

  State clone() const { return *this; }
  StateDifference compare(const State& other) const;

  /// safetensors, one tensor `<name>.<layer>` each, with what `label` says as `__metadata__` (labelFor()). Atomic
  /// (temporary file, then rename). loadState() in state_file.h reads it, and the states of other programs.
  Result<void> save(const std::filesystem::path& path, const StateLabel& label) const;

  /// Compact bytes for a database: zstd over the raw floats, with a header and an xxh3 hash. Bit-exact.
  std::vector<std::byte> pack() const;
  static Result<State> unpack(std::span<const std::byte> packed, const ModelShape& shape);

 private:
  StateLayout m_layout;
  std::vector<float> m_data;
};

}  // namespace rookery::engine
