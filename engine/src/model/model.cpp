// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <new>
#include <system_error>

#include "backend/common/registry.h"
#include "backend/split_backend.h"
#include "model/model_impl.h"
#include "model/synthetic_source.h"
#include "strategy/segments.h"
#include "weights/weight_source.h"

namespace rookery::embedded {
std::span<const std::byte> guide_model() noexcept;
}

namespace rookery::engine {

namespace {

/// A limit on threads, or on the memory for their stacks.
tl::unexpected<Error> noThreads(const std::system_error& problem) {
  return fail(ErrorCode::OutOfMemory, "The system does not let this program start enough threads; fewer may work.", problem.what());
}

// One backend for each device, and one around them all where there are several segments.
Result<std::shared_ptr<Backend>> openBackends(const std::vector<Segment>& segments, int threads) {
  std::vector<SplitPart> parts;
  for (const Segment& segment : segments) {
    const auto opened = [&](const std::string& id) {
      return std::find_if(parts.begin(), parts.end(), [&](const SplitPart& part) { return part.segment.device == id || part.backend->id() == id; });
    };
    auto same = opened(segment.device);
    std::shared_ptr<Backend> backend;
    if (same == parts.end()) {
      auto made = openBackend(segment.device, threads);
      if (!made) return tl::unexpected(made.error());
      backend = std::move(*made);
      same = opened(backend->id());  // "vulkan" may be the vulkan:0 of another stage
    }
    if (same != parts.end()) backend = same->backend;
    parts.push_back({std::move(backend), segment});
  }
  if (parts.size() == 1) return parts.front().backend;
  return makeSplitBackend(std::move(parts));
}

// "fp16", "fp16 + int8".
std::string typeNames(const std::vector<DType>& types) {
  std::vector<std::string_view> names;
  for (const DType type : types)
    if (std::find(names.begin(), names.end(), traits(type).name) == names.end()) names.push_back(traits(type).name);
  return fmt::format("{}", fmt::join(names, " + "));
}

/// A run of each kind: decoding, a few tokens at once, a chunk of a prompt (by tiles).
constexpr std::array<std::size_t, 3> kWarmUpRuns{1, 2, 17};
constexpr std::uint64_t kWarmUpSteps = 1 + kWarmUpRuns.size();  // and compiling before them

/// From and to states of its own, which it gives back.
Result<void> warmUp(Model::Impl& impl, const std::function<void(std::uint64_t done)>& tell, const std::stop_token& stop) {
  std::array<std::unique_ptr<DeviceState>, 2> states;
  for (auto& state : states) {
    auto made = impl.backend->newState(impl.program.stateLayout, impl.ledger);
    if (!made) return tl::unexpected(made.error());
    state = std::move(*made);
  }
  if (auto good = states[0]->upload(State(impl.info.shape).data()); !good) return good;
  std::vector<float> logits(static_cast<std::size_t>(impl.info.shape.vocab));
  std::uint64_t done = 1;
  for (const std::size_t count : kWarmUpRuns) {
    tell(done++);
    if (count > impl.executable->maxTokens()) continue;
    const std::vector<TokenId> tokens(count, kEndOfText);
    const auto last = static_cast<std::uint32_t>(count - 1);
    const RunArgs args{tokens, states[0].get(), states[1].get(), std::span(&last, 1), logits, stop};
    if (auto good = impl.executable->submit(args); !good) return good;
  }
  tell(done);
  return {};
}

}  // namespace

Result<std::shared_ptr<const Model>> buildModel(WeightSource& source, Result<std::shared_ptr<const Tokenizer>> tokenizer,
                                                std::optional<DType> precision, bool synthetic, const LoadOptions& options,
                                                const LoadProgressFn& progress, std::stop_token stop) {
  auto impl = std::make_unique<Model::Impl>();
  impl->info = source.info();
  impl->synthetic = synthetic;
  if (tokenizer) {
    impl->tokenizer = std::move(*tokenizer);
  } else {
    impl->whyNoTokenizer = std::move(tokenizer.error());
  }
  const ModelShape& shape = impl->info.shape;
  impl->program = buildProgram(shape, {0, shape.layers, true, true});
  const auto segments = segmentsOf(options, shape.layers);
  if (!segments) return tl::unexpected(segments.error());
  auto backend = openBackends(*segments, options.threads);
  if (!backend) return tl::unexpected(backend.error());
  impl->backend = std::move(*backend);
  impl->deviceSummary = impl->backend->summary() + ", exact";

  const std::uint64_t total = impl->info.fileBytes;
  const auto report = [&](LoadStage stage) {
    return [&progress, &stop, stage, total](std::uint64_t done) {
      if (progress) progress({stage, done, total});
      return !stop.stop_requested();
    };
  };
  auto fingerprint = source.fingerprint(report(LoadStage::Reading));
  if (!fingerprint) return tl::unexpected(fingerprint.error());
  impl->fingerprint = std::move(*fingerprint);

  PlaceOptions place{segments->size() == 1 && segments->front().precision ? segments->front().precision : precision, options.sparseFfn, report(LoadStage::Placing)};
  auto weights = impl->backend->place(impl->program, source, place, impl->ledger);
  if (!weights) return tl::unexpected(weights.error());
  impl->weights = std::move(*weights);
  const DeviceInfo opened = impl->backend->device();
  const bool warms = options.warmUp && backendOf(opened.kind).traits(opened).warmsUp;
  const auto tellWarmUp = [&](std::uint64_t done) {
    if (warms && progress) progress({LoadStage::WarmingUp, done, kWarmUpSteps});
  };
  tellWarmUp(0);
  auto executable = impl->backend->compile(impl->program, impl->weights, impl->ledger, stop);
  if (!executable) return tl::unexpected(executable.error());
  if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "Loading was stopped.");
  impl->executable = std::move(*executable);
  if (warms) {
    if (auto good = warmUp(*impl, tellWarmUp, stop); !good) return tl::unexpected(good.error());
  }
  impl->device = impl->backend->device();
  std::vector<DType> types;
  for (const Segment& segment : *segments) types.push_back(segment.precision.value_or(precision.value_or(impl->info.dtype)));
  impl->precision = typeNames(types);
  if (std::count(types.begin(), types.end(), types.front()) == static_cast<std::ptrdiff_t>(types.size())) impl->info.dtype = types.front();
  return std::make_shared<const Model>(std::move(impl));
}

