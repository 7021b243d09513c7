// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/steps_view.h"

#include <QEvent>
#include <QPainter>

#include "theme/icons.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {
constexpr int kIcon = 18, kGap = 6, kSpacing = 24;

/// Warming up belongs to the test that it is for.
int stepIndex(const engine::BenchProgress& progress) {
  switch (progress.step) {
    case engine::BenchStep::Load: return 0;
    case engine::BenchStep::Bandwidth: return 1;
    case engine::BenchStep::WarmUp:
      return progress.test == "first-token" ? 0 : progress.test.starts_with("pp") ? 2 : progress.test.starts_with("state") ? 4 : progress.test.find('-') == std::string::npos ? 3 : 5;
    case engine::BenchStep::Prefill: return 2;
    case engine::BenchStep::Decode: return 3;
    case engine::BenchStep::State: return 4;
    case engine::BenchStep::Chat: return 5;
    case engine::BenchStep::Done: return 6;
  }
  return 0;
}
}  // namespace

StepsView::StepsView(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("benchSteps"));
  QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Minimum);  // Fixed would keep it to one row
  policy.setHeightForWidth(true);
  setSizePolicy(policy);
  retranslate();
}

void StepsView::retranslate() {
  m_titles = {tr("Load"), tr("Memory bandwidth"), tr("Reading a prompt"), tr("Answering"), tr("Saving the state"), tr("As in chat")};
  announce();
  updateGeometry();
}

void StepsView::setProgress(const engine::BenchProgress& progress) {
  const int step = stepIndex(progress);
  if (step != m_current) {
    m_current = step;
    announce();
    update();
  }
}

void StepsView::reset() {
  m_current = 0;
  announce();
  update();
}

void StepsView::announce() {
  const int count = static_cast<int>(m_titles.size());
  setAccessibleName(m_current < count ? tr("Step %1 of %2: %3").arg(m_current + 1).arg(count).arg(m_titles[m_current])
                                      : tr("All steps done"));
}

QList<QRect> StepsView::places(int width) const {
  QFont bold = font();
  bold.setWeight(QFont::DemiBold);
  const QFontMetrics metrics(bold);
  const int rowHeight = qMax(kIcon, metrics.height()) + 8;
  QList<QRect> found;
  int x = 0, y = 0;
  for (const auto& title : m_titles) {
    const int needed = kIcon + kGap + metrics.horizontalAdvance(title) + 4;
    if (x > 0 && x + needed > width) {
      x = 0;
      y += rowHeight;
    }
    found << QRect(x, y, needed, rowHeight);
    x += needed + kSpacing;
  }
  return found;
}

QSize StepsView::sizeHint() const {
  const auto row = places(QWIDGETSIZE_MAX);
  return {row.last().right() + 1, row.last().height()};
}

QSize StepsView::minimumSizeHint() const {
  int widest = 0;
  for (const auto& place : places(QWIDGETSIZE_MAX)) {
    widest = qMax(widest, place.width());
  }
  return {widest, sizeHint().height()};
}

int StepsView::heightForWidth(int width) const { return places(width).last().bottom() + 1; }

void StepsView::paintEvent(QPaintEvent* /*event*/) {
  QPainter painter(this);
  const auto& colors = Theme::colors();
  const auto all = places(width());
  for (int i = 0; i < m_titles.size(); ++i) {
    const bool current = i == m_current;
    const QColor color = i < m_current ? colors.good : current ? palette().color(QPalette::WindowText) : colors.mutedText;
    const QRect& place = all[i];
    const QRect icon(place.x(), place.y() + (place.height() - kIcon) / 2, kIcon, kIcon);
    if (i > m_current) {
      painter.setRenderHint(QPainter::Antialiasing);
      painter.setPen(QPen(colors.mutedText, 1.25));
      painter.setBrush(Qt::NoBrush);
      painter.drawEllipse(QRectF(icon).adjusted(3.5, 3.5, -3.5, -3.5));
    } else {
      lineIcon(current ? QStringLiteral("clock") : QStringLiteral("ok"), color).paint(&painter, icon);
    }
    QFont font = this->font();
    font.setWeight(current ? QFont::DemiBold : QFont::Normal);
    painter.setFont(font);
    painter.setPen(i < m_current ? palette().color(QPalette::WindowText) : color);
    painter.drawText(place.adjusted(kIcon + kGap, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft, m_titles[i]);
  }
}

void StepsView::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) {
    retranslate();
    update();
  }
  QWidget::changeEvent(event);
}

}  // namespace rookery::app
