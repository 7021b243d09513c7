// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of CommonMark that decide where a block ends, as far as a cut needs them. All of them are on the safe side:
// a place that is not recognised makes a longer unfinished part, not a wrong picture.
#include "chat/markdown_cut.h"

#include <algorithm>

namespace rookery::app {
namespace {

using Kind = MarkdownContext::Kind;

constexpr qsizetype kMaxCells = 160;  // a table is laid out again as a whole with every batch, by its cells

qsizetype blanksBefore(QStringView line) {
  qsizetype n = 0;
  while (n < line.size() && (line[n] == u' ' || line[n] == u'\t')) ++n;
  return n;
}

bool isBlank(QStringView line) { return blanksBefore(line) == line.size(); }

/// The characters of a fence at the start of `line`; empty if there is none.
QStringView fenceMark(QStringView line) {
  if (line.isEmpty() || (line.front() != u'`' && line.front() != u'~')) return {};
  qsizetype end = 0;
  while (end < line.size() && line[end] == line.front()) ++end;
  const bool code = end >= 3 && (line.front() == u'~' || !line.sliced(end).contains(u'`'));  // ```x``` is a span
  return code ? line.first(end) : QStringView();
}

bool isRule(QStringView line) {
  QChar mark;
  int count = 0;
  for (const QChar c : line) {
    if (c == u' ' || c == u'\t') continue;
    if ((c != u'-' && c != u'*' && c != u'_') || (count > 0 && c != mark)) return false;
    mark = c;
    ++count;
  }
  return count >= 3;
}

bool isHeading(QStringView line) {
  qsizetype n = 0;
  while (n < line.size() && line[n] == u'#') ++n;
  return n >= 1 && n <= 6 && (n == line.size() || line[n] == u' ' || line[n] == u'\t');
}

struct Item {
  QChar marker;          ///< null: not an item
  unsigned number = 0;
  qsizetype content = 0; ///< where its text begins
};

/// `line` without the blanks before it.
Item itemOf(QStringView line) {
  Item item;
  qsizetype n = 0;
  if (!line.isEmpty() && QStringView(u"-*+").contains(line.front())) {
    n = 1;
  } else {
    while (n < line.size() && n < 9 && line[n] >= u'0' && line[n] <= u'9') ++n;
    if (n == 0 || n == line.size() || (line[n] != u'.' && line[n] != u')')) return item;
    item.number = line.first(n).toUInt();
    ++n;
  }
  if ((n < line.size() && line[n] != u' ' && line[n] != u'\t') || isRule(line)) return item;
  item.marker = line[n - 1];
  item.content = n + blanksBefore(line.sliced(n));
  return item;
}

/// The columns |---|:-:| under the head of a table.
bool isTableRuler(QStringView line) {
  bool dash = false;
  for (const QChar c : line) {
    if (!QStringView(u"|:- \t").contains(c)) return false;
    dash = dash || c == u'-';
  }
  return dash && line.contains(u'|');
}

/// Reads the lines behind the last cut.
class Scan {
 public:
  Scan(const QString& text, qsizetype from, const MarkdownContext& context) : m_text(text), m_from(from), m_context(context) {}

  std::optional<MarkdownCut> run() {
    for (qsizetype start = m_from; start < m_text.size();) {
      const qsizetype newline = m_text.indexOf(u'\n', start);
      if ((newline < 0 ? m_text.size() : newline + 1) - m_from > 2 * kMaxUnfinished) return insideLine();
      if (newline < 0) return std::nullopt;  // an unfinished line decides nothing
      const QStringView line = QStringView(m_text).sliced(start, newline - start);
      if (auto cut = start == m_from ? first(line) : later(line, start)) return cut;
      look(line);
      start = newline + 1;
      if (start - m_from > kMaxUnfinished || (isTable() && m_cells > kMaxCells)) return MarkdownCut{start, goesOn()};
    }
    return std::nullopt;
  }

 private:
  std::optional<MarkdownCut> first(QStringView line) {
    m_firstLine = line;
    const qsizetype blanks = blanksBefore(line);
    if (const QStringView mark = fenceMark(line.sliced(blanks)); !mark.isEmpty() && blanks <= 3) {
      MarkdownContext code;
      code.kind = Kind::Code;
      code.fence = mark.toString();
      code.indent = blanks;
      code.isNew = true;
      return MarkdownCut{m_from + line.size() + 1, code};
    }
    if (const Item item = itemOf(line); !item.marker.isNull()) {
      m_marker = item.marker;
      m_number = m_context.kind == Kind::List ? m_context.number : item.number;
    }
    return std::nullopt;
  }

