// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/report_history.h"

#include <QDir>
#include <QRegularExpression>
#include <QSaveFile>
#include <algorithm>

namespace rookery::app {

namespace {
constexpr qint64 kLargestReport = 16 * 1000 * 1000;  // real ones have some ten kB

QString fileStem(const engine::BenchReport& report) {
  static const QRegularExpression unsafe(QStringLiteral("[^A-Za-z0-9._-]+"));
  QString stem = QString::fromStdString(report.environment.date) + u'-' + QString::fromStdString(report.model);
  return stem.replace(u':', QString()).replace(unsafe, QStringLiteral("-")).left(120);
}
}  // namespace

engine::Result<void> writeFile(const QString& path, const QByteArray& bytes) {
  QSaveFile file(path);
  if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size() || !file.commit()) {
    return engine::fail(engine::ErrorCode::FileWriteFailed, QStringLiteral("%1 could not be written.").arg(path).toStdString(),
                        file.errorString().toStdString());
  }
  return {};
}

engine::Result<QString> ReportHistory::save(const engine::BenchReport& report) const {
  QDir().mkpath(m_folder);
  const QDir folder(m_folder);
  QString path = folder.filePath(fileStem(report) + u".json");
  for (int i = 2; QFile::exists(path); ++i) {
    path = folder.filePath(QStringLiteral("%1-%2.json").arg(fileStem(report)).arg(i));
  }
  return writeFile(path, QByteArray::fromStdString(engine::reportJson(report))).map([&] { return path; });
}

QList<StoredReport> ReportHistory::load() const {
  QList<StoredReport> found;
  for (const auto& info : QDir(m_folder).entryInfoList({QStringLiteral("*.json")}, QDir::Files)) {
    QFile file(info.filePath());
    if (info.size() > kLargestReport || !file.open(QIODevice::ReadOnly)) {
      continue;
    }
    const QByteArray bytes = file.readAll();
    if (auto report = engine::reportFromJson({bytes.constData(), static_cast<std::size_t>(bytes.size())})) {
      found.append({info.filePath(), std::move(*report)});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.report.environment.date > b.report.environment.date; });
  return found;
}

}  // namespace rookery::app
