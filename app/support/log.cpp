// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/log.h"

#include <QDateTime>
#include <QFile>
#include <QMutex>
#include <cstdio>

namespace rookery::app {
namespace {

constexpr qint64 kMaxBytes = 1'000'000;

struct Sink {
  QMutex mutex;
  QFile file;
};

Sink& sink() {
  static Sink instance;
  return instance;
}

const char* levelName(QtMsgType type) {
  switch (type) {
    case QtDebugMsg: return "debug";
    case QtInfoMsg: return "info";
    case QtWarningMsg: return "warning";
    case QtCriticalMsg: return "error";
    case QtFatalMsg: return "fatal";
  }
  return "";
}

void rotate(QFile& file) {
  const QString older = file.fileName() + u".1";
  file.close();
  QFile::remove(older);
  QFile::rename(file.fileName(), older);
  (void)file.open(QIODevice::Append | QIODevice::Text);
}

void handle(QtMsgType type, const QMessageLogContext& context, const QString& message) {
  const QByteArray line = QStringLiteral("%1 %2 %3: %4\n")
                              .arg(QDateTime::currentDateTime().toString(Qt::ISODateWithMs), QLatin1String(levelName(type)),
                                   QLatin1String(context.category ? context.category : "default"), message)
                              .toUtf8();
  Sink& s = sink();
  const QMutexLocker lock(&s.mutex);
  std::fwrite(line.constData(), 1, static_cast<std::size_t>(line.size()), stderr);
  if (!s.file.isOpen()) return;
  s.file.write(line);
  s.file.flush();
  if (s.file.size() > kMaxBytes) rotate(s.file);
}

}  // namespace

void startLog(const QString& path) {
  {
    Sink& s = sink();
    const QMutexLocker lock(&s.mutex);
    s.file.setFileName(path);
    (void)s.file.open(QIODevice::Append | QIODevice::Text);  // without it stderr alone has the log
  }
  qInstallMessageHandler(handle);
}

}  // namespace rookery::app
