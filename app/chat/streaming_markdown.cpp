// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/streaming_markdown.h"

#include <QStringView>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextFrame>

#include "chat/markdown_format.h"
#include "chat/markdown_lines.h"
#include "support/plain_text.h"

namespace rookery::app {

void StreamingMarkdown::setStyle(const MarkdownStyle& style) {
  m_style = style;
  setText(m_text, SegmentStart(m_start));
}

void StreamingMarkdown::setText(const QString& markdown, const SegmentStart& start) {
  m_text = withoutTurns(markdown);
  m_start = start;
  m_stableText = 0;
  m_stablePosition = 0;
  m_context = start.context;
  m_code = m_codeBefore = nullptr;
  m_codeLineGoesOn = start.insideLine;
  QTextCursor cursor(&m_document);
  cursor.beginEditBlock();
  cursor.select(QTextCursor::Document);
  cursor.removeSelectedText();
  shrinkBlock(cursor);
  if (m_context.kind == MarkdownContext::Kind::Code) {
    m_code = m_codeBefore = insertCodeFrame(cursor, m_style, codeMargin(m_style, m_context.indent), true);
    m_codeIsEmpty = true;
    m_stablePosition = cursor.position();
  }
  render();
  cursor.endEditBlock();
}

void StreamingMarkdown::truncate(qsizetype size) {
  if (m_stableText > size) return setText(m_text.first(size), SegmentStart(m_start));
  m_text.truncate(size);
  render();
}

void StreamingMarkdown::append(const QString& piece) {
  m_text += withoutTurns(piece);
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
  else if (m_stableText < m_text.size()) {
    renderMarkdown(cursor, partUntil(m_text.size()), m_style, partBefore(m_text.size(), m_end));
  }
  cursor.endEditBlock();
}

/// The text from the last cut to `end`: a table that goes on there gets its head again, to be read but not to be shown.
QString StreamingMarkdown::partUntil(qsizetype end) const {
  const QString part = m_text.sliced(m_stableText, end - m_stableText);
  const bool row = m_context.kind == MarkdownContext::Kind::Table && continuesTable(part.left(part.indexOf(u'\n')));
  return row ? m_context.head + part : part;
}

MarkdownPart StreamingMarkdown::partBefore(qsizetype end, const MarkdownContext& next) const {
  MarkdownPart part;
  part.listGoesOn = next.kind == MarkdownContext::Kind::List;
  part.tableGoesOn = next.kind == MarkdownContext::Kind::Table;
  part.headIsShown = partUntil(end).size() > end - m_stableText;
  return part;
}

/// Renders up to the next cut, for good.
bool StreamingMarkdown::addPart(QTextCursor& cursor) {
  const auto cut = nextMarkdownCut(m_text, m_stableText, m_context);
  if (!cut) return false;
  const bool code = cut->next.kind == MarkdownContext::Kind::Code;
  if (code && cut->next.isNew) {
    m_code = insertCodeFrame(cursor, m_style, 0, false);
    m_codeIsEmpty = true;
  } else {
    const QString text = partUntil(cut->end);
    m_code = renderMarkdown(cursor, text, m_style, partBefore(cut->end, cut->next));
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
  const auto line = nextCodeLine(m_text, m_stableText, m_context, m_codeLineGoesOn);
  if (!line) return false;
  if (line->closes) {
    cursor.setPosition(m_code->lastPosition() + 1);
    shrinkBlock(cursor);
    m_code = nullptr;
    m_context = {};
  } else {
    insertCodeLine(cursor, QStringView(m_text).sliced(m_stableText, line->end - m_stableText));
  }
  m_stableText = line->next;
  m_codeLineGoesOn = line->goesOn;
  return true;
}

void StreamingMarkdown::insertCodeLine(QTextCursor& cursor, QStringView line) {
  qsizetype strip = 0;
  while (!m_codeLineGoesOn && strip < line.size() && strip < m_context.indent && line[strip] == u' ') ++strip;
  if (!m_codeIsEmpty) {
    const bool second = cursor.block() == m_code->firstCursorPosition().block();
    QTextBlockFormat format = codeLineFormat(m_style, second && m_code != m_codeBefore);
    if (m_codeLineGoesOn) format.setProperty(kContinuedLineProperty, true);
    cursor.insertBlock(format, codeFormat(m_style));
  }
  m_codeIsEmpty = false;
  cursor.insertText(line.sliced(strip).toString(), codeFormat(m_style));
}

void StreamingMarkdown::showUnfinishedCode(QTextCursor& cursor) {
  const QStringView line = QStringView(m_text).sliced(m_stableText);
  if (line.isEmpty() || (!m_codeLineGoesOn && endsCode(line, m_context))) return;
  const bool wasEmpty = m_codeIsEmpty;
  insertCodeLine(cursor, line);
  m_codeIsEmpty = wasEmpty;  // the line will be removed and come again
}

}  // namespace rookery::app
