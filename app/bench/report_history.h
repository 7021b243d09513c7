// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QString>

#include "rookery/bench.h"

namespace rookery::app {

struct StoredReport {
  QString path;
  engine::BenchReport report;
};

/// Own runs, one JSON report per file in the data folder: readable, portable, deletable with a file manager.
class ReportHistory {
 public:
  explicit ReportHistory(QString folder) : m_folder(std::move(folder)) {}
  /// The path, or the system's reason why it could not be written.
  engine::Result<QString> save(const engine::BenchReport& report) const;
  /// Newest first. Files that are no reports, or whose hash is wrong, are left out.
  QList<StoredReport> load() const;
  const QString& folder() const noexcept { return m_folder; }

 private:
  QString m_folder;
};

/// Writes atomically. The error names the path and the system's reason.
engine::Result<void> writeFile(const QString& path, const QByteArray& bytes);

}  // namespace rookery::app
