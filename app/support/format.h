// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <cstdint>

namespace rookery::app {

/// "382 MB", "5.90 GB", in the user's number format; MB is 10^6 bytes everywhere in Rookery.
QString formatBytes(std::uint64_t bytes);
/// "1,402", "61.3", "7.52": three significant digits, never a false precision.
QString formatRate(double value);
/// "4 s", "1:42", "1 h 05".
QString formatDuration(double seconds);
QString formatPercent(double fraction, int decimals = 0);
/// One after the other, as the language sets them; empty ones are left out.
QString joinSentences(const QStringList& sentences);

}  // namespace rookery::app
