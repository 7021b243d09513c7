// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/sampler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <random>

#include "sampler/philox.h"
#include "sampler/softmax.h"
#include "support/golden.h"

using namespace rookery::engine;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const std::string kGolden = ROOKERY_TEST_DATA "/golden/sampling/";

std::vector<float> filtered(std::span<const float> logits, const SamplerSettings& settings) {
  std::vector<float> probs(logits.size(), -1.0F);
  filteredProbabilities(logits, settings, probs);
  return probs;
}

SamplerSettings plain(float temperature, float topP, int topK = 0) {
  return {.temperature = temperature, .topP = topP, .topK = topK, .presencePenalty = 0, .frequencyPenalty = 0};
}

/// The same rules with a sort of everything, in double where no float32 sum is asked for.
std::vector<double> reference(const std::vector<float>& logits, float temperature, float topP, int topK) {
  const double peak = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  for (const float logit : logits) p.push_back(std::exp(static_cast<double>(logit) - peak));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= sum;
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
  double cutoff = 0, running = 0;
  for (const std::size_t id : order) {
    running += p[id];
    if (topP < 1 && running >= static_cast<double>(topP)) {
      cutoff = p[id];
      break;
    }
  }
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    double& value = p[order[rank]];
    if (value < cutoff || (topK > 0 && rank >= static_cast<std::size_t>(topK))) value = 0;
  }
  for (double& value : p) value = std::pow(value, 1.0 / static_cast<double>(temperature));
  const double kept = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= kept;
  return p;
}

double maxDifference(const std::vector<float>& got, const std::vector<double>& wanted) {
  double worst = got.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - wanted[i]));
  }
  return worst;
}

std::vector<float> randomLogits(std::size_t count, float deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

}  // namespace

TEST_CASE("every golden distribution is reproduced") {
  const auto tensors = rookery::test::readTensors(kGolden + "sampling.safetensors");
  const auto manifest = rookery::test::readJson(kGolden + "manifest.json");
  int compared = 0;
  for (const auto& row : manifest["rows"]) {
    CAPTURE(row.dump());
    const std::string index = std::to_string(row["logits"].get<int>());
    const auto& logits = tensors.at("logits." + index).values;
    const auto settings = plain(row["temperature"], row["top_p"], row["top_k"]);
    const auto probs = filtered(logits, settings);
    if (row["depends_on_float32_rounding"].get<bool>()) {
      // top_p = 1: the reference turns greedy or drops a tail by rounding; ours has no top_p filter then.
      CHECK(settings.topP == 1.0F);
      const auto wanted = reference(logits, settings.temperature, 1, settings.topK);
      CHECK(maxDifference(probs, wanted) < 2e-6);
      CHECK(std::count_if(probs.begin(), probs.end(), [](float p) { return p > 0; }) ==
            std::count_if(wanted.begin(), wanted.end(), [](double p) { return p > 1e-37; }));
    } else {
      const auto& wanted = tensors.at("probs." + index + "." + std::to_string(row["combo"].get<int>())).values;
      CHECK(maxDifference(probs, {wanted.begin(), wanted.end()}) < 2e-6);
      CHECK(std::count_if(probs.begin(), probs.end(), [](float p) { return p > 0; }) == row["kept"].get<int>());
      ++compared;
    }
  }
  CHECK(compared > 150);
}

