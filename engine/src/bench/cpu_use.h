// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>

namespace rookery::engine {

/// Processor time of all threads of this process so far, in seconds; 0 where the system does not tell.
double processCpuSeconds() noexcept;

/// Processors that this process may run on; at least 1.
int usableProcessors() noexcept;

/// How much of the processor time that a piece of work wanted it really got. The worker pool spins while it works, so
/// on a machine of its own the two are nearly equal; where other programs run, even at a constant rate (which no spread
/// of the samples shows), the threads wait for their turn.
class CpuUse {
 public:
  /// Work for less than this share is called disturbed.
  static constexpr double kBusyBelow = 0.9;

  explicit CpuUse(int threads) noexcept;
  void start() noexcept;
  void stop() noexcept;  ///< adds what passed since start()
  void add(double wallSeconds, double cpuSeconds) noexcept;

  double share() const noexcept;  ///< 0..1; 0: nothing was measured
  bool busy() const noexcept { return share() > 0 && share() < kBusyBelow; }

 private:
  double m_threads;  ///< that can run at the same time
  double m_wall = 0, m_cpu = 0, m_cpuAtStart = 0;
  std::chrono::steady_clock::time_point m_started{};
};

}  // namespace rookery::engine
