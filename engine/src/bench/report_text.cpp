// SPDX-License-Identifier: GPL-3.0-or-later
// Reports for people: Markdown (the table of llama-bench, the published page's row, environment, memory) and CSV.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "formats/plain_text.h"
#include "rookery/bench.h"
#include "rookery/device.h"

namespace rookery::engine {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

bool isWeights(const MemoryRow& row) { return row.component != "state" && row.component != "scratch"; }

std::uint64_t weightBytes(const BenchReport& r) {
  std::uint64_t sum = 0;
  for (const LedgerEntry& entry : r.measured)
    if (entry.kind == "weights") sum += entry.bytes;
  if (sum == 0)
    for (const MemoryRow& row : r.planned) sum += isWeights(row) ? row.bytes : 0;
  return sum;
}

/// llama-bench's own units: MiB below 1 GiB, then GiB, both labelled.
std::string sizeText(std::uint64_t bytes) {
  const double mib = static_cast<double>(bytes) / kMiB;
  return mib < 1024 ? fmt::format("{:.2f} MiB", mib) : fmt::format("{:.2f} GiB", mib / 1024);
}

std::string parametersText(std::uint64_t parameters) {
  const double p = static_cast<double>(parameters);
  return p < 1e9 ? fmt::format("{:.2f} M", p / 1e6) : fmt::format("{:.2f} B", p / 1e9);
}

std::string megabytes(std::uint64_t bytes) { return fmt::format("{:.2f}", static_cast<double>(bytes) / 1e6); }

std::string modelLabel(const BenchReport& r) {
  return fmt::format("{} {}{}", markdownText(r.model), markdownText(r.precision), r.weights == "synthetic" ? " (synthetic weights)" : "");
}

std::string deviceLabel(const BenchReport& r) {
  const BenchEnvironment& e = r.environment;
  if (r.ranOnCpu()) return "CPU " + markdownText(e.isa);
  const std::string device = e.gpu ? e.gpu->name + (e.gpu->software ? ", software" : "") : e.device;
  const std::string cpu = r.cpuTookPart() ? " + CPU " + markdownText(e.isa) : "";
  return (e.api.empty() ? markdownText(device) : fmt::format("{} ({})", markdownText(e.api), markdownText(device))) + cpu;
}

/// Of the CPU; a GPU's run has none.
std::string threadsText(const BenchReport& r) { return r.cpuTookPart() ? std::to_string(r.environment.threads) : ""; }

/// What the model takes where it runs: the CPU's alone is what the program grew by.
std::string deviceMemory(const BenchReport& r) {
  const auto gigabytes = [](std::uint64_t bytes) { return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9); };
  if (r.ranOnCpu()) return gigabytes(r.residentBytes - std::min(r.residentBefore, r.residentBytes)) + " RAM";
  std::uint64_t gpu = 0, cpu = 0;
  for (const LedgerEntry& entry : r.measured) (namesCpu(entry.device) ? cpu : gpu) += entry.bytes;
  return gigabytes(gpu) + (r.cpuTookPart() ? fmt::format(" + {} RAM", gigabytes(cpu)) : "");
}

const BenchSeries* decodeSeries(const BenchReport& r) {
  const auto it = std::find_if(r.series.begin(), r.series.end(), [](const BenchSeries& s) {
    return s.test.starts_with("tg") && s.test.find('-') == std::string::npos;
  });
  return it == r.series.end() ? nullptr : &*it;
}

const char* noteOf(const BenchSeries& s) { return s.busy ? " (busy)" : s.noisy ? " (noisy)" : ""; }

std::string benchTable(const BenchReport& r) {
  std::string out =
      "| model | size | params | backend | threads | test | t/s | runs |\n"
      "| ----- | ---: | -----: | ------- | ------: | ---: | --: | ---: |\n";
  bool spread = false, indicative = false, single = false;
  for (const BenchSeries& s : r.series) {
    if (s.unit != "tokens/s") continue;
    const std::string around = s.hasSpread() ? fmt::format(" ± {:.2f}", s.mad) : "";
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {:.2f}{}{} | {} |\n", modelLabel(r), sizeText(weightBytes(r)),
                       parametersText(r.parameters), deviceLabel(r), threadsText(r), markdownText(s.test), s.median, around,
                       noteOf(s), s.samples.size());
    spread = spread || s.hasSpread();
    indicative = indicative || s.spreadIsIndicative();
    single = single || s.samples.size() == 1;
  }
  if (std::any_of(r.series.begin(), r.series.end(), [](const BenchSeries& s) { return s.busy; }))
    out += "\nBusy: other programs took part of the processor while this was measured.\n";
  out += spread ? "\nEach value: median ± median absolute deviation." : "\nEach value: the median.";
  if (single) out += " One run has no spread.";
  if (indicative) out += " 2 runs: the spread is only indicative.";
  out += " Sampling is excluded except in tests named `-chat`.\n";
  return out;
}

