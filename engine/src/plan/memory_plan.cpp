// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "backend/common/packing.h"
#include "backend/common/placement.h"
#include "backend/common/registry.h"
#include "backend/common/room.h"
#include "backend/common/runs.h"
#include "formats/plain_text.h"
#include "model/synthetic_source.h"
#include "plan/torch_allocator.h"
#include "plan/weight_shapes.h"
#include "rookery/device.h"
#include "strategy/segments.h"

namespace rookery::engine {
namespace {

/// Any type that a whole model may be of, also those that are only read.
std::optional<DType> modelType(const std::string& precision) {
  for (std::size_t i = 0; i < kDTypes; ++i) {
    const auto type = static_cast<DType>(i);
    if (precision == traits(type).name && (isWeightType(type) || isLoadOnly(type))) return type;
  }
  return std::nullopt;
}

/// As loading does it; see storedAs().
std::uint64_t bytesOf(const WeightShape& weight, DType precision) {
  const auto rows = static_cast<std::int64_t>(weight.rows), cols = static_cast<std::int64_t>(weight.cols);
  const DType type = storedAs(precision, weight.kind, cols);
  return placedBytes(type, weight.kind == WeightPart::Embedding, rows, cols);
}

/// Hundredths of a megabyte: differences of the rounded figures are then exact.
std::uint64_t roundedCents(std::uint64_t bytes) { return (bytes + 5000) / 10000; }

struct Table {
  std::vector<MemoryRow> rows;
  std::uint64_t total = 0;

  void add(std::string component, std::uint64_t bytes) {
    const std::uint64_t before = roundedCents(total);
    total += bytes;
    rows.push_back({std::move(component), bytes, static_cast<double>(roundedCents(total)) / 100,
                    static_cast<double>(roundedCents(total) - before) / 100, {}});
  }
};

/// What a strategy's device is here. "vulkan" stays where there is none.
DeviceInfo deviceOf(const std::string& id) {
  DeviceInfo device;
  device.id = id;
  const DeviceName name = deviceNamed(id).value_or(DeviceName{});
  device.kind = name.kind;
  if (device.isCpu() || name.index >= 0) return device;
  for (DeviceInfo& found : backendOf(name.kind).list())
    if (found.usable && !found.software) return std::move(found);
  return device;
}

/// Everything but the weights.
void addWorkspace(LoadEstimate& estimate, const ModelShape& shape, int threads) {
  LoadOptions options;
  options.threads = threads;
  const auto rows = planWorkspace(shape, options);
  if (!rows) return;
  for (const MemoryRow& row : *rows) (row.component == "state" ? estimate.state : estimate.scratch) += row.bytes;
}

// What a source's weights take where the strategy puts them.
Result<std::vector<MemoryRow>> planSource(WeightSource& source, std::optional<DType> precision, const LoadOptions& options,
                                          PlanAllocator allocator) {
  const ModelShape& shape = source.info().shape;
  const auto segments = segmentsOf(options, shape.layers);
  if (!segments) return tl::unexpected(segments.error());
  TorchAllocator torch;
  Table table;
  for (const Segment& segment : *segments) {
    const Program program = buildProgram(shape, segment.range);
    const DeviceInfo device = deviceOf(segment.device);
    const PlaceOptions own{.precision = segment.precision ? segment.precision : precision, .sparseFfn = options.sparseFfn, .progress = {}};
    const auto placement = planPlacement(program, source, own, backendOf(device.kind).traits(device));
    if (!placement) return tl::unexpected(placement.error());
    for (const ComponentPlacement& component : placement->components) {
      std::uint64_t sum = allocator == PlanAllocator::Torch ? 0 : component.bytes;
      if (allocator == PlanAllocator::Torch)
        for (std::size_t i = 0; i < program.weights.size(); ++i)
          if (program.weights[i].component == component.name) sum += torch.allocate(placement->weights[i].bytes);
      table.add(component.name, sum);
      table.rows.back().device = component.onHost ? kCpuId : device.id;
    }
  }
  return std::move(table.rows);
}

}  // namespace

Result<std::vector<MemoryRow>> planMemory(const ModelShape& shape, const std::string& precision, PlanAllocator allocator) {
  const auto type = modelType(precision);
  if (!type) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("\"{}\" is not a precision; there are {}.", precision, precisionList()));
  }
  const auto components = weightShapes(shape);
  if (!components) return tl::unexpected(components.error());
  TorchAllocator torch;
  Table table;
  for (const ComponentShapes& component : *components) {
    std::uint64_t sum = 0;
    for (const WeightShape& weight : component.weights) {
      const std::uint64_t bytes = bytesOf(weight, *type);
      sum += allocator == PlanAllocator::Torch ? torch.allocate(bytes) : bytes;
    }
    table.add(component.name, sum);
  }
  return std::move(table.rows);
}

