// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QApplication>
#include <QThread>
#include <ctime>

namespace rookery::app::test {

inline double cpuMs(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}
inline double threadCpuMs() { return cpuMs(CLOCK_THREAD_CPUTIME_ID); }
inline double processCpuMs() { return cpuMs(CLOCK_PROCESS_CPUTIME_ID); }

inline constexpr double kHandlerLimitMs = 50;

/// Measures the CPU time of every outermost event handler on the GUI thread.
class MeasuringApplication : public QApplication {
 public:
  using QApplication::QApplication;

  bool notify(QObject* receiver, QEvent* event) override {
    if (QThread::currentThread() != thread()) return QApplication::notify(receiver, event);  // what a worker does
    if (m_depth > 0 || !measuring) return QApplication::notify(receiver, event);
    ++m_depth;
    const QByteArray name = receiver->metaObject()->className();
    const int type = event->type();
    const double before = threadCpuMs();
    const bool result = QApplication::notify(receiver, event);
    const double used = threadCpuMs() - before;
    if (used > worstMs) {
      worstMs = used;
      worst = QStringLiteral("%1, event %2").arg(QLatin1String(name)).arg(type);
    }
    --m_depth;
    return result;
  }

  bool measuring = false;
  double worstMs = 0;
  QString worst;

 private:
  int m_depth = 0;
};

}  // namespace rookery::app::test
