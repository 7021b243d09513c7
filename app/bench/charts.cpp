// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/charts.h"

#include <qcustomplot.h>

#include <QLocale>
#include <algorithm>

#include "bench/number_ticker.h"
#include "support/format.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {

bool isPrefill(const engine::BenchSeries& series) { return series.test.starts_with("pp"); }
bool isDecode(const engine::BenchSeries& series) { return series.test.starts_with("tg"); }
bool isSpeed(const engine::BenchSeries& series) { return series.unit == "tokens/s" && (isPrefill(series) || isDecode(series)); }

/// On a dark ground the dark blue (0) and the sky blue (4) change places.
QColor seriesColor(int index) {
  const int place = index % static_cast<int>(chartColors().size());
  return chartColors().at(Theme::dark() && (place == 0 || place == 4) ? 4 - place : place);
}

double relative(double sample, double median) { return median > 0 ? 100 * sample / median : 0; }

}  // namespace

std::vector<engine::BenchSeries> speedSeries(const engine::BenchReport& report) {
  std::vector<engine::BenchSeries> found;
  std::copy_if(report.series.begin(), report.series.end(), std::back_inserter(found), isSpeed);
  return found;
}

QString testTitle(const std::string& test) {
  const QString name = QString::fromStdString(test);
  static const QRegularExpression pattern(QStringLiteral("^(pp|tg)(\\d+)(-sparse|-chat)?$"));
  const auto match = pattern.match(name);
  if (!match.hasMatch()) {
    return name;
  }
  const QString tokens = QLocale().toString(match.captured(2).toInt());
  if (match.captured(1) == u"pp") {
    return SpeedChart::tr("Prompt, %1 tokens").arg(tokens);
  }
  if (match.captured(3) == u"-chat") {
    return SpeedChart::tr("Answer, %1 tokens, as in chat").arg(tokens);
  }
  if (match.captured(3) == u"-sparse") {
    return SpeedChart::tr("Answer, %1 tokens, zeros skipped").arg(tokens);
  }
  return SpeedChart::tr("Answer, %1 tokens").arg(tokens);
}

QString testName(const std::string& test) {
  if (test.ends_with("-chat")) {
    return SpeedChart::tr("as in chat");
  }
  if (test.ends_with("-sparse")) {
    return SpeedChart::tr("zeros skipped");
  }
  const auto digits = test.find_first_of("0123456789");
  return digits == std::string::npos ? QString::fromStdString(test)
                                     : SpeedChart::tr("%1 tokens").arg(QLocale().toString(QString::fromStdString(test.substr(digits)).toInt()));
}

SpeedChart::SpeedChart(QWidget* parent) : ChartPanel(QStringLiteral("speedChart"), parent), m_decodeRect(new QCPAxisRect(plot())) {
  plot()->plotLayout()->addElement(0, 1, m_decodeRect);
  plot()->plotLayout()->setColumnSpacing(16);
}

void SpeedChart::setReport(const engine::BenchReport& report) {
  m_series = speedSeries(report);
  refresh();
}

void SpeedChart::draw() {
  std::vector<const engine::BenchSeries*> prefill, decode;
  for (const auto& series : m_series) {
    (isPrefill(series) ? prefill : decode).push_back(&series);
  }
  const double wide = std::clamp(static_cast<double>(decode.size()), 1.0, 2.5);
  drawRect(plot()->axisRect(0), prefill, tr("Reading a prompt, tokens/s"), seriesColor(0), 1 / (1 + wide));
  drawRect(m_decodeRect, decode, tr("Answering, tokens/s"), seriesColor(1), wide / (1 + wide));
  plot()->plotLayout()->setColumnStretchFactor(1, wide);
}

void SpeedChart::drawRect(QCPAxisRect* rect, const std::vector<const engine::BenchSeries*>& series, const QString& label,
                          const QColor& color, double share) {
  auto* x = rect->axis(QCPAxis::atBottom);
  auto* y = rect->axis(QCPAxis::atLeft);
  styleAxis(x, false);
  styleAxis(y, true);
  y->setLabel(label);
  setNumberTicker(y);

  const auto ticker = QSharedPointer<NameTicker>::create(x, share);
  double key = 0, top = 0;
  for (const auto* s : series) {
    ++key;
    auto* bars = new QCPBars(x, y);
    bars->setObjectName(label);
    bars->setName(label);
    bars->setWidth(0.5);
    bars->setPen(Qt::NoPen);
    bars->setBrush(color);
    bars->setData({key}, {s->median});
    const double end = s->median + (s->hasSpread() ? s->mad : 0);
    if (s->hasSpread()) {  // a whisker of height zero would say that runs agree
      auto* whiskers = new QCPErrorBars(x, y);
      whiskers->setDataPlottable(bars);
      whiskers->setPen(QPen(palette().color(QPalette::Text), 1.25));
      whiskers->setWhiskerWidth(10);
      whiskers->setSymbolGap(0);
      whiskers->setData({s->mad});
    }
    auto* text = new QCPItemText(plot());
    text->setClipAxisRect(rect);
    text->position->setAxes(x, y);
    text->position->setCoords(key, end);
    text->setPositionAlignment(Qt::AlignHCenter | Qt::AlignBottom);
    text->setPadding(QMargins(0, 0, 0, 3));
    text->setText(formatRate(s->median));
    text->setFont(valueFont());
    text->setColor(palette().color(QPalette::Text));
    ticker->addTick(key, testName(s->test));
    top = std::max(top, end);
  }
  x->setTicker(ticker);
  x->setRange(0.4, std::max(1.0, key) + 0.6);
  y->setRange(0, top > 0 ? top * 1.18 : 1);
}

