// SPDX-License-Identifier: GPL-3.0-or-later
// Products, norms and mixes of the Vulkan backend by themselves (the rest: vulkan_recurrences_test.cpp), in every format and every cut of the work that devices get, against
// double precision on the weights as the normative decoders read them. Runs under validation where CTest says so.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>

#include "backend/common/thread_pool.h"
#include "backend/vulkan/vulkan_executable.h"
#include "backend/vulkan/vulkan_measure.h"
#include "quant/blocks.h"
#include "quant/convert.h"
#include "support/layer_norm.h"
#include "support/process.h"
#include "support/variable.h"
#include "support/vulkan_device.h"
#include "support/vulkan_hooks.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const NeedsVulkan g_needsVulkan;

// xorshift64*: the same numbers in every run.
class Random {
 public:
  explicit Random(std::uint64_t seed) : m_x(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  std::uint64_t next() {
    m_x ^= m_x >> 12;
    m_x ^= m_x << 25;
    m_x ^= m_x >> 27;
    return m_x * 0x2545F4914F6CDD1DULL;
  }
  float uniform() { return static_cast<float>(static_cast<std::int64_t>(next()) >> 40) * 0x1p-23F; }  // [-1, 1)

 private:
  std::uint64_t m_x;
};

struct Stored {
  DType type{};
  std::int64_t rows = 0, cols = 1;
  std::vector<std::byte> bytes;
  std::vector<float> values;  ///< decoded
};

Stored plain(DType type, std::int64_t rows, std::int64_t cols, const std::function<float()>& number) {
  Stored stored{type, rows, cols, {}, {}};
  stored.values.resize(static_cast<std::size_t>(rows * cols));
  for (float& value : stored.values) value = number();
  stored.bytes.resize(byteSize(type, stored.values.size()));
  encodeFromF32(type, stored.values, stored.bytes);
  decodeToF32(type, stored.bytes, stored.values);
  return stored;
}

// Blocks of random bits under sane scales.
Stored blocks(DType type, std::int64_t rows, std::int64_t cols, Random& random) {
  Stored stored{type, rows, cols, {}, {}};
  stored.values.resize(static_cast<std::size_t>(rows * cols));
  stored.bytes.resize(byteSize(type, stored.values.size()));
  const std::size_t size = traits(type).blockBytes;
  for (std::size_t at = 0; at < stored.bytes.size(); at += size) {
    for (std::size_t i = 0; i < size; ++i) stored.bytes[at + i] = static_cast<std::byte>(random.next() >> 33);
    BlockParts parts;
    unpackBlock(type, stored.bytes.data() + at, parts);
    parts.d = floatToHalf(0.01F * random.uniform());
    parts.m = floatToHalf(0.02F * random.uniform());
    packBlock(type, parts, stored.bytes.data() + at);
  }
  decodeToF32(type, stored.bytes, stored.values);
  return stored;
}

class Source final : public WeightSource {
 public:
  const ModelInfo& info() const noexcept override { return m_info; }
  Result<WeightView> get(const std::string& name) override {
    const Stored& stored = weights.at(name);
    return WeightView{stored.type, stored.rows, stored.cols, false, stored.bytes};
  }
  bool has(const std::string& name) const override { return weights.contains(name); }
  Result<std::string> fingerprint(const std::function<bool(std::uint64_t)>&) override { return std::string("test"); }

  std::map<std::string, Stored> weights;

