// SPDX-License-Identifier: GPL-3.0-or-later
// Coded weights: packed, then multiplied by every instruction set, against the scalar decode in double precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "backend/common/packing.h"
#include "kernels/coded_format.h"
#include "kernels/cpu/cpu_ops.h"
#include "quant/blocks.h"
#include "quant/convert.h"

using namespace rookery::engine;
using namespace rookery::kernels;
namespace engine = rookery::engine;

namespace {

constexpr DType kTypes[] = {DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1, DType::Q2_K,   DType::Q3_K, DType::Q4_K,  DType::Q5_K, DType::Q6_K,
                            DType::IQ4_NL, DType::NF4, DType::Int4, DType::Int8, DType::FP16I8, DType::A16W8, DType::A16W4};

std::vector<const CpuOps*> tables() {
  std::vector<const CpuOps*> found;
  for (const char* name : {"scalar", "avx2", "avx512"})
    if (const CpuOps* ops = cpuOpsByName(name)) found.push_back(ops);
  return found;
}

/// A matrix of a type: its bytes as a file has them, what they stand for, and packed.
struct Sample {
  std::vector<std::byte> stored, packed;
  std::vector<float> values;  // [rows][cols]
  PackedMatrix matrix;
};

// What a load-only type makes of the weights, by its definition.
void reduce(DType type, std::int64_t rows, std::int64_t cols, const MatrixExtremes& e, std::vector<float>& w) {
  const auto rounded = [](float x) { return engine::halfToFloat(engine::floatToHalf(x)); };
  for (std::int64_t r = 0; r < rows; ++r) {
    float most = 0;
    for (std::int64_t k = 0; k < cols; ++k) most = std::max(most, std::fabs(w[static_cast<std::size_t>(r * cols + k)]));
    for (std::int64_t k = 0; k < cols; ++k) {
      float& x = w[static_cast<std::size_t>(r * cols + k)];
      const auto i = static_cast<std::size_t>(r), j = static_cast<std::size_t>(k);
      if (type == DType::FP16I8) {
        const float q = std::clamp(std::floor((x - e.outputOffset[i] - e.inputOffset[j]) / e.outputRange[i] / e.inputRange[j] * 256.0F), 0.0F, 255.0F);
        x = (q + 0.5F) * rounded(e.inputRange[j] / 16) * rounded(e.outputRange[i] / 16) + rounded(e.inputOffset[j]) + rounded(e.outputOffset[i]);
      } else {
        const float n = type == DType::A16W8 ? 127.0F : 7.0F, d = rounded(most / n);
        x = d * std::clamp(std::round(x / d), -n, n);
      }
    }
  }
}

Sample makeSample(DType type, std::int64_t rows, std::int64_t cols, bool wide) {
  std::mt19937 random(static_cast<unsigned>(17 * rows + cols));
  std::normal_distribution<float> normal(0, 0.5F);
  Sample s;
  std::vector<float> weights(static_cast<std::size_t>(rows * cols));
  for (float& w : weights) w = normal(random);
  WeightView view{isLoadOnly(type) ? DType::F32 : type, rows, cols, false, {}};
  MatrixExtremes extremes;
  if (isLoadOnly(type)) {
    s.stored.resize(4 * weights.size());
    std::memcpy(s.stored.data(), weights.data(), s.stored.size());
  } else if (precisionNamed(traits(type).name)) {
    s.stored.resize(byteSize(type, weights.size()));
    encodeFromF32(type, weights, s.stored);
  } else {  // read only: random bytes with scales that are finite and of about one size
    s.stored.resize(byteSize(type, weights.size()));
    BlockParts parts;
    for (auto& b : s.stored) b = static_cast<std::byte>(random());
    const std::size_t size = traits(type).blockBytes, at = type == DType::Q2_K ? 80 : type == DType::Q3_K ? 108 : 0;
    for (std::size_t block = 0; block < s.stored.size(); block += size) {
      s.stored[block + at + 1] = static_cast<std::byte>(0x18 | (random() & 0x81U));
      if (type == DType::Q2_K) s.stored[block + at + 3] = static_cast<std::byte>(0x18 | (random() & 0x81U));
    }
  }
  view.bytes = s.stored;
  s.values.resize(weights.size());
  decodeToF32(view.dtype, view.bytes, s.values);
  s.packed.assign(static_cast<std::size_t>(packedBytes(kernelFormat(type), rows, cols)), std::byte{0xEE});
  s.matrix = {s.packed.data(), kernelFormat(type), rows, cols, kTileRows};
  if (wide) s.matrix.panelRows = s.matrix.paddedRows();
  if (type == DType::FP16I8) {
    extremes = *measureExtremes(view, [] { return true; });
    packColumns(extremes, s.packed.data());
  }
  if (isLoadOnly(type)) reduce(type, rows, cols, extremes, s.values);
  packTiles(view, type, extremes, s.matrix, s.packed.data(), 0, s.matrix.tiles() / 2);  // as two workers would
  packTiles(view, type, extremes, s.matrix, s.packed.data(), s.matrix.tiles() / 2, s.matrix.tiles());
  return s;
}

std::vector<float> randomRow(std::size_t count, unsigned seed, bool sparse = false) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> row(count);
  for (float& x : row) x = sparse && random() % 2 == 0 ? 0.0F : normal(random);
  return row;
}

