// SPDX-License-Identifier: GPL-3.0-or-later
// The measuring itself: statistics, protocol, reports, reading kernels.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <tuple>

#include "bench/bandwidth_kernels.h"
#include "bench/bench_clock.h"
#include "bench/cpu_use.h"
#include "bench/series.h"
#include "bench/statistics.h"
#include "formats/plain_text.h"
#include "rookery/bench.h"
#include "rookery/device.h"
#include "rookery/machine_load.h"
#include "support/usable_vulkan.h"

using namespace rookery::engine;

namespace {

/// Hands out the given values, one per run.
RunFn script(std::vector<double> values) {
  return [values = std::move(values), next = std::size_t{0}]() mutable -> Result<double> {
    REQUIRE(next < values.size());
    return values[next++];
  };
}

BenchReport sampleReport() {
  BenchReport r;
  r.model = "test | \"model\", 0.1B";
  r.weights = "synthetic";
  r.fingerprint = "0123";
  r.precision = "fp16";
  r.strategy = "cpu";
  r.mode = "exact";
  r.parameters = 191034624;
  r.bytesPerToken = 289'000'000;
  BenchSeries pp{.test = "pp512", .unit = "tokens/s", .samples = {100, 101.5, 99}, .warmUp = {50, 98}};
  pp.median = 100;
  pp.mad = 1;
  BenchSeries tg = pp;
  tg.test = "tg128";
  tg.median = 64.5;
  tg.noisy = true;
  BenchSeries load{.test = "load", .unit = "ms", .samples = {312.25}, .warmUp = {}};
  load.median = 312.25;
  r.series = {load, pp, tg};
  r.bandwidthGBs = 33.5;
  r.bandwidthPattern = "avx512, 4 streams, 2 threads";
  r.percentOfBandwidth = 55.64;
  r.planned = {{"embedding", 100'663'296, 100.66, 100.66}, {"head", 100'663'296, 201.33, 100.67}};
  r.measured = {{"cpu", "embedding", "weights", 100'663'296}, {"cpu", "scratch", "scratch", 5'000'000}};
  r.residentBytes = 120'000'000;
  r.greedyTokens = {1, 2, 4000000000U};
  r.environment = describeEnvironment(2);
  return r;
}

}  // namespace

TEST_CASE("statistics of known samples") {
  const Statistics odd = summarise(std::vector<double>{3, 1, 2, 100, 4});
  CHECK(odd.median == 3);
  CHECK(odd.mad == 1);  // distances 0, 2, 1, 97, 1
  CHECK(odd.min == 1);
  CHECK(odd.max == 100);
  CHECK(odd.mean == 22);
  CHECK(odd.spread() == doctest::Approx(1.0 / 3));
  const Statistics even = summarise(std::vector<double>{2, 4, 4, 4, 5, 5, 7, 9});
  CHECK(even.median == 4.5);
  CHECK(even.sd == doctest::Approx(2.13809));
  CHECK(summarise({}).median == 0);
  CHECK(summarise(std::vector<double>{7}).sd == 0);
}

TEST_CASE("warm-up ends when two runs in a row agree within 3 %") {
  const auto series = measureSeries({.test = "tg", .unit = "tokens/s"}, script({50, 90, 97, 99, 100, 100, 100, 100, 100}), {}, {});
  REQUIRE(series);
  CHECK(series->warmUp == std::vector<double>{50, 90, 97, 99});
  CHECK(series->samples.size() == 5);
  CHECK(series->median == 100);
  CHECK_FALSE(series->noisy);
}

TEST_CASE("warm-up gives up after six runs") {
  const auto series = measureSeries({.test = "tg", .unit = "tokens/s"},
                                    script({10, 20, 30, 40, 50, 60, 100, 100, 100, 100, 100}), {}, {});
  REQUIRE(series);
  CHECK(series->warmUp.size() == 6);
}

TEST_CASE("measuring goes on until the spread is met") {
  // MAD / median: 5 % after five runs, still 5 % after seven, 2.5 % after eight, 0 after nine.
  const auto series = measureSeries({.test = "tg", .unit = "tokens/s"},
                                    script({100, 100, 100, 90, 95, 105, 110, 100, 100, 100, 100}), {}, {});
  REQUIRE(series);
  CHECK(series->samples.size() == 9);
  CHECK(series->mad / series->median <= 0.02);
  CHECK_FALSE(series->noisy);
}

