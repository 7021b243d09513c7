// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "plan/torch_allocator.h"
#include "plan/weight_shapes.h"
#include "rookery/device.h"

namespace rookery::engine {
namespace {

std::optional<DType> weightType(const std::string& precision) {
  for (const DType type : {DType::F32, DType::F16, DType::BF16, DType::Q8_0}) {
    if (precision == traits(type).name) return type;
  }
  return std::nullopt;
}

/// What a weight is stored as when the matrices are `type`. Block types leave the LoRA matrices at fp16, vectors at
/// fp32, and rows that are no whole number of blocks at fp16, as loading does.
DType storedAs(const WeightShape& weight, DType type) {
  if (traits(type).blockSize == 1) return type;
  if (weight.kind == ShapeKind::Vector) return DType::F32;
  return weight.kind == ShapeKind::LowRank || weight.cols % traits(type).blockSize != 0 ? DType::F16 : type;
}

/// Hundredths of a megabyte: differences of the rounded figures are then exact.
std::uint64_t roundedCents(std::uint64_t bytes) { return (bytes + 5000) / 10000; }

}  // namespace

Result<std::vector<MemoryRow>> planMemory(const ModelShape& shape, const std::string& precision, PlanAllocator allocator) {
  const auto type = weightType(precision);
  if (!type) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("\"{}\" is not a precision; there are fp32, fp16, bf16 and q8_0.", precision));
  }
  const auto components = weightShapes(shape);
  if (!components) return tl::unexpected(components.error());
  TorchAllocator torch;
  std::vector<MemoryRow> rows;
  std::uint64_t total = 0;
  for (const ComponentShapes& component : *components) {
    MemoryRow row;
    row.component = component.name;
    for (const WeightShape& weight : component.weights) {
      const std::uint64_t bytes = byteSize(storedAs(weight, *type), weight.count());
      row.bytes += allocator == PlanAllocator::Torch ? torch.allocate(bytes) : bytes;
    }
    const std::uint64_t before = roundedCents(total);
    total += row.bytes;
    row.cumulativeMb = static_cast<double>(roundedCents(total)) / 100;
    row.componentMb = static_cast<double>(roundedCents(total) - before) / 100;
    rows.push_back(std::move(row));
  }
  return rows;
}

LoadEstimate estimateLoad(const ModelInfo& info, DType weightType) {
  LoadEstimate estimate;
  ModelShape shape = info.shape;
  shape.layer0HasV = false;  // never used, so never loaded
  const auto components = weightShapes(shape);
  if (!components) return estimate;
  for (const ComponentShapes& component : *components) {
    for (const WeightShape& weight : component.weights) {
      const DType type = weight.kind == ShapeKind::Vector ? DType::F32 : storedAs(weight, weightType);
      estimate.weights += byteSize(type, weight.count());
    }
  }
  estimate.state = 2 * shape.stateBytes();  // a run reads one and writes another
  // Activations of the longest chunk, about as wide as 16 embeddings and the FFN; a row of them for each worker.
  constexpr std::uint64_t kChunk = 256;
  const auto c = static_cast<std::uint64_t>(shape.nEmbd), f = static_cast<std::uint64_t>(shape.dimFfn);
  const auto workers = static_cast<std::uint64_t>(std::max(1, physicalCores()));
  estimate.scratch = sizeof(float) * (kChunk * (16 * c + f + workers * c) + static_cast<std::uint64_t>(shape.vocab));
  return estimate;
}

std::string memoryTableMarkdown(const std::string& title, const std::vector<MemoryRow>& rows) {
  std::string text = fmt::format("## {}\n", title);
  text += "| Component | Cumulative GPU Memory (MB) | Memory per Component (MB) |\n";
  text += "|-----------|----------------------------|---------------------------|\n";
  for (const MemoryRow& row : rows) {
    text += fmt::format("| {} | {:.2f} | {:.2f} |\n", row.component, row.cumulativeMb, row.componentMb);
  }
  return text;
}

std::string memoryTableJson(const std::string& model, const std::string& precision, const std::vector<MemoryRow>& rows) {
  nlohmann::ordered_json json = {{"model", model}, {"precision", precision}, {"components", nlohmann::ordered_json::array()}};
  for (const MemoryRow& row : rows) {
    json["components"].push_back({{"component", row.component},
                                  {"bytes", row.bytes},
                                  {"component_mb", row.componentMb},
                                  {"cumulative_mb", row.cumulativeMb}});
  }
  // A model's name may come from a file: bytes that are not UTF-8 are replaced, not thrown about.
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace rookery::engine
