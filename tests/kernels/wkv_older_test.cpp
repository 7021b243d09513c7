// SPDX-License-Identifier: GPL-3.0-or-later
// Time mixing of versions 4 to 6: every instruction set this machine has against the formulas in double precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/tables.h"

using namespace rookery::kernels;
using rookery::test::tables;

namespace {

constexpr float kUntouched = 77.0F;

std::vector<float> normals(std::int64_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

bool near(const std::vector<double>& expected, const std::vector<float>& got) {
  double most = 0, worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i])) return false;
    most = std::max(most, std::fabs(expected[i]));
    worst = std::max(worst, std::fabs(expected[i] - static_cast<double>(got[i])));
  }
  return expected.size() == got.size() && worst <= 1e-5 * most;
}

/// Rows [tokens][n] of [tokens][ld]; the channels behind them must be untouched.
std::vector<float> rowsOf(const std::vector<float>& wide, std::int64_t n, std::int64_t ld) {
  std::vector<float> rows;
  for (std::size_t at = 0; at < wide.size(); ++at) {
    const auto channel = static_cast<std::int64_t>(at) % ld;
    if (channel < n) rows.push_back(wide[at]);
    if (channel >= n) CHECK(wide[at] == kUntouched);
  }
  return rows;
}

struct Channels {
  std::int64_t n, tokens, ld;
  std::vector<float> r, k, v, decay, first, aa, bb, pp;

  Channels(std::int64_t channels, std::int64_t count, bool empty) : n(channels), tokens(count), ld(channels + 16) {
    std::mt19937 random(static_cast<unsigned>(channels * 100 + count));
    for (auto* rows : {&r, &k, &v}) *rows = normals(tokens * ld, random);
    for (float& value : k) value *= 4;  // the maximum moves both ways
    for (auto* vector : {&decay, &first, &aa, &bb, &pp}) *vector = normals(n, random);
    for (float& value : bb) value = std::fabs(value) + 0.1F;
    if (!empty) return;
    aa.assign(aa.size(), 0.0F);
    bb = aa;
    pp.assign(pp.size(), -1e30F);
  }

  void run(const CpuOps& ops, std::int64_t begin, std::int64_t count, std::vector<float>* state, std::vector<float>& out) const {
    Wkv4Args a;
    a.n = n;
    a.tokens = count;
    a.ld = ld;
    a.r = r.data() + begin * ld;
    a.k = k.data() + begin * ld;
    a.v = v.data() + begin * ld;
    a.decay = decay.data();
    a.first = first.data();
    a.aa = {state[0].data(), state[0].data()};
    a.bb = {state[1].data(), state[1].data()};
    a.pp = {state[2].data(), state[2].data()};
    a.out = out.data() + begin * ld;
    ops.wkv4(a);
  }
};

// Without a maximum, as the formula has it: sums of exp(k) v and exp(k).
struct Wkv4Reference {
  std::vector<double> out, mean, size;  // mean = aa / bb, size = pp + ln(bb): what does not depend on the maximum

  explicit Wkv4Reference(const Channels& c) : out(static_cast<std::size_t>(c.tokens * c.n)) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(c.n); ++i) {
      const bool empty = c.pp[i] < -1e29F;
      double top = empty ? 0 : static_cast<double>(c.aa[i]) * std::exp(static_cast<double>(c.pp[i]));
      double bottom = empty ? 0 : static_cast<double>(c.bb[i]) * std::exp(static_cast<double>(c.pp[i]));
      const double decay = std::exp(-std::exp(static_cast<double>(c.decay[i])));
      for (std::size_t t = 0; t < static_cast<std::size_t>(c.tokens); ++t) {
        const std::size_t at = t * static_cast<std::size_t>(c.ld) + i;
        const double key = c.k[at], value = c.v[at], now = std::exp(static_cast<double>(c.first[i]) + key);
        out[t * static_cast<std::size_t>(c.n) + i] = static_cast<double>(c.r[at]) * (top + now * value) / (bottom + now);
        top = decay * top + std::exp(key) * value;
        bottom = decay * bottom + std::exp(key);
      }
      mean.push_back(top / bottom);
      size.push_back(std::log(bottom));
    }
  }
};