 private:
  ModelInfo m_info;
};

constexpr std::int64_t kVocab = 64;

// A program that begins with embedding rows; a test adds its operations.
struct Bench {
  explicit Bench(std::int64_t width, std::uint64_t seed) : random(seed) {
    program.shape.version = RwkvVersion::V7;
    program.shape.layers = 1;
    program.shape.nEmbd = static_cast<int>(width);
    program.shape.headSize = static_cast<int>(width);
    program.shape.dimFfn = static_cast<int>(width);
    program.shape.vocab = kVocab;
    program.stateLayout = StateLayout::of(program.shape);
    x = value(width);
    Embed embed;
    embed.table = weight("emb.weight", "embedding", WeightRole::Embedding, plain(DType::F32, kVocab, width, [&] { return random.uniform(); }));
    embed.lnWeight = vector("blocks.0.ln0.weight", width, 1.0F);
    embed.lnBias = vector("blocks.0.ln0.bias", width, 0.1F);
    embed.out = x;
    program.stages.push_back({kNone, embed});
    // The program's start in double precision.
    const auto &table = stored(embed.table).values, &w = stored(embed.lnWeight).values, &b = stored(embed.lnBias).values;
    for (std::int64_t token = 0; token < kVocab; ++token)
      inputs.push_back(layerNorm({table.begin() + token * width, table.begin() + (token + 1) * width}, w, b, 1e-5));
  }

  ValueId value(std::int64_t width) {
    program.values.push_back({"value", width});
    return static_cast<ValueId>(program.values.size()) - 1;
  }
  WeightId weight(const std::string& name, const std::string& component, WeightRole role, Stored stored) {
    program.weights.push_back({name, component, role, stored.rows, stored.cols});
    source.weights[name] = std::move(stored);
    return static_cast<WeightId>(program.weights.size()) - 1;
  }
  WeightId vector(const std::string& name, std::int64_t width, float centre) {
    return weight(name, "block0", WeightRole::Vector, plain(DType::F32, width, 1, [&] { return centre + 0.2F * random.uniform(); }));
  }
  const Stored& stored(WeightId id) const { return source.weights.at(program.weights[static_cast<std::size_t>(id)].name); }

  // W x, and the sum of |w x|: what rounding errors are measured by.
  static std::pair<double, double> dot(const Stored& w, std::size_t row, const std::vector<double>& x) {
    double sum = 0, size = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double product = static_cast<double>(w.values[row * x.size() + k]) * x[k];
      sum += product;
      size += std::fabs(product);
    }
    return {sum, size};
  }

  // Runs tokens 0 .. count in pieces of `piece`; values of `wanted` for all, [count][width].
  std::vector<float> run(const std::shared_ptr<VulkanDevice>& device, const VulkanTuning& tuning, bool sparse, ValueId wanted, std::size_t count, std::size_t piece) {
    Ledger ledger;
    ThreadPool pool(1);
    PlaceOptions options;
    options.sparseFfn = sparse;
    auto weights = VulkanWeights::place(program, source, options, device, pool, ledger);
    REQUIRE_MESSAGE(weights.has_value(), (weights ? "" : weights.error().message));
    auto executable = VulkanExecutable::create(program, *weights, device, ledger, tuning, 64);
    REQUIRE_MESSAGE(executable.has_value(), (executable ? "" : executable.error().message));
    std::vector<std::unique_ptr<VulkanState>> states;
    for (int i = 0; i < 2; ++i) {
      auto buffer = device->newBuffer(program.stateLayout.floats() * sizeof(float), VulkanMemory::Device, ledger, "state", "state");
      REQUIRE(buffer.has_value());
      states.push_back(std::make_unique<VulkanState>(device, std::move(*buffer)));
      REQUIRE(states.back()->upload(State(program.shape).data()).has_value());
    }
    std::vector<float> all;
    std::vector<TokenId> tokens;
    for (std::size_t first = 0; first < count; first += piece) {
      tokens.clear();
      for (std::size_t t = first; t < std::min(count, first + piece); ++t) tokens.push_back(static_cast<TokenId>(t % kVocab));
      RunArgs args;
      args.tokens = tokens;
      args.stateIn = states[0].get();
      args.stateOut = states[1].get();
      REQUIRE((*executable)->submit(args).has_value());
      std::swap(states[0], states[1]);
      const auto rows = VulkanHooks(**executable).read(wanted, tokens.size());
      REQUIRE(rows.has_value());
      all.insert(all.end(), rows->begin(), rows->end());
    }
    return all;
  }