TEST_CASE("one run has no spread, two have one that is only indicative") {
  const SeriesPlan once{.test = "tg", .unit = "tokens/s", .warmUpMin = 0, .warmUpMax = 0, .minReps = 1, .maxReps = 1};
  SeriesPlan twice = once;
  twice.minReps = twice.maxReps = 2;
  BenchReport report = sampleReport();
  report.series = {*measureSeries(once, script({3069.62}), {}, {}), *measureSeries(twice, script({100, 110}), {}, {})};
  report.series[0].test = "tg8";
  report.series[1].test = "tg9";
  CHECK_FALSE(report.series[0].hasSpread());
  CHECK_FALSE(report.series[0].noisy);
  CHECK(report.series[1].hasSpread());
  CHECK(report.series[1].spreadIsIndicative());

  const auto document = nlohmann::json::parse(reportJson(report));
  CHECK(document["schema"] == 2);
  CHECK(document["series"][0]["mad"].is_null());
  CHECK(document["series"][0]["sd"].is_null());
  CHECK(document["series"][0]["median"] == 3069.62);
  CHECK(document["series"][1]["mad"] == 5);
  const auto again = reportFromJson(document.dump());
  REQUIRE(again);
  CHECK(reportJson(*again) == reportJson(report));

  const std::string text = reportMarkdown(report);
  CHECK(text.find("| tg8 | 3069.62 | 1 |\n") != std::string::npos);
  CHECK(text.find("| tg9 | 105.00 ± 5.00 (noisy) | 2 |\n") != std::string::npos);
  CHECK(text.find("One run has no spread. 2 runs: the spread is only indicative.") != std::string::npos);
  BenchReport times = report;
  times.series[0].unit = "ms";
  CHECK(reportMarkdown(times).find("| tg8 | 3069.620 |  | 3069.620 | 3069.620 | 1 |\n") != std::string::npos);
  report.series.pop_back();
  CHECK(reportMarkdown(report).find("±") == std::string::npos);
  const std::string many = reportMarkdown(sampleReport());
  CHECK(many.find("One run") == std::string::npos);
  CHECK(many.find("indicative") == std::string::npos);
}

TEST_CASE("reports of schema 1 are read and written as they were") {
  BenchReport report = sampleReport();
  report.schema = 1;  // its load series of one run has a spread of 0
  const std::string text = reportJson(report);
  CHECK(nlohmann::json::parse(text)["series"][0]["mad"] == 0);
  const auto again = reportFromJson(text);
  REQUIRE(again);
  CHECK(again->schema == 1);
  CHECK_FALSE(again->series[0].hasSpread());
  CHECK(reportJson(*again) == text);
  CHECK(reportMarkdown(*again).find("| load | 312.250 |  | ") != std::string::npos);
  auto document = nlohmann::json::parse(text);
  document["series"][0]["mad"] = nullptr;
  const auto changed = reportFromJson(document.dump());
  REQUIRE_FALSE(changed);
  CHECK(changed.error().code == ErrorCode::FileDamaged);
}

TEST_CASE("a machine that never settles is called noisy") {
  std::vector<double> values{100, 100};
  for (int i = 0; i < 20; ++i) values.push_back(80 + 2 * i);  // a drift, as of a machine that heats up
  const auto series = measureSeries({.test = "tg", .unit = "tokens/s"}, script(values), {}, {});
  REQUIRE(series);
  CHECK(series->samples.size() == 20);
  CHECK(series->noisy);
}

TEST_CASE("a machine that others use evenly is called busy") {
  CpuUse own(1), shared(1);
  for (int run = 0; run < 5; ++run) {
    own.add(2.0, 1.97);
    shared.add(2.0, 1.2);  // the same in every run: no spread of the samples shows it
  }
  CHECK(own.share() == doctest::Approx(0.985));
  CHECK_FALSE(own.busy());
  CHECK(shared.share() == doctest::Approx(0.6));
  CHECK(shared.busy());
  CHECK_FALSE(CpuUse(1).busy());  // not measured is not busy
  // More threads than processors want no more than the processors have.
  CpuUse many(10'000);
  many.add(1.0, usableProcessors());
  CHECK(many.share() == doctest::Approx(1.0));
}

TEST_CASE("waiting is not using the processor") {
  CpuUse use(1);
  use.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  use.stop();
  CHECK(use.busy());
  const double before = processCpuSeconds();
  volatile int i = 0;
  while (i < 20'000'000) i = i + 1;
  CHECK(processCpuSeconds() > before);
}

TEST_CASE("a stopped series is Cancelled and an error of a run ends it") {
  std::stop_source stop;
  int runs = 0;
  const auto cancelled = measureSeries({.test = "tg", .unit = "x"}, [&]() -> Result<double> {
    if (++runs == 3) stop.request_stop();
    return 1.0;
  }, {}, stop.get_token());
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().code == ErrorCode::Cancelled);
  CHECK(runs == 3);
  const auto failed = measureSeries({.test = "tg", .unit = "x"}, []() -> Result<double> { return fail(ErrorCode::OutOfMemory, "no"); }, {}, {});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::OutOfMemory);
}

namespace {

/// A benchmark on a machine that costs no time: what a run takes, and by how much runs differ (standard deviation over
/// mean). `told` has what was said and when, `total` the seconds of the whole.
struct SimulatedRun {
  double load = 10, bandwidth = 12, prefill = 2.5, decode = 3, noise = 0.003, slowStart = 1.5;
  int seed = 1;

