// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/composer_input.h"

#include <QKeyEvent>
#include <QMimeData>
#include <QTextBlock>

namespace rookery::app {
namespace {

constexpr qsizetype kMaxPasted = 20'000, kMaxLine = 4'000, kMaxInput = 60'000;  // characters
constexpr qsizetype kEditable = 4'000;  // of a long text that is edited again

/// Of the longest line; a text that is longer than kMaxPasted is not looked at.
qsizetype longestLine(const QString& text) {
  qsizetype longest = 0, begin = 0;
  for (qsizetype newline = text.indexOf(u'\n'); newline >= 0; newline = text.indexOf(u'\n', begin)) {
    longest = std::max(longest, newline - begin);
    begin = newline + 1;
  }
  return std::max(longest, text.size() - begin);
}

}  // namespace

bool isTooLongToType(const QString& text) { return text.size() > kMaxPasted || longestLine(text) > kMaxLine; }

DraftParts splitDraft(const QString& text) {
  if (!isTooLongToType(text)) return {{}, text};
  const qsizetype newline = QStringView(text).last(std::min(text.size(), kEditable)).indexOf(u'\n');
  if (newline < 0) return {text, {}};
  const qsizetype at = text.size() - std::min(text.size(), kEditable) + newline;
  if (at + 1 == text.size()) return {text, {}};  // nothing stands in the last line
  return {text.first(at), text.sliced(at + 1)};
}

void ComposerInput::insertFromMimeData(const QMimeData* source) {
  if (!source->hasText()) return;
  const QString text = source->text();
  const bool fits = !isTooLongToType(text) && document()->characterCount() + text.size() <= kMaxInput &&
                    textCursor().block().length() + longestLine(text) <= kMaxLine;
  if (fits) {
    QPlainTextEdit::insertFromMimeData(source);
    return;
  }
  textCursor().removeSelectedText();
  Q_EMIT longTextPasted(text);
}

void ComposerInput::undo() {
  if (document()->isUndoAvailable()) QPlainTextEdit::undo();
  else Q_EMIT nothingToUndo();
}

/// The key goes to whoever has something to take back.
bool ComposerInput::event(QEvent* event) {
  if (event->type() == QEvent::ShortcutOverride && static_cast<QKeyEvent*>(event)->matches(QKeySequence::Undo) &&
      !document()->isUndoAvailable()) {
    event->ignore();
    return true;
  }
  return QPlainTextEdit::event(event);
}

}  // namespace rookery::app