ChartTable SpeedChart::tableData() const {
  ChartTable numbers{{tr("Test"), tr("Tokens/s"), tr("± MAD"), tr("Lowest"), tr("Highest"), tr("Runs")}, {}};
  for (const auto& s : m_series) {
    numbers.rows << QStringList{testTitle(s.test), formatRate(s.median), s.hasSpread() ? formatRate(s.mad) : QStringLiteral("–"),
                                formatRate(s.min), formatRate(s.max), QLocale().toString(static_cast<int>(s.samples.size()))};
  }
  return numbers;
}

SamplesChart::SamplesChart(QWidget* parent) : ChartPanel(QStringLiteral("samplesChart"), parent) {
  auto* bottom = new QCPLayoutGrid;
  plot()->plotLayout()->addElement(1, 0, bottom);
  bottom->addElement(0, 0, plot()->legend);
  plot()->legend->setVisible(true);
  plot()->plotLayout()->setRowStretchFactor(1, 0.001);
}

void SamplesChart::setReport(const engine::BenchReport& report) {
  m_series = speedSeries(report);
  refresh();
}

void SamplesChart::draw() {
  static const QCPScatterStyle::ScatterShape shapes[] = {QCPScatterStyle::ssDisc, QCPScatterStyle::ssSquare, QCPScatterStyle::ssTriangle,
                                                         QCPScatterStyle::ssDiamond, QCPScatterStyle::ssCross};
  auto* x = plot()->xAxis;
  auto* y = plot()->yAxis;
  styleAxis(x, false);
  styleAxis(y, true);
  x->setLabel(tr("Run"));
  y->setLabel(tr("Speed, % of the median"));
  int longest = 1;
  double low = 99, high = 101;
  for (int i = 0; i < static_cast<int>(m_series.size()); ++i) {
    const auto& s = m_series[static_cast<std::size_t>(i)];
    auto* graph = plot()->addGraph();
    graph->setName(testTitle(s.test));
    const QColor color = seriesColor(i);
    graph->setPen(QPen(color, 1, Qt::DotLine));
    QCPScatterStyle marker(shapes[i % 5], color, color, 7);
    graph->setScatterStyle(marker);
    QVector<double> keys, values;
    for (const double sample : s.samples) {
      keys << static_cast<double>(keys.size()) + 1;
      values << relative(sample, s.median);
      low = std::min(low, values.last());
      high = std::max(high, values.last());
    }
    longest = std::max(longest, static_cast<int>(keys.size()));
    graph->setData(keys, values, true);
  }
  setNumberTicker(x, true);
  x->setRange(0.5, longest + 0.5);
  const double margin = std::max(0.5, (high - low) * 0.15);
  y->setRange(low - margin, high + margin);
  setNumberTicker(y);
}

ChartTable SamplesChart::tableData() const {
  ChartTable numbers{{tr("Test"), tr("Run"), tr("Tokens/s"), tr("% of the median")}, {}};
  for (const auto& s : m_series) {
    for (std::size_t i = 0; i < s.samples.size(); ++i) {
      numbers.rows << QStringList{testTitle(s.test), QLocale().toString(static_cast<int>(i) + 1), formatRate(s.samples[i]),
                               QLocale().toString(relative(s.samples[i], s.median), 'f', 1)};
    }
  }
  return numbers;
}

MemoryChart::MemoryChart(QWidget* parent) : ChartPanel(QStringLiteral("memoryChart"), parent) {
  auto* bottom = new QCPLayoutGrid;
  plot()->plotLayout()->addElement(1, 0, bottom);
  bottom->addElement(0, 0, plot()->legend);
  plot()->legend->setVisible(true);
  plot()->plotLayout()->setRowStretchFactor(1, 0.001);
}

void MemoryChart::setReport(const engine::BenchReport& report) {
  m_parts.clear();
  const auto partOf = [this](const std::string& component) -> MemoryPart& {
    const QString name = QString::fromStdString(component);
    const auto found = std::find_if(m_parts.begin(), m_parts.end(), [&](const auto& part) { return part.name == name; });
    if (found != m_parts.end()) {
      return *found;
    }
    m_parts.push_back({name});
    return m_parts.back();
  };
  for (const auto& row : report.planned) {
    partOf(row.component).planned += row.bytes;
  }
  for (const auto& entry : report.measured) {
    partOf(entry.component).measured += entry.bytes;
  }
  // Of a graphics device the system's figure says nothing.
  m_resident = report.ranOnCpu() ? engine::ResidentMemory{report.residentBytes, report.residentBefore, report.keptBytes} : engine::ResidentMemory{};
  m_unexplained = report.unexplainedBytes();
  refresh();
}

