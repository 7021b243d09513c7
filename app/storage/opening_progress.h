// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>
#include <atomic>

namespace rookery::app {

/// What opening the database does just now and how far it is. Written by the thread that does it, read by any.
struct OpeningProgress {
  enum class Step { Opening, Upgrading, Checking, Rescuing, Copying };
  std::atomic<Step> step{Step::Opening};
  std::atomic<qint64> done{0}, total{0};  ///< messages; total is an estimate, 0: not known
};

}  // namespace rookery::app
