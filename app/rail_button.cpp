// SPDX-License-Identifier: GPL-3.0-or-later
#include "rail_button.h"

#include <QPainter>

#include "theme/icons.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {
constexpr int kWidth = 76, kHeight = 60, kIcon = 24, kMargin = 4;

QFont labelFont(const QFont& base) {
  QFont font = base;
  font.setPointSizeF(base.pointSizeF() * 0.88);
  return font;
}
}  // namespace

RailButton::RailButton(const QString& iconName, QWidget* parent) : QToolButton(parent), m_iconName(iconName) {
  setCheckable(true);
  setAutoExclusive(true);
  setFocusPolicy(Qt::TabFocus);
  setAttribute(Qt::WA_Hover);
}

QSize RailButton::sizeHint() const {
  const QFontMetrics metrics(labelFont(font()));
  return {qMax(kWidth, metrics.horizontalAdvance(text()) + 4 * kMargin), qMax(kHeight, kIcon + metrics.height() + 5 * kMargin)};
}

void RailButton::paintEvent(QPaintEvent* /*event*/) {
  const auto& colors = Theme::colors();
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const QRectF tile = QRectF(rect()).adjusted(kMargin, 2, -kMargin, -2);
  if (isChecked() || underMouse()) {
    QColor fill = colors.railSelected;
    fill.setAlphaF(isChecked() ? 1.0F : 0.45F);
    painter.setPen(Qt::NoPen);
    painter.setBrush(fill);
    painter.drawRoundedRect(tile, 6, 6);
  }
  if (isChecked()) {
    painter.setPen(Qt::NoPen);
    painter.setBrush(Qt::white);
    painter.drawRoundedRect(QRectF(0, tile.center().y() - 12, 3, 24), 1.5, 1.5);
  }
  const QColor text = isChecked() ? QColor(Qt::white) : colors.railText;
  const int textHeight = QFontMetrics(labelFont(font())).height();
  const int top = (height() - kIcon - kMargin - textHeight) / 2;
  lineIcon(m_iconName, text).paint(&painter, QRect((width() - kIcon) / 2, top, kIcon, kIcon));
  painter.setPen(text);
  painter.setFont(labelFont(font()));
  painter.drawText(QRect(0, top + kIcon + kMargin, width(), textHeight), Qt::AlignCenter, this->text());
  if (hasFocus() && window()->testAttribute(Qt::WA_KeyboardFocusChange)) {
    painter.setPen(QPen(Qt::white, 1.5));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(tile.adjusted(1, 1, -1, -1), 6, 6);
  }
}

}  // namespace rookery::app
