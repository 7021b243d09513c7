// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QChar>
#include <QString>
#include <QStringView>
#include <utility>
#include <vector>

namespace rookery::app {

// What a line of Markdown begins or is. Both the cutting of a streamed text and the preparing of a part ask here, so that
// they agree. Lines are given without their line break; `content` is a line without the marks of quotes and lists.

/// Blanks and tabs at the start.
qsizetype blanksBefore(QStringView line);
bool isBlank(QStringView line);

/// The characters of a fence at the start of `content`; empty if there is none.
QStringView fenceMark(QStringView content);

/// The line ends the code block that `fence` has opened.
bool closesFence(QStringView line, QStringView fence);

/// A line across the page: three or more of - * _.
bool isRule(QStringView content);

/// # and words. "#tag" and a lone "#" are text.
bool isHeading(QStringView content);

struct ListMark {
  QChar marker;             ///< '-', '*', '+', '.' or ')'; null: no list item
  QStringView written;      ///< as it stands there: "-", "07."
  qsizetype content = 0;    ///< where the text of the item begins
};
ListMark listMarkOf(QStringView content);

/// `content` begins with the > of a quote: not of ">= 5", ">5", ">>> print()" or ">_<".
bool isQuoted(QStringView content);

/// A line without the marks of quotes and list items before its content.
struct MarkdownLine {
  QStringView prefix, content;
  std::vector<ListMark> marks;
  int quotes = 0;
  bool quoteRefused = false;  ///< the content begins with a > that is none of a quote
  qsizetype indent = 0;       ///< blanks before the first mark, or before the content
  bool isBlank() const { return content.isEmpty(); }
};
MarkdownLine splitLine(QStringView line);

/// `content` can be a row of a table: it has bars, and not absurdly many.
bool isTableRow(QStringView content);

/// `line` can be one more row of a table that stands in so many quotes.
bool continuesTable(QStringView line, int quotes = 0);

/// `ruler` is the line |---|:-:| under the line `head`, and both begin a table.
bool startsTable(QStringView head, QStringView ruler);

/// What will end the displayed formula that `content` begins and does not end: "$$", "\]" or "\end{name}"; empty if it
/// begins none.
QString formulaOpenedBy(QStringView content);

/// Follows the lines of a displayed formula that `formulaOpenedBy` has found.
class OpenFormula {
 public:
  explicit OpenFormula(QString end = {}) : m_end(std::move(end)) {}
  bool isOpen() const { return !m_end.isEmpty(); }
  enum class Line { Inside, Last, NoFormula };
  /// NoFormula: what has been taken for a formula was none (a heading, code or too many lines without an end).
  Line take(QStringView line);

 private:
  QString m_end;
  int m_lines = 0;
  bool m_afterBlank = false;
};

}  // namespace rookery::app
