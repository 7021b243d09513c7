// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/cpu/cpu_weights.h"

#include <fmt/format.h>

#include <map>

#include "backend/common/packing.h"
#include "backend/common/placement.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::PackedMatrix;

Result<std::shared_ptr<const CpuWeights>> CpuWeights::place(const Program& program, WeightSource& source,
                                                            const PlaceOptions& options, ThreadPool& pool,
                                                            Ledger& ledger) {
  auto placed = std::make_shared<CpuWeights>();
  const std::size_t count = program.weights.size();
  const auto placement = planPlacement(program, source, options.precision, options.sparseFfn.value_or(true));
  if (!placement) return tl::unexpected(placement.error());

  // Memory is taken when it is first written, so each component alone may seem to fit: all of them must.
  std::uint64_t total = 0;
  for (const auto& [component, bytes] : placement->components) total += bytes;
  if (const std::uint64_t available = availableBytes(); available != 0 && total > available)
    return fail(ErrorCode::OutOfMemory, fmt::format("Not enough memory for the weights: {:.1f} MB are needed, {:.1f} MB are free.",
                                                    static_cast<double>(total) / 1e6, static_cast<double>(available) / 1e6));

  std::map<std::string, std::byte*> base;
  for (const auto& [component, bytes] : placement->components) {
    auto buffer = AlignedBuffer::allocate(bytes, ledger, component, "weights");
    if (!buffer) return tl::unexpected(buffer.error());
    base[component] = buffer->data();
    placed->m_buffers.push_back(std::move(*buffer));
  }

  std::uint64_t done = 0;
  const auto proceed = [&](std::uint64_t more) { return !options.progress || options.progress(done + more); };
  const auto stopped = [] { return fail(ErrorCode::Cancelled, "Loading was stopped."); };

  placed->m_matrices.resize(count);
  placed->m_vectors.resize(count);
  placed->m_tables.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Weight& weight = program.weights[i];
    const WeightPlacement& plan = placement->weights[i];
    std::byte* out = base[weight.component] + plan.offset;
    const auto view = source.get(weight.name);
    if (!view) return tl::unexpected(view.error());
    const bool quantises = view->dtype != plan.type && traits(plan.type).blockSize > 1;
    switch (weight.role) {
      case WeightRole::Vector:
        decodeToF32(view->dtype, view->bytes, {reinterpret_cast<float*>(out), static_cast<std::size_t>(weight.rows)});
        placed->m_vectors[i] = reinterpret_cast<const float*>(out);
        placed->m_bytesPerToken += plan.bytes;
        break;
      case WeightRole::Embedding: {
        const bool whole = inSlices(pool, weight.rows, view->bytes.size(), quantises, proceed,
                                    [&](std::int64_t begin, std::int64_t end) { encodeRows(*view, plan.type, out, begin, end); });
        if (!whole) return stopped();
        placed->m_tables[i] = {out, plan.type, static_cast<std::size_t>(weight.cols)};
        placed->m_bytesPerToken += placed->m_tables[i].rowBytes();
        break;
      }
      default: {
        PackedMatrix matrix{out, kernelFormat(plan.type), weight.rows, weight.cols, plan.panelRows};
        MatrixExtremes extremes;
        if (plan.type == DType::FP16I8) {
          auto measured = measureExtremes(*view, [&] { return proceed(0); });
          if (!measured) return stopped();
          extremes = std::move(*measured);
          packColumns(extremes, out);
        }
        const bool whole = inSlices(pool, matrix.tiles(), view->bytes.size(), quantises, proceed, [&](std::int64_t begin, std::int64_t end) {
          packTiles(*view, plan.type, extremes, matrix, out, begin, end);
        });
        if (!whole) return stopped();
        placed->m_matrices[i] = matrix;
        placed->m_bytesPerToken += plan.bytes;
      }
    }
    done += view->bytes.size();
    if (!proceed(0)) return stopped();
  }
  return std::shared_ptr<const CpuWeights>(std::move(placed));
}

}  // namespace rookery::engine