std::string timesTable(const BenchReport& r) {
  std::string rows;
  for (const BenchSeries& s : r.series) {
    if (s.unit == "tokens/s") continue;
    rows += fmt::format("| {} | {:.3f} | {} | {:.3f} | {:.3f} | {}{} |\n", markdownText(s.test), s.median,
                        s.hasSpread() ? fmt::format("{:.3f}", s.mad) : "", s.min, s.max, s.samples.size(), s.noisy ? " (noisy)" : "");
  }
  if (rows.empty()) return {};
  return "\n| step | median, ms | MAD | min | max | runs |\n| ---- | ---------: | --: | --: | --: | ---: |\n" + rows;
}

std::string limitText(const BenchReport& r) {
  if (!r.hasLimit() && !r.ranOnCpu())
    return fmt::format("\nMemory read limit of the device: not measured{}. Decoding reads {} MB per token.\n",
                       r.onSeveralDevices() ? ", for several devices share the work and each has a limit of its own" : "", megabytes(r.bytesPerToken));
  if (!r.hasLimit()) return {};
  std::string out = fmt::format("\nMemory read limit: {:.1f} GB/s ({}).", r.bandwidthGBs, markdownText(r.bandwidthPattern));
  if (r.percentOfBandwidth > 0)
    out += fmt::format(" Decoding reads {} MB per token: {:.0f} % of that limit.", megabytes(r.bytesPerToken),
                       r.percentOfBandwidth);
  if (r.ranOnCpu() && r.environment.lastLevelCache > 0 && r.bytesPerToken <= r.environment.lastLevelCache)
    out += fmt::format(" This fits in the last-level cache ({} MB), so the limit can be exceeded.",
                       megabytes(r.environment.lastLevelCache));
  return out + "\n";
}

std::string publishedRow(const BenchReport& r) {
  const BenchSeries* decode = decodeSeries(r);
  if (decode == nullptr) return {};
  if (r.weights != "file")
    return "\nThese weights are not a released model, so the result has no row for the published page.\n";
  return fmt::format(
      "\n| Inference Tool | Model | Precision | Tokens/s | VRAM Usage |\n| :---: | :---: | :---: | :---: | :---: |\n"
      "| Rookery ({}) | {} | {} | {:.2f} | {} |\n",
      deviceLabel(r), markdownText(r.model), markdownText(r.precision), decode->median, deviceMemory(r));
}

std::string environmentBlock(const BenchReport& r) {
  const BenchEnvironment& e = r.environment;
  std::string out = "\nTest Environment:\n\n";
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("- {}: {}\n", name, markdownText(value));
  };
  line("CPU", r.cpuTookPart() ? fmt::format("{} ({}, {} of {} cores)", e.cpu, e.isa, e.threads, e.physicalCores)
                           : fmt::format("{} ({} cores)", e.cpu, e.physicalCores));
  line("Memory", fmt::format("{:.1f} GB", static_cast<double>(e.memoryTotal) / 1e9));
  if (e.gpu) {
    line("GPU", e.gpu->name + (e.gpu->software ? " (software: computed by the CPU)" : ""));
    line("GPU memory", fmt::format("{:.1f} GB", static_cast<double>(e.gpu->memory) / 1e9));
    line("GPU API", e.api);
    line("GPU features used", fmt::format("{}", fmt::join(e.gpu->features, ", ")));
  }
  line("OS version", e.os);
  line("Kernel", e.kernel);
  line("driver version", e.driver);
  line("Power source", e.powerSource);
  line("CPU governor", e.governor);
  line("Build", fmt::format("{}, {}", e.build, e.compiler));
  line("Mode", r.mode);
  line("Strategy", r.strategy);
  line("Weights", r.weights);
  line("Model SHA-256", r.modelSha256);
  line("Weights fingerprint", r.fingerprint);
  line("Date", e.date);
  if (!r.greedyTokens.empty())
    line("Greedy tokens", fmt::format("{}", fmt::join(r.greedyTokens, " ")));
  return out;
}

/// What lies on which device; nothing where there is one.
std::string deviceTable(const std::vector<MemoryRow>& planned, const std::vector<LedgerEntry>& measured) {
  std::vector<std::string> devices;
  for (const LedgerEntry& entry : measured)
    if (std::find(devices.begin(), devices.end(), entry.device) == devices.end()) devices.push_back(entry.device);
  if (devices.size() < 2) return {};
  std::string out = "\n| device | weights planned, MB | weights, MB | all, MB |\n| ------ | ------------------: | ----------: | ------: |\n";
  for (const std::string& device : devices) {
    std::uint64_t plan = 0, weights = 0, all = 0;
    for (const MemoryRow& row : planned) plan += row.device == device && isWeights(row) ? row.bytes : 0;
    for (const LedgerEntry& entry : measured) {
      if (entry.device != device) continue;
      all += entry.bytes;
      weights += entry.kind == "weights" ? entry.bytes : 0;
    }
    out += fmt::format("| {} | {} | {} | {} |\n", markdownText(device), megabytes(plan), megabytes(weights), megabytes(all));
  }
  return out;
}

}  // namespace

