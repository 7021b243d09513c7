// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/card.h"

#include <QHBoxLayout>
#include <QPainter>
#include <QScrollArea>

#include "theme/icons.h"
#include "theme/theme.h"

namespace rookery::app {

Card::Card(QWidget* parent) : QFrame(parent) { setFrameShape(QFrame::NoFrame); }

void Card::paintEvent(QPaintEvent* /*event*/) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(Theme::colors().line);
  painter.setBrush(palette().color(QPalette::Base));
  painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
}

IconLabel::IconLabel(const QString& iconName, int size, QWidget* parent) : Label(parent), m_iconName(iconName), m_size(size) {
  setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void IconLabel::setIconName(const QString& iconName) {
  m_iconName = iconName;
  update();
}

void IconLabel::setTone(Tone tone) {
  m_tone = tone;
  update();
}

void IconLabel::paintEvent(QPaintEvent* /*event*/) {
  QPainter painter(this);
  const QColor color = m_tone == Tone::Plain ? palette().color(foregroundRole()) : toneColor(m_tone);
  lineIcon(m_iconName, color).paint(&painter, rect());
}

Label* makeHeading(HeadingLevel level, QWidget* parent) {
  auto* label = new Label(parent);
  QFont font = label->font();
  font.setPointSizeF(font.pointSizeF() * (level == HeadingLevel::Page ? 1.6 : 1.15));
  font.setWeight(QFont::DemiBold);
  label->setFont(font);
  return label;
}

QScrollArea* makePageScroll(QWidget* content, int maxWidth, QWidget* parent) {
  content->setMaximumWidth(maxWidth);
  auto* holder = new QWidget;
  auto* row = new QHBoxLayout(holder);
  row->setContentsMargins(24, 20, 24, 24);
  row->addStretch(0);
  row->addWidget(content, 1);
  row->addStretch(0);
  auto* scroll = new QScrollArea(parent);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setWidgetResizable(true);
  scroll->setFocusPolicy(Qt::NoFocus);
  scroll->setWidget(holder);
  return scroll;
}

}  // namespace rookery::app
