// SPDX-License-Identifier: GPL-3.0-or-later
// The protocol: warm-up until two runs agree, then runs until the spread is small. The headline figures (pp, tg) run with the sparse path off, so that synthetic and
// real weights do the same work; afterwards the model is loaded once more as chatting uses it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/bench_clock.h"
#include "bench/cpu_use.h"
#include "bench/series.h"
#include "model/model_impl.h"
#include "rookery/bench.h"
#include "rookery/model.h"
#include "rookery/model_file.h"
#include "rookery/session.h"
#include "rookery/strategy.h"
#include "session/usable_logits.h"

namespace rookery::engine {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kFingerprintPrompt = 16;  // tokens; also the question of "first-token"
constexpr int kFingerprintTokens = 32;
constexpr double kPrefillGain = 8;      // how much less a token costs when many are read at once: a guess until one was read
constexpr double kChunkGain = 1.4;      // and 512 compared with the first 16
constexpr double kStateSpread = 0.05;   // milliseconds are noisier than seconds

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Fixed ids that touch rows all over the embedding, the sequence that the peers' reference runs used.
std::vector<TokenId> benchTokens(int count, int vocab) {
  const auto range = static_cast<std::uint64_t>(std::max(std::min(vocab, 65530) - 1, 1));
  std::vector<TokenId> ids;
  for (int i = 0; i < count; ++i) ids.push_back(static_cast<TokenId>((7919 * static_cast<std::uint64_t>(i) + 13) % range + 1));
  return ids;
}

TokenId argmax(std::span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

class Runner {
 public:
  Runner(const BenchRequest& request, BenchProgressFn progress, std::stop_token stop)
      : m_request(request), m_stop(std::move(stop)), m_clock(std::move(progress)) {}

  Result<BenchReport> run() {
    if (auto valid = validate(); !valid) return tl::unexpected<Error>(valid.error());
    planSteps();
    m_report.keptBytes = m_request.keptBytes;
    m_report.residentBefore = residentBytes();
    using Step = Result<void> (Runner::*)();
    for (const Step step : {&Runner::loadDense, &Runner::fingerprint, &Runner::bandwidth, &Runner::prefill,
                            &Runner::decode, &Runner::states, &Runner::asInChat}) {
      const Result<void> result = (this->*step)();
      if (result) continue;
      if (result.error().code != ErrorCode::Cancelled || m_report.series.empty())
        return tl::unexpected<Error>(result.error());
      m_report.partial = true;
      break;
    }
    if (const BenchSeries* tg = m_report.find(decodeName()); tg != nullptr && m_report.hasLimit())
      m_report.percentOfBandwidth =
          100 * tg->median * static_cast<double>(m_report.bytesPerToken) / (m_report.bandwidthGBs * 1e9);
    m_clock.done();
    return std::move(m_report);
  }

 private:
  std::string prefillName() const { return fmt::format("pp{}", m_request.promptTokens); }
  std::string decodeName() const { return fmt::format("tg{}", m_request.generateTokens); }

  Result<void> validate() const {
    const int chosen = (m_request.modelPath.empty() ? 0 : 1) + (m_request.syntheticShape.empty() ? 0 : 1) +
                       (m_request.guide ? 1 : 0);
    if (chosen != 1)
      return fail(ErrorCode::InvalidArgument, "A benchmark needs exactly one of a model file, a synthetic shape or the guide model.");
    if (!m_request.syntheticShape.empty() && !syntheticPrecision())
      return fail(ErrorCode::InvalidArgument, "Synthetic weights need a precision, for example fp16.");
    if (m_request.precision) {
      if (const auto typed = withWeightType(m_request.strategy, ""); !typed) return tl::unexpected<Error>(typed.error());
    }
    if (m_request.promptTokens < 0 || m_request.generateTokens < 0 ||
        (m_request.promptTokens == 0 && m_request.generateTokens == 0))
      return fail(ErrorCode::InvalidArgument, "A benchmark needs a positive number of tokens to read or to generate.");
    if (m_request.minReps < 1 || m_request.maxReps < m_request.minReps)
      return fail(ErrorCode::InvalidArgument, "The number of runs must be at least 1, and the largest not below the smallest.");
    return {};
  }

  bool everyStage(const std::function<bool(const StrategyStage&)>& is) const {
    const auto strategy = parseStrategy(m_request.strategy, 1);  // how layers are shared out makes no difference
    return strategy && std::all_of(strategy->stages.begin(), strategy->stages.end(), is);
  }

  /// Asked for, or told by every stage; then the first one's, which nobody gets to see.
  std::optional<DType> syntheticPrecision() const {
    if (m_request.precision || !everyStage([](const StrategyStage& stage) { return stage.weights.has_value(); })) return m_request.precision;
    return parseStrategy(m_request.strategy, 1)->stages.front().weights;
  }

  /// In the order in which they are done.
  void planSteps() {
    const auto skip = [&](std::size_t step, bool wanted) {
      if (!wanted) m_clock.drop(step);
      return step;
    };
    const bool reads = m_request.promptTokens > 0, answers = m_request.generateTokens > 0;
    m_loadStep = m_clock.plan(BenchStep::Load, "load");
    m_firstStep = m_clock.plan(BenchStep::Load, firstTokenPlan());
    m_bandwidthStep = skip(m_clock.plan(BenchStep::Bandwidth, "bandwidth"), m_request.measureBandwidth);
    m_prefillStep = skip(m_clock.plan(BenchStep::Prefill, headline(prefillName())), reads);
    m_decodeStep = skip(m_clock.plan(BenchStep::Decode, headline(decodeName())), answers);
    for (const char* test : {"state-save", "state-restore", "state-fork"}) m_stateSteps.push_back(m_clock.plan(BenchStep::State, statePlan(test)));
    m_sparseStep = skip(m_clock.plan(BenchStep::Chat, chatPlan(decodeName() + "-sparse")), answers);
    m_chatStep = skip(m_clock.plan(BenchStep::Chat, chatPlan(decodeName() + "-chat")), answers);
    m_clock.setCostLike(m_sparseStep, m_decodeStep);
    m_clock.setCostLike(m_chatStep, m_decodeStep);
  }

  SeriesPlan headline(std::string test) const {
    return {.test = std::move(test), .unit = "tokens/s", .minReps = m_request.minReps, .maxReps = m_request.maxReps,
            .spreadTarget = m_request.spreadTarget};
  }
  SeriesPlan chatPlan(std::string test) const {
    return {.test = std::move(test), .unit = "tokens/s", .warmUpMax = 3, .minReps = 3, .maxReps = 5, .spreadTarget = m_request.spreadTarget};
  }
  static SeriesPlan firstTokenPlan() { return {.test = "first-token", .unit = "ms", .warmUpMin = 1, .warmUpMax = 1, .maxReps = 10}; }
  static SeriesPlan statePlan(const char* test) {
    return {.test = test, .unit = "ms", .warmUpMin = 1, .warmUpMax = 2, .minReps = 10, .spreadTarget = kStateSpread};
  }

  LoadOptions loadOptions(bool sparse) const {
    LoadOptions options;
    options.threads = m_request.threads;
    options.sparseFfn = sparse;
    options.strategy = m_request.strategy;
    if (m_request.precision && m_request.syntheticShape.empty()) options.strategy = *withWeightType(m_request.strategy, traits(*m_request.precision).name);
    return options;
  }

  Result<std::vector<MemoryRow>> planWeights() const {
    if (!m_request.syntheticShape.empty()) return planLoad(m_model->info().shape, *syntheticPrecision(), loadOptions(false));
    auto file = m_request.guide ? Model::guideFile() : ModelFile::open(m_request.modelPath);
    if (!file) return tl::unexpected<Error>(file.error());
    return planLoad(std::move(*file), loadOptions(false));
  }

  Result<std::vector<MemoryRow>> planMemory() const {
    auto rows = planWeights();
    const auto workspace = planWorkspace(m_model->info().shape, loadOptions(false));
    if (!rows || !workspace) return rows;
    const double before = rows->empty() ? 0 : rows->back().cumulativeMb;
    for (MemoryRow row : *workspace) {
      row.cumulativeMb += before;
      rows->push_back(std::move(row));
    }
    return rows;
  }

  /// Buffers that nothing has used yet are not resident: the later, the truer.
  void readMemory() {
    m_report.measured = m_model->ledger().entries();
    m_report.residentBytes = residentBytes();
  }

  Result<void> loadModel(bool sparse) {
    m_session.reset();
    m_model.reset();  // one model in memory at a time
    const LoadOptions options = loadOptions(sparse);
    const bool synthetic = !m_request.syntheticShape.empty();
    if (!m_request.modelPath.empty() && m_report.modelSha256.empty()) {
      const auto file = ModelFile::open(m_request.modelPath);
      if (!file) return tl::unexpected<Error>(file.error());
      const auto hash = (*file)->sha256(m_stop);
      if (!hash) return tl::unexpected<Error>(hash.error());
      m_report.modelSha256 = *hash;
    }
    const auto start = Clock::now();
    auto model = synthetic ? Model::synthetic(m_request.syntheticShape, *syntheticPrecision(), 42, options, {}, m_stop)
                 : m_request.guide ? Model::guide(options)
                                   : Model::load(m_request.modelPath, options, {}, m_stop);
    if (!model) return tl::unexpected<Error>(model.error());
    m_loadMs.push_back(secondsSince(start) * 1e3);
    m_loadSeconds = secondsSince(start);
    m_model = std::move(*model);
    m_session = std::make_unique<Session>(m_model);
    return {};
  }

  Result<void> loadDense() {
    m_clock.begin(m_loadStep);
    if (auto loaded = loadModel(false); !loaded) return loaded;
    const ModelInfo& info = m_model->info();
    m_report.model = m_request.syntheticShape.empty() ? info.name : m_request.syntheticShape;
    m_report.weights = m_model->isSynthetic() ? "synthetic" : m_request.guide ? "guide" : "file";
    m_report.fingerprint = m_model->fingerprint();
    m_report.precision = m_model->precision();
    m_report.strategy = m_request.strategy;
    m_report.mode = "exact";
    m_report.parameters = info.shape.parameters();
    m_report.bytesPerToken = m_model->bytesPerToken();
    m_report.environment = describeEnvironment(m_model->threads());
    describeDevice();
    if (auto planned = planMemory()) m_report.planned = std::move(*planned);
    // Synthetic weights are made, not loaded: that time says nothing about this machine's loading.
    if (!m_model->isSynthetic()) addLoadSeries();
    const BenchSeries* load = m_report.find("load");
    m_clock.finish(m_loadStep, load != nullptr ? std::optional(*load) : std::nullopt);
    return {};
  }

  void describeDevice() {
    const DeviceInfo& device = m_model->device();
    BenchEnvironment& environment = m_report.environment;
    environment.device = device.id;
    if (device.isCpu()) return;
    environment.driver = device.driver;
    environment.api = device.apiLevel;
    environment.threads = m_model->threads();
    environment.gpu = BenchGpu{device.name, device.memoryBytes, device.software, device.features};
  }

  void addLoadSeries() {
    SeriesPlan plan{.test = "load", .unit = "ms", .warmUpMin = 0, .warmUpMax = 0};
    plan.minReps = plan.maxReps = static_cast<int>(m_loadMs.size());
    std::size_t next = 0;
    auto series = measureSeries(plan, [&]() -> Result<double> { return m_loadMs[next++]; }, {}, {});
    std::erase_if(m_report.series, [](const BenchSeries& s) { return s.test == "load"; });
    if (series) m_report.series.push_back(std::move(*series));
  }

  /// Greedy tokens that prove the output right, and from the same runs the time to a first token.
  Result<void> fingerprint() {
    m_clock.begin(m_firstStep);
    const auto prompt = benchTokens(kFingerprintPrompt, m_model->info().shape.vocab);
    m_session->reset();
    if (auto read = m_session->prefill(prompt, m_stop); !read) return read;
    if (auto usable = usableLogits(m_session->logits(), prompt.size() - 1); !usable) return usable;
    const auto start = Clock::now();
    for (int i = 0; i < kFingerprintTokens; ++i) {
      m_report.greedyTokens.push_back(argmax(m_session->logits()));
      if (auto read = m_session->decode(m_report.greedyTokens.back(), m_stop); !read) return read;
    }
    estimate(secondsSince(start) / kFingerprintTokens);
    auto done = measure(m_firstStep, firstTokenPlan(), [&]() -> Result<double> {
      m_session->reset();
      const auto begin = Clock::now();
      if (auto read = m_session->prefill(prompt, m_stop); !read) return tl::unexpected<Error>(read.error());
      m_sink = argmax(m_session->logits());
      return secondsSince(begin) * 1e3;
    });
    if (const BenchSeries* first = m_report.find("first-token"); done && first != nullptr)
      m_clock.setCost(m_prefillStep, first->median / 1e3 / kFingerprintPrompt * m_request.promptTokens / kChunkGain);
    readMemory();
    return done;
  }

  /// What runs will cost, from the measured time of one decoded token.
  void estimate(double tokenSeconds) {
    constexpr double kProbed = 115e9;            // bytes that the probe reads, about
    constexpr double kPackedPerSecond = 200e6;   // bytes of state
    const double bytesPerSecond = static_cast<double>(m_report.bytesPerToken) / std::max(tokenSeconds, 1e-6);
    m_clock.setCost(m_bandwidthStep, m_report.ranOnCpu() ? std::clamp(kProbed / bytesPerSecond, 4.0, 15.0) : 2);
    m_clock.setCost(m_prefillStep, tokenSeconds * m_request.promptTokens / kPrefillGain);
    m_clock.setCost(m_decodeStep, tokenSeconds * m_request.generateTokens);
    for (const std::size_t step : m_stateSteps) m_clock.setCost(step, static_cast<double>(m_model->info().shape.stateBytes()) / kPackedPerSecond);
    m_clock.setCost(m_sparseStep, tokenSeconds * m_request.generateTokens, m_loadSeconds);
    m_clock.setCost(m_chatStep, tokenSeconds * m_request.generateTokens);
    m_clock.settled();
  }

  Result<void> bandwidth() {
    if (!m_request.measureBandwidth) return {};
    m_clock.begin(m_bandwidthStep);
    const BandwidthResult result = m_model->impl().backend->readBandwidth(m_stop);
    if (m_stop.stop_requested()) return fail(ErrorCode::Cancelled, "The benchmark was cancelled.");
    m_report.bandwidthGBs = result.bytesPerSecond / 1e9;
    m_report.bandwidthPattern = result.pattern;
    BenchSeries told{.test = "bandwidth", .unit = "GB/s", .samples = {m_report.bandwidthGBs}, .warmUp = {}};
    told.median = told.min = told.max = told.mean = m_report.bandwidthGBs;
    m_clock.finish(m_bandwidthStep, std::move(told));
    return {};
  }

  Result<void> prefill() {
    if (m_request.promptTokens == 0) return {};
    const auto ids = benchTokens(m_request.promptTokens, m_model->info().shape.vocab);
    m_clock.begin(m_prefillStep);
    const auto done = measure(m_prefillStep, headline(prefillName()), [&]() -> Result<double> {
      m_session->reset();
      const auto start = Clock::now();
      if (auto read = m_session->prefill(ids, m_stop); !read) return tl::unexpected<Error>(read.error());
      return m_request.promptTokens / secondsSince(start);
    });
    readMemory();
    return done;
  }

  /// One run of tg: every token is read from the empty state on; nothing is drawn.
  Result<double> decodeRun(const std::vector<TokenId>& ids) {
    m_session->reset();
    const auto start = Clock::now();
    for (const TokenId id : ids)
      if (auto read = m_session->decode(id, m_stop); !read) return tl::unexpected<Error>(read.error());
    return static_cast<double>(ids.size()) / secondsSince(start);
  }

  Result<void> decode() {
    if (m_request.generateTokens == 0) return {};
    const auto ids = benchTokens(m_request.generateTokens, m_model->info().shape.vocab);
    m_clock.begin(m_decodeStep);
    CpuUse use(m_model->threads());  // of a GPU's run it would say nothing
    return measure(m_decodeStep, headline(decodeName()), [&] {
      use.start();
      auto rate = decodeRun(ids);
      use.stop();
      return rate;
    }, [&](BenchSeries& series) {
      if (!m_report.ranOnCpu()) return;
      series.cpuShare = use.share();
      series.busy = use.busy();
    });
  }

  /// save: snapshot to the bytes that a database keeps; restore: back into a session; fork: a second session.
  Result<void> states() {
    if (auto read = m_session->prefill(benchTokens(kFingerprintPrompt, m_model->info().shape.vocab), m_stop); !read) return read;
    m_clock.begin(m_stateSteps[0]);
    std::vector<std::byte> packed;
    auto done = measure(m_stateSteps[0], statePlan("state-save"), [&]() -> Result<double> {
      const auto start = Clock::now();
      const auto snapshot = m_session->snapshot();
      if (!snapshot) return tl::unexpected<Error>(snapshot.error());
      packed = snapshot->state.pack();
      return secondsSince(start) * 1e3;
    });
    if (!done) return done;
    const auto now = m_session->snapshot();
    if (!now) return tl::unexpected<Error>(now.error());
    m_clock.begin(m_stateSteps[1]);
    done = measure(m_stateSteps[1], statePlan("state-restore"), [&]() -> Result<double> {
      const auto start = Clock::now();
      auto state = State::unpack(packed, m_model->info().shape);
      if (!state) return tl::unexpected<Error>(state.error());
      if (auto restored = m_session->restore({std::move(*state), now->logits, now->tokens}); !restored)
        return tl::unexpected<Error>(restored.error());
      return secondsSince(start) * 1e3;
    });
    if (!done) return done;
    Session fork(m_model);
    m_clock.begin(m_stateSteps[2]);
    return measure(m_stateSteps[2], statePlan("state-fork"), [&]() -> Result<double> {
      const auto start = Clock::now();
      const auto snapshot = m_session->snapshot();
      if (!snapshot) return tl::unexpected<Error>(snapshot.error());
      if (auto restored = fork.restore(*snapshot); !restored) return tl::unexpected<Error>(restored.error());
      return secondsSince(start) * 1e3;
    });
  }

  /// The sparse path, and the whole chain with drawing and text, as chatting runs it.
  Result<void> asInChat() {
    if (m_request.generateTokens == 0) return {};
    m_clock.begin(m_sparseStep);
    if (auto loaded = loadModel(true); !loaded) return loaded;
    if (!m_model->isSynthetic()) addLoadSeries();
    const auto ids = benchTokens(m_request.generateTokens, m_model->info().shape.vocab);
    m_clock.prepared();
    if (auto done = measure(m_sparseStep, chatPlan(decodeName() + "-sparse"), [&] { return decodeRun(ids); }); !done) return done;

    GenerateRequest generate;
    generate.seed = 1;
    generate.maxTokens = m_request.generateTokens;
    generate.stopAtEndOfText = false;
    const auto prompt = benchTokens(kFingerprintPrompt, m_model->info().shape.vocab);
    m_clock.begin(m_chatStep);
    return measure(m_chatStep, chatPlan(decodeName() + "-chat"), [&]() -> Result<double> {
      m_session->reset();
      if (auto read = m_session->prefill(prompt, m_stop); !read) return tl::unexpected<Error>(read.error());
      const auto start = Clock::now();
      const auto answer = m_session->generate(generate, [](const GeneratedToken&) { return true; }, m_stop);
      if (!answer) return tl::unexpected<Error>(answer.error());
      if (answer->reason == StopReason::Cancelled) return fail(ErrorCode::Cancelled, "The benchmark was cancelled.");
      return static_cast<double>(answer->drawn) / secondsSince(start);
    });
  }

  /// `complete`: adds what only this series knows.
  Result<void> measure(std::size_t step, const SeriesPlan& plan, const RunFn& once, const std::function<void(BenchSeries&)>& complete = {}) {
    auto series = measureSeries(plan, once, [&](const SeriesProgress& p) { m_clock.advance(step, p); }, m_stop);
    if (!series) return tl::unexpected<Error>(series.error());
    if (complete) complete(*series);
    m_clock.finish(step, *series);
    m_report.series.push_back(std::move(*series));
    return {};
  }

  const BenchRequest& m_request;
  std::stop_token m_stop;
  BenchClock m_clock;
  BenchReport m_report;
  std::shared_ptr<const Model> m_model;
  std::unique_ptr<Session> m_session;
  std::vector<double> m_loadMs;
  double m_loadSeconds = 0;  ///< of the newest load
  std::size_t m_loadStep = 0, m_firstStep = 0, m_bandwidthStep = 0, m_prefillStep = 0, m_decodeStep = 0, m_sparseStep = 0, m_chatStep = 0;
  std::vector<std::size_t> m_stateSteps;  ///< save, restore, fork
  volatile TokenId m_sink = 0;  ///< keeps the drawn token of "first-token" from being optimised away
};

}  // namespace

Result<BenchReport> runBench(const BenchRequest& request, const BenchProgressFn& progress, std::stop_token stop) {
  try {
    return Runner(request, progress, std::move(stop)).run();
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::OutOfMemory, "There is not enough memory to run this benchmark.");
  } catch (const std::system_error& problem) {  // a limit on threads, or on the memory for their stacks
    if (problem.code() == std::errc::resource_unavailable_try_again)
      return fail(ErrorCode::OutOfMemory, "The system does not let this program start enough threads for the benchmark; fewer may work (--threads).", problem.what());
    return fail(ErrorCode::InvalidArgument, "The benchmark failed.", problem.what());
  } catch (const std::exception& problem) {
    return fail(ErrorCode::InvalidArgument, "The benchmark failed.", problem.what());
  }
}

}  // namespace rookery::engine
