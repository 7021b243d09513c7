// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace rookery::engine {

/// Persistent workers for parallel regions that contain barriers. The calling thread is worker 0. Between regions
/// workers sleep; inside one they spin for a short while at a barrier, then sleep too, so an idle app burns nothing
/// and a busy machine is not fought.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept { return m_threads; }

  /// Runs body(worker) on all workers and returns when all have ended. Calls from several threads queue up.
  void run(const std::function<void(int worker)>& body);

  /// Inside run(): waits for all workers. The last to arrive asks `stop`; true means: everyone leaves the region.
  bool barrier(const std::stop_token& stop);

 private:
  void end();
  void work(int worker);
  void await(const std::atomic<std::uint32_t>& value, std::uint32_t old) const;

  const int m_threads;
  std::mutex m_regions;
  std::vector<std::thread> m_workers;
  const std::function<void(int)>* m_body = nullptr;
  bool m_quit = false;
  alignas(64) std::atomic<std::uint32_t> m_region{0};      ///< grows when a region starts
  alignas(64) std::atomic<std::uint32_t> m_arrived{0};
  alignas(64) std::atomic<std::uint32_t> m_generation{0};  ///< grows when a barrier opens
  bool m_stopping = false;                                 ///< written by the last to arrive, before the barrier opens
};

}  // namespace rookery::engine
