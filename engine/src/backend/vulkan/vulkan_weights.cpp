// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/common/packing.h"
#include "backend/vulkan/vulkan_room.h"
#include "kernels/coded_format.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::PackedMatrix;

Result<std::shared_ptr<const VulkanWeights>> VulkanWeights::place(const Program& program, WeightSource& source, const PlaceOptions& options,
                                                                  const std::shared_ptr<VulkanDevice>& device, ThreadPool& pool, Ledger& ledger,
                                                                  std::uint64_t promised) {
  auto placed = std::make_shared<VulkanWeights>();
  const std::size_t count = program.weights.size();
  const DeviceTraits traits_ = vulkanTraits(device->info());
  const auto placement = planPlacement(program, source, options.precision, options.sparseFfn.value_or(traits_.skippingZerosPays), traits_.lowRank);
  if (!placement) return tl::unexpected(placement.error());
  const auto outOfMemory = [&](std::uint64_t room) { return tooLarge(program, source, options.precision, *placement, device->info(), room, promised); };
  const std::uint64_t free = device->freeBytes(), room = free - std::min(free, promised);
  if (deviceBytes(*placement) + workingBytes(program) > room) return outOfMemory(room);
  std::uint64_t allocated = 0;
  std::map<std::string, const VulkanBuffer*> buffers;
  placed->m_buffers.reserve(placement->components.size());
  for (const auto& [component, bytes] : placement->components) {
    if (isLookedUp(component)) continue;
    auto buffer = device->newBuffer(bytes, VulkanMemory::Device, ledger, component, "weights");
    if (!buffer && buffer.error().code == ErrorCode::OutOfMemory) return outOfMemory(allocated);
    if (!buffer) return tl::unexpected(buffer.error());
    allocated += bytes;
    placed->m_buffers.push_back(std::move(*buffer));
    buffers[component] = &placed->m_buffers.back();
  }

  std::uint64_t done = 0;
  const auto proceed = [&](std::uint64_t more) { return !options.progress || options.progress(done + more); };
  const auto stopped = [] { return fail(ErrorCode::Cancelled, "Loading was stopped."); };
  placed->m_matrices.resize(count);
  placed->m_addresses.resize(count);
  placed->m_tables.resize(count);
  std::vector<std::byte> packed;
  for (std::size_t i = 0; i < count; ++i) {
    const Weight& weight = program.weights[i];
    const WeightPlacement& plan = placement->weights[i];
    const auto view = source.get(weight.name);
    if (!view) return tl::unexpected(view.error());
    const bool quantises = view->dtype != plan.type && traits(plan.type).blockSize > 1;
    if (weight.role == WeightRole::Embedding) {
      auto table = AlignedBuffer::allocate(placedRoom(plan.bytes), ledger, weight.component, "weights");
      if (!table) return tl::unexpected(table.error());
      std::byte* out = table->data();
      placed->m_tableBuffers.push_back(std::move(*table));
      placed->m_tables[i] = {out, plan.type, static_cast<std::size_t>(weight.cols)};
      placed->m_bytesPerToken += placed->m_tables[i].rowBytes();
      const bool whole = inSlices(pool, weight.rows, view->bytes.size(), quantises, proceed,
                                  [&](std::int64_t begin, std::int64_t end) { encodeRows(*view, plan.type, out, begin, end); });
      if (!whole) return stopped();
    } else {
      const VulkanBuffer& buffer = *buffers[weight.component];
      placed->m_addresses[i] = buffer.address() + plan.offset;
      placed->m_bytesPerToken += plan.bytes;
      // Packed in place where the CPU writes there in any order: what it does not cache is slow unless it is written in order.
      const bool inPlace = buffer.isCached();
      if (!inPlace) packed.resize(plan.bytes);
      std::byte* out = inPlace ? buffer.data() + plan.offset : packed.data();
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
      if (!inPlace) {
        if (auto good = device->write(buffer, plan.offset, std::span(packed).first(plan.bytes)); !good) {
          Error& error = good.error();
          if (error.code == ErrorCode::OutOfMemory)
            error.message += " The weights fit there, but not the memory through which they are copied. End other programs that use the device, or use the CPU: \"cpu\".";
          return tl::unexpected(std::move(error));
        }
      }
    }
    done += view->bytes.size();
    if (!proceed(0)) return stopped();
  }
  return std::shared_ptr<const VulkanWeights>(std::move(placed));
}

}  // namespace rookery::engine
