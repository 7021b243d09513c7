// SPDX-License-Identifier: GPL-3.0-or-later
// Quantised blocks against ggml's own numbers (tests/data/ggml_blocks.bin; README there says how it was made).
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "quant/blocks.h"
#include "quant/convert.h"
#include "quant/policy.h"
#include "weights/rescale.h"

using namespace rookery::engine;

namespace {

struct Vectors {
  DType type{};
  std::vector<std::byte> quantised, anything;  // ggml's own quantisation of the weights; random bytes
  std::vector<float> values, anyValues;        // both as ggml decodes them
};

struct File {
  std::vector<float> weights;
  std::vector<Vectors> types;
};

DType typeNamed(const std::string& name) {
  for (std::size_t i = 0; i < kDTypes; ++i)
    if (name == traits(static_cast<DType>(i)).name) return static_cast<DType>(i);
  FAIL("unknown type " << name);
  return {};
}

const File& ggml() {
  static const File file = [] {
    File f;
    std::ifstream in(std::string(ROOKERY_TEST_DATA) + "/data/ggml_blocks.bin", std::ios::binary);
    const auto take = [&](void* out, std::size_t bytes) { in.read(static_cast<char*>(out), static_cast<std::streamsize>(bytes)); };
    std::uint32_t count = 0, n = 0;
    take(&count, 4);
    take(&n, 4);
    f.weights.resize(n);
    take(f.weights.data(), 4 * n);
    for (std::uint32_t i = 0; i < count; ++i) {
      char name[17] = {};
      std::uint32_t bytes = 0;
      take(name, 16);
      take(&bytes, 4);
      Vectors v;
      v.type = typeNamed(name);
      v.quantised.resize(bytes);
      v.anything.resize(bytes);
      v.values.resize(n);
      v.anyValues.resize(n);
      take(v.quantised.data(), bytes);
      take(v.values.data(), 4 * n);
      take(v.anything.data(), bytes);
      take(v.anyValues.data(), 4 * n);
      f.types.push_back(std::move(v));
    }
    REQUIRE(in.good());
    return f;
  }();
  return file;
}

double rms(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

std::vector<float> roundTrip(DType type, std::span<const float> x) {
  std::vector<std::byte> packed(byteSize(type, x.size()));
  encodeFromF32(type, x, packed);
  std::vector<float> back(x.size());
  decodeToF32(type, packed, back);
  return back;
}

}  // namespace

TEST_CASE("blocks decode bit for bit as ggml decodes them") {
  REQUIRE(ggml().types.size() == 11);
  for (const Vectors& v : ggml().types) {
    CAPTURE(traits(v.type).name);
    REQUIRE(v.quantised.size() == byteSize(v.type, ggml().weights.size()));
    std::vector<float> values(v.values.size());
    decodeToF32(v.type, v.quantised, values);
    CHECK(std::memcmp(values.data(), v.values.data(), 4 * values.size()) == 0);
    decodeToF32(v.type, v.anything, values);
    CHECK(std::memcmp(values.data(), v.anyValues.data(), 4 * values.size()) == 0);
  }
}

TEST_CASE("blocks are scaled by powers of two through their scales") {
  for (const Vectors& v : ggml().types) {
    CAPTURE(traits(v.type).name);
    for (const auto* bytes : {&v.quantised, &v.anything}) {
      std::vector<float> before(v.values.size()), after(before.size());
      decodeToF32(v.type, *bytes, before);
      auto scaled = *bytes;
      scaleByPowerOfTwo(v.type, scaled, 3);
      decodeToF32(v.type, scaled, after);
      for (float& x : before) x *= 8;
      CHECK(after == before);
    }
  }
}

TEST_CASE("taking a block apart and putting it together keeps every bit") {
  for (const Vectors& v : ggml().types) {
    if (!precisionNamed(traits(v.type).name)) continue;  // read only
    CAPTURE(traits(v.type).name);
    std::vector<std::byte> again(v.anything.size());
    BlockParts parts;
    for (std::size_t at = 0; at < again.size(); at += traits(v.type).blockBytes) {
      unpackBlock(v.type, v.anything.data() + at, parts);
      packBlock(v.type, parts, again.data() + at);
    }
    CHECK(again == v.anything);
  }
}

TEST_CASE("our encoders lose no more than ggml's") {
  for (const Vectors& v : ggml().types) {
    if (!precisionNamed(traits(v.type).name)) continue;
    CAPTURE(traits(v.type).name);
    const double theirs = rms(v.values, ggml().weights), ours = rms(roundTrip(v.type, ggml().weights), ggml().weights);
    CAPTURE(theirs);
    CAPTURE(ours);
    CHECK(ours <= 1.02 * theirs);
    CHECK(ours > 0);
  }
}

TEST_CASE("our own types keep the order of their sizes") {
  std::mt19937 random(4);
  std::normal_distribution<float> normal(0, 0.02F);
  std::vector<float> x(4096);
  for (float& w : x) w = normal(random);
  const auto error = [&](DType type) { return rms(roundTrip(type, x), x); };
  CHECK(error(DType::Int8) < error(DType::Q6_K));
  CHECK(error(DType::Q6_K) < error(DType::Int4));
  CHECK(error(DType::Int4) < error(DType::Q4_0));  // the same bytes, a better scale
  CHECK(error(DType::NF4) < 0.002);
  // The two ends and zero of the table are exact under an exact scale.
  std::vector<float> ends(64, 0.0F);
  ends[0] = 0.5F;
  ends[1] = -0.5F;
  CHECK(roundTrip(DType::NF4, ends) == ends);
}

TEST_CASE("blocks of values that have no code are still defined") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const DType type : precisions()) {
    if (!isBlockType(type)) continue;
    for (const float odd : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 1e-44F, 3e38F, 0.0F}) {
      std::vector<float> x(256, 1e-44F);
      x[5] = odd;
      CHECK(roundTrip(type, x).size() == 256);  // the sanitizers watch
      CHECK(roundTrip(type, std::vector<float>(256, odd)).size() == 256);
    }
  }
}

TEST_CASE("sensitive weights get finer types, odd widths a type that fits") {
  CHECK(storedAs(DType::NF4, WeightPart::Matrix, 768) == DType::NF4);
  CHECK(storedAs(DType::NF4, matrixPart("head.weight"), 768) == DType::Int8);
  CHECK(storedAs(DType::Int4, matrixPart("blocks.0.att.output.weight"), 768) == DType::Int8);
  CHECK(storedAs(DType::Int4, matrixPart("blocks.1.att.output.weight"), 768) == DType::Int4);
  CHECK(storedAs(DType::Int8, matrixPart("blocks.0.att.output.weight"), 768) == DType::F16);
  CHECK(storedAs(DType::Q4_0, WeightPart::LowRank, 768) == DType::F16);
  CHECK(storedAs(DType::Q4_0, matrixPart("head.weight"), 768) == DType::Q6_K);
  CHECK(storedAs(DType::Q4_K, matrixPart("head.weight"), 320) == DType::Q8_0);
  CHECK(storedAs(DType::Q4_K, WeightPart::Matrix, 320) == DType::Q8_0);
  CHECK(storedAs(DType::Int8, WeightPart::Matrix, 80) == DType::F16);
  CHECK(storedAs(DType::A16W4, WeightPart::Head, 80) == DType::A16W8);
  CHECK(storedAs(DType::A16W4, WeightPart::Matrix, 81) == DType::F16);
  CHECK(storedAs(DType::BF16, WeightPart::LowRank, 24) == DType::BF16);
}
