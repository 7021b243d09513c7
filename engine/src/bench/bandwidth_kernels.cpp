// SPDX-License-Identifier: GPL-3.0-or-later
// Reading loops for the bandwidth probe. The build targets baseline x86-64, so each width carries its own target
// attribute and is chosen at run time. A stream is one of N equal parts of the buffer; they are read in turn, a cache
// line pair at a time, because several streams can keep more prefetchers and DRAM banks busy than one.
#include "bench/bandwidth_kernels.h"

#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define ROOKERY_PROBE_X86 1
#include <immintrin.h>
#endif

namespace rookery::engine {
namespace {

constexpr std::size_t kStep = 256;               // bytes of one stream per turn
constexpr std::size_t kPrefetchDistance = 2048;  // ahead of the read

template <int kStreams, bool kPrefetch>
std::uint64_t readScalar(const std::byte* data, std::size_t bytes) {
  const std::size_t part = bytes / kStreams;
  std::uint64_t sum[4] = {};
  for (std::size_t at = 0; at < part; at += kStep) {
    for (int s = 0; s < kStreams; ++s) {
      const std::byte* p = data + static_cast<std::size_t>(s) * part + at;
#if defined(__GNUC__)
      if constexpr (kPrefetch) {
        for (std::size_t line = 0; line < kStep; line += 64) __builtin_prefetch(p + kPrefetchDistance + line, 0, 0);
      }
#endif
      for (std::size_t i = 0; i < kStep; i += 32) {
        std::uint64_t words[4];
        std::memcpy(words, p + i, sizeof words);
        for (int w = 0; w < 4; ++w) sum[w] += words[w];
      }
    }
  }
  return sum[0] + sum[1] + sum[2] + sum[3];
}

#if defined(ROOKERY_PROBE_X86)

template <int kStreams, bool kPrefetch>
__attribute__((target("avx2"))) std::uint64_t readAvx2(const std::byte* data, std::size_t bytes) {
  const std::size_t part = bytes / kStreams;
  __m256i sum0 = _mm256_setzero_si256(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (std::size_t at = 0; at < part; at += kStep) {
    for (int s = 0; s < kStreams; ++s) {
      const std::byte* p = data + static_cast<std::size_t>(s) * part + at;
      if constexpr (kPrefetch) {
        for (std::size_t line = 0; line < kStep; line += 64)
          _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchDistance + line), _MM_HINT_NTA);
      }
      const auto* v = reinterpret_cast<const __m256i*>(p);
      sum0 = _mm256_add_epi64(sum0, _mm256_load_si256(v));
      sum1 = _mm256_add_epi64(sum1, _mm256_load_si256(v + 1));
      sum2 = _mm256_add_epi64(sum2, _mm256_load_si256(v + 2));
      sum3 = _mm256_add_epi64(sum3, _mm256_load_si256(v + 3));
      sum0 = _mm256_add_epi64(sum0, _mm256_load_si256(v + 4));
      sum1 = _mm256_add_epi64(sum1, _mm256_load_si256(v + 5));
      sum2 = _mm256_add_epi64(sum2, _mm256_load_si256(v + 6));
      sum3 = _mm256_add_epi64(sum3, _mm256_load_si256(v + 7));
    }
  }
  const __m256i sum = _mm256_add_epi64(_mm256_add_epi64(sum0, sum1), _mm256_add_epi64(sum2, sum3));
  alignas(32) std::uint64_t words[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), sum);
  return words[0] + words[1] + words[2] + words[3];
}

template <int kStreams, bool kPrefetch>
__attribute__((target("avx512f"))) std::uint64_t readAvx512(const std::byte* data, std::size_t bytes) {
  const std::size_t part = bytes / kStreams;
  __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (std::size_t at = 0; at < part; at += kStep) {
    for (int s = 0; s < kStreams; ++s) {
      const std::byte* p = data + static_cast<std::size_t>(s) * part + at;
      if constexpr (kPrefetch) {
        for (std::size_t line = 0; line < kStep; line += 64)
          _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchDistance + line), _MM_HINT_NTA);
      }
      sum0 = _mm512_add_epi64(sum0, _mm512_load_si512(p));
      sum1 = _mm512_add_epi64(sum1, _mm512_load_si512(p + 64));
      sum2 = _mm512_add_epi64(sum2, _mm512_load_si512(p + 128));
      sum3 = _mm512_add_epi64(sum3, _mm512_load_si512(p + 192));
    }
  }
  const __m512i sum = _mm512_add_epi64(_mm512_add_epi64(sum0, sum1), _mm512_add_epi64(sum2, sum3));
  alignas(64) std::uint64_t words[8];
  _mm512_store_si512(words, sum);
  std::uint64_t total = 0;
  for (const std::uint64_t word : words) total += word;
  return total;
}

#endif

// Every kernel comes with 1, 2, 4 and 8 streams, without and with software prefetch.
#define ROOKERY_READ_PATTERNS(isa, fn)                                                                  \
  {isa, 1, false, fn<1, false>}, {isa, 2, false, fn<2, false>}, {isa, 4, false, fn<4, false>},         \
      {isa, 8, false, fn<8, false>}, {isa, 1, true, fn<1, true>}, {isa, 2, true, fn<2, true>},         \
      {isa, 4, true, fn<4, true>}, {isa, 8, true, fn<8, true>}

constexpr ReadPattern kScalar[] = {ROOKERY_READ_PATTERNS("scalar", readScalar)};
#if defined(ROOKERY_PROBE_X86)
constexpr ReadPattern kAvx2[] = {ROOKERY_READ_PATTERNS("avx2", readAvx2)};
constexpr ReadPattern kAvx512[] = {ROOKERY_READ_PATTERNS("avx512", readAvx512)};
#endif
#undef ROOKERY_READ_PATTERNS

}  // namespace

std::vector<ReadPattern> readPatterns() {
#if defined(ROOKERY_PROBE_X86)
  if (__builtin_cpu_supports("avx512f")) return {std::begin(kAvx512), std::end(kAvx512)};
  if (__builtin_cpu_supports("avx2")) return {std::begin(kAvx2), std::end(kAvx2)};
#endif
  return {std::begin(kScalar), std::end(kScalar)};
}

std::vector<ReadPattern> allReadPatterns() {
  std::vector<ReadPattern> all{std::begin(kScalar), std::end(kScalar)};
#if defined(ROOKERY_PROBE_X86)
  if (__builtin_cpu_supports("avx2")) all.insert(all.end(), std::begin(kAvx2), std::end(kAvx2));
  if (__builtin_cpu_supports("avx512f")) all.insert(all.end(), std::begin(kAvx512), std::end(kAvx512));
#endif
  return all;
}

}  // namespace rookery::engine
