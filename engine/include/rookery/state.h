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
  RwkvVersion version = RwkvVersion::V7;
  int layers = 0;
  std::vector<StateTensor> tensors;  ///< of one layer
  std::size_t floatsPerLayer = 0;

  static StateLayout of(const ModelShape& shape);
  std::size_t floats() const noexcept { return floatsPerLayer * static_cast<std::size_t>(layers); }
};

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

  /// safetensors, one tensor `<name>.<layer>` each. save() is atomic (temporary file, then rename).
  Result<void> save(const std::filesystem::path& path) const;
  /// A file that save() wrote, or a tuned state (`blocks.{i}.att.time_state`, [head, value, key] in .pth and .safetensors,
  /// [head, key, value] in .st, as web-rwkv's convert_safetensors.py writes it; token shifts start at zero). StateMismatch if its shapes are not those of `shape`.
  static Result<State> load(const std::filesystem::path& path, const ModelShape& shape);

  /// Compact bytes for a database: zstd over the raw floats, with a header and an xxh3 hash. Bit-exact.
  std::vector<std::byte> pack() const;
  static Result<State> unpack(std::span<const std::byte> packed, const ModelShape& shape);

 private:
  StateLayout m_layout;
  std::vector<float> m_data;
};

}  // namespace rookery::engine