TEST_CASE("the golden generations: penalties, bans and counts, step by step") {
  auto tokenizer = Tokenizer::world();
  if (const char* folder = std::getenv("ROOKERY_GOLDEN_DIR")) {
    tokenizer = Tokenizer::fromFile(std::filesystem::path(folder) / "tokenizer/rwkv_vocab_v20230424.txt");
  }
  if (!tokenizer) {
    MESSAGE("SKIP: this build has no World vocabulary and ROOKERY_GOLDEN_DIR is not set");
    return;
  }
  const auto golden = rookery::test::readJson(kGolden + "penalties.json");
  REQUIRE(golden["traces"].size() == 4);
  for (const auto& trace : golden["traces"]) {
    REQUIRE(trace["steps"].size() == 40);
    SamplerSettings settings{.temperature = trace["temperature"], .topP = trace["top_p"], .topK = trace["top_k"],
                             .presencePenalty = trace["alpha_presence"], .frequencyPenalty = trace["alpha_frequency"],
                             .penaltyDecay = trace["alpha_decay"]};
    Sampler sampler(settings, 1, *tokenizer);
    for (const TokenId id : trace["token_ban"]) sampler.ban(id);
    const auto candidates = trace["candidate_ids"].get<std::vector<TokenId>>();
    for (const auto& step : trace["steps"]) {
      CAPTURE(sampler.drawn());
      std::vector<float> logits(65536, trace["other_ids_logit"].get<float>());
      for (std::size_t i = 0; i < candidates.size(); ++i) logits[candidates[i]] = step["raw_logits"][i];
      sampler.penalise(logits);
      const auto probs = filtered(logits, settings);
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        CAPTURE(candidates[i]);
        const auto& adjusted = step["adjusted_logits"][i];
        if (adjusted.is_number()) {
          CHECK(std::abs(logits[candidates[i]] - adjusted.get<float>()) < 2e-6F);
        } else {
          CHECK(logits[candidates[i]] == -kInfinity);
        }
        CHECK(std::abs(probs[candidates[i]] - step["probs"][i].get<float>()) < 2e-6F);
      }
      const TokenId chosen = step["chosen"];
      CHECK(argmax(probs) == chosen);
      sampler.accept(chosen);
    }
  }
}

TEST_CASE("selecting without sorting everything gives what a full sort gives") {
  for (const float deviation : {0.0F, 0.01F, 0.5F, 2.0F, 4.0F, 12.0F}) {
    const auto logits = randomLogits(20011, deviation, 3);
    for (const auto& [temperature, topP, topK] : {std::tuple{1.0F, 0.3F, 0}, {1.0F, 0.9F, 0}, {0.7F, 1.0F, 50},
                                                   {1.5F, 0.97F, 500}, {1.0F, 1.0F, 0}, {0.3F, 0.5F, 3}}) {
      CAPTURE(deviation);
      CAPTURE(temperature);
      CAPTURE(topP);
      const auto probs = filtered(logits, plain(temperature, topP, topK));
      const auto wanted = reference(logits, temperature, topP, topK);
      // A float32 sum may end one entry earlier or later than the double one; that moves the total by one entry.
      const double one = *std::max_element(wanted.begin(), wanted.end());
      CHECK(maxDifference(probs, wanted) <= 2e-6 + (deviation < 1 ? 1.01 * one : 0));
    }
  }
}

TEST_CASE("the cutoff is where the float32 running sum of the descending probabilities reaches top_p") {
  // Big bands go through the digit sort, small ones through std::sort; both must give this.
  for (const float deviation : {0.05F, 1.0F, 3.0F}) {
    const auto logits = randomLogits(30000, deviation, 5);
    const auto all = filtered(logits, plain(1, 1));
    for (const float topP : {0.1F, 0.5F, 0.9F, 0.99F}) {
      auto sorted = all;
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      float sum = 0;
      std::size_t end = 0;
      while (end < sorted.size() && sum < topP) sum += sorted[end++];
      const auto kept = filtered(logits, plain(1, topP));
      const auto wanted = std::count_if(all.begin(), all.end(), [&](float p) { return p >= sorted[end - 1]; });
      CHECK(std::count_if(kept.begin(), kept.end(), [](float p) { return p > 0; }) == wanted);
    }
  }
}

TEST_CASE("ties: top_p keeps all that equal its cutoff, top_k the lowest ids, greedy takes the lowest id") {
  const std::vector<float> logits = {1, 5, 2, 5, 5, 0};
  CHECK(filtered(logits, plain(1, 0))[3] == doctest::Approx(1.0 / 3));
  const auto two = filtered(logits, plain(1, 1, 2));
  CHECK(two == std::vector<float>{0, 0.5F, 0, 0.5F, 0, 0});
  CHECK(Sampler(plain(0, 0.9F), 1).sample(logits) == 1);
  CHECK(Sampler(plain(1, 0), 2).sample(logits) == 1);
}

