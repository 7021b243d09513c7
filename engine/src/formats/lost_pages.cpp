// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/lost_pages.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>

#include "rookery/model_file.h"

#if !defined(_WIN32)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace rookery::engine {
namespace {

/// Read by a signal handler: atomics without locks only. `end` is set last and cleared first.
struct Mapping {
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<bool> taken{false}, lost{false};
};
std::array<Mapping, 64> g_mappings;

#if !defined(_WIN32)
std::uintptr_t g_pageSize = 4096;

void onLostPage(int signal, siginfo_t* info, void* /*context*/) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Mapping& mapping : g_mappings) {
    const std::uintptr_t end = mapping.end.load();
    if (end == 0 || address < mapping.begin.load() || address >= end) continue;
    void* page = reinterpret_cast<void*>(address & ~(g_pageSize - 1));
    // A bare system call: safe here although no standard lists it.
    if (::mmap(page, g_pageSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
    mapping.lost = true;
    return;
  }
  std::signal(signal, SIG_DFL);  // not ours: the read faults again and ends the process as it would have
}
#endif

}  // namespace

int registerMapping(const void* begin, std::size_t bytes) noexcept {
  for (std::size_t i = 0; i < g_mappings.size(); ++i) {
    Mapping& mapping = g_mappings[i];
    if (mapping.taken.exchange(true)) continue;
    mapping.lost = false;
    mapping.begin = reinterpret_cast<std::uintptr_t>(begin);
    mapping.end = mapping.begin + bytes;
    return static_cast<int>(i);
  }
  return -1;
}

bool mappingLost(int index) noexcept { return index >= 0 && g_mappings[static_cast<std::size_t>(index)].lost; }

void unregisterMapping(int index) noexcept {
  if (index < 0) return;
  Mapping& mapping = g_mappings[static_cast<std::size_t>(index)];
  mapping.end = 0;
  mapping.taken = false;
}

void surviveLostFiles() {
#if !defined(_WIN32)
  g_pageSize = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action{};
  action.sa_sigaction = onLostPage;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
#endif
}

}  // namespace rookery::engine
