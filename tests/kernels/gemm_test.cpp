// SPDX-License-Identifier: GPL-3.0-or-later
// Every instruction set this machine has, every weight format, against a plain double-precision product.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/tables.h"

using namespace rookery::kernels;
using rookery::test::tables;

namespace {

std::uint16_t halfOf(float value) {  // only for values that are exact in fp16
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if ((bits & 0x7FFFFFFFU) == 0) return static_cast<std::uint16_t>(bits >> 16);
  return static_cast<std::uint16_t>(((bits >> 16) & 0x8000U) | ((((bits >> 23) & 0xFFU) - 112U) << 10) | ((bits >> 13) & 0x3FFU));
}

// A packed matrix and what it stands for.
struct Sample {
  std::vector<std::byte> bytes;
  std::vector<double> values;  // [rows][cols]
  PackedMatrix matrix;
};

Sample makeSample(Format format, std::int64_t rows, std::int64_t cols, bool wide, unsigned seed) {
  Sample s;
  s.bytes.resize(static_cast<std::size_t>(packedBytes(format, rows, cols)));
  s.values.resize(static_cast<std::size_t>(rows * cols));
  s.matrix = {s.bytes.data(), format, rows, cols, kTileRows};
  if (wide) s.matrix.panelRows = s.matrix.paddedRows();
  const std::int64_t p = s.matrix.panelRows;
  std::mt19937 random(seed);
  std::vector<float> scales(static_cast<std::size_t>(rows * (cols / kQ8Block + 1)));
  for (float& scale : scales) scale = static_cast<float>(random() % 7 + 1) / 512.0F;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t k = 0; k < cols; ++k) {
      const std::int64_t panel = r / p, row = r % p;
      float value = static_cast<float>(static_cast<int>(random() % 255) - 127) / 64.0F;  // exact in fp16 and bf16
      std::byte* at = s.bytes.data();
      if (format == Format::Q8_0) {
        const std::int64_t block = panel * (cols / kQ8Block) + k / kQ8Block;
        at += block * p * (2 + kQ8Block);
        const float scale = scales[static_cast<std::size_t>(r * (cols / kQ8Block) + k / kQ8Block)];
        const std::uint16_t half = halfOf(scale);
        std::memcpy(at + row * 2, &half, 2);
        const auto code = static_cast<std::int8_t>(value * 64.0F);
        std::memcpy(at + p * 2 + (k % kQ8Block) * p + row, &code, 1);
        value = static_cast<float>(code) * scale;
      } else if (format == Format::F32) {
        std::memcpy(at + ((panel * cols + k) * p + row) * 4, &value, 4);
      } else {
        std::uint16_t half = halfOf(value);
        if (format == Format::BF16) {
          std::uint32_t bits;
          std::memcpy(&bits, &value, 4);
          half = static_cast<std::uint16_t>(bits >> 16);
        }
        std::memcpy(at + ((panel * cols + k) * p + row) * 2, &half, 2);
      }
      s.values[static_cast<std::size_t>(r * cols + k)] = value;
    }
  }
  return s;
}

std::vector<float> randomRow(std::size_t count, unsigned seed, bool sparse = false) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> row(count);
  for (float& x : row) x = sparse && random() % 2 == 0 ? 0.0F : normal(random);
  return row;
}

double activated(double x, Activation a) {
  switch (a) {
    case Activation::None: return x;
    case Activation::Tanh: return std::tanh(x);
    case Activation::Sigmoid: return 1 / (1 + std::exp(-x));
    case Activation::Silu: return x / (1 + std::exp(-x));
    case Activation::ReluSquared: return x > 0 ? x * x : 0;
  }
  return x;
}

}  // namespace

TEST_CASE("matrix products agree with double precision for every set, format, shape and row count") {
  for (const CpuOps* ops : tables()) {
    for (const Format format : {Format::F32, Format::F16, Format::BF16, Format::Q8_0}) {
      for (const auto& [rows, cols] : {std::pair<std::int64_t, std::int64_t>{16, 32}, {24, 96}, {211, 64}, {320, 320}, {64, 480}}) {
        for (const bool wide : {false, true}) {
          const Sample s = makeSample(format, rows, cols, wide, 5);
          for (const std::int64_t tokens : {1, 2, 3, 5, 6, 7, 13, 14}) {
            CAPTURE(ops->name);
            CAPTURE(static_cast<int>(format));
            CAPTURE(rows);
            CAPTURE(tokens);
            const auto x = randomRow(static_cast<std::size_t>(tokens * cols), 9);
            std::vector<float> y(static_cast<std::size_t>(tokens * s.matrix.paddedRows()), 0.5F);
            GemmArgs args;
            args.w = s.matrix;
            args.tileEnd = s.matrix.tiles();
            args.x = x.data();
            args.ldx = cols;
            args.tokens = tokens;
            args.y = y.data();
            args.ldy = s.matrix.paddedRows();
            args.activation = tokens == 3 ? Activation::Silu : tokens == 5 ? Activation::Tanh : tokens == 6 ? Activation::Sigmoid : tokens == 7 ? Activation::ReluSquared : Activation::None;
            args.accumulate = tokens >= 13;
            const auto gate = randomRow(y.size(), 11);
            if (tokens == 14) {
              args.gate = gate.data();
              args.ldGate = args.ldy;
            }
            ops->gemm(args);
            double worst = 0;
            for (std::int64_t t = 0; t < tokens; ++t) {
              for (std::int64_t r = 0; r < rows; ++r) {
                double sum = 0, size = 0;
                for (std::int64_t k = 0; k < cols; ++k) {
                  const double term = s.values[static_cast<std::size_t>(r * cols + k)] * static_cast<double>(x[static_cast<std::size_t>(t * cols + k)]);
                  sum += term;
                  size += std::fabs(term);
                }
                const double factor = args.gate == nullptr ? 1.0 : static_cast<double>(gate[static_cast<std::size_t>(t * args.ldy + r)]);
                const double expected = activated(sum, args.activation) * factor + (args.accumulate ? 0.5 : 0.0);
                const double scale = args.activation == Activation::ReluSquared ? 1 + size * std::fabs(sum) : 1 + size * std::max(1.0, std::fabs(factor));
                worst = std::max(worst, std::fabs(expected - static_cast<double>(y[static_cast<std::size_t>(t * args.ldy + r)])) / scale);
              }
            }
            CHECK(worst < 1e-6);
          }
        }
      }
    }
  }
}