struct Head {
  int n;
  std::int64_t tokens, ld, ldLora;
  bool perToken, gated;
  std::vector<float> r, k, v, gate, lora, decay, first, lnWeight, lnBias, state;

  Head(int size, std::int64_t count, bool decayPerToken, bool withGate)
      : n(size), tokens(count), ld(size + 16), ldLora(size + 32), perToken(decayPerToken), gated(withGate) {
    std::mt19937 random(static_cast<unsigned>(size * 100 + count));
    for (auto* rows : {&r, &k, &v, &gate}) *rows = normals(tokens * ld, random);
    lora = normals(tokens * ldLora, random);
    for (auto* vector : {&decay, &first, &lnWeight, &lnBias}) *vector = normals(n, random);
    state = normals(n * n, random);
  }

  void run(const CpuOps& ops, std::int64_t begin, std::int64_t count, const std::vector<float>& in, std::vector<float>& stateOut,
           std::vector<float>& out) const {
    Wkv5Args a;
    a.n = n;
    a.tokens = count;
    a.ld = ld;
    a.r = r.data() + begin * ld;
    a.k = k.data() + begin * ld;
    a.v = v.data() + begin * ld;
    if (gated) a.gate = gate.data() + begin * ld;
    a.decay = decay.data();
    a.ldLora = ldLora;
    if (perToken) a.decayLora = lora.data() + begin * ldLora;
    a.first = first.data();
    a.lnWeight = lnWeight.data();
    a.lnBias = lnBias.data();
    a.stateIn = in.data();
    a.stateOut = stateOut.data();
    a.out = out.data() + begin * ld;
    ops.wkv5(a);
  }
};

struct Wkv5Reference {
  std::vector<double> out, state;

  explicit Wkv5Reference(const Head& head) : state(head.state.begin(), head.state.end()) {
    const auto n = static_cast<std::size_t>(head.n);
    for (std::size_t t = 0; t < static_cast<std::size_t>(head.tokens); ++t) {
      const auto at = [&](const std::vector<float>& rows, std::size_t i) -> double { return rows[t * static_cast<std::size_t>(head.ld) + i]; };
      std::vector<double> y(n, 0.0);
      for (std::size_t key = 0; key < n; ++key) {
        const double lora = head.perToken ? static_cast<double>(head.lora[t * static_cast<std::size_t>(head.ldLora) + key]) : 0.0;
        const double w = std::exp(-std::exp(static_cast<double>(head.decay[key]) + lora));
        for (std::size_t value = 0; value < n; ++value) {
          double& cell = state[key * n + value];
          const double kv = at(head.k, key) * at(head.v, value);
          y[value] += at(head.r, key) * (static_cast<double>(head.first[key]) * kv + cell);
          cell = w * cell + kv;
        }
      }
      double mean = 0, variance = 0;
      for (const double value : y) mean += value / head.n;
      for (const double value : y) variance += (value - mean) * (value - mean) / head.n;
      for (std::size_t i = 0; i < n; ++i) {
        const double normed = (y[i] - mean) / std::sqrt(variance + 64e-5) * static_cast<double>(head.lnWeight[i]) + static_cast<double>(head.lnBias[i]);
        out.push_back(head.gated ? normed * at(head.gate, i) : normed);
      }
    }
  }
};

}  // namespace

