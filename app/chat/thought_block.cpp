// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/thought_block.h"

#include <QEvent>
#include <QPainter>
#include <algorithm>

#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/theme.h"

namespace rookery::app {
namespace {
constexpr int kGap = 4;
}

ThoughtBlock::ThoughtBlock(QWidget* parent) : QWidget(parent), m_button(new QToolButton(this)) {
  setObjectName(QStringLiteral("thought"));
  m_button->setObjectName(QStringLiteral("thoughtToggle"));
  m_button->setAutoRaise(true);
  m_button->setFocusPolicy(Qt::StrongFocus);
  m_button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  connect(m_button, &QToolButton::clicked, this, [this] {
    setThought(text(), !m_open);
    Q_EMIT toggled(m_open);
  });
  recolor();
  retranslate();
}

void ThoughtBlock::setLabel(const QString& label) {
  if (m_button->text() == label) return;
  m_button->setText(label);
  m_button->setAccessibleName(label);
  if (m_body) m_body->setName(label);
  layOut();
}

void ThoughtBlock::setThought(const QString& text, qsizetype begin, qsizetype end, bool open) {
  if (open || begin == end) {
    setThought(text.sliced(begin, end - begin), open);
    return;
  }
  setThought({}, false);
  m_source = text;
  m_begin = begin;
  m_end = end;
}

void ThoughtBlock::setThought(const QString& text, bool open) {
  m_text = text;
  m_source.clear();
  m_open = open;
  if (open && !m_body) {
    m_body = new MessageBody(this);
    m_body->setObjectName(QStringLiteral("thoughtBody"));
    m_body->setName(m_button->text());
    m_body->setMuted(true);
    Q_EMIT bodyMade(m_body);
  }
  if (m_body) {
    if (open) m_body->resize(std::max(1, width() - bodyLeft()), m_body->height());  // before the text comes
    m_body->setContent(open ? m_text : QString(), true);
    m_body->setVisible(open);
  }
  retranslate();
  update();
}

void ThoughtBlock::append(const QString& piece) {
  if (!m_source.isEmpty()) setThought(text(), m_open);
  m_text += piece;
  if (m_open) m_body->append(piece);
}

void ThoughtBlock::retranslate() {
  m_button->setIcon(lineIcon(m_open ? QStringLiteral("chevron-down") : QStringLiteral("chevron-right")));
  const QString what = m_open ? tr("Hide what the model thought") : tr("Show what the model thought");
  m_button->setToolTip(plainToolTip(what));
  m_button->setAccessibleDescription(what);
}

void ThoughtBlock::recolor() {
  QPalette colors;
  colors.setColor(QPalette::ButtonText, Theme::colors().mutedText);
  m_button->setPalette(colors);
}

QWidget* ThoughtBlock::button() const { return m_button; }

int ThoughtBlock::outset() const { return (m_button->sizeHint().height() - m_button->iconSize().height()) / 2; }

/// The text stands under the label of the button.
int ThoughtBlock::bodyLeft() const { return outset() + m_button->iconSize().width() + kGap; }

int ThoughtBlock::heightFor(int width) {
  int height = m_button->sizeHint().height();
  if (m_open) height += kGap + m_body->heightFor(std::max(1, width - bodyLeft()));
  return height;
}

void ThoughtBlock::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  layOut();
}

void ThoughtBlock::layOut() {
  const QSize size = m_button->sizeHint();
  m_button->setGeometry(0, 0, std::min(size.width(), width()), size.height());
  if (!m_open) return;
  const int top = size.height() + kGap, inner = std::max(1, width() - bodyLeft());
  m_body->setGeometry(bodyLeft(), top, inner, m_body->heightFor(inner));
}

void ThoughtBlock::paintEvent(QPaintEvent* /*event*/) {
  if (!m_open) return;
  QPainter painter(this);
  painter.fillRect(QRect(outset() + m_button->iconSize().width() / 2, m_body->y(), 1, m_body->height()), Theme::colors().line);
}

void ThoughtBlock::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
  if (event->type() == QEvent::PaletteChange) recolor();
}

}  // namespace rookery::app
