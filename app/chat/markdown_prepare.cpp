// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown_prepare.h"

#include <QList>
#include <algorithm>
#include <array>
#include <vector>

#include "chat/markdown_lines.h"
#include "chat/markdown_verbatim.h"

namespace rookery::app {
namespace {

// U+FDD0 and U+FDD1 begin and end frames inside Qt's documents: they are not used here.
constexpr QStringView kSigns = u"*_~`[]<&\\|";
constexpr char16_t kFirstSign = 0xFDD5, kNothing = 0xFDD2, kMarkBegin = 0xFDD3, kMarkEnd = 0xFDD4, kBlank = 0xFDDF, kLastNonCharacter = 0xFDEF;
constexpr qsizetype kMaxCells = 2'000;  // of one table; more are shown as text

bool isNonCharacter(QChar c) { return c.unicode() >= 0xFDD0 && c.unicode() <= kLastNonCharacter; }

QString hidden(QStringView text) {
  QString out = text.toString();
  for (QChar& c : out) {
    if (const qsizetype sign = kSigns.indexOf(c); sign >= 0) c = QChar(static_cast<char16_t>(kFirstSign + sign));
  }
  return out;
}

/// What stands before the next line of the same block: the quotes again, blanks for the marks of items.
QString continuation(const MarkdownLine& line) {
  QString prefix = line.prefix.toString();
  for (QChar& c : prefix) {
    if (c != u'>' && c != u'\t') c = u' ';
  }
  return prefix;
}

QString emptyLine(const MarkdownLine& line) {
  QString prefix = continuation(line);
  while (prefix.endsWith(u' ') || prefix.endsWith(u'\t')) prefix.chop(1);
  return prefix;
}

/// The cells of a row, without the bars. Bars in code, in formulas and behind a backslash divide nothing.
QList<QStringView> cellsOf(QStringView row) {
  row = row.trimmed();
  VerbatimFinder finder(row);
  QList<QStringView> cells;
  qsizetype begin = row.startsWith(u'|') ? 1 : 0;
  for (qsizetype i = begin; i < row.size();) {
    const QChar c = row[i];
    if (c == u'|') {
      cells.push_back(row.sliced(begin, i - begin).trimmed());
      begin = ++i;
      continue;
    }
    qsizetype end = i + 1;
    if (c == u'`' || c == u'$' || c == u'\\') {
      if (const Verbatim found = finder.at(i); found.kind != Verbatim::Kind::None) end = found.end;
      else if (c == u'\\') ++end;
      else while (end < row.size() && row[end] == c) ++end;
    }
    i = std::min(end, row.size());
  }
  if (begin < row.size()) cells.push_back(row.sliced(begin).trimmed());
  return cells;
}

QString rowOf(const QList<QStringView>& cells, qsizetype columns) {
  QString row = QStringLiteral("|");
  for (qsizetype i = 0; i < columns; ++i) row += u' ' + (i < cells.size() ? hidden(cells[i]) : QString()) + u" |";
  return row;
}

QString rulerOf(const QList<QStringView>& cells, qsizetype columns) {
  QString ruler = QStringLiteral("|");
  for (qsizetype i = 0; i < columns; ++i) {
    const QStringView cell = i < cells.size() ? cells[i] : QStringView();
    ruler += (cell.startsWith(u':') ? u":---" : u"---") + QStringView(cell.endsWith(u':') ? u":|" : u"|");
  }
  return ruler;
}

/// An item that begins like this is more likely a sum or a negative number: its sign is shown.
bool isArithmetic(QStringView content) {
  if (content.isEmpty()) return true;
  const QChar c = content.front();
  if (c.isDigit() || c.category() == QChar::Symbol_Currency || c == u'√') return true;
  if (!c.isLetter() || c.unicode() > 127) return false;
  const QStringView rest = content.sliced(1).trimmed();  // behind a variable
  const bool spaced = rest.size() > 1 && rest[1].isSpace();
  return !rest.isEmpty() && (QStringView(u"+/=^<>").contains(rest.front()) || (QStringView(u"*-").contains(rest.front()) && spaced));
}

/// A heading by its underline of dashes: one short line that is no sentence. Else the dashes are a rule.
bool looksLikeTitle(QStringView line) {
  return line.size() <= 80 && !QStringView(u".。!！?？:：;；,，…").contains(line.back());
}

class Preparer {
 public:
  explicit Preparer(QStringView part) {
    // The characters used here come from no tokenizer; one in a text is shown as what it is, no character.
    m_text = part.toString();
    m_text.replace(QStringLiteral("\r\n"), QStringLiteral("\n")).replace(u'\r', u'\n');
    for (QChar& c : m_text) {
      if (isNonCharacter(c)) c = QChar::ReplacementCharacter;
    }
    m_lines = QStringView(m_text).split(u'\n');
  }

