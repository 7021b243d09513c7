// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/halt.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>

namespace rookery::app {
namespace {
constexpr int kRequestAgainMilliseconds = 5;
}

void Halt::request() {
  m_requested = true;
  interrupt();
}

void Halt::interrupt() {
  const std::lock_guard lock(m_mutex);  // so that none of them is closed meanwhile
  for (sqlite3* connection : m_connections) sqlite3_interrupt(connection);
}

void Halt::add(sqlite3* connection) {
  const std::lock_guard lock(m_mutex);
  m_connections.push_back(connection);
}

void Halt::remove(sqlite3* connection) {
  const std::lock_guard lock(m_mutex);
  std::erase(m_connections, connection);
}

StoppableWork::StoppableWork(std::function<void(Halt&)> work)
    : m_thread([this, work = std::move(work)] {
        work(m_halt);
        const std::lock_guard lock(m_mutex);
        m_isOver = true;
        m_ended.notify_all();
      }) {}

StoppableWork::~StoppableWork() {
  stop();
  m_thread.join();
}

bool StoppableWork::waitFor(int milliseconds) {
  std::unique_lock lock(m_mutex);
  return m_ended.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return m_isOver; });
}

void StoppableWork::stop() {
  while (!waitFor(0)) {
    m_halt.request();
    if (waitFor(kRequestAgainMilliseconds)) return;
  }
}

}  // namespace rookery::app
