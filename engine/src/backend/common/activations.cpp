// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/activations.h"

#include <algorithm>

#include "backend/common/runs.h"

namespace rookery::engine {

ActivationLayout::ActivationLayout(std::span<const Value> values, std::size_t maxTokens)
    : ActivationLayout(values, {}, maxTokens) {
  for (std::size_t i = 0; i < values.size(); ++i) add(static_cast<ValueId>(i), maxTokens);
}

ActivationLayout::ActivationLayout(std::span<const Value> values, std::span<const ValueId> chosen,
                                   std::size_t maxTokens, std::size_t before)
    : m_offsets(values.size()), m_floats(before) {
  for (const Value& value : values) m_widths.push_back(static_cast<std::size_t>(paddedWidth(value.width)));
  for (const ValueId id : chosen) add(id, maxTokens);
}

void ActivationLayout::add(ValueId id, std::size_t maxTokens) {
  m_offsets[static_cast<std::size_t>(id)] = m_floats;
  m_floats += width(id) * maxTokens;
}

void takeValues(const Program& program, const ActivationLayout& layout, const RunArgs& args, float* at) {
  const auto c = static_cast<std::size_t>(program.shape.nEmbd);  // all are as wide as x
  const float* from = args.valuesIn.data();
  for (const ValueId id : program.valuesIn)
    for (std::size_t t = 0; t < args.tokens.size(); ++t, from += c)
      std::copy_n(from, c, at + layout.offset(id) + t * layout.width(id));
}

void handOutValues(const Program& program, const ActivationLayout& layout, const RunArgs& args, const float* at) {
  const auto c = static_cast<std::size_t>(program.shape.nEmbd);
  float* to = args.valuesOut.data();
  for (const ValueId id : program.valuesOut)
    for (std::size_t t = 0; t < args.tokens.size(); ++t, to += c)
      std::copy_n(at + layout.offset(id) + t * layout.width(id), c, to);
}

HostExchange::HostExchange(const Program& program, std::size_t maxTokens) : copied(program.valuesIn) {
  for (const Stage& stage : program.stages) {
    if (const auto* embed = std::get_if<Embed>(&stage.op)) embedding = embed->table;
    if (const auto* lookUp = std::get_if<LookUp>(&stage.op)) rows = lookUp->rows;
  }
  for (const LookUp::Row& row : rows) copied.push_back(row.out);
  const auto c = static_cast<std::size_t>(program.shape.nEmbd), vocab = static_cast<std::size_t>(program.shape.vocab);
  inputs = {program.values, copied, maxTokens, embedding == kNone ? 0 : c * maxTokens};
  outputs = {program.values, program.valuesOut, maxTokens, program.range.head ? vocab * maxTokens : 0};
}

void takeInputs(const Program& program, const HostExchange& exchange, std::span<const RowTable> tables,
                const RunArgs& args, float* inputs) {
  const auto rowsOf = [&](WeightId table, float* to, std::size_t width) {
    for (std::size_t t = 0; t < args.tokens.size(); ++t)
      tables[static_cast<std::size_t>(table)].read(args.tokens[t], to + t * width);
  };
  if (exchange.embedding != kNone) rowsOf(exchange.embedding, inputs, static_cast<std::size_t>(program.shape.nEmbd));
  takeValues(program, exchange.inputs, args, inputs);
  for (const auto& [table, out] : exchange.rows)
    rowsOf(table, inputs + exchange.inputs.offset(out), exchange.inputs.width(out));
}

}  // namespace rookery::engine
