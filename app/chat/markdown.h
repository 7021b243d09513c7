// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QString>
#include <QTextCursor>

class QTextDocument;

namespace rookery::app {

struct MarkdownStyle {
  QFont font, monospace;
  QColor text, muted, link, codeBackground, line;
};

/// Block property of code frames: true. The frame's text is the code, ready to be copied.
inline constexpr int kCodeFrameProperty = QTextFormat::UserProperty + 1;

/// Renders Markdown (CommonMark with tables and strikethrough, by md4c) at the end of a document. Raw HTML is shown as
/// text and images are not loaded: what a model writes can never reach beyond the message.
/// `cursor` stands in an empty block at the end and is left in one.
void renderMarkdown(QTextCursor& cursor, const QString& markdown, const MarkdownStyle& style);

/// A document that grows with a streaming answer. Blocks that can no longer change are rendered once; only the
/// unfinished rest is rendered again, so a batch costs the same however long the answer has become.
class StreamingMarkdown {
 public:
  explicit StreamingMarkdown(QTextDocument& document) : m_document(document) {}

  void setStyle(const MarkdownStyle& style);
  void setText(const QString& markdown);
  void append(const QString& piece);
  const QString& text() const noexcept { return m_text; }
  qsizetype unfinishedSize() const noexcept { return m_text.size() - m_stableText; }

 private:
  void render();

  QTextDocument& m_document;
  MarkdownStyle m_style;
  QString m_text;
  qsizetype m_stableText = 0;  ///< characters of m_text that are rendered for good
  int m_stablePosition = 0;    ///< where in the document the rest begins
};

/// Where the last block that may still change begins, at or after `from` (which begins a block itself).
qsizetype stableMarkdownEnd(const QString& text, qsizetype from);

}  // namespace rookery::app