  QString run() {
    m_out.reserve(m_text.size() + m_text.size() / 8);
    for (m_at = 0; m_at < m_lines.size(); ++m_at) {
      if (m_at > 0) m_out += u'\n';
      one(m_lines[m_at]);
    }
    return m_out;
  }

 private:
  enum class Previous { Nothing, Text, Item };
  enum class InFence { Inside, Closing, Left };

  void one(QStringView text) {
    if (!m_fence.isEmpty()) {
      const InFence where = inFence(text);
      if (where != InFence::Inside) m_fence = {};
      if (where == InFence::Inside) m_out += hidden(text);
      if (where == InFence::Closing) m_out += text;
      m_previous = Previous::Nothing;
      if (where != InFence::Left) return;
    }
    const MarkdownLine line = splitLine(text);
    if (line.isBlank() && line.marks.empty()) {
      m_out += text;
      m_previous = Previous::Nothing;
      return;
    }
    if (m_previous == Previous::Nothing && line.quotes == 0) closeItems(line);
    if (m_previous == Previous::Nothing && line.quotes == 0 && line.indent >= (m_items.empty() ? 0 : m_items.back()) + 4) {
      m_out += hidden(text);  // indented code
      return;
    }
    if (line.isBlank() && m_previous == Previous::Text) {  // a sign alone under text: no item, and no underline
      m_out += text.first(line.indent).toString() + QChar(kNothing) + hidden(text.sliced(line.indent));
      ++m_paragraphLines;
      return;
    }
    if (table(line) || formula(line)) return;
    const QStringView content = line.content;
    if (isRule(content)) return rule(line);
    QString mark = markOf(line);
    if (const QStringView fence = fenceMark(content); !fence.isEmpty()) {
      m_out += line.prefix;
      if (!mark.isEmpty()) m_out += mark + u'\n' + continuation(line);
      m_out += content;
      m_fence = fence;
      m_fenceQuotes = line.quotes;
      noteItems(line);
      m_previous = Previous::Nothing;
      return;
    }
    if (isHeading(content)) {
      qsizetype level = 0;
      while (content[level] == u'#') ++level;
      m_out += line.prefix + content.first(level) + u' ' + mark + hidden(content.sliced(level + 1));
      m_previous = Previous::Nothing;
      noteItems(line);
      return;
    }
    m_out += line.marks.empty() && line.quotes == 0 ? shownBlanks(line.prefix) : line.prefix.toString();
    if (line.isBlank() && !line.prefix.endsWith(u' ')) m_out += u' ';
    m_out += mark;
    if (mark.isEmpty() && needsCover(line)) m_out += QChar(kNothing);
    m_out += hidden(m_taskTaken ? content.sliced(4) : content);
    if (!line.marks.empty()) noteItems(line);  // text alone may still belong to an item that stands deeper
    noteText(line);
  }

  /// The blanks before a line of text are kept as far as it stands deeper than its list item: poems, code without a fence.
  QString shownBlanks(QStringView blanks) const {
    qsizetype item = std::min(m_items.empty() ? 0 : m_items.back(), blanks.size());
    if (item > 0 && blanks.size() - item < 2) item = blanks.size();  // an item whose lines do not quite agree
    QString out = blanks.first(item).toString();
    for (const QChar c : blanks.sliced(item)) out += QString(c == u'\t' ? 4 : 1, QChar(kBlank));
    return out;
  }

  /// Remembers that a paragraph begins or goes on with this line.
  void noteText(const MarkdownLine& line) {
    if (!line.marks.empty() || m_previous == Previous::Nothing) m_paragraphLines = 1;
    else ++m_paragraphLines;
    m_previous = line.marks.empty() ? Previous::Text : Previous::Item;
    m_paragraph = line.content;
  }

