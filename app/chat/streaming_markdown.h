// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "chat/markdown.h"
#include "chat/text_segments.h"

class QTextDocument;

namespace rookery::app {

/// A document that grows with a streaming answer. Blocks, list items and lines of code that can no longer change are
/// rendered once; only the unfinished rest is rendered again, so a batch costs the same however long the answer has
/// become. A block that grows too long is cut (see markdown_cut.h): a table goes on in a second one, code in the
/// same frame. The text may be a piece of a longer one, see TextSegmenter.
class StreamingMarkdown {
 public:
  explicit StreamingMarkdown(QTextDocument& document) : m_document(document) {}

  void setStyle(const MarkdownStyle& style);
  void setText(const QString& markdown, const SegmentStart& start = {});
  void append(const QString& piece);
  void truncate(qsizetype size);  ///< where the text goes on is known by now: in another document
  void setGoesOn(const MarkdownContext& next) { m_end = next; }  ///< before truncate() or setText()
  const QString& text() const noexcept { return m_text; }
  qsizetype unfinishedSize() const noexcept { return m_text.size() - m_stableText; }
  /// The code of the text before, with which this one begins; nullptr: none.
  QTextFrame* codeBefore() const noexcept { return m_codeBefore; }

 private:
  void render();
  bool addPart(QTextCursor& cursor);
  bool addCodeLine(QTextCursor& cursor);
  void insertCodeLine(QTextCursor& cursor, QStringView line);
  void showUnfinishedCode(QTextCursor& cursor);
  QString partUntil(qsizetype end) const;
  MarkdownPart partBefore(qsizetype end, const MarkdownContext& next) const;

  QTextDocument& m_document;
  MarkdownStyle m_style;
  QString m_text;
  SegmentStart m_start;
  MarkdownContext m_end;          ///< what follows the text
  qsizetype m_stableText = 0;     ///< characters of m_text that are rendered for good
  int m_stablePosition = 0;       ///< where in the document the rest begins
  MarkdownContext m_context;      ///< what the rest goes on with
  QTextFrame* m_code = nullptr;   ///< of the code block that is open
  QTextFrame* m_codeBefore = nullptr;
  bool m_codeIsEmpty = false;     ///< it shows no line yet
  bool m_codeLineGoesOn = false;  ///< the last line was broken because of its length
};

}  // namespace rookery::app
