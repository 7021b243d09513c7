// SPDX-License-Identifier: GPL-3.0-or-later
#include "interrupt.h"

#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#if defined(_WIN32)
#include <windows.h>
#else
#include <csignal>
#include <unistd.h>
#endif

namespace rookery::cli {
namespace {

constexpr int kInterrupted = 130;
std::mutex g_mutex;
std::optional<std::stop_source> g_armed;

void interrupted() {
  const std::lock_guard lock(g_mutex);
  // request_stop() is false when a stop was asked for before: the user is impatient.
  if (!g_armed || !g_armed->request_stop()) std::_Exit(kInterrupted);
}

}  // namespace

void startInterruptThread() {
#if defined(_WIN32)
  SetConsoleCtrlHandler([](DWORD) -> BOOL { interrupted(); return TRUE; }, TRUE);
#else
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    for (int signal = 0; sigwait(&signals, &signal) == 0;) interrupted();
  }).detach();
#endif
}

std::stop_token armInterrupt() {
  const std::lock_guard lock(g_mutex);
  g_armed.emplace();
  return g_armed->get_token();
}

void disarmInterrupt() {
  const std::lock_guard lock(g_mutex);
  g_armed.reset();
}

}  // namespace rookery::cli