Result<std::shared_ptr<const Model>> Model::load(const std::filesystem::path& path, const LoadOptions& options,
                                                 const LoadProgressFn& progress, std::stop_token stop) {
  auto file = ModelFile::open(path);
  if (!file) return tl::unexpected(file.error());
  return load(std::move(*file), options, progress, std::move(stop));
}

Result<std::shared_ptr<const Model>> Model::load(std::shared_ptr<const ModelFile> file, const LoadOptions& options,
                                                 const LoadProgressFn& progress, std::stop_token stop) try {
  auto source = bindWeights(file);
  if (!source) return tl::unexpected(source.error());
  const ModelInfo& info = (*source)->info();
  if (const auto segments = segmentsOf(options, info.shape.layers); !segments) return tl::unexpected(segments.error());
  auto tokenizer = Tokenizer::forModel(*file, info, options.vocabulary);
  const auto lost = [&file] {
    return fail(ErrorCode::FileUnreadable,
                fmt::format("{} became shorter while it was being read, or its disk failed.", file->name()));
  };
  // Without one the model still runs on token ids; a broken one is an error at once.
  if (!tokenizer && tokenizer.error().code != ErrorCode::VocabularyMissing) {
    if (file->isLost()) return lost();
    return tl::unexpected(tokenizer.error());
  }
  auto model = buildModel(**source, std::move(tokenizer), std::nullopt, false, options, progress, std::move(stop));
  if (file->isLost()) return lost();
  return model;
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "Memory ran out while the model was being loaded.");
} catch (const std::system_error& problem) {
  return noThreads(problem);
}

Result<std::shared_ptr<const Model>> Model::synthetic(std::string_view shapeName, DType precision, std::uint64_t seed,
                                                      const LoadOptions& options, const LoadProgressFn& progress,
                                                      std::stop_token stop) try {
  const std::optional<ModelShape> shape = officialShape(shapeName);
  if (!shape)
    return fail(ErrorCode::InvalidArgument, fmt::format("There is no shape named {}; rwkv7-0.1b is one.", shapeName));
  if (!precisionNamed(traits(precision).name))
    return fail(ErrorCode::InvalidArgument, fmt::format("{} is not a weight type.", traits(precision).name));
  SyntheticSource source(*shape, std::string(shapeName), precision, seed, stop, options.threads);
  return buildModel(source, Tokenizer::world(), precision, true, options, progress, std::move(stop));
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "Memory ran out while synthetic weights were being made.");
} catch (const std::system_error& problem) {
  return noThreads(problem);
}

Result<std::shared_ptr<const ModelFile>> Model::guideFile() { return ModelFile::fromMemory(embedded::guide_model(), "guide.gguf"); }

Result<std::shared_ptr<const Model>> Model::guide(const LoadOptions& options, const LoadProgressFn& progress, std::stop_token stop) {
  auto file = guideFile();
  if (!file) return tl::unexpected(file.error());
  return load(std::move(*file), options, progress, std::move(stop));
}

Model::Model(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Model::~Model() = default;

const ModelInfo& Model::info() const noexcept { return m_impl->info; }
bool Model::isSynthetic() const noexcept { return m_impl->synthetic; }
const std::string& Model::fingerprint() const noexcept { return m_impl->fingerprint; }
const std::shared_ptr<const Tokenizer>& Model::tokenizer() const noexcept { return m_impl->tokenizer; }
Result<std::shared_ptr<const Tokenizer>> Model::requireTokenizer() const {
  if (m_impl->tokenizer == nullptr) return tl::unexpected(m_impl->whyNoTokenizer);
  return m_impl->tokenizer;
}
const Ledger& Model::ledger() const noexcept { return m_impl->ledger; }
const DeviceInfo& Model::device() const noexcept { return m_impl->device; }
const std::string& Model::deviceSummary() const noexcept { return m_impl->deviceSummary; }
const std::string& Model::precision() const noexcept { return m_impl->precision; }
int Model::threads() const noexcept { return m_impl->backend->threads(); }

std::uint64_t Model::bytesPerToken() const noexcept {
  return m_impl->weights->bytesPerToken() + 2 * m_impl->info.shape.stateBytes();
}

}  // namespace rookery::engine
