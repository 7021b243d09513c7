// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFontDatabase>
#include <QString>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextFrame>
#include <QTextTable>

#include "chat/streaming_markdown.h"

namespace rookery::app::test {

inline MarkdownStyle style() {
  MarkdownStyle s;
  s.font = QFont(QStringLiteral("Sans"), 10);
  s.monospace = QFontDatabase::systemFont(QFontDatabase::FixedFont);
  s.text = Qt::black;
  s.muted = Qt::darkGray;
  s.link = Qt::blue;
  s.codeBackground = Qt::lightGray;
  s.line = Qt::gray;
  return s;
}

/// What the document says, block by block: list marks, code frames and headings made visible.
inline QString describe(const QTextDocument& document) {
  QString out;
  for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
    const bool shrunk = block.blockFormat().lineHeightType() == QTextBlockFormat::FixedHeight;
    if (shrunk && block.text().isEmpty()) continue;
    QTextCursor cursor(block);
    if (cursor.currentTable()) out += u"| ";
    else if (cursor.currentFrame()->frameFormat().boolProperty(kCodeFrameProperty)) out += u"` ";
    if (block.blockFormat().headingLevel() > 0) out += QStringLiteral("h%1 ").arg(block.blockFormat().headingLevel());
    out += block.text() + u'\n';
  }
  return out;
}

/// The text of the document with its looks: {b bold}, {i italic}, {s struck out}, {c code}, {f formula or block of code}
/// and {address|link}. A line break inside a block is written as ⏎.
inline QString looks(const QTextDocument& document) {
  const QStringList monospace = style().monospace.families();
  QString out;
  for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
    if (block.text().isEmpty()) continue;
    if (!out.isEmpty()) out += u'\n';
    if (block.blockFormat().headingLevel() > 0) out += QStringLiteral("h%1 ").arg(block.blockFormat().headingLevel());
    for (auto it = block.begin(); !it.atEnd(); ++it) {
      const QTextCharFormat format = it.fragment().charFormat();
      const bool mono = format.fontFamilies() == monospace;
      QString text = it.fragment().text();
      if (mono) text = QStringLiteral("{%1 %2}").arg(QChar(format.background().style() == Qt::NoBrush ? u'f' : u'c'), text);
      if (format.fontStrikeOut()) text = QStringLiteral("{s %1}").arg(text);
      if (format.fontItalic()) text = QStringLiteral("{i %1}").arg(text);
      if (format.fontWeight() == QFont::Bold) text = QStringLiteral("{b %1}").arg(text);
      if (format.isAnchor()) text = QStringLiteral("{%1|%2}").arg(format.anchorHref(), text);
      out += text;
    }
  }
  return out.replace(QChar::LineSeparator, QStringLiteral("⏎"));
}

/// The document of a stored text.
struct Stored {
  explicit Stored(const QString& markdown) : streaming(document) {
    streaming.setStyle(style());
    streaming.setText(markdown);
  }
  QTextDocument document;
  StreamingMarkdown streaming;
};

inline QString rendered(const QString& markdown) { return describe(Stored(markdown).document); }
inline QString looks(const QString& markdown) { return looks(Stored(markdown).document); }

}  // namespace rookery::app::test
