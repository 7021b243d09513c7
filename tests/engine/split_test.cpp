// SPDX-License-Identifier: GPL-3.0-or-later
// One model in several segments: which layers lie where, and that nobody sees the difference in what it computes.
#include "backend/split_backend.h"

#include <doctest/doctest.h>

#include <functional>
#include <map>

#include "support/small_models.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

std::string described(const std::string& strategy, int layers = 6) {
  LoadOptions options;
  options.strategy = strategy;
  const auto segments = segmentsOf(options, layers);
  if (!segments) return segments.error().message;
  std::string text;
  for (const Segment& s : *segments)
    text += s.device + " " + std::to_string(s.range.first) + "-" + std::to_string(s.range.last) + (s.range.embedding ? " emb" : "") + (s.range.head ? " head" : "") + "; ";
  return text;
}

std::map<std::string, std::uint64_t> weightsOf(const Model& model) {
  std::map<std::string, std::uint64_t> bytes;
  for (const LedgerEntry& entry : model.ledger().entries())
    if (entry.kind == "weights") bytes[entry.component] += entry.bytes;
  return bytes;
}

std::uint64_t bytesOf(const Model& model, const std::string& component) {
  std::uint64_t bytes = 0;
  for (const LedgerEntry& entry : model.ledger().entries()) bytes += entry.component == component ? entry.bytes : 0;
  return bytes;
}

// A device of a test: it computes nothing, and tells what it is asked.
struct FakeWeights : PlacedWeights {
  std::uint64_t bytesPerToken() const noexcept override { return 100; }
};
struct FakeState : DeviceState {
  Result<void> upload(std::span<const float>) override { return {}; }
  Result<void> download(std::span<float>) const override { return {}; }
  Result<void> copyFrom(const DeviceState&) override { return {}; }
};
struct FakeExecutable : Executable {
  std::size_t most = 0;
  std::function<void(const RunArgs&)> onRun;
  std::size_t maxTokens() const noexcept override { return most; }
  Result<void> submit(const RunArgs& args) override {
    onRun(args);
    return {};
  }
};
struct FakeBackend : Backend {
  std::string name;
  std::size_t most = 0;
  std::function<void(const RunArgs&)> onRun = [](const RunArgs&) {};
  std::string id() const override { return name; }
  DeviceInfo device() const override {
    DeviceInfo info;
    info.id = name;
    info.kind = name == "cpu" ? DeviceKind::Cpu : DeviceKind::Vulkan;
    info.name = "a " + name;
    info.driver = "driver of " + name;
    return info;
  }
  std::string summary() const override { return name; }
  int threads() const noexcept override { return name == "cpu" ? 3 : 0; }
  Result<std::shared_ptr<const PlacedWeights>> place(const Program&, WeightSource&, const PlaceOptions& options, Ledger&) override {
    if (options.progress) options.progress(10);
    return std::make_shared<FakeWeights>();
  }
  Result<std::unique_ptr<Executable>> compile(const Program&, std::shared_ptr<const PlacedWeights>, Ledger&, std::stop_token) override {
    auto executable = std::make_unique<FakeExecutable>();
    executable->most = most;
    executable->onRun = onRun;
    return executable;
  }
  Result<std::unique_ptr<DeviceState>> newState(const StateLayout&, Ledger&) override { return std::make_unique<FakeState>(); }
};

std::shared_ptr<FakeBackend> fake(const std::string& name, std::size_t most) {
  auto backend = std::make_shared<FakeBackend>();
  backend->name = name;
  backend->most = most;
  return backend;
}

const std::vector<std::string> kSplits{"cpu *1 -> cpu", "cpu *2 -> cpu", "cpu -> cpu *1", "cpu *1 -> cpu *1 -> cpu", "cpu *1 -> cpu *1 -> cpu *1 -> cpu"};

}  // namespace

TEST_CASE("segments: the head counts as a layer, the embedding belongs to the first") {
  CHECK(described("") == "cpu 0-6 emb head; ");
  CHECK(described("vulkan:1 fp16") == "vulkan:1 0-6 emb head; ");
  CHECK(described("vulkan:0 *4 -> cpu") == "vulkan:0 0-4 emb; cpu 4-6 head; ");
  CHECK(described("vulkan:0 -> cpu *1") == "vulkan:0 0-6 emb; cpu 6-6 head; ");
  CHECK(described("vulkan:0 *6 -> cpu") == "vulkan:0 0-6 emb; cpu 6-6 head; ");
  CHECK(described("vulkan:0 *7 -> cpu") == "vulkan:0 0-6 emb head; ");
  CHECK(described("cpu *2 -> vulkan:0 *2 -> cpu") == "cpu 0-2 emb; vulkan:0 2-4; cpu 4-6 head; ");
  CHECK(described("vulkan:0 *2+ -> cpu").find("does not stream") != std::string::npos);
  CHECK(described("vulkan:0 *99+ -> cpu").find("does not stream") != std::string::npos);
  CHECK(described("nonsense").find("not a device") != std::string::npos);
}