GemmArgs argumentsFor(const Sample& s, const std::vector<float>& x, std::vector<float>& y, std::int64_t tokens) {
  GemmArgs args;
  args.w = s.matrix;
  args.tileEnd = s.matrix.tiles();
  args.x = x.data();
  args.ldx = s.matrix.cols;
  args.tokens = tokens;
  args.y = y.data();
  args.ldy = s.matrix.paddedRows();
  return args;
}

}  // namespace

TEST_CASE("products with coded weights are those of the decoded weights, for every set, shape and row count") {
  for (const DType type : kTypes) {
    for (const auto& [rows, cols] : {std::pair<std::int64_t, std::int64_t>{16, 256}, {88, 256}, {211, 512}, {144, 768}}) {
      for (const bool wide : {false, true}) {
        const Sample s = makeSample(type, rows, cols, wide);
        for (const std::int64_t tokens : {1, 2, 3, 7, 13}) {
          auto x = randomRow(static_cast<std::size_t>(tokens * cols), 9);
          std::vector<float> seen = x;
          if (type == DType::A16W8 || type == DType::A16W4)
            for (float& v : seen) v = engine::halfToFloat(engine::floatToHalf(v));
          for (const CpuOps* ops : tables()) {
            CAPTURE(ops->name);
            CAPTURE(traits(type).name);
            CAPTURE(rows);
            CAPTURE(wide);
            CAPTURE(tokens);
            std::vector<float> y(static_cast<std::size_t>(tokens * s.matrix.paddedRows()), 0.5F);
            GemmArgs args = argumentsFor(s, x, y, tokens);
            args.accumulate = tokens == 13;
            args.activation = tokens == 7 ? Activation::ReluSquared : Activation::None;
            ops->gemm(args);
            double worst = 0;
            for (std::int64_t t = 0; t < tokens; ++t) {
              for (std::int64_t r = 0; r < rows; ++r) {
                double sum = 0, size = 1;
                for (std::int64_t k = 0; k < cols; ++k) {
                  const double input = seen[static_cast<std::size_t>(t * cols + k)], weight = s.values[static_cast<std::size_t>(r * cols + k)];
                  sum += weight * input;
                  size += std::fabs(weight * input) + std::fabs(input);  // codes may be larger than the weights
                }
                double expected = sum;
                if (args.activation == Activation::ReluSquared) {
                  expected = sum > 0 ? sum * sum : 0;
                  size *= 1 + std::fabs(sum);
                }
                if (args.accumulate) expected += 0.5;
                worst = std::max(worst, std::fabs(expected - static_cast<double>(y[static_cast<std::size_t>(t * args.ldy + r)])) / size);
              }
            }
            CHECK(worst < 2e-6);
          }
        }
      }
    }
  }
}

TEST_CASE("coded: a row is bitwise the same however many rows go with it, and on both vector sets") {
  const std::int64_t rows = 208, cols = 512, tokens = 16;
  for (const DType type : kTypes) {
    const Sample s = makeSample(type, rows, cols, false);
    const auto x = randomRow(static_cast<std::size_t>(tokens * cols), 4);
    std::vector<std::vector<float>> perSet;
    for (const CpuOps* ops : tables()) {
      std::vector<float> together(static_cast<std::size_t>(tokens * rows)), alone(together.size());
      GemmArgs args = argumentsFor(s, x, together, tokens);
      ops->gemm(args);
      args.tokens = 1;
      for (std::int64_t t = 0; t < tokens; ++t) {
        args.x = x.data() + t * cols;
        args.y = alone.data() + t * rows;
        ops->gemm(args);
      }
      CAPTURE(ops->name);
      CAPTURE(traits(type).name);
      CHECK(together == alone);
      if (ops->name != std::string("scalar")) perSet.push_back(together);
    }
    for (const auto& other : perSet) CHECK(other == perSet.front());
  }
}

