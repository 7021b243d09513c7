// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/machine_load.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>

#include "bench/cpu_use.h"

#if defined(__linux__)
#include <unistd.h>
#endif

namespace rookery::engine {
namespace {

constexpr double kShortest = 0.2;       // seconds; ticks are 10 ms
constexpr double kQuarter = 0.25;

}  // namespace

std::optional<ProcessorTimes> parseProcessorTimes(std::string_view stat, double ticksPerSecond) noexcept {
  if (!stat.starts_with("cpu ") || ticksPerSecond <= 0) return std::nullopt;
  std::string_view line = stat.substr(4, stat.find('\n') - 4);
  double busy = 0;
  for (int field = 0; field < 8; ++field) {  // user nice system idle iowait irq softirq steal; guests are in user
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    unsigned long long ticks = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), ticks);
    if (error != std::errc()) return std::nullopt;
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    if (field != 3 && field != 4) busy += static_cast<double>(ticks) / ticksPerSecond;
  }
  int processors = 0;
  for (std::size_t at = stat.find("\ncpu"); at != std::string_view::npos; at = stat.find("\ncpu", at + 1)) ++processors;
  if (processors == 0) return std::nullopt;
  return ProcessorTimes{busy, processors};
}

std::optional<double> MachineLoad::others() {
  std::optional<ProcessorTimes> times;
#if defined(__linux__)
  std::ifstream file("/proc/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  times = parseProcessorTimes(text, static_cast<double>(sysconf(_SC_CLK_TCK)));
#endif
  if (!times) return std::nullopt;
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  const double own = processCpuSeconds(), passed = wall - m_wall;
  if (m_wall >= 0 && passed < kShortest) return std::nullopt;
  const double busy = times->busy - m_busy - (own - m_own);
  const bool first = m_wall < 0;
  m_wall = wall;
  m_own = own;
  m_busy = times->busy;
  m_processors = times->processors;
  if (first) return std::nullopt;
  return std::clamp(busy / passed, 0.0, static_cast<double>(m_processors));
}

bool disturbs(double others, int threads, int processors) noexcept {
  const double wanted = std::clamp(threads, 1, std::max(processors, 1));
  return processors - others < CpuUse::kBusyBelow * wanted || others >= kQuarter * processors;
}

}  // namespace rookery::engine