  std::optional<MarkdownCut> later(QStringView line, qsizetype start) const {
    if (line.isEmpty() || blanksBefore(line) > 0) return std::nullopt;
    // Text in the first column ends whatever stood deeper, open code in a list item too.
    const Item item = itemOf(line);
    if (!m_marker.isNull() && !item.marker.isNull() && (m_afterBlank || item.content < line.size())) {
      MarkdownCut cut{start, {}};
      if (item.marker == m_marker) {
        cut.next.kind = Kind::List;
        cut.next.marker = m_marker;
        cut.next.number = m_number + 1;
      }
      return cut;
    }
    // An item may follow a paragraph without a blank line, a numbered one if it is the first.
    const bool interrupts = m_marker.isNull() && !item.marker.isNull() && item.content < line.size() && item.number <= 1 &&
                            !isTableRuler(line);
    if (m_afterBlank || interrupts || isHeading(line) || !fenceMark(line).isEmpty()) return MarkdownCut{start, {}};
    return std::nullopt;
  }

  bool isTable() const { return m_context.kind == Kind::Table || m_table; }

  void look(QStringView line) {
    m_cells += line.count(u'|');
    const qsizetype blanks = blanksBefore(line);
    if (!m_fence.isEmpty() && (blanks > 0 || line.isEmpty())) {
      if (blanks <= m_indent + 3 && closesFence(line.sliced(blanks), m_fence)) m_fence = {};
      m_afterBlank = false;
      return;
    }
    m_fence = {};
    m_afterBlank = isBlank(line);
    if (m_marker.isNull()) {
      if (++m_lines == 2) {
        m_secondLine = line;
        m_table = m_firstLine.contains(u'|') && isTableRuler(line);
      }
      return;
    }
    qsizetype at = blanks;  // code can open on the line of an item
    for (Item item = itemOf(line.sliced(at)); !item.marker.isNull() && item.content > 0; item = itemOf(line.sliced(at))) at += item.content;
    if (const QStringView mark = fenceMark(line.sliced(at)); !mark.isEmpty()) {
      m_fence = mark;
      m_indent = at;
    }
  }

  MarkdownContext goesOn() const {
    MarkdownContext next;
    if (!m_fence.isEmpty()) {
      next.kind = Kind::Code;
      next.fence = m_fence.toString();
      next.indent = m_indent;
    } else if (isTable()) {
      next.kind = Kind::Table;
      next.head = m_context.kind == Kind::Table ? m_context.head : m_firstLine.toString() + u'\n' + m_secondLine.toString() + u'\n';
    }
    return next;
  }

  MarkdownCut insideLine() const {
    return {softBreak(m_text, m_from, m_from + 2 * kMaxUnfinished), m_fence.isEmpty() ? MarkdownContext{} : goesOn()};
  }

  const QString& m_text;
  const qsizetype m_from;
  const MarkdownContext& m_context;
  QStringView m_firstLine, m_secondLine;
  int m_lines = 0;
  QChar m_marker;            ///< of the list that is open, null: none
  unsigned m_number = 0;
  QStringView m_fence;       ///< of code inside a list item
  qsizetype m_indent = 0;
  qsizetype m_cells = 0;
  bool m_afterBlank = false, m_table = false;
};

}  // namespace

bool closesFence(QStringView line, QStringView fence) {
  const QStringView text = line.trimmed();
  if (text.size() < fence.size() || blanksBefore(line) > 3) return false;
  return std::all_of(text.begin(), text.end(), [&](QChar c) { return c == fence.front(); });
}

qsizetype softBreak(QStringView text, qsizetype begin, qsizetype end) {
  end = std::min(end, text.size());
  const qsizetype middle = begin + (end - begin) / 2;
  qsizetype word = -1;
  for (qsizetype i = end - 1; i >= middle; --i) {
    if (QStringView(u"。！？").contains(text[i])) return i + 1;
    if (!text[i].isSpace()) continue;
    if (i > 0 && QStringView(u".!?").contains(text[i - 1])) return i + 1;
    if (word < 0) word = i + 1;
  }
  if (word >= 0) return word;
  return end > begin && text[end - 1].isHighSurrogate() ? end - 1 : end;  // a pair is one character
}

std::optional<MarkdownCut> nextMarkdownCut(const QString& text, qsizetype from, const MarkdownContext& context) {
  return Scan(text, from, context).run();
}

}  // namespace rookery::app