TEST_CASE("programs: what a range hands out is what the next takes") {
  for (const RwkvVersion version : kVersions) {
    CAPTURE(versionName(version));
    const ModelShape shape = smallShape(version);
    for (int cut = 1; cut <= shape.layers; ++cut) {
      CAPTURE(cut);
      const Program first = buildProgram(shape, {0, cut, true, false}), second = buildProgram(shape, {cut, shape.layers, false, true});
      CHECK(first.valuesIn.empty());
      CHECK(second.valuesOut.empty());
      REQUIRE(first.valuesOut.size() == second.valuesIn.size());
      for (std::size_t i = 0; i < first.valuesOut.size(); ++i)
        CHECK(first.values[static_cast<std::size_t>(first.valuesOut[i])].name == second.values[static_cast<std::size_t>(second.valuesIn[i])].name);
      CHECK(first.valuesOut.size() == (cut == shape.layers ? 1 : version == RwkvVersion::V7 ? 2 : version == RwkvVersion::V7a ? 3 : 1));
      CHECK(first.stateLayout.layers == cut);
      CHECK(second.stateLayout.layers == shape.layers - cut);
    }
  }
}

TEST_CASE("a model split on the CPU gives the same bits as in one piece") {
  const auto tokens = someTokens(40);
  for (const RwkvVersion version : kVersions) {
    for (const std::optional<DType> precision : {std::optional<DType>{}, std::optional(DType::Int8)}) {
      if (version != RwkvVersion::V7 && precision) continue;
      CAPTURE(versionName(version));
      Session whole(makeModel(smallShape(version), precision, true, "cpu"));
      const auto expected = whole.evaluate(tokens, all(tokens.size()));
      REQUIRE(expected.has_value());
      const State after = whole.snapshot().value().state;
      for (const std::string& split : kSplits) {
        CAPTURE(split);
        Session session(makeModel(smallShape(version), precision, true, split));
        for (const std::size_t chunk : {1, 7, 64}) {
          CAPTURE(chunk);
          session.reset();
          const auto logits = session.evaluate(tokens, all(tokens.size()), chunk);
          REQUIRE(logits.has_value());
          CHECK(std::equal(logits->begin(), logits->end(), expected->begin(), expected->end()));
          CHECK(session.snapshot().value().state.compare(after).maxAbs == 0.0F);
        }
      }
    }
  }
}

TEST_CASE("each segment has its own weight type, and only its own layers") {
  const ModelShape shape = smallShape(RwkvVersion::V7);
  const auto half = makeModel(shape, DType::F16, true, "cpu"), eight = makeModel(shape, DType::Int8, true, "cpu");
  const auto mixed = makeModel(shape, {}, true, "cpu fp16 *2 -> cpu int8");
  const auto placed = weightsOf(*mixed), inHalf = weightsOf(*half), inEight = weightsOf(*eight);
  CHECK(placed.size() == 7);
  for (const char* component : {"embedding", "ln0", "block0", "block1"}) CHECK(placed.at(component) == inHalf.at(component));
  for (const char* component : {"block2", "ln_out", "head"}) CHECK(placed.at(component) == inEight.at(component));
  CHECK(inHalf.at("block2") != inEight.at("block2"));
  CHECK(mixed->precision() == "fp16 + int8");
  CHECK(half->precision() == "fp16");
  CHECK(mixed->bytesPerToken() < half->bytesPerToken());
  CHECK(mixed->bytesPerToken() > eight->bytesPerToken());
  CHECK(mixed->info().dtype == DType::F16);  // as the weights came
  CHECK(makeModel(shape, {}, true, "cpu int8 *2 -> cpu int8")->info().dtype == DType::Int8);

  Session one(half), two(mixed);
  REQUIRE(one.prefill(someTokens(9)).has_value());
  REQUIRE(two.prefill(someTokens(9)).has_value());
  CHECK(bytesOf(*mixed, "state") == bytesOf(*half, "state"));
  const State a = one.snapshot().value().state, b = two.snapshot().value().state;
  for (const int layer : {0, 1}) CHECK(worstDifference(a.tensor("att_kv", layer), b.tensor("att_kv", layer)) == 0.0F);
  CHECK(worstDifference(a.tensor("att_kv", 2), b.tensor("att_kv", 2)) > 0.0F);
}