  std::vector<std::pair<double, BenchProgress>> told = {};
  double total = 0;

  void go() {
    double now = 1000;
    std::mt19937 random(static_cast<unsigned>(seed));
    std::normal_distribution<double> normal;
    BenchClock clock([&](const BenchProgress& p) { told.emplace_back(now - 1000, p); }, [&] { return now; });
    const auto plan = [&](const char* test, int most, int least, int warmUpMax) {
      return SeriesPlan{.test = test, .unit = "tokens/s", .warmUpMax = warmUpMax, .minReps = least, .maxReps = most};
    };
    const SeriesPlan first{.test = "first-token", .unit = "ms", .warmUpMin = 1, .warmUpMax = 1, .maxReps = 10};
    const auto loadStep = clock.plan(BenchStep::Load, "load");
    const auto firstStep = clock.plan(BenchStep::Load, first);
    const auto bandwidthStep = clock.plan(BenchStep::Bandwidth, "bandwidth");
    struct Todo {
      BenchStep step;
      SeriesPlan plan;
      double seconds, before;
    };
    std::vector<Todo> todo{{BenchStep::Prefill, plan("pp512", 20, 5, 6), prefill, 0}, {BenchStep::Decode, plan("tg128", 20, 5, 6), decode, 0},
                           {BenchStep::Chat, plan("tg128-sparse", 5, 3, 3), 0.8 * decode, load}, {BenchStep::Chat, plan("tg128-chat", 5, 3, 3), 1.1 * decode, 0}};
    std::vector<std::size_t> steps;
    for (const Todo& one : todo) steps.push_back(clock.plan(one.step, one.plan));
    clock.setCostLike(steps[2], steps[1]);
    clock.setCostLike(steps[3], steps[1]);

    const auto measure = [&](std::size_t step, const SeriesPlan& how, double seconds) {
      int run = 0;
      const auto series = measureSeries(how, [&]() -> Result<double> {
        const double took = seconds * (run++ == 0 ? slowStart : 1) * std::max(0.2, 1 + noise * normal(random));
        now += took;
        return 100 / took;
      }, [&](const SeriesProgress& p) { clock.advance(step, p); }, {});
      clock.finish(step, *series);
    };
    clock.begin(loadStep);
    now += load;
    clock.finish(loadStep);
    clock.begin(firstStep);
    // What is guessed before anything was measured, half of it wrong by a factor of two.
    clock.setCost(bandwidthStep, 8);
    clock.setCost(steps[0], 2 * prefill);
    clock.setCost(steps[1], decode);
    clock.setCost(steps[2], decode, load);
    clock.setCost(steps[3], decode);
    clock.settled();
    measure(firstStep, first, 0.1);
    clock.begin(bandwidthStep);
    now += bandwidth;
    clock.finish(bandwidthStep);
    for (std::size_t i = 0; i < todo.size(); ++i) {
      clock.begin(steps[i]);
      now += todo[i].before;
      clock.prepared();
      measure(steps[i], todo[i].plan, todo[i].seconds);
    }
    clock.done();
    total = now - 1000;
  }
};

}  // namespace

TEST_CASE("the time left is true within 30 % after a fifth of the run") {
  struct Machine {
    std::string name;
    SimulatedRun run;
    int atLeast = 100;  ///< seeds of 100 for which it must be true
  };
  // Where runs differ by a little more than the target, some series settle by luck after five of twenty runs, which
  // nothing can foresee; that is what secondsLeftAtMost is for.
  const std::vector<Machine> machines{
      {"quiet", {}},
      {"a large model: loading and answering are slow", {.load = 60, .prefill = 20, .decode = 40}},
      {"reading is quick", {.load = 2, .prefill = 0.3, .decode = 4}},
      {"the first run is four times as slow", {.slowStart = 4}},
      {"other programs run, no series settles", {.noise = 0.2}, 85},
      {"other programs run a little", {.noise = 0.06}, 35},
      {"a large model, disturbed", {.load = 60, .prefill = 20, .decode = 40, .noise = 0.12}, 75},
      {"answering is quick, disturbed", {.load = 2, .prefill = 6, .decode = 1, .noise = 0.1}, 55}};
  for (const Machine& machine : machines) {
    CAPTURE(machine.name);
    constexpr int kSeeds = 100;
    int good = 0, covered = 0;
    for (int seed = 1; seed <= kSeeds; ++seed) {
      SimulatedRun run = machine.run;
      run.seed = seed;
      run.go();
      const auto at = std::find_if(run.told.begin(), run.told.end(), [&](const auto& p) { return p.first >= 0.2 * run.total; });
      REQUIRE(at != run.told.end());
      const double said = at->second.secondsLeft, truth = run.total - at->first;
      good += std::abs(said - truth) <= 0.3 * truth;
      covered += at->second.secondsLeftAtMost >= 0.9 * truth;
    }
    MESSAGE(machine.name, ": ", good, " of ", kSeeds);
    CHECK(good >= machine.atLeast);
    CHECK(covered >= 95);
  }
}

