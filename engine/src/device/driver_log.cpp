// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/driver_log.h"

#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#include "formats/names.h"
#include "rookery/device.h"

namespace rookery::engine {
namespace {

std::mutex g_driverLogMutex;
std::function<void(std::string_view)> g_driverLog;  ///< under g_driverLogMutex

}  // namespace

void setDriverLog(std::function<void(std::string_view)> sink) {
  const std::lock_guard lock(g_driverLogMutex);
  g_driverLog = std::move(sink);
}

void logDriverMessage(std::string_view kind, std::string_view message) {
  const std::string line = std::string(kind) + ": " + std::string(message);
  const std::lock_guard lock(g_driverLogMutex);
  if (g_driverLog) {
    g_driverLog(line);
  } else {
    std::fprintf(stderr, "%s\n", printable(line, 4096).c_str());
  }
}

}  // namespace rookery::engine
