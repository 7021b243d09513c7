// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <qcustomplot.h>

#include <QString>

namespace rookery::app {

/// The fewest decimals that write multiples of `step` exactly ("2.5" needs 1, "20" none), 12 at most.
int decimalsOfStep(double step);

/// Ticks of a numeric axis whose labels tell them apart: as many decimals as the step needs, in the user's number
/// format, and never more ticks than there is room for at the size in which the plot is drawn (window or picture).
class NumberTicker : public QCPAxisTicker {
 public:
  /// `axis` must outlive the ticker; its tick label font counts. `wholeNumbers`: no ticks between them (runs).
  explicit NumberTicker(const QCPAxis* axis, bool wholeNumbers = false) : m_axis(axis), m_wholeNumbers(wholeNumbers) {}

 protected:
  double getTickStep(const QCPRange& range) override;
  int getSubTickCount(double /*tickStep*/) override { return 0; }
  QVector<QString> createLabelVector(const QVector<double>& ticks, const QLocale& locale, QChar formatChar, int precision) override;

 private:
  const QCPAxis* m_axis;
  bool m_wholeNumbers;
  double m_step = 1;
};

/// Gives `axis` one.
void setNumberTicker(QCPAxis* axis, bool wholeNumbers = false);

/// Names along a horizontal axis, broken at spaces where they would touch.
class NameTicker : public QCPAxisTickerText {
 public:
  /// `share`: of the plot's width that the axis has.
  NameTicker(const QCPAxis* axis, double share) : m_axis(axis), m_share(share) {}

 protected:
  QVector<QString> createLabelVector(const QVector<double>& ticks, const QLocale& locale, QChar formatChar, int precision) override;

 private:
  const QCPAxis* m_axis;
  double m_share;
};

}  // namespace rookery::app