  Program program;
  Source source;
  Random random;
  ValueId x = kNone;
  std::vector<std::vector<double>> inputs;  ///< by token: what stands in x
};

double activated(double v, ProgramActivation activation) {
  switch (activation) {
    case ProgramActivation::Tanh: return std::tanh(v);
    case ProgramActivation::Sigmoid: return 1 / (1 + std::exp(-v));
    case ProgramActivation::Silu: return v / (1 + std::exp(-v));
    case ProgramActivation::ReluSquared: return v > 0 ? v * v : 0;
    case ProgramActivation::None: break;
  }
  return v;
}

// What devices get: this device's own cut, and those of cards with groups of several subgroups.
std::vector<VulkanTuning> cuts(const VulkanDevice& device) {
  const std::uint32_t lanes = device.candidate().subgroupSize, group = std::min(4 * lanes, 256U);
  return {{.groupSize = lanes, .part = 32, .tiles = false, .lanes = lanes, .unroll = 1, .strips = 0},
          {.groupSize = group, .part = 8, .tiles = true, .lanes = lanes, .unroll = 1, .strips = 1},
          {.groupSize = group, .part = 8, .tiles = true, .lanes = lanes, .unroll = 4, .strips = 3}};
}

constexpr std::pair<std::size_t, std::size_t> kRuns[] = {{2, 1}, {5, 5}, {40, 40}};  // tokens, of a piece

}  // namespace

TEST_CASE("products of every format and shape agree with double precision") {
  const auto device = openVulkanDevice();
  struct Shape {
    std::int64_t rows, cols;
  };
  for (int t = 0; t <= static_cast<int>(DType::NF4); ++t) {
    const auto type = static_cast<DType>(t);
    const bool plainType = type == DType::F32 || type == DType::F16 || type == DType::BF16;
    if (!plainType && !isBlockType(type)) continue;
    CAPTURE(std::string(traits(type).name));
    // Rows that are no whole tile, inputs that are no power of two, ranks of low-rank matrices.
    std::vector<Shape> shapes{{331, 768}};
    if (plainType) shapes = {{331, 768}, {24, 2560}, {8, 24}};
    for (const Shape shape : shapes) {
      CAPTURE(shape.rows);
      CAPTURE(shape.cols);
      Bench bench(shape.cols, static_cast<std::uint64_t>(t));
      const float radius = 1 / std::sqrt(static_cast<float>(shape.cols));
      Stored w = plainType ? plain(type, shape.rows, shape.cols, [&] { return radius * bench.random.uniform(); }) : blocks(type, shape.rows, shape.cols, bench.random);
      std::fill(w.values.begin(), w.values.begin() + (plainType ? shape.cols : 0), 0.0F);  // a row of zeros, and denormals
      if (plainType) {
        for (std::int64_t k = 0; k < shape.cols; ++k) w.values[static_cast<std::size_t>(shape.cols + k)] = 1e-6F;
        encodeFromF32(type, w.values, w.bytes);
        decodeToF32(type, w.bytes, w.values);
      }
      const WeightId matrix = bench.weight("blocks.0.att.key.weight", "block0", WeightRole::Matrix, std::move(w));
      const ValueId y = bench.value(shape.rows);
      bench.program.stages.push_back({0, GemvGroup{std::nullopt, {{matrix, bench.x, y}}}});
      for (const VulkanTuning& tuning : cuts(*device)) {
        if (!plainType && tuning.unroll > 1) continue;  // which changes no bit of them, as the next test shows
        if (std::getenv("ROOKERY_TEST_DEVICE") != nullptr && !tuning.tiles) continue;  // a card that llvmpipe pretends to be, slowly
        CAPTURE(tuningText(tuning));
        for (const auto& [count, piece] : kRuns) {
          CAPTURE(piece);
          const auto got = bench.run(device, tuning, false, y, count, piece);
          double worst = 0;
          for (std::size_t i = 0; i < count; ++i)
            for (std::size_t r = 0; r < static_cast<std::size_t>(shape.rows); ++r) {
              const auto [sum, size] = Bench::dot(bench.stored(matrix), r, bench.inputs[i]);
              worst = std::max(worst, std::fabs(static_cast<double>(got[i * static_cast<std::size_t>(shape.rows) + r]) - sum) / (size + 1e-6));
            }
          CHECK(worst < 3e-6);
        }
      }
    }
  }
}