TEST_CASE("logits that are no numbers never crash, hang or draw a banned token") {
  const std::vector<std::vector<float>> cases = {{},
                                                 {kNan},
                                                 {kNan, kNan, kNan},
                                                 {-kInfinity, -kInfinity},
                                                 {1, kNan, 3, -kInfinity},
                                                 {kInfinity, 2, kInfinity, kNan},
                                                 {3e38F, -3e38F, 0, kNan},
                                                 std::vector<float>(5000, kNan)};
  for (const auto& logits : cases) {
    for (const float temperature : {0.0F, -1.0F, 1e-40F, 0.5F, 1.0F, 1e30F, kInfinity, kNan}) {
      for (const float topP : {0.0F, -1.0F, 0.5F, 1.0F, 2.0F, kNan}) {
        for (const int topK : {-1, 0, 1, 2, 1 << 30}) {
          const auto probs = filtered(logits, plain(temperature, topP, topK));
          if (!logits.empty()) CHECK(std::accumulate(probs.begin(), probs.end(), 0.0F) == doctest::Approx(1));
          Sampler sampler(plain(temperature, topP, topK), 9);
          sampler.ban(0);
          const TokenId id = sampler.sample(logits);
          if (logits.size() > 2) CHECK(id != 0);
          CHECK(id < std::max<std::size_t>(logits.size(), 1));
        }
      }
    }
  }
  CHECK(filtered(cases[5], plain(1, 1)) == std::vector<float>{0.5F, 0, 0.5F, 0});
}

TEST_CASE("NaN is never drawn beside numbers") {
  auto logits = randomLogits(3000, 1, 1);
  for (std::size_t i = 0; i < logits.size(); i += 2) logits[i] = kNan;
  Sampler sampler(plain(1, 1), 4);
  for (int i = 0; i < 200; ++i) {
    const TokenId id = sampler.sample(logits);
    CHECK(id % 2 == 1);
    sampler.accept(id);
  }
}

TEST_CASE("Philox4x32-10 gives the published answers") {
  // kat_vectors of Random123, the authors' own test data.
  using Words = std::array<std::uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("draws follow the distribution (chi-square, fixed seed)") {
  const auto logits = randomLogits(40, 1, 8);
  for (const auto& settings : {plain(1, 1), plain(0.8F, 0.8F), plain(1, 1, 5)}) {
    const auto probs = filtered(logits, settings);
    std::vector<double> seen(logits.size());
    constexpr int kDraws = 40000;
    Sampler sampler(settings, 20230424);
    for (int i = 0; i < kDraws; ++i) {
      const TokenId id = sampler.sample(logits);
      seen[id] += 1;
      sampler.accept(id);  // penalties are off, only the counter moves
    }
    double chiSquare = 0, degrees = -1;
    for (std::size_t i = 0; i < probs.size(); ++i) {
      if (probs[i] == 0) {
        CHECK(seen[i] == 0);
        continue;
      }
      const double expected = kDraws * static_cast<double>(probs[i]);
      chiSquare += (seen[i] - expected) * (seen[i] - expected) / expected;
      degrees += 1;
    }
    // Mean `degrees`, variance twice that: 4 standard deviations each way (too even is suspicious as well).
    CAPTURE(chiSquare);
    CAPTURE(degrees);
    CHECK(std::abs(chiSquare - degrees) < 4 * std::sqrt(2 * degrees));
  }
}

TEST_CASE("a draw falls on the entry that the running sum reaches, over a whole vocabulary") {
  const auto weights = filtered(randomLogits(5003, 2, 9), plain(1, 0.9F));
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (int i = 0; i < 2000; ++i) {
    const double uniform = uniformDraw(1, static_cast<std::uint64_t>(i));
    const std::size_t id = drawIndex(weights, uniform);
    CHECK(weights[id] > 0);
    const double before = std::accumulate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(id), 0.0);
    CHECK(uniform * total > before - 1e-6);
    CHECK(uniform * total < before + static_cast<double>(weights[id]) + 1e-6);
  }
  CHECK(drawIndex(std::vector<float>{0, 0, 1, 0, 1, 0}, std::nextafter(1.0, 0.0)) == 4);
  CHECK(drawIndex(std::vector<float>{0, 0, 1, 0, 1, 0}, 0) == 2);
}

