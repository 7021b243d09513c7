// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "storage/sql.h"

namespace rookery::app {

/// The only thread that writes: takes the queued jobs, runs all that wait in one transaction, and when the disk is
/// full, memory short or the database locked keeps them, in order, and tries again. While the program runs a job is
/// lost only if trying again cannot help: it alone is refused then.
class StoreWriter : public QObject {
  Q_OBJECT

 public:
  /// A job may run more than once (after a rolled-back transaction), so it must not consume what it captured.
  using Job = std::function<StoreResult<void>(const QSqlDatabase&)>;

  /// maxPages > 0 limits the size of the database (PRAGMA max_page_count): a disk that gets full, for tests.
  StoreWriter(QString path, int maxPages, QObject* parent = nullptr);
  ~StoreWriter() override;  ///< writes what waits, with one last try if that fails

  void post(Job job);
  /// Waits until everything posted so far is committed; false if that took longer.
  bool flush(int milliseconds);
  bool isFailing() const noexcept { return m_failing; }  ///< any thread
  void setPageLimit(int maxPages);

 Q_SIGNALS:
  void committed();
  void failing(const rookery::app::StoreError& error);  ///< at the first failure of a series
  void recovered();                                     ///< the series is over, everything is saved
  void jobRefused(const rookery::app::StoreError& error);  ///< a bug, a constraint, damage: this one job is dropped

 private:
  void run();
  StoreResult<void> runBatch(const QSqlDatabase& database, const std::deque<Job>& batch);
  StoreResult<void> runSingly(const QSqlDatabase& database, std::deque<Job>& batch);  ///< what is left in `batch` waits

  QString m_path;
  std::mutex m_mutex;
  std::condition_variable m_wake, m_idle;
  std::deque<Job> m_queue;
  std::size_t m_running = 0;
  int m_maxPages;
  bool m_quit = false;
  std::atomic<bool> m_failing{false};
  std::thread m_thread;  // last: it uses everything above
};

}  // namespace rookery::app
