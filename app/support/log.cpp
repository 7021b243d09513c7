// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/log.h"

#include <QDateTime>
#include <QFile>
#include <QHash>
#include <QMutex>
#include <cstdio>

namespace rookery::app {
namespace {

constexpr qint64 kMaxBytes = 1'000'000;
constexpr auto kMode = QIODevice::Append | QIODevice::Text;
constexpr auto kRights = QFile::ReadOwner | QFile::WriteOwner;  // of a new file; it names models and folders
constexpr int kAlwaysWritten = 5, kMostKinds = 200;
constexpr qsizetype kKindLength = 24;

struct Sink {
  QMutex mutex;
  QFile file;
  QHash<QString, int> kinds;  ///< of messages: how many there were
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
  (void)file.open(kMode, kRights);
}

/// A message that comes again and again (Qt warns of every letter that a font lacks) would push everything else out of the
/// file: the first few of a kind are written, then the tenth, the hundredth, ... Of ours a kind is the same message, of
/// others' one that begins alike.
int countOfKind(Sink& s, QLatin1String category, const QString& message) {
  if (s.kinds.size() >= kMostKinds) s.kinds.clear();
  const bool ours = category.startsWith(QLatin1String("rookery."));
  return ++s.kinds[category + (ours ? message : message.left(kKindLength))];
}

bool isWritten(int count) {
  if (count <= kAlwaysWritten) return true;
  while (count % 10 == 0) count /= 10;
  return count == 1;
}

void handle(QtMsgType type, const QMessageLogContext& context, const QString& message) {
  const QLatin1String category(context.category ? context.category : "default");
  Sink& s = sink();
  const QMutexLocker lock(&s.mutex);
  const int count = type == QtCriticalMsg || type == QtFatalMsg ? 1 : countOfKind(s, category, message);
  if (!isWritten(count)) return;
  QString text = QStringLiteral("%1 %2 %3: %4").arg(QDateTime::currentDateTime().toString(Qt::ISODateWithMs), QLatin1String(levelName(type)), category, message);
  if (count > kAlwaysWritten) text += QStringLiteral(" (the %1th of its kind)").arg(count);
  const QByteArray line = text.toUtf8() + '\n';
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
    (void)s.file.open(kMode, kRights);  // without it stderr alone has the log
  }
  qInstallMessageHandler(handle);
}

}  // namespace rookery::app
