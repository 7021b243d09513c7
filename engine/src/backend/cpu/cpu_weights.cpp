// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/cpu/cpu_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "backend/cpu/coded_packing.h"
#include "model/weight_part.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::PackedMatrix;

namespace {

constexpr std::uint64_t kAlign = 64;
std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// Where one weight goes, decided from shapes before anything is read, so that every component is one allocation.
struct Plan {
  DType type{};
  std::int64_t panelRows = kernels::kTileRows;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  ///< in its component's buffer
};

DType targetType(const Weight& weight, DType source, const PlaceOptions& options) {
  if (weight.role == WeightRole::Vector) return DType::F32;
  return options.precision ? storedAs(*options.precision, partOf(weight), weight.cols) : source;
}

Result<void> checkShape(const Weight& weight, const WeightView& view) {
  if (view.rows == weight.rows && view.cols == weight.cols) return {};
  return fail(ErrorCode::TensorMismatch, fmt::format("Tensor {} is [{}, {}]; the model needs [{}, {}].", weight.name,
                                                     view.rows, view.cols, weight.rows, weight.cols));
}

}  // namespace

Result<std::shared_ptr<const CpuWeights>> CpuWeights::place(const Program& program, WeightSource& source,
                                                            const PlaceOptions& options, ThreadPool& pool,
                                                            Ledger& ledger) {
  auto placed = std::make_shared<CpuWeights>();
  const std::size_t count = program.weights.size();
  std::vector<Plan> plans(count);
  std::vector<std::pair<std::string, std::uint64_t>> components;  // in program order, with their sizes

  for (std::size_t i = 0; i < count; ++i) {
    const Weight& weight = program.weights[i];
    auto view = source.describe(weight.name);
    if (!view) return tl::unexpected(view.error());
    if (auto good = checkShape(weight, *view); !good) return tl::unexpected(good.error());
    Plan& plan = plans[i];
    plan.type = targetType(weight, view->dtype, options);
    switch (weight.role) {
      case WeightRole::Vector: plan.bytes = static_cast<std::uint64_t>(weight.rows) * sizeof(float); break;
      case WeightRole::Embedding: plan.bytes = byteSize(plan.type, weight.rows * weight.cols); break;
      case WeightRole::SparseDown:
        if (options.sparseFfn) plan.panelRows = (weight.rows + kernels::kTileRows - 1) / kernels::kTileRows * kernels::kTileRows;
        [[fallthrough]];
      default: plan.bytes = static_cast<std::uint64_t>(kernels::packedBytes(kernelFormat(plan.type), weight.rows, weight.cols));
    }
    auto component = std::find_if(components.begin(), components.end(), [&](const auto& c) { return c.first == weight.component; });
    if (component == components.end()) component = components.insert(components.end(), {weight.component, 0});
    plan.offset = component->second;
    component->second += aligned(plan.bytes);
  }

  // Memory is taken when it is first written, so each component alone may seem to fit: all of them must.
  std::uint64_t total = 0;
  for (const auto& [component, bytes] : components) total += bytes;
  if (const std::uint64_t available = availableBytes(); available != 0 && total > available)
    return fail(ErrorCode::OutOfMemory, fmt::format("Not enough memory for the weights: {:.1f} MB are needed, {:.1f} MB are free.",
                                                    static_cast<double>(total) / 1e6, static_cast<double>(available) / 1e6));

  std::map<std::string, std::byte*> base;
  for (const auto& [component, bytes] : components) {
    auto buffer = AlignedBuffer::allocate(bytes, ledger, component, "weights");
    if (!buffer) return tl::unexpected(buffer.error());
    base[component] = buffer->data();
    placed->m_buffers.push_back(std::move(*buffer));
  }

  // Big weights go in slices of about 32 MB, so that a stop need not wait for an embedding of half a gigabyte; of 1 MB
  // where codes are looked for, which takes about a fifth of a microsecond a weight.
  std::uint64_t done = 0;
  const auto inSlices = [&](std::int64_t items, std::uint64_t bytes, bool quantises, const std::function<void(std::int64_t, std::int64_t)>& place) {
    const std::uint64_t slice = quantises ? 1'000'000 : 32'000'000;
    const auto slices = static_cast<std::int64_t>(bytes / slice) + 1;
    const int workers = pool.threads();
    for (std::int64_t s = 0; s < slices; ++s) {
      const std::int64_t begin = items * s / slices, end = items * (s + 1) / slices;
      pool.run([&](int worker) { place(begin + (end - begin) * worker / workers, begin + (end - begin) * (worker + 1) / workers); });
      if (s + 1 < slices && options.progress && !options.progress(done + bytes * static_cast<std::uint64_t>(s + 1) / static_cast<std::uint64_t>(slices))) return false;
    }
    return true;
  };
  const auto stopped = [] { return fail(ErrorCode::Cancelled, "Loading was stopped."); };

  placed->m_matrices.resize(count);
  placed->m_vectors.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Weight& weight = program.weights[i];
    const Plan& plan = plans[i];
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
        const std::int64_t rows = weight.rows, cols = weight.cols;
        const bool whole = inSlices(rows, view->bytes.size(), quantises, [&](std::int64_t begin, std::int64_t end) {
          std::vector<float> row(static_cast<std::size_t>(cols));
          for (std::int64_t r = begin; r < end; ++r) {
            const auto in = view->bytes.subspan(byteSize(view->dtype, r * cols), byteSize(view->dtype, cols));
            std::byte* rowOut = out + byteSize(plan.type, r * cols);
            if (view->dtype == plan.type) {
              std::memcpy(rowOut, in.data(), in.size());
            } else {
              decodeToF32(view->dtype, in, row);
              encodeFromF32(plan.type, row, {rowOut, static_cast<std::size_t>(byteSize(plan.type, cols))});
            }
          }
        });
        if (!whole) return stopped();
        placed->m_embedding = out;
        placed->m_embeddingType = plan.type;
        placed->m_bytesPerToken += byteSize(plan.type, cols);
        break;
      }
      default: {
        PackedMatrix matrix{out, kernelFormat(plan.type), weight.rows, weight.cols, plan.panelRows};
        MatrixExtremes extremes;
        if (plan.type == DType::FP16I8) {
          auto measured = measureExtremes(*view, [&] { return !options.progress || options.progress(done); });
          if (!measured) return stopped();
          extremes = std::move(*measured);
          packColumns(extremes, out);
        }
        const bool whole = inSlices(matrix.tiles(), view->bytes.size(), quantises, [&](std::int64_t begin, std::int64_t end) {
          packTiles(*view, plan.type, extremes, matrix, out, begin, end);
        });
        if (!whole) return stopped();
        placed->m_matrices[i] = matrix;
        placed->m_bytesPerToken += plan.bytes;
      }
    }
    done += view->bytes.size();
    if (options.progress && !options.progress(done)) return stopped();
  }
  return std::shared_ptr<const CpuWeights>(std::move(placed));
}

}  // namespace rookery::engine
