// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/thread_pool.h"

#include <chrono>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace rookery::engine {

namespace {

void relax() noexcept {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) : m_threads(threads < 1 ? 1 : threads) {
  try {
    for (int worker = 1; worker < m_threads; ++worker) m_workers.emplace_back([this, worker] { work(worker); });
  } catch (...) {  // a limit on threads or memory: those that run already must end before their objects do
    end();
    throw;
  }
}

ThreadPool::~ThreadPool() { end(); }

void ThreadPool::end() {
  m_quit = true;
  m_region.fetch_add(1, std::memory_order_release);
  m_region.notify_all();
  for (std::thread& worker : m_workers) worker.join();
}

// Stages last microseconds, so spinning usually wins; past 50 us somebody else has the core and sleeping helps them.
void ThreadPool::await(const std::atomic<std::uint32_t>& value, std::uint32_t old) const {
  for (int round = 0; round < 400; ++round) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
  while (std::chrono::steady_clock::now() < deadline) {
    for (int round = 0; round < 50; ++round) {
      if (value.load(std::memory_order_acquire) != old) return;
      relax();
    }
  }
  value.wait(old, std::memory_order_acquire);
}

void ThreadPool::work(int worker) {
  std::uint32_t seen = 0;
  while (true) {
    await(m_region, seen);
    seen = m_region.load(std::memory_order_acquire);
    if (m_quit) return;
    (*m_body)(worker);
    barrier({});
  }
}

void ThreadPool::run(const std::function<void(int)>& body) {
  const std::lock_guard lock(m_regions);
  m_body = &body;
  if (m_threads > 1) {
    m_region.fetch_add(1, std::memory_order_release);
    m_region.notify_all();
  }
  body(0);
  barrier({});
}

bool ThreadPool::barrier(const std::stop_token& stop) {
  if (m_threads == 1) return stop.stop_requested();
  const std::uint32_t generation = m_generation.load(std::memory_order_relaxed);
  if (m_arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<std::uint32_t>(m_threads)) {
    m_stopping = stop.stop_requested();
    m_arrived.store(0, std::memory_order_relaxed);
    m_generation.fetch_add(1, std::memory_order_release);
    m_generation.notify_all();
  } else {
    await(m_generation, generation);
  }
  return m_stopping;
}

}  // namespace rookery::engine
