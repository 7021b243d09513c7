// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown_format.h"

#include <QFontInfo>
#include <QFontMetricsF>
#include <QTextBlock>
#include <QTextFrame>
#include <algorithm>

namespace rookery::app {

void shrinkBlock(QTextCursor& cursor) {
  QTextBlockFormat format;
  format.setLineHeight(1, QTextBlockFormat::FixedHeight);
  QTextCharFormat tiny;
  tiny.setFontPointSize(1);
  cursor.setBlockFormat(format);
  cursor.setBlockCharFormat(tiny);
}

double evenLineHeight(const QFont& font) {
  return std::max(1.22 * QFontMetricsF(font).height(), 1.5 * QFontInfo(font).pixelSize());
}

QTextCharFormat codeFormat(const MarkdownStyle& style) {
  QTextCharFormat format;
  format.setFont(style.monospace);
  format.setForeground(style.text);
  return format;
}

QTextBlockFormat codeLineFormat(const MarkdownStyle& style, bool underButton) {
  QTextBlockFormat format;
  format.setLineHeight(1.45 * QFontInfo(style.monospace).pixelSize(), QTextBlockFormat::MinimumHeight);
  if (underButton) format.setRightMargin(QFontMetricsF(style.font).height() * 1.8);
  return format;
}

QTextFrame* insertCodeFrame(QTextCursor& cursor, const MarkdownStyle& style, double leftMargin, bool goesOn) {
  const double em = QFontMetricsF(style.font).height();
  QTextFrameFormat format;
  format.setBackground(style.codeBackground);
  format.setBorder(0);
  format.setPadding(em * 0.6);
  format.setTopMargin(em * 0.5);  // Qt ignores the bottom margin of a paragraph before a frame
  format.setBottomMargin(em * 0.5);
  format.setLeftMargin(leftMargin);
  format.setProperty(kCodeFrameProperty, true);
  QTextFrame* frame = cursor.insertFrame(format);
  cursor = frame->firstCursorPosition();
  cursor.setBlockFormat(codeLineFormat(style, !goesOn));
  cursor.setBlockCharFormat(codeFormat(style));
  return frame;
}

double codeMargin(const MarkdownStyle& style, qsizetype indent) {
  constexpr qsizetype kInList = 2;
  return indent < kInList ? 0 : QFontMetricsF(style.font).height() * 1.7;
}

QString codeOf(const QTextFrame& frame) {
  QString code;
  const QTextBlock first = frame.firstCursorPosition().block(), last = frame.lastCursorPosition().block();
  for (QTextBlock block = first; block.isValid(); block = block.next()) {
    if (block != first && !block.blockFormat().boolProperty(kContinuedLineProperty)) code += u'\n';
    code += block.text();
    if (block == last) break;
  }
  return code;
}

}  // namespace rookery::app
