// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "bench/chart_panel.h"
#include "rookery/bench.h"

namespace rookery::app {

/// The prefill and decode tests: what the charts of speed show.
std::vector<engine::BenchSeries> speedSeries(const engine::BenchReport& report);
/// "Prompt, 512 tokens" for "pp512", "Answer, 128 tokens, as in chat" for "tg128-chat", what a person reads; the name itself if unknown.
QString testTitle(const std::string& test);

/// The same at the axis of its kind: "512 tokens", "as in chat", "zeros skipped".
QString testName(const std::string& test);

/// Median tokens/s of every prefill and decode test with the spread (MAD) as error bars. Prefill is an order of
/// magnitude faster, so the two kinds have an axis each, both from zero.
class SpeedChart : public ChartPanel {
  Q_OBJECT
 public:
  explicit SpeedChart(QWidget* parent = nullptr);
  void setReport(const engine::BenchReport& report);

 protected:
  void draw() override;
  ChartTable tableData() const override;

 private:
  void drawRect(QCPAxisRect* rect, const std::vector<const engine::BenchSeries*>& series, const QString& label, const QColor& color, double share);
  std::vector<engine::BenchSeries> m_series;
  QCPAxisRect* m_decodeRect;
};

/// Every measured run as a point, in per cent of its test's median, one marker shape for each test.
class SamplesChart : public ChartPanel {
  Q_OBJECT
 public:
  explicit SamplesChart(QWidget* parent = nullptr);
  void setReport(const engine::BenchReport& report);

 protected:
  void draw() override;
  ChartTable tableData() const override;

 private:
  std::vector<engine::BenchSeries> m_series;
};

/// One part of the memory, planned from shapes and measured after loading. Zero: not in that list.
struct MemoryPart {
  QString name;
  std::uint64_t planned = 0, measured = 0;
};

/// Memory by part: planned and measured as two stacked bars. The chart joins the blocks to one part, the table lists each.
class MemoryChart : public ChartPanel {
  Q_OBJECT
 public:
  explicit MemoryChart(QWidget* parent = nullptr);
  void setReport(const engine::BenchReport& report);
  /// The parts that the chart stacks, largest first.
  std::vector<MemoryPart> stackedParts() const;

 protected:
  void draw() override;
  ChartTable tableData() const override;
  void fitRange() override;

 private:
  std::vector<MemoryPart> m_parts;  ///< by component, in the report's order
  engine::ResidentMemory m_resident;
  std::int64_t m_unexplained = 0;
  double m_widest = 0;  ///< MB of the longer bar
};

}  // namespace rookery::app