TEST_CASE("unrolling and strips change no bit, tiles none from chunk to chunk") {
  const auto device = openVulkanDevice();
  for (const DType type : {DType::F32, DType::F16, DType::Q8_0, DType::Q4_K, DType::Q6_K}) {
    CAPTURE(std::string(traits(type).name));
    Bench bench(768, 5);
    const WeightId matrix = bench.weight("blocks.0.att.key.weight", "block0", WeightRole::Matrix,
                                         isBlockType(type) ? blocks(type, 208, 768, bench.random) : plain(type, 208, 768, [&] { return bench.random.uniform(); }));
    const ValueId y = bench.value(208);
    bench.program.stages.push_back({0, GemvGroup{std::nullopt, {{matrix, bench.x, y}}}});
    VulkanTuning tuning = cuts(*device)[1];
    const auto expected = bench.run(device, tuning, false, y, 3, 1);
    for (const std::uint32_t unroll : {1, 2, 4, 8}) {
      for (const std::uint32_t strips : {0, 1, 2, 5}) {
        tuning.unroll = unroll;
        tuning.strips = strips;
        CHECK(bench.run(device, tuning, false, y, 3, 1) == expected);
      }
    }
    CHECK(bench.run(device, tuning, false, y, 3, 3) == expected);  // several tokens at once
    CHECK(bench.run(device, tuning, false, y, 60, 60) == bench.run(device, tuning, false, y, 60, 20));
  }
}

TEST_CASE("a group that is given more strips than a driver has rounds for leaves none out") {
  const auto device = openVulkanDevice();
  constexpr std::int64_t kRows = 6400, kCols = 1024;
  Bench bench(kCols, 6);
  const WeightId matrix = bench.weight("blocks.0.att.key.weight", "block0", WeightRole::Matrix, plain(DType::F16, kRows, kCols, [&] { return 0.03F * bench.random.uniform(); }));
  const ValueId y = bench.value(kRows);
  bench.program.stages.push_back({0, GemvGroup{std::nullopt, {{matrix, bench.x, y}}}});
  VulkanTuning tuning = cuts(*device)[0];
  tuning.strips = kRows / 16;  // as one core gets them of the vocabulary
  for (const std::size_t piece : {1U, 5U}) {
    CAPTURE(piece);
    const auto got = bench.run(device, tuning, false, y, piece, piece);
    double worst = 0;
    for (std::size_t t = 0; t < piece; ++t)
      for (std::size_t r = 0; r < kRows; ++r)
        worst = std::max(worst, std::fabs(static_cast<double>(got[t * kRows + r]) - Bench::dot(bench.stored(matrix), r, bench.inputs[t]).first));
    CHECK(worst < 1e-4);
  }
}