TEST_CASE("version 4: every table agrees with double precision") {
  for (const CpuOps* ops : tables()) {
    for (const std::int64_t n : {16, 64, 80}) {
      for (const std::int64_t tokens : {1, 2, 9}) {
        for (const bool empty : {false, true}) {
          CAPTURE(ops->name);
          CAPTURE(n);
          CAPTURE(tokens);
          CAPTURE(empty);
          const Channels channels(n, tokens, empty);
          const Wkv4Reference expected(channels);
          std::vector<float> out(static_cast<std::size_t>(tokens * channels.ld), kUntouched);
          std::vector<float> state[3] = {channels.aa, channels.bb, channels.pp};
          channels.run(*ops, 0, tokens, state, out);
          CHECK(near(expected.out, rowsOf(out, n, channels.ld)));
          std::vector<float> mean, size;
          for (std::size_t i = 0; i < state[0].size(); ++i) {
            mean.push_back(state[0][i] / state[1][i]);
            size.push_back(state[2][i] + std::log(state[1][i]));
          }
          CHECK(near(expected.mean, mean));
          CHECK(near(expected.size, size));
        }
      }
    }
  }
}

TEST_CASE("version 4: keys that overflow exp, and old states that have died out, stay finite") {
  for (const CpuOps* ops : tables()) {
    CAPTURE(ops->name);
    Channels channels(16, 4, true);
    for (std::size_t i = 0; i < channels.k.size(); ++i) channels.k[i] = i % 3 == 0 ? 500.0F : i % 3 == 1 ? -500.0F : 0.0F;
    std::vector<float> out(channels.k.size(), kUntouched);
    std::vector<float> state[3] = {channels.aa, channels.bb, channels.pp};
    channels.run(*ops, 0, 4, state, out);
    for (const float value : out) CHECK(std::isfinite(value));
    for (const auto& part : state)
      for (const float value : part) CHECK(std::isfinite(value));
  }
}

TEST_CASE("version 4: chunks give the bits of the whole") {
  for (const CpuOps* ops : tables()) {
    CAPTURE(ops->name);
    const Channels channels(80, 9, false);
    std::vector<float> whole(static_cast<std::size_t>(9 * channels.ld), kUntouched), parts = whole;
    std::vector<float> wholeState[3] = {channels.aa, channels.bb, channels.pp};
    std::vector<float> partsState[3] = {channels.aa, channels.bb, channels.pp};
    channels.run(*ops, 0, 9, wholeState, whole);
    channels.run(*ops, 0, 4, partsState, parts);
    channels.run(*ops, 4, 5, partsState, parts);
    CHECK(whole == parts);
    for (int part = 0; part < 3; ++part) CHECK(wholeState[part] == partsState[part]);
  }
}

TEST_CASE("versions 5 and 6: every table agrees with double precision") {
  for (const CpuOps* ops : tables()) {
    for (const int n : {16, 64, 80}) {
      for (const std::int64_t tokens : {1, 2, 9}) {
        for (const auto& [perToken, gated] : {std::pair{false, false}, {false, true}, {true, true}}) {
          CAPTURE(ops->name);
          CAPTURE(n);
          CAPTURE(tokens);
          CAPTURE(perToken);
          CAPTURE(gated);
          const Head head(n, tokens, perToken, gated);
          const Wkv5Reference expected(head);
          std::vector<float> out(static_cast<std::size_t>(tokens * head.ld), kUntouched), state(head.state.size(), kUntouched);
          const std::vector<float> before = head.state;
          head.run(*ops, 0, tokens, head.state, state, out);
          CHECK(head.state == before);
          CHECK(near(expected.out, rowsOf(out, n, head.ld)));
          CHECK(near(expected.state, state));
        }
      }
    }
  }
}

TEST_CASE("versions 5 and 6: chunks give the bits of the whole") {
  for (const CpuOps* ops : tables()) {
    for (const int n : {16, 64, 80}) {
      for (const bool perToken : {false, true}) {
        CAPTURE(ops->name);
        CAPTURE(n);
        CAPTURE(perToken);
        const Head head(n, 9, perToken, true);
        std::vector<float> whole(static_cast<std::size_t>(9 * head.ld), kUntouched), parts = whole;
        std::vector<float> wholeState(head.state.size()), middle = wholeState, partsState = wholeState;
        head.run(*ops, 0, 9, head.state, wholeState, whole);
        head.run(*ops, 0, 4, head.state, middle, parts);
        head.run(*ops, 4, 5, middle, partsState, parts);
        CHECK(whole == parts);
        CHECK(wholeState == partsState);
      }
    }
  }
}
