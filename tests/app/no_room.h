// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>
#include <csignal>
#include <sys/resource.h>

namespace rookery::app::test {

/// A disk that takes nothing more: a limit on the size of every file that this process writes stands in for it. It binds
/// root as well, whom the rights of a folder do not.
class NoRoom {
 public:
  NoRoom() {
    std::signal(SIGXFSZ, SIG_IGN);  // the write fails instead
    set(0);
  }
  ~NoRoom() { end(); }
  NoRoom(const NoRoom&) = delete;
  NoRoom& operator=(const NoRoom&) = delete;
  void end() { set(RLIM_INFINITY); }

 private:
  static void set(rlim_t bytes) {
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) qFatal("no limit on files");
  }
};

}  // namespace rookery::app::test
