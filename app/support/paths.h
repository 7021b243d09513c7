// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace rookery::app {

/// Where things live. By XDG: config, data (chats), state (logs, window layout), cache. With a data directory given
/// (--data-dir) all four are folders inside it, so that a portable set-up touches nothing else.
struct Paths {
  QString config, data, state, cache;

  static Paths standard();
  static Paths inside(const QString& dataDir);

  /// Makes the folders that are not there, readable by the user alone. False if some could not be made; `failed` then names
  /// the first.
  bool create(QString* failed = nullptr) const;

  QString database() const;      ///< chats.sqlite
  QString settingsFile() const;  ///< rookery.ini
  QString logFile() const;
};

/// Makes an empty file that the user alone may read, for what writes into it afterwards. False if it is there already, or
/// cannot be made.
bool createPrivate(const QString& path);

}  // namespace rookery::app