std::vector<MemoryPart> MemoryChart::stackedParts() const {
  std::vector<MemoryPart> stacked;
  MemoryPart blocks{{}, 0, 0};
  MemoryPart norms{tr("norms"), 0, 0};
  int blockCount = 0;
  for (const auto& part : m_parts) {
    if (part.name.startsWith(u"block")) {
      ++blockCount;
      blocks.planned += part.planned;
      blocks.measured += part.measured;
    } else if (part.name.startsWith(u"ln")) {
      norms.planned += part.planned;
      norms.measured += part.measured;
    } else {
      stacked.push_back(part);
    }
  }
  blocks.name = tr("%n block(s)", nullptr, blockCount);
  for (auto* extra : {&blocks, &norms}) {
    if (extra->planned + extra->measured > 0) {
      stacked.push_back(*extra);
    }
  }
  std::stable_sort(stacked.begin(), stacked.end(), [](const auto& a, const auto& b) {
    return std::max(a.planned, a.measured) > std::max(b.planned, b.measured);
  });
  return stacked;
}

void MemoryChart::draw() {
  auto* key = plot()->yAxis;  // horizontal bars: the key runs upwards
  auto* value = plot()->xAxis;
  styleAxis(key, false);
  styleAxis(value, true);
  QSharedPointer<QCPAxisTickerText> ticker(new QCPAxisTickerText);
  ticker->addTick(2, tr("planned"));
  ticker->addTick(1, tr("measured"));
  key->setTicker(ticker);
  key->setRange(0.4, 2.6);
  value->setLabel(tr("Memory, MB (1 MB = 1,000,000 bytes)"));
  setNumberTicker(value);

  QCPBars* below = nullptr;
  double planned = 0, measured = 0;
  int index = 0;
  for (const auto& part : stackedParts()) {
    auto* bars = new QCPBars(key, value);
    bars->setName(part.name);
    bars->setWidth(0.55);
    bars->setPen(QPen(palette().color(QPalette::Base), 1));
    bars->setBrush(seriesColor(index++));
    bars->setData({1, 2}, {static_cast<double>(part.measured) / 1e6, static_cast<double>(part.planned) / 1e6}, true);
    if (below != nullptr) {
      bars->moveAbove(below);
    }
    below = bars;
    planned += static_cast<double>(part.planned) / 1e6;
    measured += static_cast<double>(part.measured) / 1e6;
  }
  m_widest = std::max(planned, measured);
  fitRange();
  const auto total = [&](double at, double mb) {
    auto* text = new QCPItemText(plot());
    text->position->setAxes(value, key);
    text->position->setCoords(mb, at);
    text->setPositionAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    text->setPadding(QMargins(6, 0, 0, 0));
    text->setText(formatBytes(static_cast<std::uint64_t>(mb * 1e6)));
    text->setFont(valueFont());
    text->setColor(palette().color(QPalette::Text));
  };
  total(2, planned);
  total(1, measured);
}

/// The bars end where the total beside them still has room.
void MemoryChart::fitRange() {
  constexpr double kSides = 110, kLeast = 1.1, kMost = 2;
  const double room = std::max(1.0, plot()->width() - kSides);
  const double words = QFontMetricsF(valueFont()).horizontalAdvance(formatBytes(static_cast<std::uint64_t>(m_widest * 1e6))) + 16;
  plot()->xAxis->setRange(0, m_widest > 0 ? m_widest * std::clamp(room / std::max(1.0, room - words), kLeast, kMost) : 1);
}

ChartTable MemoryChart::tableData() const {
  ChartTable numbers{{tr("Part"), tr("Planned, MB"), tr("Measured, MB")}, {}};
  const auto mb = [](std::uint64_t bytes) { return bytes == 0 ? QStringLiteral("–") : QLocale().toString(static_cast<double>(bytes) / 1e6, 'f', 3); };
  std::uint64_t planned = 0, measured = 0;
  for (const auto& part : m_parts) {
    numbers.rows << QStringList{part.name, mb(part.planned), mb(part.measured)};
    planned += part.planned;
    measured += part.measured;
  }
  numbers.rows << QStringList{tr("all parts"), mb(planned), mb(measured)};
  if (m_resident.now > 0) {
    const auto kept = std::min(m_resident.kept, m_resident.before);
    numbers.rows << QStringList{tr("not explained"), mb(0), QLocale().toString(static_cast<double>(m_unexplained) / 1e6, 'f', 3)};
    if (kept > 0) {
      numbers.rows << QStringList{tr("the chat's model, which stayed loaded"), mb(0), mb(kept)};
    }
    if (m_resident.before > 0) {
      numbers.rows << QStringList{tr("the program itself"), mb(0), mb(m_resident.before - kept)};
    }
    numbers.rows << QStringList{tr("whole program, as the system sees it"), mb(0), mb(m_resident.now)};
  }
  return numbers;
}

}  // namespace rookery::app
