// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/bandwidth.h"
#include "rookery/dtype.h"
#include "rookery/ledger.h"
#include "rookery/memory_plan.h"
#include "rookery/model.h"
#include "rookery/result.h"

namespace rookery::engine {

struct BenchRequest {
  // Exactly one of these three chooses the model.
  std::filesystem::path modelPath;
  std::string syntheticShape;            ///< "rwkv7-0.1b"
  bool guide = false;

  std::optional<DType> precision;        ///< of stages that name no type; synthetic: needed then; file: as it came when not set
  std::string strategy = "cpu";
  int threads = 0;                       ///< 0: one per physical core
  int promptTokens = 512;                ///< pp
  int generateTokens = 128;              ///< tg
  int minReps = 5, maxReps = 20;
  double spreadTarget = 0.02;            ///< MAD / median
  std::uint64_t keptBytes = 0;           ///< of models that stay in this process's memory beside the run; told, not counted
  bool measureBandwidth = true;          ///< of the memory of the device that runs the model; left out where several do
};

struct BenchSeries {
  std::string test;                 ///< "pp512", "tg128", "tg128-sparse", "tg128-chat", "load", "state-save", ...
  std::string unit;                 ///< "tokens/s", "ms"
  std::vector<double> samples;      ///< every measured run, in order
  std::vector<double> warmUp;       ///< runs before it that do not count
  double median = 0, mad = 0, min = 0, max = 0, mean = 0, sd = 0;  ///< mad, sd: 0 and without meaning unless hasSpread()
  bool noisy = false;               ///< the spread target was not reached
  double cpuShare = 0;              ///< processor time got / wanted (wall time x threads); 0: not measured
  bool busy = false;                ///< other programs took part of the processor, evenly or not

  bool hasSpread() const noexcept { return samples.size() > 1; }           ///< one run has none
  bool spreadIsIndicative() const noexcept { return samples.size() == 2; } ///< of two runs it says little
};

/// Load: up to a first token. Chat: the sparse path, and answering as a chat does.
enum class BenchStep { Load, Bandwidth, WarmUp, Prefill, Decode, State, Chat, Done };
struct BenchProgress {
  BenchStep step{};
  std::string test;            ///< "pp512", "tg128", ...
  int run = 0, plannedRuns = 0;
  double lastValue = 0;        ///< tokens/s of the last run, 0 before it
  double spread = 0;           ///< MAD / median so far
  double fraction = 0;         ///< 0..1 of the whole
  double secondsLeft = -1;     ///< < 0: not known yet
  double secondsLeftAtMost = -1;      ///< if every series needs all the runs that it may have
  std::optional<BenchSeries> result;  ///< at the end of a step, what it measured; "bandwidth" in GB/s
};
using BenchProgressFn = std::function<void(const BenchProgress&)>;

/// The device of a run that the CPU does not compute, or not alone.
struct BenchGpu {
  std::string name;
  std::uint64_t memory = 0;
  bool software = false;              ///< a CPU in disguise
  std::vector<std::string> features;  ///< that the backend used
};

struct BenchEnvironment {
  std::string cpu, isa, os, kernel, build, compiler, powerSource, governor, date;  ///< date: ISO 8601, UTC
  std::string device, driver, api;  ///< device: "cpu", "vulkan:0", "vulkan:0 + cpu"
  std::optional<BenchGpu> gpu;
  int threads = 0, physicalCores = 0;  ///< threads: of the CPU that computed; 0 on a GPU
  std::uint64_t memoryTotal = 0;
  std::uint64_t lastLevelCache = 0; ///< bytes; 0: not known. Weights that fit in it are not bound by memory.
};

struct BenchReport {
  int schema = 2;                   ///< 1: a series of one run had a spread of 0. docs/benchmark.md
  std::string model;                ///< name for people
  std::string weights;              ///< "file", "guide" or "synthetic"
  std::string modelSha256;          ///< of the file; empty for synthetic
  std::string fingerprint;
  std::string precision, strategy, mode;  ///< precision: "fp16", "fp16 + int8"; mode: "exact"
  std::uint64_t parameters = 0;
  std::uint64_t bytesPerToken = 0;  ///< dense
  std::vector<BenchSeries> series;
  double bandwidthGBs = 0;          ///< best measured read bandwidth of the device's memory, 10^9 B/s; 0: not measured
  std::string bandwidthPattern;     ///< how it was reached; see BandwidthResult
  double percentOfBandwidth = 0;    ///< decode: tokens/s * bytesPerToken / bandwidth
  std::vector<MemoryRow> planned;   ///< from shapes: weights, state, scratch of the CPU
  std::vector<LedgerEntry> measured;///< from the ledger after loading
  std::uint64_t residentBytes = 0;  ///< of the whole program while it measures, the operating system's figure
  std::uint64_t residentBefore = 0; ///< the same before loading, models that stay included; 0: not known
  std::uint64_t keptBytes = 0;      ///< of residentBefore: other models, as BenchRequest has it
  std::vector<std::uint32_t> greedyTokens;  ///< fingerprint of the output: same weights and mode, same tokens
  bool partial = false;             ///< cancelled before the end
  BenchEnvironment environment;

  const BenchSeries* find(std::string_view test) const noexcept;
  /// What the operating system counts beyond all that is known, in bytes; negative: less (pages that nothing has touched).
  std::int64_t unexplainedBytes() const noexcept;
  bool ranOnCpu() const;
  bool cpuTookPart() const;
  bool onSeveralDevices() const;
  /// Whether the bandwidth is that of the device that ran the model. Old reports of GPUs hold that of the CPU's memory: their
  /// pattern does not begin with the device's kind.
  bool hasLimit() const;
};

/// Loads the model, warms up until two runs agree within 3 % (at most 6), then measures each series; on the calling thread. A cancelled run returns the steps that were
/// finished, marked partial (Cancelled only if nothing was).
Result<BenchReport> runBench(const BenchRequest& request, const BenchProgressFn& progress = {}, std::stop_token stop = {});

BenchEnvironment describeEnvironment(int threads);

/// Canonical JSON: sorted keys, `sha256` of the document without that key.
std::string reportJson(const BenchReport& report);
/// FileDamaged if it is not a report, VerificationFailed if the hash does not match.
Result<BenchReport> reportFromJson(std::string_view json);
std::string reportMarkdown(const BenchReport& report);  ///< llama-bench table, environment, memory table
std::string reportCsv(const BenchReport& report);       ///< one line per sample

/// What the operating system counts for this process, in bytes; 0: not known.
struct ResidentMemory {
  std::uint64_t now = 0;     ///< all of it
  std::uint64_t before = 0;  ///< of that, what was there before the model
  std::uint64_t kept = 0;    ///< of that, other models
};

/// Planned and measured megabytes side by side, one row per component, with what the operating system counts
/// beyond both as "unexplained". The rows add up: total, unexplained and what was there before make resident.
std::string memoryComparisonMarkdown(const std::vector<MemoryRow>& planned, const std::vector<LedgerEntry>& measured,
                                     const ResidentMemory& resident);

}  // namespace rookery::engine
