// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>

namespace rookery::engine {

/// Processor time of the whole machine since it started, in seconds.
struct ProcessorTimes {
  double busy = 0;     ///< of all processors and programs; what a host took from a virtual machine included
  int processors = 0;
};

/// From the text of Linux's /proc/stat; nullopt if it is something else.
std::optional<ProcessorTimes> parseProcessorTimes(std::string_view stat, double ticksPerSecond) noexcept;

/// How many processors other programs keep busy. One thread at a time.
class MachineLoad {
 public:
  /// Since the call before: 0 to machineProcessors(). nullopt at the first call, sooner than 0.2 s after the one before,
  /// and where the system does not tell.
  std::optional<double> others();
  int machineProcessors() const noexcept { return m_processors; }

 private:
  double m_busy = 0, m_own = 0, m_wall = -1;
  int m_processors = 0;
};

/// Whether programs that keep `others` of `processors` busy would disturb a measurement with `threads` threads: too few
/// processors are left for them, or a quarter of the machine (its memory, its clock) is in use.
bool disturbs(double others, int threads, int processors) noexcept;

}  // namespace rookery::engine
