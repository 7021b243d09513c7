// SPDX-License-Identifier: GPL-3.0-or-later
#include "model/synthetic_source.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "quant/convert.h"
#include "rookery/device.h"

namespace rookery::engine {

namespace {

// splitmix64 (Steele, Lea, Flood 2014): the k-th number is a function of seed and k.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// Uniform in [-1, 1).
float uniform(std::uint64_t seed, std::uint64_t k) {
  return static_cast<float>(static_cast<std::int64_t>(mix(seed + k)) >> 40) * 0x1p-23F;
}

struct Spread {
  float centre = 0, radius = 1;
};

Spread spreadOf(const Weight& weight) {
  const auto ends = [&](const char* suffix) { return weight.name.ends_with(suffix); };
  if (weight.role == WeightRole::Embedding) return {0, 0.1F};
  if (weight.role != WeightRole::Vector) {
    const float unit = std::sqrt(3.0F / static_cast<float>(weight.cols));  // variance 1 / inputs
    if (ends("ffn.s_emb_x.weight")) return {0, 0.2F * unit};
    return {0, weight.role == WeightRole::LowRank || weight.role == WeightRole::SparseDown ? 0.5F * unit : unit};
  }
  if (ends(".bias")) return {0, 0.05F};
  if (ends("ffn.s0")) return {1, 0.3F};
  if (ends("ln0.weight") || ends("ln1.weight") || ends("ln2.weight") || ends("ln_x.weight") || ends("ln_out.weight")) return {1, 0.05F};
  if (ends("att.w0")) return {-3, 3};
  if (ends("att.r_k")) return {0, 0.1F};
  if (ends("att.k_k")) return {0.85F, 0.1F};
  if (ends("att.k_a")) return {1, 0.1F};
  if (ends("att.a0") || ends("att.v0")) return {0, 1};
  if (ends("att.time_decay")) return {-3.5F, 2.5F};
  if (ends("att.time_first")) return {-1.2F, 0.5F};
  if (ends("att.time_faaaa")) return {0.5F, 0.5F};
  return {0.5F, 0.5F};  // token-shift mixes
}

}  // namespace

SyntheticSource::SyntheticSource(const ModelShape& shape, std::string name, DType precision, std::uint64_t seed,
                                 std::stop_token stop, int threads)
    : m_seed(seed), m_stop(std::move(stop)), m_threads(std::clamp(threads <= 0 ? physicalCores() : threads, 1, 256)) {
  m_info.shape = shape;
  m_info.container = Container::Synthetic;
  m_info.dtype = precision;
  m_info.tokenizer = TokenizerKind::World;
  m_info.name = std::move(name);
  for (const Weight& weight : buildProgram(shape, {0, shape.layers, true, true}).weights) {
    m_info.fileBytes += static_cast<std::uint64_t>(weight.rows * weight.cols) * (weight.role == WeightRole::Vector ? 4 : 2);
    m_weights.emplace(weight.name, weight);
  }
}

Result<WeightView> SyntheticSource::describe(const std::string& officialName) {
  const auto found = m_weights.find(officialName);
  if (found == m_weights.end())
    return fail(ErrorCode::VersionUnsupported, fmt::format("Synthetic weights have no tensor {}.", officialName));
  // fp16 holds every generated value closely enough, and is what most model files hold; fp32 for vectors.
  const Weight& weight = found->second;
  return WeightView{weight.role == WeightRole::Vector ? DType::F32 : DType::F16, weight.rows, weight.cols, false, {}};
}

Result<WeightView> SyntheticSource::get(const std::string& officialName) {
  auto view = describe(officialName);
  if (!view) return view;
  const Weight& weight = m_weights.at(officialName);
  const DType type = view->dtype;
  const std::size_t count = static_cast<std::size_t>(weight.rows * weight.cols);
  if (m_current != officialName) {
    const Spread spread = spreadOf(weight);
    const std::uint64_t seed = mix(m_seed ^ XXH3_64bits(officialName.data(), officialName.size()));
    m_bytes.resize(byteSize(type, count));
    m_current.clear();  // half of a weight is none
    constexpr std::size_t kRun = 4096;
    const std::size_t runs = (count + kRun - 1) / kRun;
    if (!m_pool) m_pool = std::make_unique<ThreadPool>(m_threads);
    m_pool->run([&](int worker) {
      std::array<float, kRun> run;
      const auto edge = [&](int w) { return runs * static_cast<std::size_t>(w) / static_cast<std::size_t>(m_threads) * kRun; };
      for (std::size_t begin = edge(worker); begin < std::min(count, edge(worker + 1)) && !m_stop.stop_requested(); begin += kRun) {
        const std::size_t length = std::min(kRun, count - begin);
        for (std::size_t i = 0; i < length; ++i) run[i] = spread.centre + spread.radius * uniform(seed, begin + i);
        encodeFromF32(type, std::span(run).first(length), std::span(m_bytes).subspan(byteSize(type, begin), byteSize(type, length)));
      }
    });
    if (m_stop.stop_requested()) return fail(ErrorCode::Cancelled, "Loading was stopped.");
    m_current = officialName;
  }
  view->bytes = m_bytes;
  return view;
}

Result<std::string> SyntheticSource::fingerprint(const std::function<bool(std::uint64_t)>&) {
  // A function of everything that decides the numbers; generating them only to hash them would double the wait.
  const std::string text = fmt::format("synthetic 1 {} {} {}", m_info.name, traits(m_info.dtype).name, m_seed);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

}  // namespace rookery::engine
