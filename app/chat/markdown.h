// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QString>
#include <QTextCursor>
#include <optional>

#include "chat/markdown_cut.h"

class QTextDocument;
class QTextFrame;

namespace rookery::app {

struct MarkdownStyle {
  QFont font, monospace;
  QColor text, muted, link, codeBackground, line;
};

/// Frame property of code frames: true.
inline constexpr int kCodeFrameProperty = QTextFormat::UserProperty + 1;
/// Block property inside a code frame: true if the block goes on with the line of the block above (a very long line).
inline constexpr int kContinuedLineProperty = QTextFormat::UserProperty + 2;

/// The code that a code frame shows, as it was written.
QString codeOf(const QTextFrame& frame);

/// A text that is rendered in parts.
struct MarkdownPart {
  std::optional<unsigned> firstNumber;  ///< the first list goes on with this number
  bool listGoesOn = false;              ///< the list at the end goes on in the next part
};

/// Renders Markdown (CommonMark with tables and strikethrough, by md4c) at the end of a document. Raw HTML is shown as
/// text and images are not loaded: what a model writes can never reach beyond the message.
/// `cursor` stands in an empty block at the end and is left in one. Returns the last code frame, nullptr if none.
QTextFrame* renderMarkdown(QTextCursor& cursor, const QString& markdown, const MarkdownStyle& style,
                           const MarkdownPart& part = {});

/// A document that grows with a streaming answer. Blocks, list items and lines of code that can no longer change are
/// rendered once; only the unfinished rest is rendered again, so a batch costs the same however long the answer has
/// become. A block that grows too long is cut (see markdown_cut.h): a table goes on under a repeated head, code in the
/// same frame.
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
  bool addPart(QTextCursor& cursor);
  bool addCodeLine(QTextCursor& cursor);
  bool closesCode(QStringView line) const;
  void insertCodeLine(QTextCursor& cursor, QStringView line);
  void showUnfinishedCode(QTextCursor& cursor);
  QString unfinished() const;
  static MarkdownPart partAfter(const MarkdownContext& context);

  QTextDocument& m_document;
  MarkdownStyle m_style;
  QString m_text;
  qsizetype m_stableText = 0;     ///< characters of m_text that are rendered for good
  int m_stablePosition = 0;       ///< where in the document the rest begins
  MarkdownContext m_context;      ///< what the rest goes on with
  QTextFrame* m_code = nullptr;   ///< of the code block that is open
  bool m_codeIsEmpty = false;     ///< it shows no line yet
  bool m_codeLineGoesOn = false;  ///< the last line was broken because of its length
};

}  // namespace rookery::app
