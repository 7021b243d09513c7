// SPDX-License-Identifier: GPL-3.0-or-later
// One head of RWKV-7 time mixing: every instruction set this machine has against the formulas in double precision.
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

// The inputs of one head. The rows are wider than the head, as they are in a model with several heads.
struct Head {
  int n;
  std::int64_t tokens, ld, ldLora;
  std::vector<float> r, k, v, vFirst, wLora, aLora, vLora, gate;
  std::vector<float> w0, a0, v0, kK, kA, rK, lnWeight, lnBias, state;

  Head(int size, std::int64_t count) : n(size), tokens(count), ld(size + 16), ldLora(size + 32) {
    std::mt19937 random(static_cast<unsigned>(size * 100 + count));
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>& into, std::int64_t values) {
      into.resize(static_cast<std::size_t>(values));
      for (float& value : into) value = normal(random);
    };
    for (auto* rows : {&r, &k, &v, &vFirst}) fill(*rows, tokens * ld);
    for (auto* rows : {&wLora, &aLora, &vLora, &gate}) fill(*rows, tokens * ldLora);
    for (auto* vector : {&w0, &a0, &v0, &kK, &kA, &rK, &lnWeight, &lnBias}) fill(*vector, n);
    fill(state, n * n);
  }

  // Tokens [begin, begin + count).
  Wkv7Args args(bool withFirst, std::int64_t begin, std::int64_t count, const float* in, float* stateOut, float* out) const {
    Wkv7Args a;
    a.n = n;
    a.tokens = count;
    a.ld = ld;
    a.r = r.data() + begin * ld;
    a.k = k.data() + begin * ld;
    a.v = v.data() + begin * ld;
    a.ldLora = ldLora;
    a.wLora = wLora.data() + begin * ldLora;
    a.aLora = aLora.data() + begin * ldLora;
    a.gate = gate.data() + begin * ldLora;
    if (withFirst) {
      a.vFirst = vFirst.data() + begin * ld;
      a.vLora = vLora.data() + begin * ldLora;
      a.v0 = v0.data();
    }
    a.w0 = w0.data();
    a.a0 = a0.data();
    a.kK = kK.data();
    a.kA = kA.data();
    a.rK = rK.data();
    a.lnWeight = lnWeight.data();
    a.lnBias = lnBias.data();
    a.stateIn = in;
    a.stateOut = stateOut;
    a.out = out + begin * ld;
    return a;
  }
};

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

struct Reference {
  std::vector<double> out;    // [tokens][n]
  std::vector<double> state;  // [key][value]
};

Reference reference(const Head& head, bool withFirst) {
  const auto n = static_cast<std::size_t>(head.n);
  Reference result{{}, {head.state.begin(), head.state.end()}};
  auto& s = result.state;
  for (std::size_t t = 0; t < static_cast<std::size_t>(head.tokens); ++t) {
    const auto at = [&](const std::vector<float>& rows, std::size_t i) -> double { return rows[t * static_cast<std::size_t>(head.ld) + i]; };
    const auto lora = [&](const std::vector<float>& rows, std::size_t i) -> double { return rows[t * static_cast<std::size_t>(head.ldLora) + i]; };
    const auto of = [](const std::vector<float>& vector, std::size_t i) -> double { return vector[i]; };
    std::vector<double> w(n), k(n), v(n), kk(n), a(n), y(n, 0.0);
    double square = 0;
    for (std::size_t i = 0; i < n; ++i) {
      w[i] = std::exp(-std::exp(-0.5) * sigmoid(of(head.w0, i) + lora(head.wLora, i)));
      a[i] = sigmoid(of(head.a0, i) + lora(head.aLora, i));
      kk[i] = at(head.k, i) * of(head.kK, i);
      square += kk[i] * kk[i];
      k[i] = at(head.k, i) * (1.0 + (a[i] - 1.0) * of(head.kA, i));
      v[i] = at(head.v, i);
      if (withFirst) v[i] += (at(head.vFirst, i) - v[i]) * sigmoid(of(head.v0, i) + lora(head.vLora, i));
    }
    for (double& value : kk) value /= std::sqrt(square);
    for (std::size_t value = 0; value < n; ++value) {
      double removed = 0;
      for (std::size_t key = 0; key < n; ++key) removed += s[key * n + value] * kk[key];
      for (std::size_t key = 0; key < n; ++key) {
        double& cell = s[key * n + value];
        cell = cell * w[key] - removed * kk[key] * a[key] + v[value] * k[key];
        y[value] += cell * at(head.r, key);
      }
    }
    double mean = 0, variance = 0, bonus = 0;
    for (const double value : y) mean += value / head.n;
    for (const double value : y) variance += (value - mean) * (value - mean) / head.n;
    for (std::size_t i = 0; i < n; ++i) bonus += at(head.r, i) * k[i] * of(head.rK, i);
    for (std::size_t i = 0; i < n; ++i) {
      const double normed = (y[i] - mean) / std::sqrt(variance + 64e-5) * of(head.lnWeight, i) + of(head.lnBias, i);
      result.out.push_back((normed + bonus * v[i]) * lora(head.gate, i));
    }
  }
  return result;
}