  /// Text that md4c would take for the beginning or the underline of something.
  bool needsCover(const MarkdownLine& line) const {
    const QStringView content = line.content.trimmed();
    if (content.isEmpty()) return false;
    const QChar first = content.front();
    if (line.quoteRefused || first == u'#') return true;
    if (first != u'=' && first != u'-') return false;
    if (std::any_of(content.begin(), content.end(), [&](QChar c) { return c != first; })) return false;
    // Signs of equality under one line of text make it a heading.
    return !(first == u'=' && content.size() >= 3 && m_previous == Previous::Text && m_paragraphLines == 1);
  }

  void rule(const MarkdownLine& line) {
    const QStringView content = line.content.trimmed();
    if (m_previous != Previous::Nothing && line.marks.empty() && content.front() == u'-' && !content.contains(u' ') &&
        !(m_paragraphLines == 1 && looksLikeTitle(m_paragraph))) {
      m_out += emptyLine(line) + u'\n';  // so that it is a rule and no underline
    }
    m_out += line.prefix + line.content;
    noteItems(line);
    m_previous = Previous::Nothing;
  }

  /// The marks of the items that begin on this line, for takeItemMark().
  QString markOf(const MarkdownLine& line) {
    m_taskTaken = false;
    QString noted;
    for (std::size_t i = 0; i < line.marks.size(); ++i) {
      const ListMark& mark = line.marks[i];
      const bool last = i + 1 == line.marks.size();
      QString written;
      if (mark.written.size() > 1) {
        written = mark.written.toString();
      } else if (last && !line.isBlank()) {
        const QStringView c = line.content;
        m_taskTaken = c.size() > 4 && c[0] == u'[' && c[2] == u']' && c[3] == u' ' && QStringView(u" xX").contains(c[1]) && !isRule(c);
        if (m_taskTaken) written = c[1] == u' ' ? QStringLiteral("☐") : QStringLiteral("☑");
      }
      if (written.isEmpty() && (mark.marker == u'+' || (last && isArithmetic(line.content)))) written = mark.written.toString();
      noted += QChar(kMarkBegin) + hidden(written) + QChar(kMarkEnd);
    }
    return noted;
  }

  /// Where the text of a line begins behind the quotes that are open, -1 if they are not.
  static qsizetype behindQuotes(QStringView text, int quotes) {
    qsizetype at = blanksBefore(text);
    for (; quotes > 0; --quotes) {
      if (at >= text.size() || text[at] != u'>') return -1;
      ++at;
      at += blanksBefore(text.sliced(at));
    }
    return at;
  }

  /// Consumes a table that begins here.
  bool table(const MarkdownLine& line) {
    if (m_at + 1 >= m_lines.size() || !isTableRow(line.content)) return false;
    const QStringView second = m_lines[m_at + 1];
    const qsizetype begin = behindQuotes(second, line.quotes);
    if (begin < 0 || !startsTable(line.content, second.sliced(begin))) return false;
    if (!line.marks.empty() && begin < line.prefix.size()) return false;
    const QList<QStringView> ruler = cellsOf(second.sliced(begin));
    QList<QList<QStringView>> rows{cellsOf(line.content)};
    QStringList prefixes{line.prefix.toString()};
    qsizetype columns = std::max(rows.front().size(), ruler.size());
    for (qsizetype at = m_at + 2; at < m_lines.size(); ++at) {
      if (!continuesTable(m_lines[at], line.quotes)) break;
      const MarkdownLine row = splitLine(m_lines[at]);
      rows.push_back(cellsOf(row.content));
      columns = std::max(columns, rows.back().size());
      prefixes.push_back(row.prefix.toString());
    }
    if (columns * rows.size() > kMaxCells || rows.front().isEmpty()) return false;
    if (!line.marks.empty()) m_out += line.prefix + markOf(line) + u'\n' + emptyLine(line) + u'\n' + continuation(line);
    else if (m_previous != Previous::Nothing) m_out += emptyLine(line) + u'\n' + line.prefix;
    else m_out += line.prefix;
    m_out += rowOf(rows.front(), columns) + u'\n' + second.first(begin) + rulerOf(ruler, columns);
    for (qsizetype i = 1; i < rows.size(); ++i) m_out += u'\n' + prefixes[i] + rowOf(rows[i], columns);
    m_at += rows.size();  // and the ruler
    noteItems(line);
    m_previous = Previous::Nothing;
    // What follows directly would be one more row.
    if (m_at + 1 < m_lines.size() && !isBlank(m_lines[m_at + 1])) m_out += u'\n' + emptyLine(line);
    return true;
  }

