// SPDX-License-Identifier: GPL-3.0-or-later
// How fast can this machine read memory? Decoding reads every weight once per token, so this is its ceiling; a weak
// probe would flatter us. Best of all patterns, thread counts and repetitions, each pass over the whole buffer.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "bench/bandwidth_kernels.h"
#include "device/cpu_facts.h"
#include "rookery/bandwidth.h"
#include "rookery/device.h"
#include "rookery/ledger.h"

namespace rookery::engine {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kWanted = std::uint64_t{3} << 30;
constexpr std::uint64_t kSmallest = std::uint64_t{16} << 20;
constexpr int kFinalists = 4;
constexpr int kFinalRepeats = 5;
// A busy or slow machine must not make the probe take minutes; what was measured by then counts.
constexpr double kExploreSeconds = 8, kFinalSeconds = 4;

/// Memory on huge pages where the system gives them: with 4 KiB pages the figure would be 5-10 % lower.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes) : m_bytes(bytes) {
#if defined(__linux__)
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return;
    madvise(p, bytes, MADV_HUGEPAGE);
    m_data = static_cast<std::byte*>(p);
#else
    m_data = static_cast<std::byte*>(::operator new(bytes, std::align_val_t{4096}, std::nothrow));
#endif
  }
  ~Buffer() {
    if (m_data == nullptr) return;
#if defined(__linux__)
    munmap(m_data, m_bytes);
#else
    ::operator delete(m_data, std::align_val_t{4096});
#endif
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::byte* data() const noexcept { return m_data; }

 private:
  std::byte* m_data = nullptr;
  std::size_t m_bytes;
};

struct Part {
  std::size_t offset, bytes;
};

Part partOf(std::size_t total, int thread, int threads) {
  // Parts are whole 2 MiB pages where the buffer is large enough, so that no page is shared.
  const std::size_t unit = total / static_cast<std::size_t>(threads) >= (std::size_t{2} << 20) ? std::size_t{2} << 20
                                                                                             : kReadGranule;
  const std::size_t units = total / unit;
  const auto edge = [&](int t) { return units * static_cast<std::size_t>(t) / static_cast<std::size_t>(threads) * unit; };
  return {edge(thread), edge(thread + 1) - edge(thread)};
}

/// Runs `work(thread)` on `threads` threads that start together; seconds from the start to the last end.
template <class Work>
double together(int threads, const Work& work) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false}, givenUp{false};
  std::vector<std::jthread> others;
  try {
    for (int t = 1; t < threads; ++t) {
      others.emplace_back([&, t] {
        ready.fetch_add(1);
        while (!go.load(std::memory_order_acquire)) std::this_thread::yield();
        if (!givenUp) work(t);
      });
    }
  } catch (...) {  // a limit on threads: those that wait must not wait for ever
    givenUp = true;
    go.store(true, std::memory_order_release);
    throw;
  }
  while (ready.load() < threads - 1) std::this_thread::yield();
  const auto start = Clock::now();
  go.store(true, std::memory_order_release);
  work(0);
  others.clear();  // joins
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Candidate {
  ReadPattern pattern{};
  int threads = 0;
  double best = 0;  ///< bytes/s
};

std::atomic<std::uint64_t> g_checksum;  // keeps the reads alive

void measure(Candidate& candidate, const std::byte* data, std::size_t bytes, const std::stop_token& stop) {
  const double seconds = together(candidate.threads, [&](int thread) {
    const Part part = partOf(bytes, thread, candidate.threads);
    // Slices are long enough not to show in the figure, and short enough for a stop to be obeyed soon.
    constexpr std::size_t kSlice = std::size_t{256} << 20;
    for (std::size_t at = 0; at < part.bytes && !stop.stop_requested(); at += kSlice)
      g_checksum.fetch_xor(candidate.pattern.read(data + part.offset + at, std::min(kSlice, part.bytes - at)),
                           std::memory_order_relaxed);
  });
  if (seconds > 0 && !stop.stop_requested()) candidate.best = std::max(candidate.best, static_cast<double>(bytes) / seconds);
}

std::vector<int> threadCounts(int most) {
  std::vector<int> counts{most};
  for (int t = most / 2; t >= 1; t /= 2) counts.push_back(t);
  return counts;
}

/// 3 GiB, less on a small machine, more where a cache is so large that 3 GiB would partly stay in it.
std::uint64_t bufferSize() {
  std::uint64_t wanted = std::max(kWanted, 4 * lastLevelCacheBytes());
  if (const std::uint64_t available = availableBytes(); available > 0) wanted = std::min(wanted, available / 4);
  return std::max(wanted, kSmallest) / (std::uint64_t{2} << 20) * (std::uint64_t{2} << 20);
}

}  // namespace

BandwidthResult measureReadBandwidth(int threads, std::stop_token stop) {
  if (threads <= 0) threads = physicalCores();
  const auto bytes = static_cast<std::size_t>(bufferSize());
  const Buffer buffer(bytes);
  if (buffer.data() == nullptr || stop.stop_requested()) return {};
  together(threads, [&](int thread) {  // every thread places its own pages
    const Part part = partOf(bytes, thread, threads);
    constexpr std::size_t kSlice = std::size_t{8} << 20;
    for (std::size_t at = 0; at < part.bytes && !stop.stop_requested(); at += kSlice)
      std::memset(buffer.data() + part.offset + at, 0x5a, std::min(kSlice, part.bytes - at));
  });

  const auto secondsSince = [](Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); };

  // One pass of everything, then the best few again: noise only ever makes a pass slower.
  std::vector<Candidate> candidates;
  const auto exploring = Clock::now();
  for (const int count : threadCounts(threads)) {
    double best = 0;
    for (const ReadPattern& pattern : readPatterns()) {
      if (stop.stop_requested()) return {};
      if (!candidates.empty() && secondsSince(exploring) > kExploreSeconds) break;
      Candidate candidate{pattern, count, 0};
      measure(candidate, buffer.data(), bytes, stop);
      best = std::max(best, candidate.best);
      candidates.push_back(candidate);
    }
    // Fewer threads will not win any more once half of them were clearly slower.
    const auto overall = std::max_element(candidates.begin(), candidates.end(),
                                          [](const Candidate& a, const Candidate& b) { return a.best < b.best; });
    if (best < 0.8 * overall->best) break;
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.best > b.best; });
  candidates.resize(std::min<std::size_t>(candidates.size(), kFinalists));
  const auto finals = Clock::now();
  for (int repeat = 0; repeat < kFinalRepeats; ++repeat) {
    for (Candidate& candidate : candidates) {
      if (stop.stop_requested()) return {};
      if (repeat > 0 && secondsSince(finals) > kFinalSeconds) break;
      measure(candidate, buffer.data(), bytes, stop);
    }
  }
  const Candidate& best = *std::max_element(candidates.begin(), candidates.end(),
                                            [](const Candidate& a, const Candidate& b) { return a.best < b.best; });
  BandwidthResult result;
  result.bytesPerSecond = best.best;
  result.threads = best.threads;
  result.bufferBytes = bytes;
  result.pattern = fmt::format("{}, {} stream{}{}, {} thread{}", best.pattern.isa, best.pattern.streams,
                               best.pattern.streams == 1 ? "" : "s", best.pattern.prefetch ? ", prefetch" : "",
                               best.threads, best.threads == 1 ? "" : "s");
  return result;
}

}  // namespace rookery::engine