Result<std::vector<MemoryRow>> planLoad(std::shared_ptr<const ModelFile> file, const LoadOptions& options, PlanAllocator allocator) {
  const auto source = bindWeights(std::move(file));
  if (!source) return tl::unexpected(source.error());
  return planSource(**source, std::nullopt, options, allocator);
}

Result<std::vector<MemoryRow>> planLoad(const ModelShape& shape, DType precision, const LoadOptions& options, PlanAllocator allocator) {
  SyntheticSource source(shape, "shape", precision, 0);
  return planSource(source, precision, options, allocator);
}

Result<std::vector<MemoryRow>> planWorkspace(const ModelShape& shape, const LoadOptions& options) {
  const auto segments = segmentsOf(options, shape.layers);
  if (!segments) return tl::unexpected(segments.error());
  Table table;
  std::size_t handedOn = 0;  // values between two segments, which go through two buffers of the CPU
  for (const Segment& segment : *segments) {
    const Program program = buildProgram(shape, segment.range);
    const DeviceInfo device = deviceOf(segment.device);
    handedOn = std::max(handedOn, program.valuesOut.size());
    const auto scratch = backendOf(device.kind).scratch(program, device, options.threads);
    if (!scratch) return tl::unexpected(scratch.error());
    std::uint64_t sum = 0;
    for (const Scratch& buffer : *scratch) sum += buffer.bytes;
    if (sum > 0) {
      table.add("scratch", sum);
      table.rows.back().device = device.id;
    }
    table.add("state", kStates * stateBytes(program.stateLayout, backendOf(device.kind).traits(device).leastState));
    table.rows.back().device = device.id;
  }
  if (segments->size() > 1) {
    table.add("scratch", 2 * handedOn * longestRun(shape) * static_cast<std::uint64_t>(shape.nEmbd) * sizeof(float));
    table.rows.back().device = kCpuId;
  }
  return std::move(table.rows);
}

LoadEstimate estimateLoad(const ModelInfo& info, DType weightType) {
  LoadEstimate estimate;
  ModelShape shape = info.shape;
  shape.layer0HasV = false;  // never used, so never loaded
  const auto components = weightShapes(shape);
  if (!components) return estimate;
  for (const ComponentShapes& component : *components) {
    for (const WeightShape& weight : component.weights) {
      estimate.weights += bytesOf(weight, weight.kind == WeightPart::Vector ? DType::F32 : weightType);
    }
  }
  addWorkspace(estimate, shape, 0);
  return estimate;
}

Result<LoadEstimate> estimateLoad(std::shared_ptr<const ModelFile> file, const LoadOptions& options) {
  const auto info = detect(*file);
  if (!info) return tl::unexpected(info.error());
  const auto rows = planLoad(std::move(file), options);
  if (!rows) return tl::unexpected(rows.error());
  LoadEstimate estimate;
  for (const MemoryRow& row : *rows) estimate.weights += row.bytes;
  addWorkspace(estimate, info->shape, options.threads);
  return estimate;
}

std::string memoryTableMarkdown(const std::string& title, const std::vector<MemoryRow>& rows) {
  std::string text = fmt::format("## {}\n", markdownText(title));
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
    if (!row.device.empty()) json["components"].back()["device"] = row.device;
  }
  // A model's name may come from a file: bytes that are not UTF-8 are replaced, not thrown about.
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace rookery::engine
