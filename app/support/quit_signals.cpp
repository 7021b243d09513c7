// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/quit_signals.h"

#include <QApplication>
#include <QLoggingCategory>
#include <QSocketNotifier>

#ifdef Q_OS_UNIX
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#endif

namespace rookery::app {

#ifdef Q_OS_UNIX
namespace {

Q_LOGGING_CATEGORY(lcQuit, "rookery.quit")
constexpr int kSignals[] = {SIGTERM, SIGINT, SIGHUP};
int g_pipe[2] = {-1, -1};

/// Only async-signal-safe calls here: the event loop does the rest.
void onSignal(int /*number*/) {
  const int before = errno;
  const char byte = 0;
  if (write(g_pipe[1], &byte, 1) < 0) {}  // full: enough is written to wake the loop
  errno = before;
}

}  // namespace

QuitSignals::QuitSignals(QObject* parent) : QObject(parent) {
  if (pipe(g_pipe) != 0) return;
  for (const int end : g_pipe) {
    fcntl(end, F_SETFD, FD_CLOEXEC);
    fcntl(end, F_SETFL, O_NONBLOCK);
  }
  auto* notifier = new QSocketNotifier(g_pipe[0], QSocketNotifier::Read, this);
  connect(notifier, &QSocketNotifier::activated, this, &QuitSignals::obey);
  for (const int number : kSignals) {
    struct sigaction old{}, action{};
    sigaction(number, nullptr, &old);
    if (old.sa_handler == SIG_IGN) continue;
    action.sa_handler = onSignal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, nullptr);
  }
}

QuitSignals::~QuitSignals() {
  for (const int number : kSignals) {
    struct sigaction present{};
    sigaction(number, nullptr, &present);
    if (present.sa_handler == onSignal) std::signal(number, SIG_DFL);
  }
  for (int& end : g_pipe) {
    if (end >= 0) close(std::exchange(end, -1));
  }
}

void QuitSignals::obey() {
  char bytes[16];
  const auto count = read(g_pipe[0], bytes, sizeof bytes);
  if (count <= 0) return;
  if (m_asked || count > 1) {
    qCWarning(lcQuit, "Asked to quit a second time: ending now");
    QCoreApplication::exit(1);
    return;
  }
  m_asked = true;
  qCInfo(lcQuit, "Asked to quit by a signal: closing");
  Q_EMIT asked();
  QApplication::closeAllWindows();
}
#else
QuitSignals::QuitSignals(QObject* parent) : QObject(parent) {}
QuitSignals::~QuitSignals() = default;
void QuitSignals::obey() {}
#endif

}  // namespace rookery::app
