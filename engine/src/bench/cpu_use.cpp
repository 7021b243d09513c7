// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/cpu_use.h"

#include <algorithm>
#include <ctime>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace rookery::engine {

double processCpuSeconds() noexcept {
#if defined(_WIN32)
  return 0;  // clock() is wall time there
#else
  timespec now{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
#endif
}

int usableProcessors() noexcept {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(CPU_COUNT(&set), 1);
#endif
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

CpuUse::CpuUse(int threads) noexcept : m_threads(std::clamp(threads, 1, usableProcessors())) {}

void CpuUse::start() noexcept {
  m_cpuAtStart = processCpuSeconds();
  m_started = std::chrono::steady_clock::now();
}

void CpuUse::stop() noexcept {
  add(std::chrono::duration<double>(std::chrono::steady_clock::now() - m_started).count(), processCpuSeconds() - m_cpuAtStart);
}

void CpuUse::add(double wallSeconds, double cpuSeconds) noexcept {
  m_wall += wallSeconds;
  m_cpu += cpuSeconds;
}

double CpuUse::share() const noexcept { return m_wall > 0 ? std::clamp(m_cpu / (m_wall * m_threads), 0.0, 1.0) : 0; }

}  // namespace rookery::engine
