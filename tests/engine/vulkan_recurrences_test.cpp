// SPDX-License-Identifier: GPL-3.0-or-later
// The recurrences, the mixes that depend on the data, and the head, each by itself on the Vulkan device: from what stood
// before it in the device's memory and a random state to what it left there, against double precision. Runs under
// validation where CTest says so.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "backend/common/thread_pool.h"
#include "backend/vulkan/vulkan_executable.h"
#include "quant/convert.h"
#include "support/layer_norm.h"
#include "support/small_models.h"
#include "support/vulkan_device.h"
#include "support/vulkan_hooks.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const NeedsVulkan g_needsVulkan;

using Row = std::vector<double>;
using Rows = std::vector<Row>;  // [tokens][width]

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Row part(const Row& row, std::size_t first, std::size_t count) {
  const auto begin = row.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

/// A model of a layer or two on the device, and one run of it from a random state.
class Run {
 public:
  Run(const ModelShape& shape, const VulkanTuning& tuning, std::size_t count)
      : program(buildProgram(shape, {0, shape.layers, true, true})), tokens(someTokens(count)), m_source(shape, "test", DType::F32, 7) {
    const auto device = openVulkanDevice();
    ThreadPool pool(1);
    auto weights = VulkanWeights::place(program, m_source, {}, device, pool, m_ledger);
    REQUIRE_MESSAGE(weights.has_value(), (weights ? "" : weights.error().message));
    auto made = VulkanExecutable::create(program, *weights, device, m_ledger, tuning, std::max<std::size_t>(count, 64));
    REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
    m_executable = std::move(*made);
    std::mt19937 random(static_cast<unsigned>(count));
    std::normal_distribution<float> normal;
    for (float& value : before.data()) value = normal(random);
    if (shape.version == RwkvVersion::V4)  // a sum of positive numbers
      for (int layer = 0; layer < shape.layers; ++layer)
        for (float& value : before.tensor("att_bb", layer)) value = std::fabs(value) + 0.1F;
    std::vector<std::unique_ptr<VulkanState>> states;
    for (int i = 0; i < 2; ++i) {
      auto buffer = device->newBuffer(stateBufferBytes(program.stateLayout), VulkanMemory::Device, m_ledger, "state", "state");
      REQUIRE(buffer.has_value());
      states.push_back(std::make_unique<VulkanState>(device, std::move(*buffer)));
    }
    REQUIRE(states[0]->upload(before.data()).has_value());
    std::vector<float> logitFloats(static_cast<std::size_t>(shape.vocab));
    const std::uint32_t last = static_cast<std::uint32_t>(count) - 1;
    RunArgs args;
    args.tokens = tokens;
    args.stateIn = states[0].get();
    args.stateOut = states[1].get();
    args.logitRows = {&last, 1};
    args.logits = logitFloats;
    const auto ran = m_executable->submit(args);
    REQUIRE_MESSAGE(ran.has_value(), (ran ? "" : ran.error().message));
    REQUIRE(states[1]->download(after.data()).has_value());
    logits.assign(logitFloats.begin(), logitFloats.end());
  }

  Rows value(ValueId id) const {
    const auto floats = VulkanHooks(*m_executable).read(id, tokens.size()).value();
    const std::size_t width = floats.size() / tokens.size();
    Rows rows;
    for (std::size_t t = 0; t < tokens.size(); ++t) rows.push_back(part({floats.begin(), floats.end()}, t * width, width));
    return rows;
  }
  Row weight(WeightId id) {
    const Weight& weight = program.weights[static_cast<std::size_t>(id)];
    const auto view = m_source.get(weight.name).value();
    REQUIRE_FALSE(view.transposed);
    std::vector<float> floats(static_cast<std::size_t>(view.rows * view.cols));
    decodeToF32(view.dtype, view.bytes, floats);
    return {floats.begin(), floats.end()};
  }
  /// W x of all tokens.
  Rows times(WeightId id, const Rows& inputs) {
    const Row matrix = weight(id);
    Rows out;
    for (const Row& x : inputs) {
      Row y(matrix.size() / x.size());
      for (std::size_t i = 0; i < matrix.size(); ++i) y[i / x.size()] += matrix[i] * x[i % x.size()];
      out.push_back(std::move(y));
    }
    return out;
  }
  Row stateOf(const State& state, StateRef ref) const {
    const auto tensor = state.tensor(program.stateLayout.tensors[static_cast<std::size_t>(ref.tensor)].name, ref.layer);
    return {tensor.begin(), tensor.end()};
  }
  /// The last operation of a kind.
  template <class Kind>
  const Kind& last() const {
    const Kind* found = nullptr;
    for (const Stage& stage : program.stages)
      if (const auto* op = std::get_if<Kind>(&stage.op)) found = op;
    REQUIRE(found != nullptr);
    return *found;
  }

  Program program;
  std::vector<TokenId> tokens;
  State before{program.shape}, after{program.shape};
  Row logits;  ///< of the last token

 private:
  Ledger m_ledger;
  SyntheticSource m_source;
  std::unique_ptr<VulkanExecutable> m_executable;
};

void checkNear(const Row& got, const Row& expected) {
  REQUIRE(got.size() == expected.size());
  double most = 0, worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    most = std::max(most, std::fabs(expected[i]));
    worst = std::isfinite(got[i]) ? std::max(worst, std::fabs(got[i] - expected[i])) : INFINITY;
  }
  CHECK(worst <= 1e-5 * most);
}

