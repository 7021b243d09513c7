// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/text_segments.h"

#include <QStringView>
#include <algorithm>

#include "chat/markdown_lines.h"

namespace rookery::app {
namespace {

using Kind = MarkdownContext::Kind;

// In characters of ordinary text; laying out a thousand takes about a millisecond.
constexpr qsizetype kSegmentCost = 3'500;
constexpr qsizetype kLineCost = 25, kMarkCost = 12, kCellCost = 60, kPartCost = 40, kFrameCost = 500;
constexpr qsizetype kPlainLine = 3'500;     // a longer line is divided
constexpr qsizetype kOverMarkCost = 5;      // of a mark that stands on a letter: any number makes one letter of it
constexpr qsizetype kUnbreakable = 1'000;   // Qt's search for the end of a word is quadratic
constexpr qsizetype kWindow = 2 * kMaxUnfinished + 2;

bool endsLine(QChar c) {
  const char16_t u = c.unicode();
  return u == u'\n' || u == u'\r' || u == 0x0b || u == 0x0c || u == 0x2028 || u == 0x2029;
}

/// A line may be broken beside it: blanks, Chinese, Japanese and Korean letters, pictures.
bool breaks(QChar c) {
  const char16_t u = c.unicode();
  if (u < 0x80) return u <= u' ';
  return c.isSpace() || u == 0x200b || (u >= 0x2e80 && u <= 0xd7af) || (u >= 0xd83c && u <= 0xd83e) || (u >= 0xf900 && u <= 0xfaff) ||
         (u >= 0xff00 && u <= 0xff60);
}

bool isMark(QChar c) {
  const char16_t u = c.unicode();
  return u == u'*' || u == u'_' || u == u'`' || u == u'[' || u == u'~' || u == u'<' || u == u'&' || u == u'\\' || u == u'>';
}

/// Where a plain text can be divided next; -1: it is not decided yet.
qsizetype plainCut(const QString& text, qsizetype from) {
  const qsizetype limit = std::min(text.size(), from + kPlainLine);
  qsizetype cost = 0;
  for (qsizetype i = from; i < limit; ++i) {
    const QChar c = text[i];
    if (endsLine(c)) {
      if (c == u'\r' && i + 1 < text.size() && text[i + 1] == u'\n') ++i;
      return i + 1;
    }
    cost += c.unicode() >= 0x300 && c.category() == QChar::Mark_NonSpacing ? kOverMarkCost : 1;
    if (cost > kPlainLine) return softBreak(text, from, i);
  }
  return text.size() - from > kPlainLine ? softBreak(text, from, from + kPlainLine) : -1;
}

}  // namespace

std::optional<CodeLine> nextCodeLine(const QString& text, qsizetype from, const MarkdownContext& code, bool insideLine) {
  const QStringView rest = QStringView(text).sliced(from, std::min(text.size() - from, kWindow));
  const qsizetype newline = rest.indexOf(u'\n');
  CodeLine line;
  if ((newline < 0 ? rest.size() : newline) > 2 * kMaxUnfinished) {
    line.end = line.next = softBreak(text, from, from + 2 * kMaxUnfinished);
    line.goesOn = true;
    return line;
  }
  if (newline < 0) return std::nullopt;
  line.end = from + newline;
  line.next = line.end + 1;
  line.closes = !insideLine && endsCode(rest.first(newline), code);
  return line;
}

bool endsCode(QStringView line, const MarkdownContext& code) {
  qsizetype strip = 0;
  while (strip < line.size() && strip < code.indent && line[strip] == u' ') ++strip;
  return closesFence(line.sliced(strip), code.fence);
}

QString restOfCode(const QString& text, qsizetype from, const SegmentStart& start) {
  const MarkdownContext& code = start.context;
  QString found;
  bool insideLine = start.insideLine;
  const auto take = [&](qsizetype begin, qsizetype end) {
    if (!insideLine) found += u'\n';
    while (!insideLine && begin < end && begin - from < code.indent && text[begin] == u' ') ++begin;
    found += QStringView(text).sliced(begin, end - begin);
  };
  while (const auto line = nextCodeLine(text, from, code, insideLine)) {
    if (line->closes) return found;
    take(from, line->end);
    insideLine = line->goesOn;
    from = line->next;
  }
  const QStringView last = QStringView(text).sliced(from);
  if (!last.isEmpty() && (insideLine || !endsCode(last, code))) take(from, text.size());
  return found;
}

TextSegmenter::TextSegmenter(bool markdown, qsizetype begin) : m_markdown(markdown), m_at(begin) {
  m_open.begin = m_open.end = begin;
  m_segments.push_back(m_open);
}

std::optional<TextSegmenter::Part> TextSegmenter::nextPart(const QString& text) const {
  if (!m_markdown) {
    const qsizetype end = plainCut(text, m_at);
    if (end < 0) return std::nullopt;
    return Part{end, {}, !endsLine(text[end - 1])};
  }
  if (m_next.context.kind == Kind::Code) {
    const auto line = nextCodeLine(text, m_at, m_next.context, m_next.insideLine);
    if (!line) return std::nullopt;
    MarkdownContext next = line->closes ? MarkdownContext{} : m_next.context;
    next.isNew = false;
    return Part{line->next, next, line->goesOn};
  }
  // Without the rest of the text, in which the end of an endless line would be looked for again and again.
  const QString window = QString::fromRawData(text.constData() + m_at, std::min(text.size() - m_at, kWindow));
  const auto cut = nextMarkdownCut(window, 0, m_next.context);
  if (!cut) return std::nullopt;
  const bool codeGoesOn = cut->next.kind == Kind::Code && !cut->next.isNew && text[m_at + cut->end - 1] != u'\n';
  return Part{m_at + cut->end, cut->next, codeGoesOn};
}

void TextSegmenter::look(QStringView text, TextSegment& segment, qsizetype& run) const {
  for (const QChar c : text) {
    if (breaks(c)) {
      segment.lines += endsLine(c) ? 1 : 0;
      run = 0;
    } else if (++run > kUnbreakable) {
      segment.unbreakable = true;
    }
  }
}

/// Takes the characters between m_at and the next cut into the open segment.
void TextSegmenter::add(QStringView part) {
  const int lines = m_open.lines;
  look(part, m_open, m_run);
  m_lines += m_open.lines - lines;
  m_cost += part.size() + kPartCost + kLineCost * (m_open.lines - lines);
  if (!m_markdown || m_next.context.kind == Kind::Code) return;
  for (const QChar c : part) m_cost += c == u'|' ? kCellCost : isMark(c) ? kMarkCost : 0;
  if (m_next.context.kind == Kind::Table) m_cost += m_next.context.head.size() + kCellCost * m_next.context.head.count(u'|');
}

bool TextSegmenter::advance(const QString& text, qsizetype budget) {
  const qsizetype stop = m_at + budget;
  m_segments.pop_back();
  std::optional<Part> part;
  while (m_at < stop && (part = nextPart(text))) {
    add(QStringView(text).sliced(m_at, part->end - m_at));
    m_at = m_open.end = part->end;
    m_next = {part->next, part->insideLine};
    const bool opens = m_next.context.kind == Kind::Code && m_next.context.isNew;
    if (opens) m_cost += kFrameCost;
    if (m_cost < kSegmentCost || opens) continue;  // a frame without a line would stand alone
    m_segments.push_back(std::move(m_open));
    m_open = {};
    m_open.begin = m_open.end = m_at;
    m_open.start = m_next;
    m_cost = 0;
  }
  const bool done = m_at >= text.size() || m_at < stop;
  TextSegment open = m_open;
  if (done) {
    qsizetype run = m_run;
    look(QStringView(text).sliced(m_at), open, run);
    open.end = text.size();
  }
  m_segments.push_back(std::move(open));
  return done;
}

}  // namespace rookery::app
