// SPDX-License-Identifier: GPL-3.0-or-later
// `memory`: what a model takes per component: planned from shapes, or from a file's contents and then measured, too.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "common.h"
#include "rookery/bench.h"
#include "rookery/device.h"
#include "rookery/ledger.h"
#include "rookery/memory_plan.h"
#include "rookery/session.h"

namespace rookery::cli {
namespace {

using engine::PlanAllocator;
using nlohmann::json;

struct MemoryOptions {
  ModelOptions model;
  std::string shape, format = "markdown", allocator = "plain";
};

std::string title(const std::string& model, const std::string& precision, PlanAllocator allocator) {
  return fmt::format("{}{}-{}", model, allocator == PlanAllocator::Torch ? "-torch" : "", precision);
}

Result<void> planShape(const MemoryOptions& o, PlanAllocator allocator, bool asJson) {
  const auto shape = engine::officialShape(o.shape);
  if (!shape)
    return fail(ErrorCode::InvalidArgument, fmt::format("There is no official shape \"{}\"; there are: {}.", o.shape,
                                                        fmt::join(engine::officialShapeNames(), ", ")));
  std::string precision = o.model.precision.empty() ? "fp16" : o.model.precision;
  auto rows = engine::planMemory(*shape, precision, allocator);
  const bool placed = o.model.strategy != ModelOptions{}.strategy;  // then the table is of what loading puts where
  if (placed) {
    const auto load = loadOptions(o.model);
    if (!load) return tl::unexpected<Error>(load.error());
    rows = engine::planLoad(*shape, engine::DType::F16, *load, allocator);
    precision = load->strategy;
    noteStrategy(load->strategy, shape->layers);
  }
  if (!rows) return tl::unexpected<Error>(rows.error());
  if (asJson) {
    json document = json::parse(engine::memoryTableJson(o.shape, precision, *rows));
    document["state_bytes"] = shape->stateBytes();
    printJson(document);
    return {};
  }
  std::map<std::string, std::uint64_t> devices;
  for (const auto& row : *rows) devices[row.device] += row.bytes;
  std::string where;
  if (placed)
    for (const auto& [device, bytes] : devices) where += fmt::format("\nOn {}: {:.2f} MB of weights.", device, static_cast<double>(bytes) / 1e6);
  printTable(stdout, engine::memoryTableMarkdown(title(o.shape, precision, allocator), *rows) + where);
  print(stdout, "\nState of a conversation: {:.2f} MB, fp32 in every precision.\n", static_cast<double>(shape->stateBytes()) / 1e6);
  return {};
}

Result<void> planAndMeasure(const MemoryOptions& o, PlanAllocator allocator, bool asJson, const Context& context) {
  const auto load = loadOptions(o.model);
  if (!load) return tl::unexpected<Error>(load.error());
  const auto file = openModel(o.model.model);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto rows = engine::planLoad(*file, *load, allocator);
  if (!rows) return tl::unexpected<Error>(rows.error());
  const auto model = loadModel(o.model, context);
  if (!model) return tl::unexpected<Error>(model.error());
  engine::Session session(*model);
  // One token, so that what the first step allocates is counted.
  if (auto read = session.decode(engine::kEndOfText, context.stop); !read) return read;
  const std::vector<engine::LedgerEntry> measured = (*model)->ledger().entries();
  const std::uint64_t resident = engine::residentBytes();
  const engine::ModelInfo& info = (*model)->info();

  const std::string& precision = (*model)->precision();
  if (asJson) {
    json document = json::parse(engine::memoryTableJson(info.name, precision, *rows));
    std::uint64_t inProcess = 0;  // what the operating system counts
    json entries = json::array();
    for (const auto& entry : measured) {
      entries.push_back({{"device", entry.device}, {"component", entry.component}, {"kind", entry.kind}, {"bytes", entry.bytes}});
      if (engine::namesCpu(entry.device)) inProcess += entry.bytes;
    }
    document["strategy"] = load->strategy;
    document["device"] = (*model)->deviceSummary();
    document["device_features"] = (*model)->device().features;
    document["state_bytes"] = info.shape.stateBytes();
    document["measured"] = std::move(entries);
    document["resident_bytes"] = resident;
    document["unexplained_bytes"] = static_cast<std::int64_t>(resident) - static_cast<std::int64_t>(inProcess);
    printJson(document);
    return {};
  }
  printTable(stdout, engine::memoryTableMarkdown(title(info.name, precision, allocator), *rows));
  print(stdout, "\nStrategy: {} ({})\n", load->strategy, (*model)->deviceSummary());
  if (measured.empty()) return {};
  auto planned = *rows;
  planned.push_back({"state", engine::estimateLoad(info, info.dtype).state});
  print(stdout, "\nPlanned from the file's table of contents and measured after loading (MB = 10^6 bytes; a run holds two states):\n\n");
  printTable(stdout, engine::memoryComparisonMarkdown(planned, measured, {.now = resident}));
  return {};
}

}  // namespace

Verb addMemory(CLI::App& app, Context& context) {
  const auto o = std::make_shared<MemoryOptions>();
  CLI::App* verb = app.add_subcommand("memory", "Tell how much memory a model takes, per component");
  auto* choice = verb->add_option_group("model");
  choice->add_option("--model", o->model.model, "Model file, or \"guide\": planned and measured")->type_name("M");
  choice->add_option("--shape", o->shape, "Official shape, rwkv4-169m to rwkv7-13.3b: planned, no weights needed; with a strategy, what lies where");
  choice->require_option(1);
  verb->add_option("--format", o->format, "markdown or json")->check(CLI::IsMember({"markdown", "json"}))->capture_default_str();
  verb->add_option("--allocator", o->allocator, "plain: sum of the tensors; torch: with that allocator's rounding")
      ->check(CLI::IsMember({"plain", "torch"}))
      ->capture_default_str();
  addModelOptions(*verb, o->model);
  addJsonFlag(*verb, context);
  return {verb, [o, &context]() -> Result<void> {
            const auto allocator = o->allocator == "torch" ? PlanAllocator::Torch : PlanAllocator::Plain;
            const bool asJson = context.json || o->format == "json";
            return o->shape.empty() ? planAndMeasure(*o, allocator, asJson, context) : planShape(*o, allocator, asJson);
          }};
}

}  // namespace rookery::cli
