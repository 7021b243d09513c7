// SPDX-License-Identifier: GPL-3.0-or-later
#include "interrupt.h"

#include <atomic>
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

#include "formats/file_writer.h"

namespace rookery::cli {
namespace {

constexpr int kInterrupted = 130;
std::mutex g_mutex;
std::optional<std::stop_source> g_armed;

std::atomic<bool> g_endAsked = false;
std::atomic<void (*)()> g_beforeEnd = nullptr;

void interrupted(bool end) {
  const std::lock_guard lock(g_mutex);
  if (end) g_endAsked = true;
  // request_stop() is false when a stop was asked for before: the user is impatient.
  if (g_armed && g_armed->request_stop()) return;
  if (const auto last = g_beforeEnd.load()) last();
  engine::removeUnfinishedFiles();
  std::_Exit(kInterrupted);
}

}  // namespace

void startInterruptThread() {
#if defined(_WIN32)
  SetConsoleCtrlHandler([](DWORD) -> BOOL { interrupted(false); return TRUE; }, TRUE);
#else
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);  // the terminal was closed: nothing half-written may stay behind then either
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is then a failed write, with its sentence
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    for (int signal = 0; sigwait(&signals, &signal) == 0;) interrupted(signal != SIGINT);
  }).detach();
#endif
}

void setBeforeEnd(void (*last)()) { g_beforeEnd = last; }

bool endAsked() { return g_endAsked; }

void endOnLostFile() {
#if !defined(_WIN32)
  struct sigaction action{};
  action.sa_handler = [](int) {  // only calls that are safe in a signal handler
    constexpr char kMessage[] = "rookery-cli: A file became shorter while it was being read, or its disk failed.\n";
    constexpr int kUnusable = 3;
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
    engine::removeUnfinishedFiles();
    ::_exit(kUnusable);
  };
  sigaction(SIGBUS, &action, nullptr);
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
