// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

struct sqlite3;

namespace rookery::app {

/// A wish to end database work early. The statement that runs on a connection opened with it fails with Kind::Stopped;
/// work of many statements asks isRequested() between them. All threads.
class Halt {
 public:
  /// Again and again until the work has ended: a statement that is just about to begin does not hear a single one.
  void request();
  /// Ends the statement that runs now, if any, and nothing else.
  void interrupt();
  bool isRequested() const noexcept { return m_requested; }

 private:
  friend class Connection;
  void add(sqlite3* connection);
  void remove(sqlite3* connection);  ///< before it is closed

  std::mutex m_mutex;
  std::vector<sqlite3*> m_connections;
  std::atomic<bool> m_requested{false};
};

/// Database work on a thread of its own. Destroying this ends it, within milliseconds if the work heeds its Halt.
class StoppableWork {
 public:
  explicit StoppableWork(std::function<void(Halt&)> work);
  StoppableWork(const StoppableWork&) = delete;
  StoppableWork& operator=(const StoppableWork&) = delete;
  ~StoppableWork();

  bool waitFor(int milliseconds);  ///< true: it has ended
  void stop();                     ///< returns when it has ended

 private:
  Halt m_halt;
  std::mutex m_mutex;
  std::condition_variable m_ended;
  bool m_isOver = false;
  std::thread m_thread;  // last: it uses everything above
};

}  // namespace rookery::app
