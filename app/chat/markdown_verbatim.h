// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringView>
#include <array>
#include <set>

namespace rookery::app {

/// Something in a text that is shown as its own source: nothing in it is Markdown.
struct Verbatim {
  enum class Kind { None, Code, Formula };
  Kind kind = Kind::None;
  qsizetype end = 0;   ///< behind its last sign
  QStringView inside;  ///< Code: what stands between the backticks
};

/// Finds spans of code (`x`) and formulas ($x$, $$x$$, \(x\), \[x\], \begin{y}...\end{y}) in one text, in about linear time.
/// `$5 and $10` is no formula.
class VerbatimFinder {
 public:
  explicit VerbatimFinder(QStringView text) : m_text(text) {}
  /// What begins at `at`, where a run of backticks or dollars begins, or a backslash stands.
  Verbatim at(qsizetype at);

 private:
  Verbatim code(qsizetype at);
  Verbatim formula(qsizetype at);
  qsizetype dollarEnd(qsizetype at) const;

  QStringView m_text;
  std::set<qsizetype> m_unclosedTicks;       ///< numbers of backticks that never come again
  std::array<bool, 3> m_unclosedFormula{};   ///< $$, \(, \[
};

/// The name in a \begin{name} at the start of `text`; empty if there is none.
QStringView environmentAt(QStringView text);
QString endOfEnvironment(QStringView name);

}  // namespace rookery::app