TEST_CASE("a state of a split model continues on one device, and back") {
  for (const RwkvVersion version : kVersions) {
    CAPTURE(versionName(version));
    const auto whole = makeModel(smallShape(version), {}, true, "cpu"), split = makeModel(smallShape(version), {}, true, "cpu *1 -> cpu *1 -> cpu");
    CHECK(split->fingerprint() == whole->fingerprint());
    checkStateGoesOn(split, whole, 0.0F);
  }
}

TEST_CASE("a stopped run of a split model leaves the state as it was") {
  checkStopKeepsState(makeModel(smallShape(RwkvVersion::V7), {}, true, "cpu *1 -> cpu"));
}

TEST_CASE("segments run in order on their devices, as many tokens as all take, until a stop") {
  const ModelShape shape = smallShape(RwkvVersion::V7);
  const auto card = fake("vulkan:3", 64), cpu = fake("cpu", 16);
  std::string ran;
  std::stop_source stop;
  bool stopsAfterFirst = false;
  card->onRun = [&](const RunArgs& args) {
    ran += "card ";
    CHECK(args.valuesIn.empty());
    CHECK(args.valuesOut.size() == 2 * args.tokens.size() * 192);
    CHECK(args.logits.empty());
    std::fill(args.valuesOut.begin(), args.valuesOut.end(), 2.5F);
    if (stopsAfterFirst) stop.request_stop();
  };
  cpu->onRun = [&](const RunArgs& args) {
    ran += "cpu ";
    CHECK(args.valuesIn.size() == 2 * args.tokens.size() * 192);
    CHECK(std::all_of(args.valuesIn.begin(), args.valuesIn.end(), [](float v) { return v == 2.5F; }));
    CHECK(args.valuesOut.empty());
    CHECK(args.logits.size() == 331);
  };
  LoadOptions options;
  options.strategy = "vulkan:3 int8 *1 -> cpu";
  const auto segments = segmentsOf(options, shape.layers);
  REQUIRE(segments.has_value());
  const auto split = makeSplitBackend({{card, segments->at(0)}, {cpu, segments->at(1)}});
  CHECK(split->id() == "vulkan:3 + cpu");
  CHECK(split->device().kind == DeviceKind::Vulkan);
  CHECK(split->device().name == "a vulkan:3");
  CHECK(split->device().driver == "driver of vulkan:3");
  CHECK(split->summary() == "vulkan:3, int8: 1 layer -> cpu: 2 layers and head");
  CHECK(split->threads() == 3);

  Ledger ledger;
  SyntheticSource source(shape, "test", DType::F16, 7);
  const Program program = buildProgram(shape, {0, shape.layers, true, true});
  std::vector<std::uint64_t> progress;
  PlaceOptions place;
  place.progress = [&](std::uint64_t done) {
    progress.push_back(done);
    return true;
  };
  const auto weights = split->place(program, source, place, ledger);
  REQUIRE(weights.has_value());
  CHECK(progress == std::vector<std::uint64_t>{10, 20});
  CHECK((*weights)->bytesPerToken() == 200);
  const auto executable = split->compile(program, *weights, ledger);
  REQUIRE(executable.has_value());
  CHECK((*executable)->maxTokens() == 16);
  const auto in = split->newState(program.stateLayout, ledger), out = split->newState(program.stateLayout, ledger);
  const auto tokens = someTokens(16);
  const std::uint32_t last = 15;
  std::vector<float> logits(331);
  RunArgs args{tokens, in->get(), out->get(), {&last, 1}, logits, stop.get_token()};
  REQUIRE((*executable)->submit(args).has_value());
  CHECK(ran == "card cpu ");
  const auto tooMany = someTokens(17);
  RunArgs more = args;
  more.tokens = tooMany;
  CHECK((*executable)->submit(more).error().code == ErrorCode::InvalidArgument);

  ran.clear();
  stopsAfterFirst = true;
  CHECK((*executable)->submit(args).error().code == ErrorCode::Cancelled);
  CHECK(ran == "card ");
}