TEST_CASE("how many runs a series comes to follows from its spread") {
  const SeriesPlan plan{.test = "tg", .unit = "x"};
  CHECK(expectedRuns(plan, 0) == 5);
  CHECK(expectedRuns(plan, 0.01) == 5);
  CHECK(expectedRuns(plan, 0.034) == doctest::Approx(12.5).epsilon(0.05));
  CHECK(expectedRuns(plan, 0.5) == doctest::Approx(20).epsilon(0.01));
  CHECK(expectedRuns(plan, 0.5, 19) == doctest::Approx(20).epsilon(0.01));
  CHECK(expectedRuns(plan, 0.01, 12) == 12);
  CHECK(expectedRuns({.test = "tg", .unit = "x", .minReps = 7, .maxReps = 3}, 1) == 7);
}

TEST_CASE("progress never goes back, ends at 1 and brings the figures as they come") {
  SimulatedRun run;
  run.noise = 0.08;
  run.go();
  CHECK(run.told.front().second.secondsLeft < 0);
  for (std::size_t i = 1; i < run.told.size(); ++i) CHECK(run.told[i].second.fraction >= run.told[i - 1].second.fraction);
  for (const auto& [when, p] : run.told)
    if (p.step != BenchStep::Done) CHECK(p.fraction < 0.35 + when / run.total);  // a full bar from the start would not go back either
  CHECK(run.told.back().second.fraction == 1);
  CHECK(run.told.back().second.secondsLeft == 0);
  CHECK(run.told.back().second.secondsLeftAtMost == 0);
  CHECK(run.told.back().second.step == BenchStep::Done);
  std::vector<std::string> results;
  for (const auto& [when, p] : run.told)
    if (p.result) results.push_back(p.result->test);
  CHECK(results == std::vector<std::string>{"first-token", "pp512", "tg128", "tg128-sparse", "tg128-chat"});
}

TEST_CASE("a report survives the way through JSON") {
  BenchReport report = sampleReport();
  report.series[2].cpuShare = 0.5;
  report.series[2].busy = true;
  const std::string text = reportJson(report);
  const auto again = reportFromJson(text);
  REQUIRE(again);
  CHECK(reportJson(*again) == text);
  CHECK(again->series.size() == 3);
  CHECK(again->series[1].samples == report.series[1].samples);
  CHECK(again->series[2].noisy);
  CHECK(again->series[2].busy);
  CHECK(again->series[2].cpuShare == 0.5);
  CHECK_FALSE(again->series[1].busy);
  CHECK(again->greedyTokens == report.greedyTokens);
  CHECK(again->measured.size() == 2);
  CHECK(again->planned[1].cumulativeMb == report.planned[1].cumulativeMb);
  CHECK(again->environment.cpu == report.environment.cpu);
  CHECK(again->find("tg128") != nullptr);
  CHECK(again->find("tg") == nullptr);
}

TEST_CASE("a report that was changed fails verification") {
  std::string text = reportJson(sampleReport());
  const std::size_t at = text.find("64.5");
  REQUIRE(at != std::string::npos);
  text[at] = '9';
  const auto changed = reportFromJson(text);
  REQUIRE_FALSE(changed);
  CHECK(changed.error().code == ErrorCode::VerificationFailed);

  auto document = nlohmann::json::parse(reportJson(sampleReport()));
  document["extra"] = "added later";
  const auto added = reportFromJson(document.dump());
  REQUIRE_FALSE(added);
  CHECK(added.error().code == ErrorCode::VerificationFailed);
}

TEST_CASE("white space and key order do not matter to the hash") {
  const auto document = nlohmann::json::parse(reportJson(sampleReport()));
  CHECK(reportFromJson(document.dump()));
  CHECK(reportFromJson(document.dump(7)));
}

TEST_CASE("hostile report files give an error, never a crash") {
  const std::string good = reportJson(sampleReport());
  const auto refuses = [](const std::string& text) {
    const auto result = reportFromJson(text);
    return !result && result.error().code == ErrorCode::FileDamaged;
  };
  CHECK(refuses(""));
  CHECK(refuses("null"));
  CHECK(refuses("[]"));
  CHECK(refuses("{}"));
  CHECK(refuses("\xff\xfe\x00"));
  CHECK(refuses(std::string(5'000'000, '[')));
  CHECK(refuses("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"));
  CHECK(refuses("{\"schema\": 1e999}"));
  for (std::size_t cut = 0; cut < good.size() - 2; cut += 7) CHECK(refuses(good.substr(0, cut)));
  // Every key once with every kind of wrong value.
  const auto document = nlohmann::json::parse(good);
  for (const auto& [key, value] : document.items()) {
    for (const char* wrong : {"null", "-1", "1e300", "\"x\"", "[null]", "[{}]", "{}", "[[1]]", "99999999999999999999999"}) {
      auto copy = document;
      copy[key] = nlohmann::json::parse(wrong);
      CHECK_MESSAGE(!reportFromJson(copy.dump()), key, " = ", wrong);
    }
    auto copy = document;
    copy.erase(key);
    CHECK_MESSAGE(refuses(copy.dump()), "without ", key);
  }
}

