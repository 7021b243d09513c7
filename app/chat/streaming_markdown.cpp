// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/streaming_markdown.h"

#include <QStringView>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextFrame>

#include "chat/markdown_format.h"
#include "chat/markdown_lines.h"

namespace rookery::app {

void StreamingMarkdown::setStyle(const MarkdownStyle& style) {
  m_style = style;
  setText(m_text);
}

void StreamingMarkdown::setText(const QString& markdown) {
  m_text = markdown;
  m_stableText = 0;
  m_stablePosition = 0;
  m_context = {};
  m_code = nullptr;
  m_codeLineGoesOn = false;
  render();
}

void StreamingMarkdown::append(const QString& piece) {
  m_text += piece;
  render();
}

void StreamingMarkdown::render() {
  QTextCursor cursor(&m_document);
  cursor.beginEditBlock();
  cursor.setPosition(m_stablePosition);
  if (m_code) {
    cursor.setPosition(m_code->lastPosition(), QTextCursor::KeepAnchor);
    cursor.removeSelectedText();
  } else {
    cursor.movePosition(QTextCursor::End, QTextCursor::KeepAnchor);
    cursor.removeSelectedText();
    shrinkBlock(cursor);
  }
  while (m_code ? addCodeLine(cursor) : addPart(cursor)) {}
  m_stablePosition = cursor.position();
  if (m_code) showUnfinishedCode(cursor);
  else if (m_stableText < m_text.size()) renderMarkdown(cursor, partUntil(m_text.size()), m_style);
  cursor.endEditBlock();
}

/// The text from the last cut to `end`: a table that goes on there gets its head again.
QString StreamingMarkdown::partUntil(qsizetype end) const {
  const QString part = m_text.sliced(m_stableText, end - m_stableText);
  const bool row = m_context.kind == MarkdownContext::Kind::Table && isTableRow(part.left(part.indexOf(u'\n')));
  return row ? m_context.head + part : part;
}

/// Renders up to the next cut, for good.
bool StreamingMarkdown::addPart(QTextCursor& cursor) {
  const auto cut = nextMarkdownCut(m_text, m_stableText, m_context);
  if (!cut) return false;
  const bool code = cut->next.kind == MarkdownContext::Kind::Code;
  if (code && cut->next.isNew) {
    m_code = insertCodeFrame(cursor, m_style, 0);
    m_codeIsEmpty = true;
  } else {
    MarkdownPart part;
    part.listGoesOn = cut->next.kind == MarkdownContext::Kind::List;
    const QString text = partUntil(cut->end);
    m_code = renderMarkdown(cursor, text, m_style, part);
    if (!code) m_code = nullptr;
    if (m_code) {
      cursor = m_code->lastCursorPosition();
      m_codeIsEmpty = m_code->firstPosition() == m_code->lastPosition();
      m_codeLineGoesOn = !text.endsWith(u'\n');
    }
  }
  m_stableText = cut->end;
  m_context = cut->next;
  return true;
}

/// Shows the next line of the open code block for good, or closes the block.
bool StreamingMarkdown::addCodeLine(QTextCursor& cursor) {
  const qsizetype newline = m_text.indexOf(u'\n', m_stableText);
  const qsizetype end = newline < 0 ? m_text.size() : newline;
  if (end - m_stableText > 2 * kMaxUnfinished) {
    const qsizetype cut = softBreak(m_text, m_stableText, m_stableText + 2 * kMaxUnfinished);
    insertCodeLine(cursor, QStringView(m_text).sliced(m_stableText, cut - m_stableText));
    m_stableText = cut;
    m_codeLineGoesOn = true;
    return true;
  }
  if (newline < 0) return false;
  const QStringView line = QStringView(m_text).sliced(m_stableText, newline - m_stableText);
  m_stableText = newline + 1;
  if (!m_codeLineGoesOn && closesCode(line)) {
    cursor.setPosition(m_code->lastPosition() + 1);
    shrinkBlock(cursor);
    m_code = nullptr;
    m_context = {};
  } else {
    insertCodeLine(cursor, line);
    m_codeLineGoesOn = false;
  }
  return true;
}

bool StreamingMarkdown::closesCode(QStringView line) const {
  qsizetype strip = 0;
  while (strip < line.size() && strip < m_context.indent && line[strip] == u' ') ++strip;
  return closesFence(line.sliced(strip), m_context.fence);
}

void StreamingMarkdown::insertCodeLine(QTextCursor& cursor, QStringView line) {
  qsizetype strip = 0;
  while (!m_codeLineGoesOn && strip < line.size() && strip < m_context.indent && line[strip] == u' ') ++strip;
  if (!m_codeIsEmpty) {
    QTextBlockFormat format = codeLineFormat(m_style, cursor.block() == m_code->firstCursorPosition().block());
    if (m_codeLineGoesOn) format.setProperty(kContinuedLineProperty, true);
    cursor.insertBlock(format, codeFormat(m_style));
  }
  m_codeIsEmpty = false;
  cursor.insertText(line.sliced(strip).toString(), codeFormat(m_style));
}

void StreamingMarkdown::showUnfinishedCode(QTextCursor& cursor) {
  const QStringView line = QStringView(m_text).sliced(m_stableText);
  if (line.isEmpty() || (!m_codeLineGoesOn && closesCode(line))) return;
  const bool wasEmpty = m_codeIsEmpty;
  insertCodeLine(cursor, line);
  m_codeIsEmpty = wasEmpty;  // the line will be removed and come again
}

}  // namespace rookery::app
