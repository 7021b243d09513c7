// SPDX-License-Identifier: GPL-3.0-or-later
#include "theme/label.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QGuiApplication>
#include <QMenu>

#include "support/plain_text.h"

namespace rookery::app {

namespace {
constexpr qsizetype kMostInLine = 300;
}

Label::Label(QWidget* parent) : QLabel(parent) { QLabel::setTextFormat(Qt::PlainText); }

Label::Label(const QString& text, QWidget* parent) : Label(parent) { setText(text); }

void Label::setText(const QString& text) {
  if (text.isEmpty() && m_fullText.isEmpty()) return;  // a picture keeps its place
  m_fullText = text;
  QLabel::setText(wordWrap() ? displayText(text) : displayName(text, kMostInLine));
}

void Label::setWordWrap(bool on) {
  if (on == wordWrap()) return;
  QLabel::setWordWrap(on);
  setText(m_fullText);
}

void Label::contextMenuEvent(QContextMenuEvent* event) {
  if (text().size() >= m_fullText.size()) {
    QLabel::contextMenuEvent(event);
    return;
  }
  QMenu menu(this);
  connect(menu.addAction(tr("Copy all of the text")), &QAction::triggered, this,
          [this] { QGuiApplication::clipboard()->setText(m_fullText); });
  menu.exec(event->globalPos());
}

MutedLabel::MutedLabel(QWidget* parent) : Label(parent) { setForegroundRole(QPalette::PlaceholderText); }

}  // namespace rookery::app
