// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_weights.h"

#include <fmt/format.h>

#include "backend/cpu/coded_packing.h"
#include "backend/cpu/packing.h"
#include "backend/cpu/placement.h"
#include "kernels/cpu/coded_format.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::PackedMatrix;

namespace {

// The shaders take low-rank matrices in plain formats only; they are 2-3 % of the bytes.
constexpr LowRankTypes kLowRank = LowRankTypes::Plain;

// What goes to the device: all but the embedding.
std::uint64_t deviceBytes(const Placement& placement) {
  std::uint64_t total = 0;
  for (const auto& [component, bytes] : placement.components) total += component == "embedding" ? 0 : bytes;
  return total;
}

// The weights do not fit: how much is missing, and which types would.
tl::unexpected<Error> tooLarge(const Program& program, WeightSource& source, const VulkanDevice& device, std::uint64_t total) {
  const std::uint64_t free = device.freeBytes();
  const auto megabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  std::string fitting;
  for (const DType precision : {DType::F16, DType::Int8, DType::NF4}) {
    const auto smaller = planPlacement(program, source, precision, false, kLowRank);
    if (!smaller) continue;
    const std::uint64_t bytes = deviceBytes(*smaller);
    if (bytes < total && bytes <= free) fitting += fmt::format("{}{} ({:.0f} MB)", fitting.empty() ? "" : " or ", traits(precision).name, megabytes(bytes));
  }
  return fail(ErrorCode::OutOfMemory,
              fmt::format("{} has not enough free memory: the weights take {:.0f} MB and {:.0f} MB are free. {} would fit; the CPU works too.",
                          device.info().name, megabytes(total), megabytes(free), fitting.empty() ? "No smaller weight type" : fitting));
}

}  // namespace

Result<std::shared_ptr<const VulkanWeights>> VulkanWeights::place(const Program& program, WeightSource& source, const PlaceOptions& options,
                                                                  const std::shared_ptr<VulkanDevice>& device, ThreadPool& pool, Ledger& ledger) {
  auto placed = std::make_shared<VulkanWeights>();
  const std::size_t count = program.weights.size();
  // A processor reads on faster than it jumps.
  const bool skipZeros = options.sparseFfn.value_or(!device->info().software);
  const auto placement = planPlacement(program, source, options.precision, skipZeros, kLowRank);
  if (!placement) return tl::unexpected(placement.error());
  const std::uint64_t total = deviceBytes(*placement);
  if (total > device->freeBytes()) return tooLarge(program, source, *device, total);
  std::map<std::string, const VulkanBuffer*> buffers;
  placed->m_buffers.reserve(placement->components.size());
  for (const auto& [component, bytes] : placement->components) {
    if (component == "embedding") continue;
    auto buffer = device->newBuffer(bytes, VulkanMemory::Device, ledger, component, "weights");
    if (!buffer && buffer.error().code == ErrorCode::OutOfMemory) return tooLarge(program, source, *device, total);
    if (!buffer) return tl::unexpected(buffer.error());
    placed->m_buffers.push_back(std::move(*buffer));
    buffers[component] = &placed->m_buffers.back();
  }

  std::uint64_t done = 0;
  const auto proceed = [&](std::uint64_t more) { return !options.progress || options.progress(done + more); };
  const auto stopped = [] { return fail(ErrorCode::Cancelled, "Loading was stopped."); };
  placed->m_matrices.resize(count);
  placed->m_addresses.resize(count);
  std::vector<std::byte> room;
  for (std::size_t i = 0; i < count; ++i) {
    const Weight& weight = program.weights[i];
    const WeightPlacement& plan = placement->weights[i];
    const auto view = source.get(weight.name);
    if (!view) return tl::unexpected(view.error());
    const bool quantises = view->dtype != plan.type && traits(plan.type).blockSize > 1;
    if (weight.role == WeightRole::Embedding) {
      auto table = AlignedBuffer::allocate(plan.bytes, ledger, weight.component, "weights");
      if (!table) return tl::unexpected(table.error());
      placed->m_embedding = std::move(*table);
      placed->m_embeddingType = plan.type;
      placed->m_bytesPerToken += byteSize(plan.type, static_cast<std::uint64_t>(weight.cols));
      const bool whole = inSlices(pool, weight.rows, view->bytes.size(), quantises, proceed,
                                  [&](std::int64_t begin, std::int64_t end) { encodeRows(*view, plan.type, placed->m_embedding.data(), begin, end); });
      if (!whole) return stopped();
    } else {
      const VulkanBuffer& buffer = *buffers[weight.component];
      placed->m_addresses[i] = buffer.address() + plan.offset;
      placed->m_bytesPerToken += plan.bytes;
      // Packed in place where the CPU reaches the device's memory.
      std::byte* out = buffer.data() == nullptr ? nullptr : buffer.data() + plan.offset;
      if (out == nullptr) {
        room.resize(plan.bytes);
        out = room.data();
      }
      if (weight.role == WeightRole::Vector) {
        decodeToF32(view->dtype, view->bytes, {reinterpret_cast<float*>(out), static_cast<std::size_t>(weight.rows)});
      } else {
        const PackedMatrix matrix{nullptr, kernelFormat(plan.type), weight.rows, weight.cols, plan.panelRows};
        MatrixExtremes extremes;
        if (plan.type == DType::FP16I8) {
          auto measured = measureExtremes(*view, [&] { return proceed(0); });
          if (!measured) return stopped();
          extremes = std::move(*measured);
          packColumns(extremes, out);
        }
        const bool whole = inSlices(pool, matrix.tiles(), view->bytes.size(), quantises, proceed,
                                    [&](std::int64_t begin, std::int64_t end) { packTiles(*view, plan.type, extremes, matrix, out, begin, end); });
        if (!whole) return stopped();
        placed->m_matrices[i] = matrix;
      }
      if (buffer.data() == nullptr) {
        if (auto good = device->write(buffer, plan.offset, std::span(room).first(plan.bytes)); !good) return tl::unexpected(good.error());
      }
    }
    done += view->bytes.size();
    if (!proceed(0)) return stopped();
  }
  return std::shared_ptr<const VulkanWeights>(std::move(placed));
}

void VulkanWeights::embed(TokenId token, std::span<float> row) const {
  const std::uint64_t bytes = byteSize(m_embeddingType, row.size());
  decodeToF32(m_embeddingType, {m_embedding.data() + token * bytes, bytes}, row);
}

}  // namespace rookery::engine