TEST_CASE("a draw depends on the seed and the number of accepted tokens only") {
  const auto logits = randomLogits(1000, 1, 2);
  Sampler sampler(plain(1, 1), 5);
  const TokenId first = sampler.sample(logits);
  CHECK(sampler.sample(logits) == first);
  CHECK(sampler.drawn() == 0);
  int sameAsOtherSeed = 0, sameAsPrevious = 0;
  Sampler other(plain(1, 1), 6);
  for (int i = 0; i < 100; ++i) {
    const TokenId id = sampler.sample(logits);
    sameAsOtherSeed += id == other.sample(logits);
    sampler.accept(id);
    other.accept(id);
    sameAsPrevious += id == sampler.sample(logits);
  }
  CHECK(sampler.drawn() == 100);
  CHECK(sameAsOtherSeed < 10);
  CHECK(sameAsPrevious < 10);
}

TEST_CASE("replay: a new sampler that accepts the journal goes on as the unbroken run did") {
  const SamplerSettings settings{.temperature = 1.2F, .topP = 0.9F, .presencePenalty = 0.4F, .frequencyPenalty = 0.3F};
  const auto logitsAt = [](std::size_t step) { return randomLogits(500, 1, static_cast<unsigned>(step)); };
  Sampler unbroken(settings, 77);
  std::vector<TokenId> tokens;
  for (std::size_t step = 0; step < 60; ++step) {
    tokens.push_back(unbroken.sample(logitsAt(step)));
    unbroken.accept(tokens.back());
  }
  for (const std::size_t kill : {0, 1, 17, 59}) {
    Sampler restarted(settings, 77);
    for (std::size_t step = 0; step < kill; ++step) restarted.accept(tokens[step]);
    for (std::size_t step = kill; step < tokens.size(); ++step) {
      const TokenId id = restarted.sample(logitsAt(step));
      REQUIRE(id == tokens[step]);
      restarted.accept(id);
    }
  }
}

TEST_CASE("penalties outside the vocabulary and without a tokenizer") {
  Sampler sampler({.presencePenalty = 1, .frequencyPenalty = 2, .penaltyDecay = 0.5F}, 1);
  sampler.ban(100);
  sampler.accept(100);
  sampler.accept(1);
  sampler.accept(1);
  std::vector<float> logits = {0, 0, 0};
  sampler.penalise(logits);
  CHECK(logits == std::vector<float>{0, -(1 + 2 * 1.5F), 0});
}

TEST_CASE("speed: one draw from 65536 logits" * doctest::skip()) {
  using Clock = std::chrono::steady_clock;
  for (const float deviation : {0.0F, 0.3F, 2.0F, 4.0F}) {
    const auto logits = randomLogits(65536, deviation, 1);
    for (const auto& settings : {plain(1, 0.3F), plain(0.8F, 0.9F), plain(1, 0.999F), plain(0.7F, 1, 40), plain(1, 1), plain(1, 0)}) {
      Sampler sampler(settings, 1);
      std::vector<double> times;
      for (int i = 0; i < 50; ++i) {
        const auto start = Clock::now();
        sampler.accept(sampler.sample(logits) % 2);
        times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      }
      std::sort(times.begin(), times.end());
      MESSAGE("deviation ", deviation, ", T ", settings.temperature, ", top_p ", settings.topP, ", top_k ", settings.topK,
              ": ", times[times.size() / 2], " us");
    }
  }
}
