// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/placer.h"

#include <utility>

#include "backend/common/packing.h"
#include "quant/convert.h"

namespace rookery::engine {

namespace {

/// The packed form of one weight; `false`: `proceed` said no.
bool pack(const Weight& weight, const WeightView& view, const WeightPlacement& place, std::byte* out, ThreadPool& pool,
          const ProceedFn& proceed) {
  switch (weight.role) {
    case WeightRole::Vector:
      decodeToF32(view.dtype, view.bytes, {reinterpret_cast<float*>(out), static_cast<std::size_t>(weight.rows)});
      return true;
    case WeightRole::Embedding: return packTable(view, place.type, out, pool, proceed);
    case WeightRole::Matrix:
    case WeightRole::LowRank:
    case WeightRole::SparseDown: break;
  }
  return packMatrix(view, place.type, place.panelRows, out, pool, proceed);
}

}  // namespace

Result<PlacedLayout> placeWeights(const Program& program, WeightSource& source, const PlaceOptions& options,
                                  const DeviceTraits& traits, ThreadPool& pool, WeightMemory& memory, Ledger& ledger) {
  auto placement = planPlacement(program, source, options, traits);
  if (!placement) return tl::unexpected(placement.error());
  if (auto good = memory.allocate(*placement); !good) return tl::unexpected(good.error());

  const std::size_t count = program.weights.size();
  PlacedLayout layout{
      std::move(*placement), std::vector<kernels::PackedMatrix>(count), std::vector<RowTable>(count), {}, 0};
  std::uint64_t done = 0;  // source bytes
  const ProceedFn proceed = [&](std::uint64_t more) { return !options.progress || options.progress(done + more); };
  const auto stopped = [] { return fail(ErrorCode::Cancelled, "Loading was stopped."); };
  for (std::size_t i = 0; i < count; ++i) {
    const Weight& weight = program.weights[i];
    const WeightPlacement& place = layout.placement.weights[i];
    const auto view = source.get(weight.name);
    if (!view) return tl::unexpected(view.error());
    const bool table = weight.role == WeightRole::Embedding;
    if (table && layout.placement.components[place.component].onHost) {
      auto buffer = AlignedBuffer::allocate(placedRoom(place.bytes), ledger, weight.component, "weights");
      if (!buffer) return tl::unexpected(buffer.error());
      if (!pack(weight, *view, place, buffer->data(), pool, proceed)) return stopped();
      layout.tables[i] = {buffer->data(), place.type, static_cast<std::size_t>(weight.cols)};
      layout.tableBuffers.push_back(std::move(*buffer));
    } else {
      if (!pack(weight, *view, place, memory.open(place), pool, proceed)) return stopped();
      if (auto good = memory.close(place); !good) return tl::unexpected(good.error());
    }
    if (place.panelRows != 0)
      layout.matrices[i] = {nullptr, kernelFormat(place.type), weight.rows, weight.cols, place.panelRows};
    layout.bytesPerToken += table ? byteSize(place.type, static_cast<std::uint64_t>(weight.cols)) : place.bytes;
    done += view->bytes.size();
    if (!proceed(0)) return stopped();
  }
  return layout;
}

}  // namespace rookery::engine
