// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/cpu/cpu_weights.h"

#include <fmt/format.h>

#include <utility>

#include "backend/common/registry.h"

namespace rookery::engine {

namespace {

class CpuWeightMemory final : public WeightMemory {
 public:
  explicit CpuWeightMemory(Ledger& ledger) : m_ledger(ledger) {}
  std::vector<AlignedBuffer> buffers;  ///< by component

  Result<void> allocate(const Placement& placement) override {
    // Memory is taken when it is first written, so each component alone may seem to fit: all of them must.
    std::uint64_t total = 0;
    for (const ComponentPlacement& component : placement.components) total += component.bytes;
    if (const std::uint64_t available = availableBytes(); available != 0 && total > available)
      return fail(ErrorCode::OutOfMemory,
                  fmt::format("Not enough memory for the weights: {:.1f} MB are needed, {:.1f} MB are free.",
                              static_cast<double>(total) / 1e6, static_cast<double>(available) / 1e6));
    for (const ComponentPlacement& component : placement.components) {
      auto buffer = AlignedBuffer::allocate(component.bytes, m_ledger, component.name, "weights");
      if (!buffer) return tl::unexpected(buffer.error());
      buffers.push_back(std::move(*buffer));
    }
    return {};
  }
  std::byte* open(const WeightPlacement& place) override { return buffers[place.component].data() + place.offset; }
  Result<void> close(const WeightPlacement&) override { return {}; }

 private:
  Ledger& m_ledger;
};

}  // namespace

Result<std::shared_ptr<const CpuWeights>> CpuWeights::place(const Program& program, WeightSource& source,
                                                            const PlaceOptions& options, ThreadPool& pool,
                                                            Ledger& ledger) {
  CpuWeightMemory memory(ledger);
  auto layout = placeWeights(program, source, options, kCpuBackend.traits({}), pool, memory, ledger);
  if (!layout) return tl::unexpected(layout.error());
  auto placed = std::make_shared<CpuWeights>();
  placed->m_buffers = std::move(memory.buffers);
  placed->m_layout = std::move(*layout);
  for (std::size_t i = 0; i < program.weights.size(); ++i) {
    placed->m_layout.matrices[i].data = placed->at(i);
    if (program.weights[i].role == WeightRole::Embedding)
      placed->m_layout.tables[i] = {placed->at(i), placed->m_layout.placement.weights[i].type,
                                    static_cast<std::size_t>(program.weights[i].cols)};
  }
  return std::shared_ptr<const CpuWeights>(std::move(placed));
}

}  // namespace rookery::engine