TEST_CASE("values that JSON cannot hold do not break a report") {
  BenchReport report = sampleReport();
  report.series[0].median = std::numeric_limits<double>::quiet_NaN();
  report.bandwidthGBs = std::numeric_limits<double>::infinity();
  report.model = "bad \xff utf-8";
  CHECK(reportFromJson(reportJson(report)));
}

TEST_CASE("Markdown has the table of llama-bench, the environment and both memory columns") {
  const BenchReport report = sampleReport();
  const std::string text = reportMarkdown(report);
  CHECK(text.find("| model | size | params | backend | threads | test | t/s | runs |") == 0);
  CHECK(text.find("| tg128 | 64.50 ± 1.00 (noisy) | 3 |") != std::string::npos);
  BenchReport busy = sampleReport();
  busy.series[2].busy = true;
  CHECK(reportMarkdown(busy).find("| tg128 | 64.50 ± 1.00 (busy) | 3 |") != std::string::npos);
  CHECK(text.find("test \\| \"model\", 0.1B fp16 (synthetic weights)") != std::string::npos);
  CHECK(text.find("191.03 M") != std::string::npos);
  CHECK(text.find("56 % of that limit") != std::string::npos);
  CHECK(text.find("- CPU: " + report.environment.cpu) != std::string::npos);
  CHECK(text.find("| embedding | 100.66 | 100.66 |") != std::string::npos);
  CHECK(text.find("| scratch |  | 5.00 |") != std::string::npos);
  CHECK(text.find("| total | 201.33 | 105.66 |") != std::string::npos);
  CHECK(text.find("| unexplained | | 14.34 |") != std::string::npos);
  CHECK(text.find("| Inference Tool |") == std::string::npos);  // synthetic weights have no published row
  BenchReport file = report;
  file.weights = "file";
  CHECK(reportMarkdown(file).find("| Inference Tool | Model | Precision | Tokens/s | VRAM Usage |") != std::string::npos);
}

TEST_CASE("what was in memory before the run is not counted, and the rows add up") {
  BenchReport report = sampleReport();
  report.residentBytes = 948'000'000;
  report.residentBefore = 545'000'000;
  report.keptBytes = 411'000'000;
  report.measured = {{"cpu", "embedding", "weights", 400'000'000}, {"cpu", "scratch", "scratch", 1'500'000}, {"vulkan:0", "head", "weights", 7}};
  CHECK(report.unexplainedBytes() == 1'500'000);
  const std::string text = reportMarkdown(report);
  CHECK(text.find("| unexplained | | 1.50 |\n| other models, which stayed loaded | | 411.00 |\n| the program itself | | 134.00 |\n| resident | | 948.00 |\n") != std::string::npos);
  const auto again = reportFromJson(reportJson(report));
  REQUIRE(again);
  CHECK(again->residentBefore == report.residentBefore);
  CHECK(again->keptBytes == report.keptBytes);
  CHECK(reportJson(*again) == reportJson(report));
  auto wrong = nlohmann::json::parse(reportJson(report));
  wrong["kept_models_bytes"] = "many";
  CHECK_FALSE(reportFromJson(wrong.dump()));
}

TEST_CASE("planned memory is what a run measures, component by component") {
  struct Case {
    const char* shape;
    DType precision;
  };
  for (const Case& c : {Case{"rwkv7-0.1b", DType::F16}, Case{"rwkv4-169m", DType::Q8_0}}) {
    CAPTURE(c.shape);
    BenchRequest request;
    request.syntheticShape = c.shape;
    request.precision = c.precision;
    request.threads = 2;
    request.promptTokens = 300;  // longer than a run, so that every buffer is used
    request.generateTokens = 0;
    request.minReps = request.maxReps = 1;
    request.measureBandwidth = false;
    request.keptBytes = 5;
    const auto report = runBench(request);
    REQUIRE(report);
    std::map<std::string, std::uint64_t> planned, measured;
    for (const MemoryRow& row : report->planned) planned[row.component] += row.bytes;
    for (const LedgerEntry& entry : report->measured) measured[entry.component] += entry.bytes;
    CHECK(planned == measured);
    CHECK(planned.contains("state"));
    CHECK(planned.contains("scratch"));
    std::uint64_t total = 0;
    for (const MemoryRow& row : report->planned) total += row.bytes;
    CHECK(std::abs(report->planned.back().cumulativeMb - static_cast<double>(total) / 1e6) < 0.02);
    CHECK(report->keptBytes == 5);
    CHECK(report->residentBefore > 0);
    MESSAGE("unexplained: ", static_cast<double>(report->unexplainedBytes()) / 1e6, " MB of ", static_cast<double>(total) / 1e6);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their allocators keep what was freed
    CHECK(std::abs(static_cast<double>(report->unexplainedBytes())) < 0.05 * static_cast<double>(total));
#endif
  }
}

