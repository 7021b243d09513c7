// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/store_writer.h"

#include <QLoggingCategory>
#include <algorithm>
#include <chrono>
#include <new>
#include <optional>

namespace rookery::app {
namespace {
Q_LOGGING_CATEGORY(lcStore, "rookery.store")
constexpr auto kRetryAfter = std::chrono::milliseconds(500);
constexpr auto kSyncAfter = std::chrono::seconds(1);  // idle that long: everything goes to the disk itself, see sql.cpp
}  // namespace

StoreWriter::StoreWriter(QString path, int maxPages, QObject* parent)
    : QObject(parent), m_path(std::move(path)), m_maxPages(maxPages), m_thread([this] { run(); }) {}

StoreWriter::~StoreWriter() {
  {
    const std::lock_guard lock(m_mutex);
    m_quit = true;
  }
  m_wake.notify_all();
  m_thread.join();
}

void StoreWriter::post(Job job) {
  {
    const std::lock_guard lock(m_mutex);
    m_queue.push_back(std::move(job));
  }
  m_wake.notify_all();
}

bool StoreWriter::flush(int milliseconds) {
  std::unique_lock lock(m_mutex);
  return m_idle.wait_for(lock, std::chrono::milliseconds(milliseconds),
                         [this] { return m_queue.empty() && m_running == 0; });
}

void StoreWriter::setPageLimit(int maxPages) {
  const std::lock_guard lock(m_mutex);
  m_maxPages = maxPages;
}

StoreResult<void> StoreWriter::runBatch(const QSqlDatabase& database, const std::deque<Job>& batch) try {
  auto transaction = Transaction::begin(database);
  if (!transaction) return tl::unexpected(transaction.error());
  for (const Job& job : batch) {
    if (auto result = job(database); !result) return result;
  }
  return transaction->commit();
} catch (const std::bad_alloc&) {
  return tl::unexpected(StoreError{StoreError::Kind::OutOfMemory, QStringLiteral("std::bad_alloc")});
}

StoreResult<void> StoreWriter::runSingly(const QSqlDatabase& database, std::deque<Job>& batch) {
  for (; !batch.empty(); batch.pop_front()) {
    auto result = runBatch(database, {batch.front()});
    if (result) continue;
    if (result.error().isPassing()) return result;  // the later ones wait too: they may build on it
    qCWarning(lcStore) << "A write was refused:" << result.error().details;
    Q_EMIT jobRefused(result.error());
  }
  return {};
}

void StoreWriter::run() {
  std::optional<Connection> connection;
  std::deque<Job> batch;
  int pageLimit = 0;
  bool unsynced = false;
  while (true) {
    bool lastTry = false;
    int wantedLimit = 0;
    {
      std::unique_lock lock(m_mutex);
      if (batch.empty()) {
        const auto wanted = [this] { return m_quit || !m_queue.empty(); };
        if (unsynced && !m_wake.wait_for(lock, kSyncAfter, wanted)) {
          lock.unlock();
          (void)runSql(connection->database(), QStringLiteral("PRAGMA wal_checkpoint(PASSIVE)"));
          unsynced = false;
          continue;
        }
        m_wake.wait(lock, wanted);
      } else {
        m_wake.wait_for(lock, kRetryAfter, [this] { return m_quit; });
      }
      lastTry = m_quit;
      wantedLimit = m_maxPages;
      std::move(m_queue.begin(), m_queue.end(), std::back_inserter(batch));
      m_queue.clear();
      m_running = batch.size();
      if (batch.empty() && m_quit) return;
    }

    StoreResult<void> result;
    if (!connection) {
      auto opened = Connection::open(m_path, Connection::Mode::ReadWrite);
      if (opened) connection.emplace(std::move(*opened));
      else result = tl::unexpected(opened.error());
    }
    if (connection) {
      if (wantedLimit != pageLimit) {
        (void)runSql(connection->database(),
                     QStringLiteral("PRAGMA max_page_count=%1").arg(wantedLimit > 0 ? wantedLimit : 0x7ffffffe));
        pageLimit = wantedLimit;
      }
      result = runBatch(connection->database(), batch);
      if (!result && !result.error().isPassing()) result = runSingly(connection->database(), batch);
    }

    if (result) {
      batch.clear();
      unsynced = true;
      if (m_failing.exchange(false)) Q_EMIT recovered();
      Q_EMIT committed();
      const std::lock_guard lock(m_mutex);
      m_running = 0;
      m_idle.notify_all();
      continue;
    }
    if (!m_failing.exchange(true)) {
      qCWarning(lcStore) << "Saving fails, will be tried again:" << result.error().details;
      Q_EMIT failing(result.error());
    }
    if (lastTry) {
      qCCritical(lcStore) << "Closing with" << batch.size() << "unsaved changes:" << result.error().details;
      return;
    }
  }
}

}  // namespace rookery::app
