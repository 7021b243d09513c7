// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/vulkan/vulkan_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backend/cpu/coded_packing.h"
#include "backend/cpu/packing.h"
#include "kernels/cpu/coded_format.h"
#include "model/weight_part.h"
#include "quant/convert.h"

namespace rookery::engine {

using kernels::kTileRows;
using kernels::PackedMatrix;

namespace {

constexpr std::uint64_t kAlign = 64;
std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

struct Plan {
  DType type{};
  std::int64_t panelRows = kTileRows;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  ///< in its component's buffer
};

bool isPlain(DType type) { return type == DType::F32 || type == DType::F16 || type == DType::BF16; }

DType targetType(const Weight& weight, DType source, const PlaceOptions& options) {
  if (weight.role == WeightRole::Vector) return DType::F32;
  const DType type = options.precision ? storedAs(*options.precision, partOf(weight), weight.cols) : source;
  // The shaders take low-rank matrices in plain formats only; they are 2-3 % of the bytes.
  return weight.role == WeightRole::LowRank && !isPlain(type) ? DType::F32 : type;
}

std::uint64_t placedBytesOf(const Weight& weight, DType type) {
  if (weight.role == WeightRole::Embedding) return 0;  // stays with the CPU
  if (weight.role == WeightRole::Vector) return aligned(static_cast<std::uint64_t>(weight.rows) * sizeof(float));
  return aligned(static_cast<std::uint64_t>(kernels::packedBytes(kernelFormat(type), weight.rows, weight.cols)));
}

// The weights do not fit: how much is missing, and which types would.
tl::unexpected<Error> tooLarge(const Program& program, const VulkanDevice& device, std::uint64_t total) {
  const std::uint64_t free = device.freeBytes();
  const auto megabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  std::string fitting;
  for (const DType precision : {DType::F16, DType::Int8, DType::NF4}) {
    PlaceOptions options;
    options.precision = precision;
    std::uint64_t bytes = 0;
    for (const Weight& weight : program.weights) bytes += placedBytesOf(weight, targetType(weight, precision, options));
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
  std::vector<Plan> plans(count);
  // A processor reads on faster than it jumps.
  const bool skipZeros = options.sparseFfn.value_or(!device->info().software);
  std::vector<std::pair<std::string, std::uint64_t>> components;  // on the device, in program order, with their sizes

  for (std::size_t i = 0; i < count; ++i) {
    const Weight& weight = program.weights[i];
    auto view = source.describe(weight.name);
    if (!view) return tl::unexpected(view.error());
    if (view->rows != weight.rows || view->cols != weight.cols)
      return fail(ErrorCode::TensorMismatch, fmt::format("Tensor {} is [{}, {}]; the model needs [{}, {}].", weight.name, view->rows, view->cols, weight.rows, weight.cols));
    Plan& plan = plans[i];
    plan.type = targetType(weight, view->dtype, options);
    if (weight.role == WeightRole::Embedding) {
      plan.bytes = byteSize(plan.type, static_cast<std::uint64_t>(weight.rows * weight.cols));
      continue;
    }
    if (weight.role == WeightRole::Vector) {
      plan.bytes = static_cast<std::uint64_t>(weight.rows) * sizeof(float);
    } else {
      if (weight.role == WeightRole::SparseDown && skipZeros) plan.panelRows = (weight.rows + kTileRows - 1) / kTileRows * kTileRows;
      plan.bytes = static_cast<std::uint64_t>(kernels::packedBytes(kernelFormat(plan.type), weight.rows, weight.cols));
    }
    auto component = std::find_if(components.begin(), components.end(), [&](const auto& c) { return c.first == weight.component; });
    if (component == components.end()) component = components.insert(components.end(), {weight.component, 0});
    plan.offset = component->second;
    component->second += aligned(plan.bytes);
  }

  std::uint64_t total = 0;
  for (const auto& [component, bytes] : components) total += bytes;
  if (total > device->freeBytes()) return tooLarge(program, *device, total);
  std::map<std::string, const VulkanBuffer*> buffers;
  placed->m_buffers.reserve(components.size());
  for (const auto& [component, bytes] : components) {
    auto buffer = device->newBuffer(bytes, VulkanMemory::Device, ledger, component, "weights");
    if (!buffer && buffer.error().code == ErrorCode::OutOfMemory) return tooLarge(program, *device, total);
    if (!buffer) return tl::unexpected(buffer.error());
    placed->m_buffers.push_back(std::move(*buffer));
    buffers[component] = &placed->m_buffers.back();
  }

  std::uint64_t done = 0;
  const auto stopped = [] { return fail(ErrorCode::Cancelled, "Loading was stopped."); };
  placed->m_matrices.resize(count);
  placed->m_addresses.resize(count);
  std::vector<std::byte> room;
  for (std::size_t i = 0; i < count; ++i) {
    const Weight& weight = program.weights[i];
    const Plan& plan = plans[i];
    const auto view = source.get(weight.name);
    if (!view) return tl::unexpected(view.error());
    if (weight.role == WeightRole::Embedding) {
      auto table = AlignedBuffer::allocate(plan.bytes, ledger, weight.component, "weights");
      if (!table) return tl::unexpected(table.error());
      placed->m_embedding = std::move(*table);
      placed->m_embeddingType = plan.type;
      placed->m_bytesPerToken += byteSize(plan.type, static_cast<std::uint64_t>(weight.cols));
      const auto rows = weight.rows, cols = weight.cols;
      const auto rowBytes = byteSize(plan.type, static_cast<std::uint64_t>(cols)), rowIn = byteSize(view->dtype, static_cast<std::uint64_t>(cols));
      pool.run([&](int worker) {
        std::vector<float> row(static_cast<std::size_t>(cols));
        for (std::int64_t r = rows * worker / pool.threads(); r < rows * (worker + 1) / pool.threads(); ++r) {
          const auto in = view->bytes.subspan(static_cast<std::size_t>(r) * rowIn, rowIn);
          const std::span out(placed->m_embedding.data() + static_cast<std::uint64_t>(r) * rowBytes, rowBytes);
          if (view->dtype == plan.type) {
            std::memcpy(out.data(), in.data(), in.size());
          } else {
            decodeToF32(view->dtype, in, row);
            encodeFromF32(plan.type, row, out);
          }
        }
      });
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
        const std::int64_t tiles = matrix.tiles();
        MatrixExtremes extremes;
        if (plan.type == DType::FP16I8) {
          auto measured = measureExtremes(*view, [&] { return !options.progress || options.progress(done); });
          if (!measured) return stopped();
          extremes = std::move(*measured);
          packColumns(extremes, out);
        }
        pool.run([&](int worker) { packTiles(*view, plan.type, extremes, matrix, out, tiles * worker / pool.threads(), tiles * (worker + 1) / pool.threads()); });
        placed->m_matrices[i] = matrix;
      }
      if (buffer.data() == nullptr) {
        if (auto good = device->write(buffer, plan.offset, std::span(room).first(plan.bytes)); !good) return tl::unexpected(good.error());
      }
    }
    done += view->bytes.size();
    if (options.progress && !options.progress(done)) return stopped();
  }
  return std::shared_ptr<const VulkanWeights>(std::move(placed));
}

void VulkanWeights::embed(TokenId token, std::span<float> row) const {
  const std::uint64_t bytes = byteSize(m_embeddingType, row.size());
  decodeToF32(m_embeddingType, {m_embedding.data() + token * bytes, bytes}, row);
}

}  // namespace rookery::engine