bool BenchReport::ranOnCpu() const { return environment.device.empty() || namesCpu(environment.device); }

bool BenchReport::cpuTookPart() const {
  const auto devices = devicesNamed(environment.device);
  return ranOnCpu() || std::any_of(devices.begin(), devices.end(), [](const DeviceName& d) { return d.kind == DeviceKind::Cpu; });
}

bool BenchReport::onSeveralDevices() const { return devicesNamed(environment.device).size() > 1; }

bool BenchReport::hasLimit() const {
  if (bandwidthGBs <= 0 || ranOnCpu()) return bandwidthGBs > 0;
  const auto devices = devicesNamed(environment.device);
  return devices.size() == 1 && bandwidthPattern.starts_with(kindTitle(devices.front().kind));
}

const BenchSeries* BenchReport::find(std::string_view test) const noexcept {
  const auto it = std::find_if(series.begin(), series.end(), [&](const BenchSeries& s) { return s.test == test; });
  return it == series.end() ? nullptr : &*it;
}

std::int64_t BenchReport::unexplainedBytes() const noexcept {
  std::uint64_t inProcess = 0;
  for (const LedgerEntry& entry : measured)
    if (namesCpu(entry.device)) inProcess += entry.bytes;
  return static_cast<std::int64_t>(residentBytes) - static_cast<std::int64_t>(residentBefore) - static_cast<std::int64_t>(inProcess);
}

std::string memoryComparisonMarkdown(const std::vector<MemoryRow>& planned, const std::vector<LedgerEntry>& measured,
                                     const ResidentMemory& resident) {
  struct Row {
    std::string component;
    std::uint64_t planned = 0, measured = 0;
  };
  std::vector<Row> rows;
  const auto rowOf = [&](const std::string& component) -> Row& {
    const auto it = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.component == component; });
    return it != rows.end() ? *it : rows.emplace_back(Row{component, 0, 0});
  };
  Row total{"total", 0, 0};
  std::uint64_t inProcess = 0;  // what the operating system counts
  for (const MemoryRow& row : planned) {
    rowOf(row.component).planned += row.bytes;
    total.planned += row.bytes;
  }
  for (const LedgerEntry& entry : measured) {
    rowOf(entry.component).measured += entry.bytes;
    total.measured += entry.bytes;
    if (namesCpu(entry.device)) inProcess += entry.bytes;
  }
  rows.push_back(total);

  std::string out = "| component | planned, MB | measured, MB |\n| --------- | ----------: | -----------: |\n";
  for (const Row& row : rows)
    out += fmt::format("| {} | {} | {} |\n", markdownText(row.component), row.planned > 0 ? megabytes(row.planned) : "", megabytes(row.measured));
  if (resident.now > 0) {
    const double rest = (static_cast<double>(resident.now) - static_cast<double>(resident.before) - static_cast<double>(inProcess)) / 1e6;
    out += fmt::format("| unexplained | | {:.2f} |\n", rest);
    if (resident.kept > 0) out += fmt::format("| other models, which stayed loaded | | {} |\n", megabytes(resident.kept));
    if (resident.before > 0) out += fmt::format("| the program itself | | {} |\n", megabytes(resident.before - std::min(resident.kept, resident.before)));
    out += fmt::format("| resident | | {} |\n", megabytes(resident.now));
  }
  return out + deviceTable(planned, measured);
}

std::string reportMarkdown(const BenchReport& r) {
  std::string out = benchTable(r);
  if (r.partial) out += "\nThe run was cancelled before its end; only the finished steps are here.\n";
  out += timesTable(r);
  out += limitText(r);
  out += publishedRow(r);
  out += environmentBlock(r);
  if (!r.planned.empty() || !r.measured.empty())
    out += "\nMemory, planned from shapes and measured after loading (MB = 10^6 bytes):\n\n" +
           memoryComparisonMarkdown(r.planned, r.measured, r.ranOnCpu() ? ResidentMemory{r.residentBytes, r.residentBefore, r.keptBytes} : ResidentMemory{});
  return out;
}

std::string reportCsv(const BenchReport& r) {
  std::string out = "model,weights,precision,strategy,mode,threads,test,unit,phase,run,value\n";
  const auto prefix = fmt::format("{},{},{},{},{},{}", csvText(r.model), csvText(r.weights), csvText(r.precision),
                                  csvText(r.strategy), csvText(r.mode), threadsText(r));
  for (const BenchSeries& s : r.series) {
    const auto lines = [&](const char* phase, const std::vector<double>& values) {
      for (std::size_t i = 0; i < values.size(); ++i)
        out += fmt::format("{},{},{},{},{},{}\n", prefix, csvText(s.test), csvText(s.unit), phase, i + 1, values[i]);
    };
    lines("warm-up", s.warmUp);
    lines("measured", s.samples);
  }
  return out;
}

}  // namespace rookery::engine
