// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QString>
#include <QTextCursor>

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
  bool listGoesOn = false;   ///< the list at the end goes on in the next part
  bool tableGoesOn = false;  ///< the table at the end goes on in the next part
  bool headIsShown = false;  ///< the table at the beginning goes on from the part before: its head is there only to be read
};

/// Renders Markdown at the end of a document: blocks as md4c finds them in what markdown_prepare.h makes of the text,
/// spans by markdown_inline.h. Raw HTML is shown as text and images are not loaded: what a model writes can never reach
/// beyond the message.
/// `cursor` stands in an empty block at the end and is left in one. Returns the last code frame, nullptr if none.
QTextFrame* renderMarkdown(QTextCursor& cursor, const QString& markdown, const MarkdownStyle& style,
                           const MarkdownPart& part = {});

}  // namespace rookery::app