TEST_CASE("a row is bitwise the same however many rows go with it, and on both vector sets") {
  const std::int64_t rows = 208, cols = 416, tokens = 16;
  for (const Format format : {Format::F32, Format::F16, Format::BF16, Format::Q8_0}) {
    const Sample s = makeSample(format, rows, cols, false, 3);
    const auto x = randomRow(static_cast<std::size_t>(tokens * cols), 4);
    std::vector<std::vector<float>> perSet;
    for (const CpuOps* ops : tables()) {
      std::vector<float> together(static_cast<std::size_t>(tokens * rows)), alone(together.size());
      GemmArgs args;
      args.w = s.matrix;
      args.tileEnd = s.matrix.tiles();
      args.x = x.data();
      args.ldx = cols;
      args.tokens = tokens;
      args.y = together.data();
      args.ldy = rows;
      ops->gemm(args);
      args.tokens = 1;
      for (std::int64_t t = 0; t < tokens; ++t) {
        args.x = x.data() + t * cols;
        args.y = alone.data() + t * rows;
        ops->gemm(args);
      }
      CAPTURE(ops->name);
      CHECK(together == alone);
      if (ops->name != std::string("scalar")) perSet.push_back(together);
    }
    for (const auto& other : perSet) CHECK(other == perSet.front());
  }
}

TEST_CASE("skipping zero inputs gives bitwise the dense product") {
  const std::int64_t rows = 208, cols = 416;
  for (const CpuOps* ops : tables()) {
    for (const Format format : {Format::F32, Format::F16, Format::BF16, Format::Q8_0}) {
      const Sample s = makeSample(format, rows, cols, true, 3);
      const auto gate = randomRow(static_cast<std::size_t>(rows), 8);
      for (const auto& [zero, gated] : {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
        auto x = randomRow(static_cast<std::size_t>(cols), 4, true);
        if (zero) x.assign(x.size(), 0.0F);
        std::vector<std::int32_t> active;
        for (std::size_t k = 0; k < x.size(); ++k)
          if (x[k] != 0.0F) active.push_back(static_cast<std::int32_t>(k));
        std::vector<float> dense(static_cast<std::size_t>(rows), 0.25F), sparse = dense;
        GemmArgs args;
        args.w = s.matrix;
        args.tileEnd = s.matrix.tiles();
        args.x = x.data();
        args.ldx = cols;
        args.tokens = 1;
        args.y = dense.data();
        args.ldy = rows;
        args.accumulate = true;
        if (gated) args.gate = gate.data();
        ops->gemm(args);
        ops->sparseGemv({s.matrix, 0, 5, x.data(), active.data(), static_cast<std::int64_t>(active.size()), sparse.data(), args.gate});
        ops->sparseGemv({s.matrix, 5, s.matrix.tiles(), x.data(), active.data(), static_cast<std::int64_t>(active.size()), sparse.data(), args.gate});
        CAPTURE(ops->name);
        CAPTURE(gated);
        CHECK(dense == sparse);
      }
    }
  }
}

TEST_CASE("layer norm and mixing agree with double precision, tails included") {
  for (const CpuOps* ops : tables()) {
    for (const std::int64_t n : {1, 7, 64, 100, 768, 2560}) {
      const auto x = randomRow(static_cast<std::size_t>(n), 1), w = randomRow(static_cast<std::size_t>(n), 2), b = randomRow(static_cast<std::size_t>(n), 3);
      std::vector<float> out(x.size());
      ops->layerNorm(x.data(), w.data(), b.data(), n, 1e-5F, out.data());
      double mean = 0, variance = 0;
      for (const float v : x) mean += static_cast<double>(v) / static_cast<double>(n);
      for (const float v : x) variance += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean) / static_cast<double>(n);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = (static_cast<double>(x[i]) - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(w[i]) + static_cast<double>(b[i]);
        CHECK(std::fabs(expected - static_cast<double>(out[i])) < 2e-5);
      }
      ops->lerp(x.data(), w.data(), b.data(), n, out.data());
      for (std::size_t i = 0; i < x.size(); ++i) CHECK(out[i] == doctest::Approx(x[i] + (w[i] - x[i]) * b[i]).epsilon(1e-5));
    }
  }
}

TEST_CASE("every half converts exactly") {
  for (std::uint32_t h = 0; h < 65536; ++h) {
    const float f = halfToFloat(static_cast<std::uint16_t>(h));
    const int exponent = static_cast<int>((h >> 10) & 31U), mantissa = static_cast<int>(h & 1023U);
    if (exponent == 31) {
      CHECK((mantissa == 0 ? std::isinf(f) : std::isnan(f)));
      continue;
    }
    const double expected = (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25)) * ((h & 0x8000U) != 0 ? -1 : 1);
    REQUIRE(static_cast<double>(f) == expected);
  }
}
