// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of CommonMark that decide where a block ends, as far as a cut needs them. All of them are on the safe side:
// a place that is not recognised makes a longer unfinished part, not a wrong picture.
#include "chat/markdown_cut.h"

#include <algorithm>

#include "chat/markdown_lines.h"

namespace rookery::app {
namespace {

using Kind = MarkdownContext::Kind;

constexpr qsizetype kMaxCells = 160;  // a table is laid out again as a whole with every batch, by its cells

/// Reads the lines behind the last cut.
class Scan {
 public:
  Scan(const QString& text, qsizetype from, const MarkdownContext& context) : m_text(text), m_from(from), m_context(context) {}

  std::optional<MarkdownCut> run() {
    m_table = m_context.kind == Kind::Table;
    for (qsizetype start = m_from; start < m_text.size();) {
      const qsizetype newline = m_text.indexOf(u'\n', start);
      if ((newline < 0 ? m_text.size() : newline + 1) - m_from > 2 * kMaxUnfinished) return insideLine();
      if (newline < 0) return std::nullopt;  // an unfinished line decides nothing
      const QStringView line = QStringView(m_text).sliced(start, newline - start);
      if (!inFormula(line)) {
        if (auto cut = start == m_from ? first(line) : later(line, start)) return cut;
        look(line);
      }
      m_lastLine = line;
      m_lastStart = start;
      start = newline + 1;
      if (start - m_from > kMaxUnfinished || (m_table && m_rows * m_bars > kMaxCells)) return MarkdownCut{start, goesOn()};
    }
    return std::nullopt;
  }

 private:
  std::optional<MarkdownCut> first(QStringView line) {
    m_table = m_table && continuesTable(line);
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
    m_marker = listMarkOf(line).marker;
    return std::nullopt;
  }

  std::optional<MarkdownCut> later(QStringView line, qsizetype start) const {
    if (m_table && !isBlank(line) && !continuesTable(line)) return MarkdownCut{start, {}};
    if (line.isEmpty() || blanksBefore(line) > 0) return std::nullopt;
    // Text in the first column ends whatever stood deeper, open code in a list item too.
    if (m_lastStart > m_from && beginsTable(line)) return MarkdownCut{m_lastStart, {}};
    const ListMark item = listMarkOf(line);
    const bool isItem = !item.marker.isNull(), hasText = item.content < line.size();
    if (!m_marker.isNull() && isItem && (m_afterBlank || hasText)) {
      MarkdownCut cut{start, {}};
      if (item.marker == m_marker) {
        cut.next.kind = Kind::List;
        cut.next.marker = m_marker;
      }
      return cut;
    }
    // An item may follow a paragraph without a blank line, a numbered one if it is the first.
    const bool interrupts = m_marker.isNull() && isItem && hasText && !startsTable(m_lastLine, line) &&
                            (item.written.size() == 1 || item.written.chopped(1).toUInt() == 1);
    if (m_afterBlank || interrupts || isHeading(line) || !fenceMark(line).isEmpty()) return MarkdownCut{start, {}};
    return std::nullopt;
  }

  /// The last line is the head of a table and `line` its ruler, both in the first column.
  bool beginsTable(QStringView line) const {
    return !m_table && m_fence.isEmpty() && blanksBefore(m_lastLine) == 0 && startsTable(m_lastLine, line) &&
           listMarkOf(m_lastLine).marker.isNull() && !isQuoted(m_lastLine);
  }

  /// The line belongs to a displayed formula, and may look like anything.
  bool inFormula(QStringView line) {
    if (m_formula.isOpen() && m_formula.take(line) != OpenFormula::Line::NoFormula) {
      m_afterBlank = false;
      return true;
    }
    return false;
  }

  void look(QStringView line) {
    const qsizetype blanks = blanksBefore(line);
    if (!m_fence.isEmpty() && (blanks > 0 || line.isEmpty())) {
      if (blanks <= m_indent + 3 && closesFence(line.sliced(blanks), m_fence)) m_fence = {};
      m_afterBlank = false;
      return;
    }
    m_fence = {};
    m_afterBlank = isBlank(line);
    m_table = m_table && !m_afterBlank;
    if (m_marker.isNull() && !m_table && m_lastStart == m_from && startsTable(m_firstLine, line)) {
      m_table = true;
      m_secondLine = line;
      m_bars = m_firstLine.count(u'|');
    }
    if (m_table) {
      ++m_rows;
      m_bars = std::max(m_bars, line.count(u'|'));
      return;
    }
    const MarkdownLine split = splitLine(line);
    m_formula = OpenFormula(isHeading(split.content) ? QString() : formulaOpenedBy(split.content));
    if (m_marker.isNull()) return;
    if (const QStringView mark = fenceMark(split.content); !mark.isEmpty()) {  // code can open on the line of an item
      m_fence = mark;
      m_indent = split.prefix.size();
    }
  }

  MarkdownContext goesOn() const {
    MarkdownContext next;
    if (!m_fence.isEmpty()) {
      next.kind = Kind::Code;
      next.fence = m_fence.toString();
      next.indent = m_indent;
    } else if (m_table) {
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
  QStringView m_firstLine, m_secondLine, m_lastLine;
  qsizetype m_lastStart = -1;
  QChar m_marker;            ///< of the list that is open, null: none
  QStringView m_fence;       ///< of code inside a list item
  OpenFormula m_formula;
  qsizetype m_indent = 0;
  qsizetype m_rows = 0, m_bars = 0;  ///< of the table: so far, and in its longest row
  bool m_afterBlank = false, m_table = false;
};

}  // namespace

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