TEST_CASE("activations, sums onto what is there, and gates") {
  const auto device = openVulkanDevice();
  for (const ProgramActivation activation : {ProgramActivation::None, ProgramActivation::Tanh, ProgramActivation::Sigmoid, ProgramActivation::Silu, ProgramActivation::ReluSquared}) {
    for (const bool sparse : {false, true}) {
      for (const bool nothing : {false, true}) {
        CAPTURE(static_cast<int>(activation));
        CAPTURE(sparse);
        CAPTURE(nothing);
        // h = activation(A x), g = sigmoid(B x), then x += g * (D h); `nothing`: h is all zeros.
        constexpr std::size_t kC = 64, kF = 208;
        Bench bench(kC, 3);
        const auto number = [&] { return 0.2F * bench.random.uniform(); };
        const WeightId a = bench.weight("blocks.0.ffn.key.weight", "block0", WeightRole::Matrix, plain(DType::F16, kF, kC, [&] { return nothing ? 0.0F : number(); }));
        const WeightId b = bench.weight("blocks.0.ffn.receptance.weight", "block0", WeightRole::Matrix, plain(DType::F32, kC, kC, number));
        const WeightId d = bench.weight("blocks.0.ffn.value.weight", "block0", WeightRole::SparseDown, plain(DType::F16, kC, kF, number));
        const ValueId h = bench.value(kF), g = bench.value(kC);
        bench.program.stages.push_back({0, GemvGroup{std::nullopt, {{a, bench.x, h, activation}, {b, bench.x, g, ProgramActivation::Sigmoid}}}});
        bench.program.stages.push_back({0, SparseDown{d, h, bench.x, g}});
        for (const VulkanTuning& tuning : cuts(*device)) {
          CAPTURE(tuningText(tuning));
          for (const auto& [count, piece] : kRuns) {
            CAPTURE(piece);
            const auto got = bench.run(device, tuning, sparse, bench.x, count, piece);
            double worst = 0;
            for (std::size_t t = 0; t < count; ++t) {
              std::vector<double> hidden(kF);
              for (std::size_t i = 0; i < kF; ++i) hidden[i] = activated(Bench::dot(bench.stored(a), i, bench.inputs[t]).first, activation);
              for (std::size_t i = 0; i < kC; ++i) {
                const double gate = activated(Bench::dot(bench.stored(b), i, bench.inputs[t]).first, ProgramActivation::Sigmoid);
                const double expected = bench.inputs[t][i] + gate * Bench::dot(bench.stored(d), i, hidden).first;
                worst = std::max(worst, std::fabs(static_cast<double>(got[t * kC + i]) - expected));
              }
            }
            CHECK(worst < 1e-5);
          }
        }
      }
    }
  }
}

TEST_CASE("DeepEmbed: rows of a table that is looked up, sums onto them, and factors") {
  const auto device = openVulkanDevice();
  constexpr std::size_t kC = 48, kF = 1100, kRank = 24;  // three groups of outputs, the last not whole
  for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
    CAPTURE(std::string(traits(type).name));
    Bench bench(kC, 11);
    const auto number = [&] { return 0.2F * bench.random.uniform(); };
    const WeightId table = bench.weight("blocks.0.ffn.s_emb.weight", "deep_embedding", WeightRole::Embedding, plain(type, kVocab, kRank * kRank, number));
    const WeightId toRow = bench.weight("blocks.0.ffn.s_emb_x.weight", "block0", WeightRole::Matrix, plain(type, kRank * kRank, kC, number));
    const WeightId a = bench.weight("blocks.0.ffn.key.weight", "block0", WeightRole::Matrix, plain(DType::F16, kF, kC, number));
    const WeightId s1 = bench.weight("blocks.0.ffn.s1", "block0", WeightRole::LowRank, plain(type, kRank, kC, number));
    const WeightId s2 = bench.weight("blocks.0.ffn.s2", "block0", WeightRole::LowRank, plain(type, kF, kRank, number));
    const WeightId s0 = bench.vector("blocks.0.ffn.s0", kF, 1.0F);
    const ValueId copy = bench.value(kC), row = bench.value(kRank * kRank), h = bench.value(kF), q = bench.value(kRank);
    std::get<Embed>(bench.program.stages.front().op).copy = copy;
    bench.program.stages.push_back({kNone, LookUp{{{table, row}}}});
    bench.program.stages.push_back({0, GemvGroup{std::nullopt, {{toRow, copy, row, ProgramActivation::None, true}, {a, bench.x, h, ProgramActivation::ReluSquared}, {s1, bench.x, q}}}});
    bench.program.stages.push_back({0, DeepEmbed{h, q, row, s0, s2}});
    for (const VulkanTuning& tuning : cuts(*device)) {
      CAPTURE(tuningText(tuning));
      for (const auto& [count, piece] : kRuns) {
        CAPTURE(piece);
        const auto got = bench.run(device, tuning, false, h, count, piece);
        double worst = 0;
        std::size_t zeros = 0;
        for (std::size_t t = 0; t < count; ++t) {
          const auto& x = bench.inputs[t];
          std::vector<double> product(kRank);
          for (std::size_t i = 0; i < kRank; ++i)
            for (std::size_t j = 0; j < kRank; ++j) {
              const std::size_t at = i * kRank + j;
              product[j] += Bench::dot(bench.stored(s1), i, x).first * (static_cast<double>(bench.stored(table).values[t * kRank * kRank + at]) + Bench::dot(bench.stored(toRow), at, x).first);
            }
          for (std::size_t i = 0; i < kF; ++i) {
            const double hidden = activated(Bench::dot(bench.stored(a), i, x).first, ProgramActivation::ReluSquared);
            const auto [sum, size] = Bench::dot(bench.stored(s2), i, product);
            const double factor = static_cast<double>(bench.stored(s0).values[i]) + sum;
            worst = std::max(worst, std::fabs(static_cast<double>(got[t * kF + i]) - hidden * factor) / (1 + hidden * size));
            zeros += hidden == 0 && got[t * kF + i] == 0 ? 1 : 0;
          }
        }
        CHECK(worst < 1e-5);
        CHECK(zeros > count * kF / 4);
      }
    }
  }
}