Row joined(const Rows& rows) {
  Row all;
  for (const Row& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

// llvmpipe leaves all loops of an invocation after 65,535 rounds, so large heads come with the longest run.
constexpr int kLargeHead = 128;

/// In this device's own cut of the work and in one that cards get, for one token, a few and a chunk by tiles.
template <class Check>
void inEveryCut(const ModelShape& shape, Check check) {
  const auto device = openVulkanDevice();
  const std::uint32_t lanes = device->candidate().subgroupSize;
  for (const VulkanTuning& tuning : {VulkanTuning{.groupSize = lanes, .part = 32, .tiles = false, .lanes = lanes, .unroll = 1, .strips = 0},
                                     VulkanTuning{.groupSize = std::min(4 * lanes, 256U), .part = 8, .tiles = true, .lanes = lanes, .unroll = 4, .strips = 1}}) {
    const bool large = shape.headSize >= kLargeHead;
    if (large && tuning.tiles) continue;  // these tell nothing of the cut
    for (const std::size_t count : large ? std::vector<std::size_t>{256} : std::vector<std::size_t>{1, 5, 40}) {
      CAPTURE(shape.headSize);
      CAPTURE(tuningText(tuning));
      CAPTURE(count);
      Run run(shape, tuning, count);
      check(run);
    }
  }
}

ModelShape shapeOf(RwkvVersion version, int layers, int headSize) {
  ModelShape shape = smallShape(version);
  shape.layers = layers;
  shape.headSize = headSize;
  if (headSize >= kLargeHead) shape.nEmbd = 256;
  return shape;
}

}  // namespace

TEST_CASE("version 4: a weighted mean of all values, from any state") {
  inEveryCut(shapeOf(RwkvVersion::V4, 1, 0), [](Run& run) {
    const auto& op = run.last<Wkv4>();
    const Rows r = run.value(op.r), k = run.value(op.k), v = run.value(op.v);
    const Row decay = run.weight(op.decay), first = run.weight(op.first);
    const Row aa = run.stateOf(run.before, op.aa), bb = run.stateOf(run.before, op.bb), pp = run.stateOf(run.before, op.pp);
    const Row newAa = run.stateOf(run.after, op.aa), newBb = run.stateOf(run.after, op.bb), newPp = run.stateOf(run.after, op.pp);
    Rows y(r.size(), Row(decay.size()));
    Row mean, size, newMean, newSize;  // what does not depend on the running maximum
    for (std::size_t i = 0; i < decay.size(); ++i) {
      double top = aa[i] * std::exp(pp[i]), bottom = bb[i] * std::exp(pp[i]);
      for (std::size_t t = 0; t < r.size(); ++t) {
        const double now = std::exp(first[i] + k[t][i]), left = std::exp(-std::exp(decay[i]));
        y[t][i] = r[t][i] * (top + now * v[t][i]) / (bottom + now);
        top = left * top + std::exp(k[t][i]) * v[t][i];
        bottom = left * bottom + std::exp(k[t][i]);
      }
      mean.push_back(top / bottom);
      size.push_back(std::log(bottom));
      newMean.push_back(newAa[i] / newBb[i]);
      newSize.push_back(newPp[i] + std::log(newBb[i]));
    }
    checkNear(joined(run.value(op.out)), joined(y));
    checkNear(newMean, mean);
    checkNear(newSize, size);
  });
}

TEST_CASE("versions 5.0 to 6: heads from any state") {
  for (const RwkvVersion version : {RwkvVersion::V5_0, RwkvVersion::V5_1, RwkvVersion::V5_2, RwkvVersion::V6}) {
    CAPTURE(std::string(versionName(version)));
    for (const int headSize : {64, 96, 256}) {
      if (headSize > kLargeHead && version != RwkvVersion::V6) continue;  // one shader
      inEveryCut(shapeOf(version, 1, headSize), [](Run& run) {
        const auto& op = run.last<Wkv5>();
        const Rows r = run.value(op.r), k = run.value(op.k), v = run.value(op.v);
        const Row decay = run.weight(op.decay), first = run.weight(op.first), lnWeight = run.weight(op.lnWeight), lnBias = run.weight(op.lnBias);
        const Rows gate = op.gate == kNone ? Rows() : run.value(op.gate);
        const Rows up = op.decayUp == kNone ? Rows() : run.times(op.decayUp, run.value(op.decayHidden));
        Row state = run.stateOf(run.before, op.state);
        const auto n = static_cast<std::size_t>(run.program.shape.headSize), width = r[0].size();
        const auto of = [&](const Row& numbers, std::size_t channel) { return numbers[numbers.size() == width ? channel : channel / n]; };
        Rows out;
        for (std::size_t t = 0; t < r.size(); ++t) {
          Row y(width);
          for (std::size_t i = 0; i < width; ++i) {  // key by key
            const double left = std::exp(-std::exp(of(decay, i) + (up.empty() ? 0 : up[t][i])));
            for (std::size_t j = 0; j < n; ++j) {
              const std::size_t channel = i / n * n + j;
              double& s = state[i * n + j];
              const double kv = k[t][i] * v[t][channel];
              y[channel] += r[t][i] * (of(first, i) * kv + s);
              s = left * s + kv;
            }
          }
          for (std::size_t at = 0; at < width; at += n) {
            const Row head = layerNorm(part(y, at, n), part(lnWeight, at, n), part(lnBias, at, n), 64e-5);
            std::copy(head.begin(), head.end(), y.begin() + static_cast<std::ptrdiff_t>(at));
          }
          for (std::size_t i = 0; i < width && !gate.empty(); ++i) y[i] *= gate[t][i];
          out.push_back(std::move(y));
        }
        checkNear(joined(run.value(op.out)), joined(out));
        checkNear(run.stateOf(run.after, op.state), state);
      });
    }
  }
}

TEST_CASE("version 7: heads from any state, in the first layer and after it") {
  for (const int layers : {1, 2}) {
    CAPTURE(layers);
    for (const int headSize : {64, 96, kLargeHead}) {
      if (headSize == kLargeHead && layers > 1) continue;
      inEveryCut(shapeOf(RwkvVersion::V7, layers, headSize), [](Run& run) {
        const auto& op = run.last<Wkv7>();
        const Rows r = run.value(op.r), k = run.value(op.k), v = run.value(op.v);
        const bool residual = op.vFirst != kNone;
        const Rows vFirst = residual ? run.value(op.vFirst) : v, vUp = residual ? run.times(op.v2, run.value(op.vHidden)) : v;
        const Rows wUp = run.times(op.w2, run.value(op.wHidden)), aUp = run.times(op.a2, run.value(op.aHidden)), gUp = run.times(op.g2, run.value(op.gHidden));
        const Row w0 = run.weight(op.w0), a0 = run.weight(op.a0), v0 = residual ? run.weight(op.v0) : Row(w0.size());
        const Row kK = run.weight(op.kK), kA = run.weight(op.kA), rK = run.weight(op.rK), lnWeight = run.weight(op.lnWeight), lnBias = run.weight(op.lnBias);
        Row state = run.stateOf(run.before, op.state);
        const auto n = static_cast<std::size_t>(run.program.shape.headSize), width = r[0].size();
        Rows out;
        for (std::size_t t = 0; t < r.size(); ++t) {
          Row result(width);
          for (std::size_t at = 0; at < width; at += n) {
            Row decay(n), key(n), value(n), removal(n), gain(n), y(n);
            double square = 0, bonus = 0;
            for (std::size_t j = 0; j < n; ++j) {
              const std::size_t i = at + j;
              decay[j] = std::exp(-std::exp(-0.5) * sigmoid(w0[i] + wUp[t][i]));
              gain[j] = sigmoid(a0[i] + aUp[t][i]);
              key[j] = k[t][i] * (1 + (gain[j] - 1) * kA[i]);
              value[j] = v[t][i] + (residual ? (vFirst[t][i] - v[t][i]) * sigmoid(v0[i] + vUp[t][i]) : 0);
              removal[j] = k[t][i] * kK[i];
              square += removal[j] * removal[j];
              bonus += r[t][i] * key[j] * rK[i];
            }
            for (std::size_t row = 0; row < n; ++row) {  // of a value, over the keys
              double* s = &state[(at + row) * n];
              double removed = 0;
              for (std::size_t j = 0; j < n; ++j) removed += s[j] * removal[j] / std::sqrt(square);
              for (std::size_t j = 0; j < n; ++j) {
                s[j] = s[j] * decay[j] - removed * removal[j] / std::sqrt(square) * gain[j] + value[row] * key[j];
                y[row] += s[j] * r[t][at + j];
              }
            }
            y = layerNorm(y, part(lnWeight, at, n), part(lnBias, at, n), 64e-5);
            for (std::size_t j = 0; j < n; ++j) result[at + j] = (y[j] + bonus * value[j]) * gUp[t][at + j];
          }
          out.push_back(std::move(result));
        }
        checkNear(joined(run.value(op.out)), joined(out));
        checkNear(run.stateOf(run.after, op.state), state);
      });
    }
  }
}

TEST_CASE("version 6: mixes that depend on the data") {
  inEveryCut(shapeOf(RwkvVersion::V6, 1, 64), [](Run& run) {
    const NormShiftMix* op = nullptr;
    for (const Stage& stage : run.program.stages)
      if (const auto* group = std::get_if<GemvGroup>(&stage.op); group != nullptr && group->prologue && group->prologue->up != kNone) op = &*group->prologue;
    REQUIRE(op != nullptr);
    const auto& embed = run.last<Embed>();
    const Row table = run.weight(embed.table), up = run.weight(op->up), lnWeight = run.weight(op->lnWeight), lnBias = run.weight(op->lnBias);
    const Row embedWeight = run.weight(embed.lnWeight), embedBias = run.weight(embed.lnBias);
    const Rows hidden = run.value(op->hidden);
    const std::size_t width = lnWeight.size(), rank = hidden[0].size() / op->mixes.size();
    Rows n{run.stateOf(run.before, op->shift)};  // of the token before, first
    for (const TokenId token : run.tokens)
      n.push_back(layerNorm(layerNorm(part(table, static_cast<std::size_t>(token) * width, width), embedWeight, embedBias, 1e-5), lnWeight, lnBias, 1e-5));
    for (std::size_t m = 0; m < op->mixes.size(); ++m) {
      CAPTURE(m);
      const Row mix = run.weight(op->mixes[m].mix);
      Rows expected;
      for (std::size_t t = 0; t < run.tokens.size(); ++t) {
        Row row(width);
        for (std::size_t i = 0; i < width; ++i) {
          double towards = mix[i];
          for (std::size_t j = 0; j < rank; ++j) towards += up[(m * width + i) * rank + j] * hidden[t][m * rank + j];
          row[i] = n[t + 1][i] + (n[t][i] - n[t + 1][i]) * towards;
        }
        expected.push_back(std::move(row));
      }
      checkNear(joined(run.value(op->mixes[m].out)), joined(expected));
    }
    checkNear(run.stateOf(run.after, op->shift), n.back());
  });
}

TEST_CASE("the head: norm and logits of the row that is asked for") {
  inEveryCut(shapeOf(RwkvVersion::V7, 1, 64), [](Run& run) {
    const auto& op = run.last<HeadGemv>();
    const Row x = layerNorm(run.value(op.x).back(), run.weight(op.lnWeight), run.weight(op.lnBias), 1e-5);
    checkNear(run.logits, run.times(op.matrix, {x}).front());
  });
}

TEST_CASE("nothing above drew a message of the validation layer") {
  const char* wanted = std::getenv("ROOKERY_VULKAN_VALIDATION");
  if (wanted != nullptr) CHECK(VulkanInstance::get().value()->validates());  // or there would be none to draw
  CHECK(VulkanInstance::validationMessages() == 0);
}
