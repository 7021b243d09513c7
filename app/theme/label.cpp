// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/label.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QGuiApplication>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QPainter>
#include <QScopedValueRollback>
#include <QStyle>
#include <QToolTip>

#include "support/plain_text.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {
constexpr qsizetype kMostInLine = 300;
constexpr int kLeastLetters = 8;  ///< of an elided label
}

QColor toneColor(Tone tone) {
  const ThemeColors& theme = Theme::colors();
  switch (tone) {
    case Tone::Muted: return theme.mutedText;
    case Tone::Good: return theme.good;
    case Tone::Warning: return theme.warning;
    case Tone::Bad: return theme.bad;
    case Tone::Plain: break;
  }
  return theme.ink;
}

Label::Label(QWidget* parent) : QLabel(parent) { QLabel::setTextFormat(Qt::PlainText); }

Label::Label(const QString& text, QWidget* parent) : Label(parent) { setText(text); }

void Label::setText(const QString& text) {
  if (text.isEmpty() && m_fullText.isEmpty()) return;  // a picture keeps its place
  m_fullText = text;
  QLabel::setText(wordWrap() ? displayText(breakable(displayText(text))) : displayName(text, kMostInLine));
}

void Label::setWordWrap(bool on) {
  if (on == wordWrap()) return;
  QLabel::setWordWrap(on);
  setText(m_fullText);
}

void Label::setTone(Tone tone) {
  if (tone == m_tone) return;
  m_tone = tone;
  recolor();
}

/// Muted is a role of every palette; the others are colours of the theme, which a palette does not have.
void Label::recolor() {
  const QScopedValueRollback once(m_isRecoloring, true);  // both calls below tell of a change of the palette
  setForegroundRole(m_tone == Tone::Plain ? QPalette::NoRole : m_tone == Tone::Muted ? QPalette::PlaceholderText : QPalette::WindowText);
  QPalette colors;
  if (m_tone > Tone::Muted) colors.setColor(QPalette::WindowText, toneColor(m_tone));
  setPalette(colors);
}

void Label::changeEvent(QEvent* event) {
  QLabel::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && m_tone > Tone::Muted && !m_isRecoloring) recolor();
}

void Label::setElided(bool on) {
  m_isElided = on;
  if (on) setTextInteractionFlags(Qt::NoTextInteraction);  // what is not shown cannot be selected
  updateGeometry();
}

QSize Label::minimumSizeHint() const {
  const QSize least = QLabel::minimumSizeHint();
  const int some = fontMetrics().averageCharWidth() * kLeastLetters + contentsMargins().left() + contentsMargins().right();
  return m_isElided ? QSize(std::min(least.width(), some), least.height()) : least;
}

bool Label::isCut() const { return m_isElided && fontMetrics().horizontalAdvance(text()) > contentsRect().width(); }

bool Label::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip && isCut()) {
    const QString more = toolTip();
    QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(),
                       plainToolTip(more.isEmpty() ? m_fullText : m_fullText + u'\n' + more), this);
    return true;
  }
  return QLabel::event(event);
}

void Label::paintEvent(QPaintEvent* event) {
  if (!isCut()) {
    QLabel::paintEvent(event);
    return;
  }
  QPainter painter(this);
  const QString shown = fontMetrics().elidedText(text(), Qt::ElideMiddle, contentsRect().width());
  style()->drawItemText(&painter, contentsRect(), static_cast<int>(alignment()) | Qt::TextSingleLine, palette(), isEnabled(), shown, foregroundRole());
}

void Label::contextMenuEvent(QContextMenuEvent* event) {
  if (!m_isElided && text().size() >= m_fullText.size() && !text().contains(kBreak)) {
    QLabel::contextMenuEvent(event);
    return;
  }
  QMenu menu(this);
  connect(menu.addAction(tr("Copy all of the text")), &QAction::triggered, this,
          [this] { QGuiApplication::clipboard()->setText(m_fullText); });
  menu.exec(event->globalPos());
}

void Label::keyPressEvent(QKeyEvent* event) {
  if (!event->matches(QKeySequence::Copy) || !hasSelectedText()) {
    QLabel::keyPressEvent(event);
    return;
  }
  QGuiApplication::clipboard()->setText(selectedText().remove(kBreak));
}

MutedLabel::MutedLabel(QWidget* parent) : Label(parent) { setTone(Tone::Muted); }

}  // namespace rookery::app