TEST_CASE("norm, token shift and mixes, made by the product itself and before it") {
  const auto device = openVulkanDevice();
  for (const std::size_t width : {64U, 768U}) {
    for (const MixForm form : {MixForm::TowardsPrevious, MixForm::TowardsCurrent}) {
      CAPTURE(width);
      CAPTURE(static_cast<int>(form));
      const auto c = static_cast<std::int64_t>(width);
      Bench bench(c, 11);
      NormShiftMix norm;
      norm.x = bench.x;
      norm.form = form;
      norm.lnWeight = bench.vector("blocks.0.ln1.weight", c, 1);
      norm.lnBias = bench.vector("blocks.0.ln1.bias", c, 0);
      norm.shift = {0, 0};
      std::vector<Gemv> gemvs;
      const char* names[] = {"blocks.0.att.receptance.weight", "blocks.0.att.key.weight"};
      for (const char* name : names) {
        const ValueId in = bench.value(c), out = bench.value(48);
        norm.mixes.push_back({bench.vector(std::string(name) + ".mix", c, 0.5F), in});
        gemvs.push_back({bench.weight(name, "block0", WeightRole::Matrix, plain(DType::F32, 48, c, [&] { return 0.1F * bench.random.uniform(); })), in, out});
      }
      bench.program.stages.push_back({0, GemvGroup{norm, gemvs}});
      for (const VulkanTuning& tuning : cuts(*device)) {
        CAPTURE(tuningText(tuning));
        for (const auto& [count, piece] : {std::pair<std::size_t, std::size_t>{4, 1}, {6, 3}, {48, 24}}) {
          CAPTURE(piece);
          for (std::size_t m = 0; m < gemvs.size(); ++m) {
            const auto got = bench.run(device, tuning, false, gemvs[m].out, count, piece);
            std::vector<double> before(width, 0.0);
            double worst = 0;
            for (std::size_t t = 0; t < count; ++t) {
              const auto n = layerNorm(bench.inputs[t], bench.stored(norm.lnWeight).values, bench.stored(norm.lnBias).values, 1e-5);
              std::vector<double> mixed(width);
              for (std::size_t i = 0; i < width; ++i) {
                const auto mix = static_cast<double>(bench.stored(norm.mixes[m].mix).values[i]);
                mixed[i] = form == MixForm::TowardsPrevious ? n[i] + (before[i] - n[i]) * mix : n[i] * mix + before[i] * (1 - mix);
              }
              for (std::size_t r = 0; r < 48; ++r)
                worst = std::max(worst, std::fabs(static_cast<double>(got[t * 48 + r]) - Bench::dot(bench.stored(gemvs[m].matrix), r, mixed).first));
              before = n;
            }
            CHECK(worst < 2e-5);
          }
        }
      }
    }
  }
}

