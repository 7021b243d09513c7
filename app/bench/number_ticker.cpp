// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/number_ticker.h"

#include <QFontMetricsF>
#include <QLocale>
#include <algorithm>
#include <cmath>

namespace rookery::app {

namespace {

constexpr int kMostDecimals = 12, kMostTicks = 6;
constexpr double kGap = 14;  ///< between two labels of a horizontal axis, px
// What the axes leave of the plot's width and height, px. Ticks are made before the layout is known.
constexpr double kSides = 110, kBelow = 60;

QString label(double tick, double step) {
  if (std::abs(tick) < step * 1e-6) tick = 0;  // also "-0"
  return QLocale().toString(tick, 'f', decimalsOfStep(step));
}

}  // namespace

int decimalsOfStep(double step) {
  double scaled = std::abs(step);
  int decimals = 0;
  while (decimals < kMostDecimals && std::abs(scaled - std::round(scaled)) > 1e-6 * scaled) {
    scaled *= 10;
    ++decimals;
  }
  return decimals;
}

double NumberTicker::getTickStep(const QCPRange& range) {
  const QFontMetricsF metrics(m_axis->tickLabelFont());
  const bool horizontal = m_axis->orientation() == Qt::Horizontal;
  const QRect view = m_axis->parentPlot()->viewport();
  const double room = std::max(40.0, horizontal ? view.width() - kSides : view.height() - kBelow);
  for (int count = kMostTicks; count >= 1; --count) {
    setTickCount(count);
    m_step = QCPAxisTicker::getTickStep(range);
    if (m_wholeNumbers) m_step = std::max(1.0, std::ceil(m_step));
    const double extent = horizontal ? std::max(metrics.horizontalAdvance(label(range.lower, m_step)), metrics.horizontalAdvance(label(range.upper, m_step))) + kGap
                                     : 1.6 * metrics.height();
    if (range.size() / m_step * extent <= room) break;
  }
  return m_step;
}

QVector<QString> NumberTicker::createLabelVector(const QVector<double>& ticks, const QLocale& /*locale*/, QChar /*formatChar*/, int /*precision*/) {
  QVector<QString> labels;
  for (const double tick : ticks) labels << label(tick, m_step);
  return labels;
}

void setNumberTicker(QCPAxis* axis, bool wholeNumbers) { axis->setTicker(QSharedPointer<NumberTicker>::create(axis, wholeNumbers)); }

QVector<QString> NameTicker::createLabelVector(const QVector<double>& ticks, const QLocale& locale, QChar formatChar, int precision) {
  QVector<QString> labels = QCPAxisTickerText::createLabelVector(ticks, locale, formatChar, precision);
  const QFontMetricsF metrics(m_axis->tickLabelFont());
  const double room = m_share * (m_axis->parentPlot()->viewport().width() - kSides) / static_cast<double>(std::max<qsizetype>(1, ticks.size())) - kGap;
  for (QString& text : labels)
    if (metrics.horizontalAdvance(text) > room) text.replace(u' ', u'\n');
  return labels;
}

}  // namespace rookery::app