TEST_CASE("a report of a GPU's run names the device and is never compared with the CPU's memory") {
  BenchReport report = sampleReport();
  report.weights = "file";
  report.strategy = "vulkan:0";
  report.environment.device = "vulkan:0";
  report.environment.driver = "radv Mesa 1.2";
  report.environment.api = "Vulkan 1.3.1";
  report.environment.threads = 0;
  report.environment.gpu = BenchGpu{"Card | 7", 8'000'000'000, false, {"subgroup 64", "64-bit loads"}};
  report.measured = {{"vulkan:0", "embedding", "weights", 2'000'000'000}, {"cpu", "staging", "staging", 1'000'000'000}};
  const std::string json = reportJson(report);
  const auto again = reportFromJson(json);
  REQUIRE(again);
  REQUIRE(again->environment.gpu);
  CHECK(again->environment.gpu->name == "Card | 7");
  CHECK(again->environment.gpu->memory == 8'000'000'000);
  CHECK_FALSE(again->environment.gpu->software);
  CHECK(again->environment.gpu->features == report.environment.gpu->features);
  CHECK(reportJson(*again) == json);

  // The bandwidth is there, as in reports of the first Vulkan builds; it was the CPU's.
  REQUIRE(report.bandwidthGBs > 0);
  CHECK_FALSE(report.hasLimit());
  const std::string text = reportMarkdown(report);
  CHECK(text.find("% of that limit") == std::string::npos);
  CHECK(text.find("33.5 GB/s") == std::string::npos);
  CHECK(text.find("Memory read limit of the device: not measured.") != std::string::npos);
  BenchReport split = report;
  split.environment.device = "vulkan:0 + cpu";
  CHECK(reportMarkdown(split).find("limit of the device: not measured, for several devices share the work and each has a limit of its own. Decoding") != std::string::npos);
  CHECK(text.find("| Vulkan 1.3.1 (Card \\| 7) |  | tg128 |") != std::string::npos);  // no threads
  CHECK(text.find("- GPU: Card \\| 7\n") != std::string::npos);
  CHECK(text.find("- GPU API: Vulkan 1.3.1\n") != std::string::npos);
  CHECK(text.find("- GPU features used: subgroup 64, 64-bit loads\n") != std::string::npos);
  CHECK(text.find("- driver version: radv Mesa 1.2\n") != std::string::npos);
  CHECK(text.find("| 64.50 | 2.00 GB |") != std::string::npos);  // what lies on the device
  CHECK(text.find("unexplained") == std::string::npos);
  CHECK(reportCsv(report).find(",vulkan:0,exact,,tg128,") != std::string::npos);

  // The device's own.
  report.bandwidthPattern = "Vulkan, 4 loads, strided, 4096 groups of 256";
  report.environment.lastLevelCache = report.bytesPerToken;  // the processor's, which has no part in it
  CHECK(report.hasLimit());
  const std::string measured = reportMarkdown(report);
  CHECK(measured.find("33.5 GB/s (Vulkan, 4 loads, strided, 4096 groups of 256)") != std::string::npos);
  CHECK(measured.find("% of that limit") != std::string::npos);
  CHECK(measured.find("last-level cache") == std::string::npos);

  for (const char* wrong : {"null", "[]", "{}", "7", R"({"name":"x","memory":-1,"software":false,"features":[]})", R"({"name":"x","memory":1,"software":false,"features":[1]})"}) {
    auto document = nlohmann::json::parse(json);
    document["environment"]["gpu"] = nlohmann::json::parse(wrong);
    const auto read = reportFromJson(document.dump());
    CHECK_MESSAGE((!read && read.error().code == ErrorCode::FileDamaged), wrong);
  }
}

TEST_CASE("a bandwidth is a report's limit where the device that ran measured it, whatever its kind") {
  BenchReport report = sampleReport();
  REQUIRE(report.bandwidthGBs > 0);
  for (const auto& [device, pattern, isLimit] : {std::tuple{"cpu", "avx2, 4 streams, 2 threads", true}, {"vulkan:0", "Vulkan, 4 loads", true}, {"cuda:1", "CUDA, 4 loads", true},
                                                 {"vulkan:0", "avx2, 4 streams, 2 threads", false}, {"cuda:0", "Vulkan, 4 loads", false}, {"vulkan:0 + cpu", "Vulkan, 4 loads", false}}) {
    CAPTURE(device);
    CAPTURE(pattern);
    report.environment.device = device;
    report.bandwidthPattern = pattern;
    CHECK(report.hasLimit() == isLimit);
  }
}

TEST_CASE("a report of a run on two devices names both, with what lies on each") {
  BenchReport report = sampleReport();
  report.weights = "file";
  report.precision = "fp16 + int8";
  report.strategy = "vulkan:0 fp16 *6 -> cpu int8";
  report.environment.device = "vulkan:0 + cpu";
  report.environment.api = "Vulkan 1.3.1";
  report.environment.gpu = BenchGpu{"Card", 8'000'000'000, false, {}};
  report.planned = {{"block0", 1'000'000, 1, 1, "vulkan:0"}, {"head", 2'000'000, 3, 2, "cpu"}};
  report.measured = {{"vulkan:0", "block0", "weights", 2'000'000'000}, {"cpu", "head", "weights", 1'000'000'000}, {"cpu", "state", "state", 500'000'000}};
  CHECK_FALSE(report.ranOnCpu());
  CHECK(report.cpuTookPart());
  CHECK_FALSE(report.hasLimit());
  const std::string text = reportMarkdown(report);
  CHECK(text.find("| Vulkan 1.3.1 (Card) + CPU " + report.environment.isa + " | " + std::to_string(report.environment.threads) + " | tg128 |") != std::string::npos);
  CHECK(text.find("| 2.00 GB + 1.50 GB RAM |") != std::string::npos);
  CHECK(text.find("- Strategy: vulkan:0 fp16 *6 -> cpu int8\n") != std::string::npos);
  CHECK(text.find("| vulkan:0 | 1.00 | 2000.00 | 2000.00 |") != std::string::npos);
  CHECK(text.find("| cpu | 2.00 | 1000.00 | 1500.00 |") != std::string::npos);
  const std::string json = reportJson(report);
  const auto again = reportFromJson(json);
  REQUIRE(again);
  CHECK(again->planned.front().device == "vulkan:0");
  CHECK(reportJson(*again) == json);
}

TEST_CASE("a benchmark on a Vulkan device describes it and measures its bandwidth") {
  const auto device = rookery::test::usableVulkanDevice();
  if (!device) return;
  BenchRequest request;
  request.guide = true;
  request.strategy = device->id;
  request.promptTokens = 8;
  request.generateTokens = 4;
  request.minReps = request.maxReps = 1;
  const auto report = runBench(request);
  REQUIRE(report);
  const BenchEnvironment& e = report->environment;
  CHECK(e.device == device->id);
  CHECK(e.driver == device->driver);
  CHECK(e.api == device->apiLevel);
  REQUIRE(e.gpu);
  CHECK(e.gpu->name == device->name);
  CHECK(e.gpu->software == device->software);
  auto used = device->features;
  REQUIRE(e.gpu->features.size() == used.size() + 1);
  CHECK_MESSAGE(e.gpu->features.back().starts_with("tuning group="), e.gpu->features.back());
  used.push_back(e.gpu->features.back());
  CHECK(e.gpu->features == used);
  CHECK(e.threads == 0);
  CHECK(report->bandwidthGBs > 0.1);
  CHECK(report->bandwidthPattern.starts_with("Vulkan, "));
  REQUIRE(report->find("tg4") != nullptr);
  CHECK(report->percentOfBandwidth == doctest::Approx(100 * report->find("tg4")->median * static_cast<double>(report->bytesPerToken) / (report->bandwidthGBs * 1e9)));
  CHECK(reportMarkdown(*report).find("(" + report->bandwidthPattern + ")") != std::string::npos);
  CHECK(report->find("tg4")->cpuShare == 0);
  CHECK_FALSE(report->find("tg4")->busy);
}

TEST_CASE("CSV has one line per sample, warm-up included and quoted") {
  const std::string text = reportCsv(sampleReport());
  CHECK(std::count(text.begin(), text.end(), '\n') == 1 + 1 + 5 + 5);
  CHECK(text.find("\"test | \"\"model\"\", 0.1B\",synthetic,fp16,cpu,exact,2,pp512,tokens/s,warm-up,1,50\n") != std::string::npos);
  CHECK(text.find(",tg128,tokens/s,measured,2,101.5\n") != std::string::npos);
}

TEST_CASE("text in an export stays text") {
  const std::vector<std::pair<std::string, std::string>> markdown{
      {"rwkv7-0.1b", "rwkv7-0.1b"}, {"v7_small model.pth", "v7_small model.pth"}, {"_a_ *b* ~c~ **d**", "_a\\_ *b\\* ~c\\~ *\\*d\\*\\*"}, {"fp16 *6 -> cpu *2", "fp16 *6 -> cpu *2"},
      {"a|b", "a\\|b"}, {"a\nb\r\nc\td", "a b  c d"}, {"<img src=x>", "&lt;img src=x>"}, {"&lt;", "&amp;lt;"},
      {"[x](http://a.b)", "\\[x\\](http\\://a.b)"}, {"www.a.b", "www\\.a.b"}, {"`rm`", "\\`rm\\`"}, {"$x$", "\\$x\\$"}, {"c:\\d", "c:\\\\d"},
      {std::string("a\0b\x1b[31m\x7f", 9), "a\xef\xbf\xbd" "b\xef\xbf\xbd\\[31m\xef\xbf\xbd"}, {"\xff", "\xef\xbf\xbd"},
      {"a\xe2\x80\xae" "b", "a\xef\xbf\xbd" "b"}, {"\xc2\x85", "\xef\xbf\xbd"}, {"模型", "模型"}};
  for (const auto& [text, shown] : markdown) CHECK(markdownText(text) == shown);
  const std::vector<std::pair<std::string, std::string>> csv{
      {"rwkv7-0.1b", "rwkv7-0.1b"}, {"a, \"b\"", "\"a, \"\"b\"\"\""}, {"=1+1", "\"'=1+1\""}, {"+1", "\"'+1\""}, {"-1", "\"'-1\""}, {"@x", "\"'@x\""},
      {" =1", "\"' =1\""}, {"\t=1", "\"' =1\""}, {"＝1", "\"'＝1\""}, {"a\nb", "a b"}, {"a=1", "a=1"}, {"", ""}, {"a;b", "\"a;b\""}};
  for (const auto& [text, field] : csv) CHECK(csvText(text) == field);

  BenchReport report = sampleReport();
  report.model = "=cmd|' /C calc'!A0 <b>\n| x |";
  report.environment.cpu = "![a](file:///etc/passwd)";
  const std::string table = reportMarkdown(report);
  CHECK(table.find('<') == std::string::npos);
  CHECK(table.find("![a](") == std::string::npos);
  CHECK(table.find("\n| x |") == std::string::npos);
  const std::string sheet = reportCsv(report);
  CHECK(sheet.find("\n=") == std::string::npos);
  CHECK(sheet.find("\"'=cmd") != std::string::npos);
}

TEST_CASE("the load of the machine is that of other programs") {
  const char* stat = "cpu  100 10 50 1000 40 5 5 30 70 0\ncpu0 50 5 25 500 20 2 2 15 35 0\ncpu1 50 5 25 500 20 3 3 15 35 0\nintr 1 2\n";
  const auto times = parseProcessorTimes(stat, 100);
  REQUIRE(times);
  CHECK(times->processors == 2);
  CHECK(times->busy == doctest::Approx(2.0));  // all but idle and waiting
  for (const char* wrong : {"", "cpu", "cpu  1 2 x", "cpu0 1 2 3 4 5 6 7 8\n", "cpu  1 2 3 4 5 6 7 8\n", "cpu  99999999999999999999999 2 3 4 5 6 7 8\ncpu0\n"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parseProcessorTimes(wrong, 100));
  }
  CHECK_FALSE(disturbs(0.05, 2, 2));
  CHECK(disturbs(0.3, 2, 2));       // no processor is left for one of them
  CHECK_FALSE(disturbs(1, 4, 16));
  CHECK(disturbs(4, 8, 16));        // a quarter of the machine
  CHECK(disturbs(13, 4, 16));
  CHECK_FALSE(disturbs(0, 100, 4)); // more threads than processors want no more than there are
  MachineLoad load;
  CHECK_FALSE(load.others());       // nothing to compare with
  CHECK_FALSE(load.others());       // too soon
}

TEST_CASE("every reading kernel reads every byte once") {
  constexpr std::size_t kBytes = 16 * kReadGranule;
  std::vector<std::byte> storage(kBytes + 64 + 8192);  // slack: prefetch may point behind the end
  std::byte* data = storage.data() + (64 - reinterpret_cast<std::uintptr_t>(storage.data()) % 64);
  std::uint64_t expected = 0;
  for (std::size_t i = 0; i < kBytes; i += 8) {
    const std::uint64_t word = i * 0x9e3779b97f4a7c15ULL;
    std::memcpy(data + i, &word, sizeof word);
    expected += word;
  }
  const auto patterns = allReadPatterns();
  CHECK(patterns.size() >= 8);
  for (const ReadPattern& pattern : patterns) {
    CAPTURE(pattern.isa);
    CAPTURE(pattern.streams);
    CHECK(pattern.read(data, kBytes) == expected);
  }
}

TEST_CASE("a stopped probe and a stopped benchmark return at once") {
  std::stop_source stop;
  stop.request_stop();
  CHECK(measureReadBandwidth(2, stop.get_token()).bytesPerSecond == 0);
}

TEST_CASE("the environment and the devices say what this machine is") {
  const BenchEnvironment e = describeEnvironment(3);
  CHECK(e.threads == 3);
  CHECK(e.physicalCores >= 1);
  CHECK(e.memoryTotal > 0);
  CHECK_FALSE(e.isa.empty());
  CHECK(e.date.size() == 20);
  const auto devices = listDevices();
  REQUIRE_FALSE(devices.empty());
  CHECK(devices.front().id == "cpu");
  CHECK(devices.front().usable);
  for (const DeviceInfo& device : devices) CHECK_MESSAGE(device.usable == device.reason.empty(), device.id);
}