TEST_CASE("a tuning is read as it is written, and nothing else is") {
  const VulkanTuning start;
  const auto whole = parseTuning("group=64,part=16,tiles=0,lanes=16,unroll=4,strips=2", start);
  REQUIRE(whole.has_value());
  CHECK(*whole == VulkanTuning{.groupSize = 64, .part = 16, .tiles = false, .lanes = 16, .unroll = 4, .strips = 2});
  CHECK(parseTuning(tuningText(*whole), start).value() == *whole);
  CHECK(parseTuning("unroll=8", start)->groupSize == start.groupSize);
  for (const char* bad : {"unroll", "unroll=", "unroll=3", "unroll=16", "group=512", "group=96", "part=64", "lanes=2", "tiles=2", "strips=65", "speed=1", "unroll=2;strips=1", "unroll=-1", "=", ",", "unroll=2,,strips=1"}) {
    CAPTURE(bad);
    const auto tuning = parseTuning(bad, start);
    REQUIRE_FALSE(tuning.has_value());
    CHECK(tuning.error().code == ErrorCode::InvalidArgument);
  }
}

TEST_CASE("a measured tuning is kept, and a damaged one is measured again") {
  const TemporaryFolder folder;
  const Variable cache("ROOKERY_CACHE_DIR", folder.path().c_str()), tuning("ROOKERY_VULKAN_TUNING", "measure");
  const auto device = openVulkanDevice();
  Bench bench(256, 2);
  const WeightId matrix = bench.weight("blocks.0.att.key.weight", "block0", WeightRole::Matrix, plain(DType::F16, 256, 256, [&] { return bench.random.uniform(); }));
  bench.program.stages.push_back({0, GemvGroup{std::nullopt, {{matrix, bench.x, bench.value(256)}}}});
  Ledger ledger;
  ThreadPool pool(1);
  const auto weights = VulkanWeights::place(bench.program, bench.source, {}, device, pool, ledger);
  REQUIRE(weights.has_value());
  const auto files = [&] {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "vulkan"))
      if (entry.path().string().ends_with(".tuning.bin")) found.push_back(entry.path());
    return found;
  };
  const auto bytesBefore = ledger.total();
  VulkanTuningRecord& record = device->tuningRecord();
  const auto all = record.left;
  const auto measured = tuningFor(bench.program, *weights, device);
  REQUIRE(measured.has_value());
  CHECK(ledger.total() == bytesBefore);  // nothing of it stays
  CHECK(record.chosen == std::vector{*measured});
  CHECK(record.left < all);
  REQUIRE(files().size() == 1);
  const auto size = std::filesystem::file_size(files().front());
  std::filesystem::resize_file(files().front(), 5);
  // Another stage of the same load, for which no time is left, gets the tuning of the one before, and that is not kept.
  record.left = {};
  VulkanTuning ofStageBefore = *measured;
  ofStageBefore.unroll = 4;
  record.chosen = {ofStageBefore};
  const auto next = tuningFor(bench.program, *weights, device);
  REQUIRE(next.has_value());
  CHECK(*next == ofStageBefore);
  CHECK(std::filesystem::file_size(files().front()) == 5);
  record = {};  // as for a new load
  CHECK(tuningFor(bench.program, *weights, device).has_value());
  CHECK(std::filesystem::file_size(files().front()) >= size - 2);
  setenv("ROOKERY_VULKAN_TUNING", "group=3", 1);
  CHECK_FALSE(tuningFor(bench.program, *weights, device).has_value());
  unsetenv("ROOKERY_VULKAN_TUNING");
  CHECK(tuningFor(bench.program, *weights, device).has_value());
}

TEST_CASE("nothing above drew a message of the validation layer") {
  const char* wanted = std::getenv("ROOKERY_VULKAN_VALIDATION");
  if (wanted != nullptr) REQUIRE(VulkanInstance::get().value()->validates());  // or there would be none to draw
  CHECK(VulkanInstance::validationMessages() == 0);
}
