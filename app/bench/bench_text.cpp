// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/bench_text.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QLocale>
#include <QRegularExpression>
#include <algorithm>
#include <cctype>
#include <cmath>

#include "bench/charts.h"
#include "inference/device_list.h"
#include "inference/model_title.h"
#include "support/format.h"

namespace rookery::app {

namespace {
struct Words {
  Q_DECLARE_TR_FUNCTIONS(BenchText)
};

// People read aloud at about 150 words a minute; a World token is about 0.75 English words.
constexpr double kAloudTokensPerSecond = 150.0 / 60 / 0.75;

/// The fewest runs behind a figure of the sentence; 0 without one.
std::size_t headlineRuns(const engine::BenchReport& report) {
  std::size_t fewest = 0;
  for (const char* prefix : {"pp", "tg"}) {
    if (const auto* series = headlineSeries(report, prefix)) {
      fewest = fewest == 0 ? series->samples.size() : std::min(fewest, series->samples.size());
    }
  }
  return fewest;
}
}  // namespace

const engine::BenchSeries* headlineSeries(const engine::BenchReport& report, const std::string& prefix) {
  for (const auto& series : report.series) {
    if (series.test.starts_with(prefix) && series.test.size() > prefix.size() &&
        std::all_of(series.test.begin() + static_cast<std::ptrdiff_t>(prefix.size()), series.test.end(),
                    [](unsigned char c) { return std::isdigit(c) != 0; })) {
      return &series;
    }
  }
  return nullptr;
}

double speedOf(const engine::BenchReport& report, const std::string& prefix) {
  const auto* series = headlineSeries(report, prefix);
  return series != nullptr ? series->median : 0;
}

QString reportSentence(const engine::BenchReport& report) {
  const double decode = speedOf(report, "tg"), prefill = speedOf(report, "pp");
  QStringList sentences;
  const double aloud = decode / kAloudTokensPerSecond;
  if (decode > 0 && aloud >= 1.5) {
    sentences << Words::tr("Answers at %1 tokens/s, about %2 times as fast as reading aloud.")
                     .arg(formatRate(decode), QLocale().toString(std::round(aloud), 'f', 0));
  } else if (decode > 0) {
    sentences << Words::tr("Answers at %1 tokens/s, about as fast as reading aloud or slower.").arg(formatRate(decode));
  }
  if (prefill > 0) {
    sentences << Words::tr("Reads prompts at %1 tokens/s.").arg(formatRate(prefill));
  }
  if (decode > 0 && report.hasLimit()) {
    if (report.percentOfBandwidth > 100) {
      sentences << Words::tr("Answering reads faster than memory was measured at (%1 GB/s): the weights come from the processor's cache, or the measurement was disturbed.")
                       .arg(formatRate(report.bandwidthGBs));
    } else {
      sentences << Words::tr("Answering uses %1 of the measured memory bandwidth (%2 GB/s).")
                       .arg(formatPercent(report.percentOfBandwidth / 100), formatRate(report.bandwidthGBs));
    }
  }
  const auto runs = headlineRuns(report);
  if (runs == 1) {
    sentences << Words::tr("One run only, so there is no spread.");
  } else if (runs == 2) {
    sentences << Words::tr("2 runs: the spread is only indicative.");
  }
  return joinSentences(sentences);
}

QString reportCaution(const engine::BenchReport& report) {
  QStringList sentences;
  if (report.partial) {
    sentences << Words::tr("The run was cancelled; this is what was finished.");
  }
  const auto shown = speedSeries(report);  // the short times beside them are often noisy, and nobody sees them
  if (std::any_of(shown.begin(), shown.end(), [](const auto& s) { return s.busy; })) {
    sentences << Words::tr("This computer was busy: other programs took part of the processor. Close them and run it again.");
  } else if (std::any_of(shown.begin(), shown.end(), [](const auto& s) { return s.noisy; })) {
    sentences << Words::tr("This computer was busy: the runs differ more than they should. Close other programs and run it again.");
  }
  return joinSentences(sentences);
}

QStringList reportNotes(const engine::BenchReport& report) {
  QStringList notes;
  const auto shown = speedSeries(report);
  if (std::any_of(shown.begin(), shown.end(), [](const auto& s) { return s.busy; })) {
    notes << Words::tr("busy");
  } else if (std::any_of(shown.begin(), shown.end(), [](const auto& s) { return s.noisy; })) {
    notes << Words::tr("noisy");
  }
  if (report.partial) {
    notes << Words::tr("cancelled");
  }
  if (const auto runs = headlineRuns(report); runs == 1 || runs == 2) {
    notes << Words::tr("%n run(s)", nullptr, static_cast<int>(runs));
  }
  return notes;
}

QString shapeTitle(const QString& name) {
  static const QRegularExpression pattern(QStringLiteral("^rwkv(\\d)-(\\d+)(?:([.b])(\\d+))?([bm]?)$"));
  const auto match = pattern.match(name);
  if (!match.hasMatch()) {
    return name;
  }
  const QString fraction = match.captured(4).isEmpty() ? QString() : u'.' + match.captured(4);
  const QString unit = match.captured(5).isEmpty() ? QStringLiteral("B") : match.captured(5).toUpper();
  return QStringLiteral("RWKV-%1 %2%3%4").arg(match.captured(1), match.captured(2), fraction, unit);
}

QString reportTitle(const engine::BenchReport& report) {
  QStringList parts{reportModel(report), QString::fromStdString(report.precision)};
  if (report.weights == "synthetic") {
    parts << Words::tr("synthetic");
  }
  parts.removeAll(QString());
  return parts.join(QStringLiteral(", "));
}

QString resultText(const engine::BenchSeries& series) {
  if (series.test == "bandwidth") {
    return Words::tr("Memory: %1 GB/s").arg(formatRate(series.median));
  }
  const bool speed = series.unit == "tokens/s";
  QString title = testTitle(series.test);
  const std::pair<const char*, QString> times[] = {{"load", Words::tr("Loading")}, {"first-token", Words::tr("First token")},
                                                  {"state-save", Words::tr("Saving the state")}, {"state-restore", Words::tr("Restoring it")},
                                                  {"state-fork", Words::tr("Copying it")}};
  for (const auto& [test, name] : times) {
    if (series.test == test) {
      title = name;
    }
  }
  const QString value = speed ? Words::tr("%1 tokens/s").arg(formatRate(series.median)) : Words::tr("%1 ms").arg(formatRate(series.median));
  const bool spread = series.hasSpread() && series.median > 0;
  return spread ? Words::tr("%1: %2 ± %3").arg(title, value, formatPercent(series.mad / series.median, 1)) : Words::tr("%1: %2").arg(title, value);
}

QString weightsText(const engine::BenchReport& report) {
  if (report.weights == "synthetic") {
    return Words::tr("weights: synthetic");
  }
  if (report.weights == "guide") {
    return Words::tr("weights: built-in guide");
  }
  return Words::tr("weights: file");
}

QString reportDevice(const engine::BenchReport& report) {
  const auto& env = report.environment;
  if (!env.gpu) {
    return QString::fromStdString(env.device);
  }
  engine::DeviceInfo device;
  device.kind = engine::DeviceKind::Vulkan;  // any but the CPU: all others are titled alike
  device.name = env.gpu->name;
  device.software = env.gpu->software;
  return report.cpuTookPart() ? deviceTitle(device) + QStringLiteral(" + CPU") : deviceTitle(device);
}

QString reportModel(const engine::BenchReport& report) {
  const QString name = QString::fromStdString(report.model);
  return report.weights == "guide" ? guideName() : report.weights == "synthetic" ? shapeTitle(name) : name;
}

QString reportSubject(const engine::BenchReport& report) {
  const auto& env = report.environment;
  QStringList parts{reportModel(report), weightsText(report), QString::fromStdString(report.precision),
                    report.mode == "exact" ? Words::tr("full precision") : QString::fromStdString(report.mode)};
  if (report.ranOnCpu()) {
    parts << QString::fromStdString(env.cpu.empty() ? env.device : env.cpu) << QString::fromStdString(env.isa)
          << Words::tr("%n thread(s)", nullptr, env.threads);
  } else {
    parts << reportDevice(report) << QString::fromStdString(env.api);
  }
  parts.removeAll(QString());
  return parts.join(QStringLiteral(" · "));
}

QString progressText(const engine::BenchProgress& progress) {
  switch (progress.step) {
    case engine::BenchStep::Load: return progress.test == "first-token" ? Words::tr("Waiting for a first token") : Words::tr("Loading the model");
    case engine::BenchStep::Bandwidth: return Words::tr("Measuring how fast memory can be read; this can take half a minute");
    case engine::BenchStep::State: return Words::tr("Saving, restoring and copying the state");
    case engine::BenchStep::Done: return Words::tr("Writing the report");
    default: break;
  }
  QStringList parts;
  const QString test = progress.test.empty() ? QString() : testTitle(progress.test);
  if (progress.step == engine::BenchStep::WarmUp) {
    parts << Words::tr("Warming up: %1").arg(test);
  } else if (!test.isEmpty()) {
    parts << test;
  }
  if (progress.plannedRuns > 0) {
    parts << Words::tr("run %1 of %2").arg(progress.run).arg(progress.plannedRuns);
  }
  if (progress.lastValue > 0) {
    parts << Words::tr("last %1 tokens/s").arg(formatRate(progress.lastValue));
  }
  if (progress.run > 1 && progress.spread > 0) {
    parts << Words::tr("spread %1").arg(formatPercent(progress.spread, 1));
  }
  return parts.join(QStringLiteral(" · "));
}

QString reportDate(const engine::BenchReport& report) {
  const QString text = QString::fromStdString(report.environment.date);
  const auto date = QDateTime::fromString(text, Qt::ISODate).toLocalTime();
  if (!date.isValid()) {
    return text;
  }
  const QLocale locale;
  const QString time = locale.toString(date.time(), QStringLiteral("HH:mm"));
  const auto ago = date.date().daysTo(QDate::currentDate());
  const QString day = ago == 0 ? Words::tr("Today") : ago == 1 ? Words::tr("Yesterday")
                                                                : locale.toString(date.date(), Words::tr("d MMM yyyy", "a date: day, month, year"));
  return Words::tr("%1, %2", "day, time").arg(day, time);
}

}  // namespace rookery::app
