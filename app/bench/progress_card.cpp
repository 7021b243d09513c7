// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/progress_card.h"

#include <QLocale>
#include <QProgressBar>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "bench/bench_text.h"
#include "bench/steps_view.h"
#include "inference/engine_text.h"
#include "inference/inference_service.h"
#include "support/format.h"
#include "theme/label.h"

namespace rookery::app {

namespace {
constexpr double kSaysMost = 1.5;  ///< the longest is told as well when it is this much longer

/// Seconds of an estimate: to 5 s, above two minutes to 10.
QString roughly(double seconds) {
  const double step = seconds > 120 ? 10 : seconds > 20 ? 5 : 1;
  return formatDuration(std::max(1.0, std::round(seconds / step) * step));
}
}  // namespace

QString timeLeftText(const engine::BenchProgress& progress, double elapsed) {
  const bool measuring = progress.step != engine::BenchStep::Load && progress.step != engine::BenchStep::Bandwidth && progress.step != engine::BenchStep::Done &&
                         progress.test != "first-token";
  if (!measuring || progress.secondsLeft < 0) {
    return {};
  }
  const double left = progress.secondsLeft - elapsed, most = progress.secondsLeftAtMost - elapsed;
  if (left < 1) {
    return most > 1 ? ProgressCard::tr("at most %1 left").arg(roughly(most)) : ProgressCard::tr("almost done");
  }
  return most > kSaysMost * left + 5 ? ProgressCard::tr("about %1 left, at most %2").arg(roughly(left), roughly(most))
                                     : ProgressCard::tr("about %1 left").arg(roughly(left));
}

ProgressCard::ProgressCard(QWidget* parent)
    : Card(parent),
      m_steps(new StepsView(this)),
      m_bar(new QProgressBar(this)),
      m_subject(new Label(this)),
      m_text(new Label(this)),
      m_timeLeft(new MutedLabel(this)),
      m_soFar(new MutedLabel(this)) {
  setObjectName(QStringLiteral("benchProgress"));
  m_bar->setObjectName(QStringLiteral("benchBar"));
  m_bar->setRange(0, 1000);
  m_bar->setTextVisible(false);
  m_subject->setObjectName(QStringLiteral("benchRunSubject"));
  m_text->setObjectName(QStringLiteral("benchProgressText"));
  m_timeLeft->setObjectName(QStringLiteral("benchTimeLeft"));
  m_soFar->setObjectName(QStringLiteral("benchSoFar"));
  QFont bold = m_subject->font();
  bold.setWeight(QFont::DemiBold);
  m_subject->setFont(bold);
  for (Label* label : {m_subject, m_text, m_timeLeft, m_soFar}) {
    label->setWordWrap(true);
  }
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 12, 16, 12);
  for (QWidget* part : {static_cast<QWidget*>(m_subject), static_cast<QWidget*>(m_steps), static_cast<QWidget*>(m_bar), static_cast<QWidget*>(m_text),
                        static_cast<QWidget*>(m_timeLeft), static_cast<QWidget*>(m_soFar)}) {
    column->addWidget(part);
  }
  m_tick.setInterval(1000);
  connect(&m_tick, &QTimer::timeout, this, &ProgressCard::fillTimeLeft);
  retranslate();
}

void ProgressCard::start(const QString& subject, const QString& expected, EngineWork waitsFor) {
  m_waitsFor = waitsFor;
  m_progress.reset();
  m_results.clear();
  m_steps->reset();
  setSubject(subject, expected);
  fill();
  m_tick.start();
}

void ProgressCard::setSubject(const QString& subject, const QString& expected) {
  m_subject->setText(subject);
  m_expected = expected;
  fillTimeLeft();
}

void ProgressCard::setProgress(const engine::BenchProgress& progress) {
  m_progress = progress;
  m_since.start();
  if (progress.result) {
    m_results.push_back(*progress.result);
  }
  m_steps->setProgress(progress);
  fill();
}

void ProgressCard::fill() {
  const QString waits = waitingText(m_waitsFor);
  const QString text = m_progress ? progressText(*m_progress) : waits.isEmpty() ? tr("Loading the model") : waits;
  m_bar->setValue(m_progress ? static_cast<int>(std::lround(1000 * m_progress->fraction)) : 0);
  if (!text.isEmpty()) {
    m_text->setText(text);
  }
  QStringList lines;
  for (const auto& series : m_results) {
    lines << resultText(series);
  }
  m_soFar->setText(lines.isEmpty() ? QString() : tr("So far: %1").arg(lines.join(QStringLiteral(" · "))));
  m_soFar->setVisible(!lines.isEmpty());
  fillTimeLeft();
}

void ProgressCard::fillTimeLeft() {
  if (!isVisible()) {
    m_tick.stop();
  }
  const QString left = m_progress ? timeLeftText(*m_progress, static_cast<double>(m_since.elapsed()) / 1000) : QString();
  m_timeLeft->setText(left.isEmpty() ? m_expected : left);
}

void ProgressCard::retranslate() {
  m_bar->setAccessibleName(tr("Progress of the benchmark"));
  fill();
}

}  // namespace rookery::app
