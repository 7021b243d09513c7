// SPDX-License-Identifier: GPL-3.0-or-later
// Where a program's values lie, and what is copied where a run begins and ends.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "backend/common/backend.h"
#include "backend/common/row_table.h"

namespace rookery::engine {

/// Values one after the other in a buffer of floats, [maxTokens][width] each; a row ends with a whole tile.
class ActivationLayout {
 public:
  ActivationLayout() = default;
  /// All of `values`.
  ActivationLayout(std::span<const Value> values, std::size_t maxTokens);
  /// Those that are `chosen`, behind `before` other floats.
  ActivationLayout(std::span<const Value> values, std::span<const ValueId> chosen, std::size_t maxTokens,
                   std::size_t before = 0);

  std::size_t width(ValueId id) const { return m_widths[static_cast<std::size_t>(id)]; }
  std::size_t offset(ValueId id) const { return m_offsets[static_cast<std::size_t>(id)]; }
  std::size_t floats() const noexcept { return m_floats; }

 private:
  void add(ValueId id, std::size_t maxTokens);

  std::vector<std::size_t> m_widths, m_offsets;  ///< by ValueId, in floats
  std::size_t m_floats = 0;
};

/// What a run gets from the segment before it (args.valuesIn), and what it leaves for the next one. `at`: values laid
/// out as `layout` says.
void takeValues(const Program& program, const ActivationLayout& layout, const RunArgs& args, float* at);
void handOutValues(const Program& program, const ActivationLayout& layout, const RunArgs& args, const float* at);

/// For a device that keeps its activations to itself: two buffers that the CPU sees as well, with what goes in when a
/// run begins and what comes out when it ends. The device copies `copied` into its activations, and valuesOut out of
/// them.
struct HostExchange {
  HostExchange() = default;
  HostExchange(const Program& program, std::size_t maxTokens);

  WeightId embedding = kNone;     ///< table of the program's Embed
  std::vector<LookUp::Row> rows;  ///< of its LookUp
  std::vector<ValueId> copied;    ///< valuesIn, then the values of `rows`
  ActivationLayout inputs;        ///< embedding rows [tokens][nEmbd], where there is an embedding; then `copied`
  ActivationLayout outputs;       ///< valuesOut; where there is a head, logits [rows][vocab] in its place
};

/// `tables`: by WeightId; `inputs`: laid out as `exchange` says.
void takeInputs(const Program& program, const HostExchange& exchange, std::span<const RowTable> tables,
                const RunArgs& args, float* inputs);

}  // namespace rookery::engine
