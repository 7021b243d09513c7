// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown_lines.h"

#include <algorithm>
#include <array>
#include <utility>

#include "chat/markdown_verbatim.h"

namespace rookery::app {
namespace {

constexpr int kMaxFormulaLines = 60;
constexpr qsizetype kMaxBars = 100;  // md4c knows no table with more than 128 columns

bool isDigit(QChar c) { return c >= u'0' && c <= u'9'; }

}  // namespace

qsizetype blanksBefore(QStringView line) {
  qsizetype n = 0;
  while (n < line.size() && (line[n] == u' ' || line[n] == u'\t')) ++n;
  return n;
}

bool isBlank(QStringView line) { return line.trimmed().isEmpty(); }

QStringView fenceMark(QStringView content) {
  if (content.isEmpty() || (content.front() != u'`' && content.front() != u'~')) return {};
  qsizetype end = 0;
  while (end < content.size() && content[end] == content.front()) ++end;
  if (end < 3) return {};
  const QStringView info = content.sliced(end).trimmed();
  if (content.front() == u'`') return info.contains(u'`') ? QStringView() : content.first(end);  // ```x``` is a span
  return info.contains(u' ') && !info.contains(u'=') && !info.contains(u'{') ? QStringView() : content.first(end);  // ~~~ some words
}

bool closesFence(QStringView line, QStringView fence) {
  const QStringView text = line.trimmed();
  if (text.size() < fence.size() || blanksBefore(line) > 3) return false;
  return std::all_of(text.begin(), text.end(), [&](QChar c) { return c == fence.front(); });
}

bool isRule(QStringView content) {
  QChar mark;
  int count = 0;
  for (const QChar c : content) {
    if (c.isSpace()) continue;
    if ((c != u'-' && c != u'*' && c != u'_') || (count > 0 && c != mark)) return false;
    mark = c;
    ++count;
  }
  return count >= 3;
}

bool isHeading(QStringView content) {
  qsizetype n = 0;
  while (n < content.size() && content[n] == u'#') ++n;
  if (n < 1 || n > 6 || n == content.size() || (content[n] != u' ' && content[n] != u'\t')) return false;
  return std::any_of(content.begin() + n, content.end(), [](QChar c) { return c != u'#' && !c.isSpace(); });
}

ListMark listMarkOf(QStringView content) {
  ListMark mark;
  qsizetype n = 0;
  if (!content.isEmpty() && QStringView(u"-*+").contains(content.front())) {
    n = 1;
  } else {
    while (n < content.size() && n < 9 && isDigit(content[n])) ++n;
    if (n == 0 || n == content.size() || (content[n] != u'.' && content[n] != u')')) return mark;
    ++n;
  }
  if ((n < content.size() && content[n] != u' ' && content[n] != u'\t') || isRule(content)) return mark;
  mark.marker = content[n - 1];
  mark.written = content.first(n);
  mark.content = n + blanksBefore(content.sliced(n));
  return mark;
}

bool isQuoted(QStringView content) {
  if (content.isEmpty() || content.front() != u'>') return false;
  const QStringView rest = content.sliced(1);
  if (rest.isEmpty()) return true;
  if (rest.front() == u' ' || rest.front() == u'\t') {  // "> 5" alone compares
    return rest.trimmed().isEmpty() ||
           !std::all_of(rest.begin(), rest.end(), [](QChar c) { return c.isSpace() || isDigit(c) || QStringView(u".,%+-=").contains(c); });
  }
  if (rest.startsWith(u">>")) return rest.size() > 2 && rest[2] == u'>';  // ">>> x" is a prompt
  return rest.front().isLetter() || QStringView(u">*`[#\"“‘「『（【").contains(rest.front());
}

MarkdownLine splitLine(QStringView text) {
  MarkdownLine line;
  qsizetype at = blanksBefore(text);
  line.indent = at;
  while (at < text.size()) {
    const QStringView rest = text.sliced(at);
    if (rest.front() == u'>') {
      line.quoteRefused = !isQuoted(rest);
      if (line.quoteRefused) break;
      ++line.quotes;
      ++at;
    } else if (const ListMark mark = listMarkOf(rest); !mark.marker.isNull()) {
      line.marks.push_back(mark);
      at += mark.content;
    } else {
      break;
    }
    at += blanksBefore(text.sliced(at));
  }
  line.prefix = text.first(at);
  line.content = text.sliced(at);
  while (!line.content.isEmpty() && line.content.back() == u'\r') line.content.chop(1);
  return line;
}

bool isTableRow(QStringView content) { return content.contains(u'|') && content.count(u'|') <= kMaxBars; }

bool continuesTable(QStringView line, int quotes) {
  const MarkdownLine split = splitLine(line);
  return isTableRow(split.content) && split.marks.empty() && split.quotes == quotes && !isHeading(split.content) &&
         fenceMark(split.content).isEmpty();
}

bool startsTable(QStringView head, QStringView ruler) {
  if (!isTableRow(head) || !isTableRow(ruler)) return false;
  // Every cell is dashes, perhaps between colons.
  enum class Cell { Empty, Colon, Dashes, Done } cell = Cell::Empty;
  int pipes = 0;
  for (const QChar c : ruler.trimmed()) {
    if (c == u'|') {
      if (cell == Cell::Colon || (cell == Cell::Empty && pipes > 0)) return false;
      cell = Cell::Empty;
      ++pipes;
    } else if (c == u'-' && cell != Cell::Done) {
      cell = Cell::Dashes;
    } else if (c == u':' && (cell == Cell::Empty || cell == Cell::Dashes)) {
      cell = cell == Cell::Empty ? Cell::Colon : Cell::Done;
    } else if (c.isSpace()) {
      if (cell == Cell::Dashes) cell = Cell::Done;
    } else {
      return false;
    }
  }
  return cell != Cell::Colon && ruler.contains(u'-');
}

QString formulaOpenedBy(QStringView content) {
  const QStringView line = content.trimmed();
  if (const QStringView name = environmentAt(line); !name.isEmpty()) {
    const QString end = endOfEnvironment(name);
    return line.contains(end) ? QString() : end;
  }
  for (const auto& [begin, end] : {std::pair(QStringView(u"$$"), QStringView(u"$$")), std::pair(QStringView(u"\\["), QStringView(u"\\]"))}) {
    qsizetype at = -1;
    if (line.startsWith(begin)) at = 0;
    else if (line.endsWith(begin) && line.indexOf(begin) == line.size() - 2) at = line.size() - 2;
    if (at < 0) continue;
    const QStringView rest = line.sliced(at + 2);
    return rest.contains(end) || rest.startsWith(u'$') ? QString() : end.toString();
  }
  return {};
}

OpenFormula::Line OpenFormula::take(QStringView line) {
  const bool blank = isBlank(line);
  const QStringView content = line.trimmed();
  Line result = Line::Inside;
  if (content.contains(m_end)) result = Line::Last;
  else if (++m_lines > kMaxFormulaLines || (blank && m_afterBlank) || !fenceMark(content).isEmpty() || isHeading(content)) result = Line::NoFormula;
  m_afterBlank = blank;
  if (result != Line::Inside) m_end.clear();
  return result;
}

}  // namespace rookery::app