double largest(const std::vector<double>& values) {
  double found = 0;
  for (const double value : values) found = std::max(found, std::fabs(value));
  return found;
}

}  // namespace

TEST_CASE("every table agrees with double precision") {
  for (const CpuOps* ops : tables()) {
    for (const int n : {16, 64, 80}) {
      for (const std::int64_t tokens : {1, 2, 9}) {
        for (const bool withFirst : {false, true}) {
          CAPTURE(ops->name);
          CAPTURE(n);
          CAPTURE(tokens);
          CAPTURE(withFirst);
          const Head head(n, tokens);
          const Reference expected = reference(head, withFirst);
          constexpr float kUntouched = 77.0F;
          std::vector<float> out(static_cast<std::size_t>(tokens * head.ld), kUntouched), state(head.state.size(), kUntouched);
          const std::vector<float> before = head.state;
          ops->wkv7(head.args(withFirst, 0, tokens, head.state.data(), state.data(), out.data()));
          CHECK(head.state == before);
          double worstOut = 0, worstState = 0;
          bool finite = true, padding = true;
          for (std::size_t t = 0; t < static_cast<std::size_t>(tokens); ++t) {
            for (std::size_t i = 0; i < static_cast<std::size_t>(head.ld); ++i) {
              const float value = out[t * static_cast<std::size_t>(head.ld) + i];
              if (i >= static_cast<std::size_t>(n)) {
                padding = padding && value == kUntouched;
                continue;
              }
              finite = finite && std::isfinite(value);
              worstOut = std::max(worstOut, std::fabs(expected.out[t * static_cast<std::size_t>(n) + i] - static_cast<double>(value)));
            }
          }
          for (std::size_t i = 0; i < state.size(); ++i) {
            finite = finite && std::isfinite(state[i]);
            worstState = std::max(worstState, std::fabs(expected.state[i] - static_cast<double>(state[i])));
          }
          CHECK(finite);
          CHECK(padding);  // the next head's channels
          CHECK(worstOut <= 1e-4 * largest(expected.out));
          CHECK(worstState <= 1e-4 * largest(expected.state));
        }
      }
    }
  }
}

TEST_CASE("chunks give the bits of the whole") {
  for (const CpuOps* ops : tables()) {
    for (const int n : {16, 64, 80}) {
      for (const bool withFirst : {false, true}) {
        CAPTURE(ops->name);
        CAPTURE(n);
        CAPTURE(withFirst);
        const Head head(n, 9);
        std::vector<float> whole(static_cast<std::size_t>(9 * head.ld)), parts(whole.size());
        std::vector<float> wholeState(head.state.size()), middle(head.state.size()), partsState(head.state.size());
        ops->wkv7(head.args(withFirst, 0, 9, head.state.data(), wholeState.data(), whole.data()));
        ops->wkv7(head.args(withFirst, 0, 4, head.state.data(), middle.data(), parts.data()));
        ops->wkv7(head.args(withFirst, 4, 5, middle.data(), partsState.data(), parts.data()));
        CHECK(whole == parts);
        CHECK(wholeState == partsState);
      }
    }
  }
}
