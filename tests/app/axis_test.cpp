// SPDX-License-Identifier: GPL-3.0-or-later
// What stands at the axes of the charts, from 0.05 to 100,000, in the window and in the picture.
#include <qcustomplot.h>

#include <QFontDatabase>
#include <QSet>
#include <QTest>
#include <cmath>

#include "bench/charts.h"
#include "bench/number_ticker.h"
#include "shell_support.h"

using namespace rookery::app;

namespace {

/// Empty if every label is of its own and says its tick to half of its last digit; else what is wrong.
QString lie(const QVector<double>& ticks, const QVector<QString>& labels) {
  if (ticks.size() != labels.size()) return QStringLiteral("%1 ticks, %2 labels").arg(ticks.size()).arg(labels.size());
  const QLocale locale;
  QSet<QString> seen;
  for (int i = 0; i < ticks.size(); ++i) {
    if (seen.contains(labels[i])) return QStringLiteral("\"%1\" twice").arg(labels[i]);
    seen << labels[i];
    bool ok = false;
    const double said = locale.toDouble(labels[i], &ok);
    if (!ok) return QStringLiteral("\"%1\" is no number").arg(labels[i]);
    const auto point = labels[i].indexOf(locale.decimalPoint());
    const auto decimals = point < 0 ? 0 : labels[i].size() - point - 1;
    if (std::abs(said - ticks[i]) > 0.5000001 * std::pow(10.0, -static_cast<double>(decimals)))
      return QStringLiteral("\"%1\" stands at %2").arg(labels[i]).arg(ticks[i], 0, 'g', 12);
  }
  return {};
}

QList<QCPAxis*> numericAxes(QCustomPlot* plot) {
  QList<QCPAxis*> found;
  for (auto* rect : plot->axisRects())
    for (auto* axis : rect->axes())
      if (axis->visible() && dynamic_cast<NumberTicker*>(axis->ticker().data()) != nullptr) found << axis;
  return found;
}

}  // namespace

class AxisTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void cleanup() { QLocale::setDefault(QLocale(QLocale::C)); }

  void decimalsFollowTheStep() {
    const QList<std::pair<double, int>> steps{{1, 0}, {20, 0}, {2.5, 1}, {0.25, 2}, {0.05, 2}, {25'000, 0}, {0.0001, 4}, {1.25, 2}};
    for (const auto& [step, decimals] : steps) QCOMPARE(decimalsOfStep(step), decimals);
  }

  void everyLabelIsTrue_data() {
    QTest::addColumn<QString>("locale");
    for (const char* name : {"C", "en_US", "de_DE", "fr_FR", "zh_CN"}) QTest::newRow(name) << QString::fromLatin1(name);
  }

  void everyLabelIsTrue() {
    QFETCH(QString, locale);
    QLocale::setDefault(QLocale(locale));
    QCustomPlot plot;
    int seen = 0;
    for (const QSize size : {QSize(220, 150), QSize(480, 300), QSize(1180, 700)}) {
      plot.setViewport(QRect({}, size));
      for (QCPAxis* axis : {plot.xAxis, plot.yAxis}) {
        setNumberTicker(axis);
        for (double top = 0.05; top < 150'000; top *= 1.037) {
          for (const double from : {0.0, 0.9 * top, -0.3 * top}) {  // from zero, about a median, across zero
            QVector<double> ticks;
            QVector<QString> labels;
            axis->ticker()->generate(QCPRange(from, top), QLocale(), QLatin1Char('g'), 6, ticks, nullptr, &labels);
            const QString wrong = lie(ticks, labels);
            QVERIFY2(wrong.isEmpty(), qPrintable(QStringLiteral("%1..%2: %3").arg(from).arg(top).arg(wrong)));
            ++seen;
          }
        }
      }
    }
    QVERIFY(seen > 5000);
  }

  // The real charts with slow and fast machines, small and large models, narrow and wide, drawn on the screen and for a file.
  void theChartsOfEveryMachineAreTrue() {
    for (double speed = 0.05; speed < 100'000; speed *= 1.61) {
      auto report = test::handMadeReport();
      for (auto& series : report.series) {
        const double factor = speed / series.median;
        series.median *= factor;
        series.mad *= factor;
        for (double& sample : series.samples) sample *= factor;
      }
      for (auto& row : report.planned) row.bytes = static_cast<std::uint64_t>(static_cast<double>(row.bytes) * speed / 10);
      for (auto& entry : report.measured) entry.bytes = static_cast<std::uint64_t>(static_cast<double>(entry.bytes) * speed / 10);
      SpeedChart speeds;
      SamplesChart samples;
      MemoryChart memory;
      speeds.setReport(report);
      samples.setReport(report);
      memory.setReport(report);
      const QList<std::pair<ChartPanel*, int>> charts{{&speeds, 2}, {&samples, 2}, {&memory, 1}};
      for (const auto& [chart, count] : charts) {
        for (const int width : {300, 900}) {
          chart->plot()->toPixmap(width, 260);
          const auto axes = numericAxes(chart->plot());
          QCOMPARE(axes.size(), count);
          for (const QCPAxis* axis : axes) {
            QVERIFY2(axis->tickVector().size() >= 2, qPrintable(QStringLiteral("%1 at %2").arg(chart->objectName()).arg(speed)));
            const QString wrong = lie(axis->tickVector(), axis->tickVectorLabels());
            QVERIFY2(wrong.isEmpty(), qPrintable(QStringLiteral("%1 at %2: %3").arg(chart->objectName()).arg(speed).arg(wrong)));
          }
        }
      }
    }
  }

  void labelsDoNotTouch() {
    auto report = test::handMadeReport();
    for (auto& entry : report.measured) entry.bytes *= 6000;  // 97,000 MB: the widest labels
    MemoryChart memory;
    memory.setReport(report);
    for (int width = 260; width <= 1180; width += 40) {
      memory.plot()->toPixmap(width, 240);
      const QCPAxis* axis = memory.plot()->xAxis;
      memory.plot()->setViewport(QRect(0, 0, width, 240));
      const QFontMetricsF metrics(axis->tickLabelFont());
      const auto ticks = axis->tickVector();
      const auto labels = axis->tickVectorLabels();
      const double perUnit = axis->axisRect()->width() / axis->range().size();
      for (int i = 1; i < ticks.size(); ++i) {
        const double apart = (ticks[i] - ticks[i - 1]) * perUnit;
        const double needed = (metrics.horizontalAdvance(labels[i]) + metrics.horizontalAdvance(labels[i - 1])) / 2;
        QVERIFY2(apart > needed + 2, qPrintable(QStringLiteral("%1 px wide: %2 and %3").arg(width).arg(labels[i - 1], labels[i])));
      }
    }
  }

  void theFontExists() {
    SpeedChart speeds;
    speeds.setReport(test::handMadeReport());
    const QString family = speeds.plot()->yAxis->tickLabelFont().family();
    QVERIFY2(QFontDatabase::hasFamily(family), qPrintable(family));
  }
};

QTEST_MAIN(AxisTest)
#include "axis_test.moc"