TEST_CASE("coded: skipping zero inputs gives bitwise the dense product") {
  const std::int64_t rows = 208, cols = 512;
  for (const CpuOps* ops : tables()) {
    for (const DType type : kTypes) {
      const Sample s = makeSample(type, rows, cols, true);
      for (const auto& [zero, gated] : {std::pair{false, false}, {true, false}, {false, true}}) {
        auto x = randomRow(static_cast<std::size_t>(cols), 4, true);
        const auto gate = randomRow(static_cast<std::size_t>(rows), 6);
        if (zero) x.assign(x.size(), 0.0F);
        std::fill(x.begin() + 64, x.begin() + 128, 0.0F);  // whole blocks without an input
        std::vector<std::int32_t> active;
        for (std::size_t k = 0; k < x.size(); ++k)
          if (x[k] != 0.0F) active.push_back(static_cast<std::int32_t>(k));
        std::vector<float> dense(static_cast<std::size_t>(rows), 0.25F), sparse = dense;
        GemmArgs args = argumentsFor(s, x, dense, 1);
        args.accumulate = true;
        args.gate = gated ? gate.data() : nullptr;
        ops->gemm(args);
        for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 5}, {5, s.matrix.tiles()}})
          ops->sparseGemv({s.matrix, begin, end, x.data(), active.data(), static_cast<std::int64_t>(active.size()), sparse.data(), args.gate});
        CAPTURE(ops->name);
        CAPTURE(traits(type).name);
        CHECK(dense == sparse);
        if (zero) CHECK(dense == std::vector<float>(static_cast<std::size_t>(rows), 0.25F));
      }
    }
  }
}

TEST_CASE("packed weights take about the bytes of the file") {
  const auto bits = [](DType type) { return 8.0 * static_cast<double>(packedBytes(kernelFormat(type), 256, 2048)) / (256 * 2048); };
  CHECK(bits(DType::Q4_0) == 4.5);
  CHECK(bits(DType::Q4_K) == 4.625);  // scales of 8 bits for 6
  CHECK(bits(DType::Q5_0) == 5.5);
  CHECK(bits(DType::Q5_K) == 5.625);
  CHECK(bits(DType::Q6_K) == 6.5625);
  CHECK(bits(DType::NF4) == 4.25);
  CHECK(bits(DType::Int8) == 8.25);
  CHECK(bits(DType::Q3_K) == 4.5625);  // widened to 4 bits
  CHECK(bits(DType::Q2_K) == 5.125);   // widened to 4 bits
}

TEST_CASE("weights of a file in one block format are packed as another one like the plain numbers they stand for") {
  constexpr std::int64_t kRows = 37, kCols = 768;
  for (const DType from : kTypes) {
    if (isLoadOnly(from)) continue;
    const Sample sample = makeSample(from, kRows, kCols, false);
    const WeightView blocks{from, kRows, kCols, false, sample.stored};
    const WeightView plain{DType::F32, kRows, kCols, false, std::as_bytes(std::span(sample.values))};
    for (const DType to : precisions()) {
      if (to == from) continue;  // moved bit for bit
      CAPTURE(traits(from).name);
      CAPTURE(traits(to).name);
      std::vector<std::byte> packed[2];
      for (const bool asBlocks : {false, true}) {
        const WeightView& view = asBlocks ? blocks : plain;
        std::vector<std::byte>& out = packed[asBlocks];
        out.assign(static_cast<std::size_t>(packedBytes(kernelFormat(to), kRows, kCols)), std::byte{0});
        const PackedMatrix matrix{out.data(), kernelFormat(to), kRows, kCols, kTileRows};
        MatrixExtremes extremes;
        if (to == DType::FP16I8) {
          extremes = *measureExtremes(view, [] { return true; });
          packColumns(extremes, out.data());
        }
        packTiles(view, to, extremes, matrix, out.data(), 0, matrix.tiles());
      }
      CHECK(packed[0] == packed[1]);
    }
  }
}
