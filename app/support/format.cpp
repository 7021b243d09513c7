// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/format.h"

#include <QCoreApplication>
#include <QLocale>
#include <cmath>

namespace rookery::app {

namespace {
struct Format {
  Q_DECLARE_TR_FUNCTIONS(Format)
};

QString threeDigits(double value) {
  const double size = std::abs(value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return QLocale().toString(value, 'f', decimals);
}
}  // namespace

QString formatBytes(std::uint64_t bytes) {
  const double b = static_cast<double>(bytes);
  if (bytes < 1000) {
    return Format::tr("%1 bytes").arg(QLocale().toString(static_cast<qulonglong>(bytes)));
  }
  if (b < 999.5e3) {
    return Format::tr("%1 kB").arg(threeDigits(b / 1e3));
  }
  if (b < 999.5e6) {
    return Format::tr("%1 MB").arg(threeDigits(b / 1e6));
  }
  return Format::tr("%1 GB").arg(threeDigits(b / 1e9));
}

QString formatRate(double value) { return threeDigits(value); }

QString formatDuration(double seconds) {
  const auto total = static_cast<qint64>(std::llround(std::max(seconds, 0.0)));
  if (total < 60) {
    return Format::tr("%1 s").arg(total);
  }
  if (total < 3600) {
    return QStringLiteral("%1:%2").arg(total / 60).arg(total % 60, 2, 10, QLatin1Char('0'));
  }
  return Format::tr("%1 h %2 min").arg(total / 3600).arg(total % 3600 / 60, 2, 10, QLatin1Char('0'));
}

QString formatPercent(double fraction, int decimals) {
  return Format::tr("%1 %").arg(QLocale().toString(fraction * 100, 'f', decimals));
}

QString joinSentences(const QStringList& sentences) {
  QString all;
  for (const QString& sentence : sentences) {
    if (all.isEmpty()) all = sentence;
    else if (!sentence.isEmpty()) all = Format::tr("%1 %2", "two sentences, one after the other").arg(all, sentence);
  }
  return all;
}

}  // namespace rookery::app