  /// Consumes a displayed formula that begins here.
  bool formula(const MarkdownLine& line) {
    const QString end = formulaOpenedBy(line.content);
    if (end.isEmpty() || isHeading(line.content)) return false;
    OpenFormula open(end);
    qsizetype last = m_at + 1;
    OpenFormula::Line kind = OpenFormula::Line::Inside;
    while (last < m_lines.size() && (kind = open.take(m_lines[last])) == OpenFormula::Line::Inside) ++last;
    if (kind != OpenFormula::Line::Last || last >= m_lines.size()) return false;
    m_out += line.prefix + markOf(line);
    if (line.quoteRefused) m_out += QChar(kNothing);
    m_out += hidden(line.content);
    if (!line.marks.empty()) noteItems(line);
    for (++m_at; m_at <= last; ++m_at) {
      // Quotes go on; everything else is text.
      const QStringView text = m_lines[m_at];
      const qsizetype begin = std::max<qsizetype>(behindQuotes(text, line.quotes), 0);
      const QStringView blanks = text.first(begin);
      m_out += u'\n' + (line.quotes == 0 ? shownBlanks(blanks) : blanks.toString()) + QChar(kNothing) + hidden(text.sliced(begin));
    }
    m_at = last;
    m_paragraphLines = 2;
    m_previous = Previous::Text;
    m_paragraph = m_lines[last];
    return true;
  }

  InFence inFence(QStringView text) const {
    for (int i = 0; i < m_fenceQuotes; ++i) {
      text = text.sliced(blanksBefore(text));
      if (!text.startsWith(u'>')) return InFence::Left;  // the quote ends, and its code
      text = text.sliced(1);
    }
    const qsizetype blanks = blanksBefore(text);
    if (m_fenceQuotes == 0 && !m_items.empty() && blanks < m_items.back() && blanks < text.size()) return InFence::Left;
    return closesFence(text.sliced(blanks), m_fence) ? InFence::Closing : InFence::Inside;
  }

  /// Forgets the items that `line` does not belong to.
  void closeItems(const MarkdownLine& line) {
    while (!m_items.empty() && line.indent < m_items.back()) m_items.pop_back();
  }

  void noteItems(const MarkdownLine& line) {
    if (line.quotes > 0) return;
    closeItems(line);
    qsizetype at = line.indent;
    for (const ListMark& mark : line.marks) m_items.push_back(at += std::max<qsizetype>(mark.content, 2));
  }

  QString m_text, m_out;
  QList<QStringView> m_lines;
  qsizetype m_at = 0;
  QStringView m_fence;                    ///< of the code block that is open
  int m_fenceQuotes = 0, m_paragraphLines = 0;
  QStringView m_paragraph;                ///< its last line
  std::vector<qsizetype> m_items;         ///< the columns where the texts of the open items begin
  Previous m_previous = Previous::Nothing;
  bool m_taskTaken = false;               ///< the box of a task is part of the mark
};

}  // namespace

QString prepareMarkdown(QStringView part) { return Preparer(part).run(); }

QString restoreMarkdown(QStringView text) {
  QString out;
  out.reserve(text.size());
  bool inMark = false;
  for (const QChar c : text) {
    if (c == QChar(kMarkBegin)) inMark = true;
    else if (c == QChar(kMarkEnd)) inMark = false;
    else if (inMark || c == QChar(kNothing)) continue;
    else if (c == QChar(kBlank)) out += u' ';
    else if (c.unicode() >= kFirstSign && c.unicode() < kFirstSign + kSigns.size()) out += kSigns[c.unicode() - kFirstSign];
    else out += c;
  }
  return out;
}

bool hasItemMark(QStringView text) { return text.startsWith(QChar(kMarkBegin)) && text.contains(QChar(kMarkEnd)); }

QString takeItemMark(QStringView& text) {
  const qsizetype end = text.indexOf(QChar(kMarkEnd));
  const QString mark = restoreMarkdown(text.sliced(1, end - 1));
  text = text.sliced(end + 1);
  return mark;
}

}  // namespace rookery::app
