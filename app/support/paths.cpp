// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/paths.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QStandardPaths>

namespace rookery::app {
namespace {

constexpr auto kFolder = u"rookery";

// Qt 6.4 has no StateLocation (it came with 6.7), so XDG_STATE_HOME is read here.
QString stateHome() {
#ifdef Q_OS_UNIX
  const QString xdg = qEnvironmentVariable("XDG_STATE_HOME");
  if (QDir::isAbsolutePath(xdg)) return xdg;
  return QDir::homePath() + u"/.local/state";
#else
  return QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation);
#endif
}

QString under(QStandardPaths::StandardLocation location) {
  return QStandardPaths::writableLocation(location) + u'/' + kFolder;
}

}  // namespace

Paths Paths::standard() {
  return {under(QStandardPaths::GenericConfigLocation), under(QStandardPaths::GenericDataLocation),
          stateHome() + u'/' + kFolder, under(QStandardPaths::GenericCacheLocation)};
}

Paths Paths::inside(const QString& dataDir) {
  const QString root = QDir(dataDir).absolutePath();
  return {root + u"/config", root + u"/data", root + u"/state", root + u"/cache"};
}

bool Paths::create(QString* failed) const {
  bool all = true;
  for (const QString& folder : {config, data, state, cache}) {
    if (QFileInfo(folder).isDir()) continue;  // somebody's own, with the rights that they gave it
    constexpr auto kOwnerOnly = QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner;
    if (QDir().mkpath(QFileInfo(folder).path()) && QDir().mkdir(folder, kOwnerOnly)) continue;
    if (failed && all) *failed = folder;
    all = false;
  }
  return all;
}

bool createPrivate(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::WriteOnly | QIODevice::NewOnly, QFile::ReadOwner | QFile::WriteOwner);
}

QString Paths::database() const { return data + u"/chats.sqlite"; }
QString Paths::settingsFile() const { return config + u"/rookery.ini"; }
QString Paths::logFile() const { return state + u"/rookery.log"; }

}  // namespace rookery::app
