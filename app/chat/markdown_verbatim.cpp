// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown_verbatim.h"

namespace rookery::app {
namespace {

bool isAsciiWord(QChar c) { return c.unicode() < 128 && c.isLetterOrNumber(); }

/// "5 for you, 6": begins with a number, and has words.
bool isPrice(QStringView text) {
  if (!text.front().isDigit() || text.contains(u'\\')) return false;
  for (qsizetype i = 1; i < text.size(); ++i) {
    if (text[i].isLetter() && (text[i].unicode() > 0x2E80 || text[i - 1].isLetter())) return true;
  }
  return false;
}

struct Brackets {
  QStringView begin, end;
};
constexpr std::array<Brackets, 3> kFormulas{{{u"$$", u"$$"}, {u"\\(", u"\\)"}, {u"\\[", u"\\]"}}};
constexpr QStringView kBegin = u"\\begin{";
constexpr qsizetype kLongestName = 30;

}  // namespace

QStringView environmentAt(QStringView text) {
  if (!text.startsWith(kBegin)) return {};
  const qsizetype close = text.first(std::min(text.size(), kBegin.size() + kLongestName)).indexOf(u'}');
  return close < 0 ? QStringView() : text.sliced(kBegin.size(), close - kBegin.size());
}

QString endOfEnvironment(QStringView name) { return QStringLiteral("\\end{") + name + u'}'; }

Verbatim VerbatimFinder::at(qsizetype at) { return m_text[at] == u'`' ? code(at) : formula(at); }

Verbatim VerbatimFinder::code(qsizetype at) {
  qsizetype open = at;
  while (open < m_text.size() && m_text[open] == u'`') ++open;
  const qsizetype count = open - at;
  if (m_unclosedTicks.count(count) > 0) return {};
  for (qsizetype i = open; i < m_text.size();) {
    if (m_text[i] != u'`') {
      ++i;
      continue;
    }
    const qsizetype close = i;
    while (i < m_text.size() && m_text[i] == u'`') ++i;
    if (i - close != count) continue;
    const QStringView inside = m_text.sliced(open, close - open);
    return inside.trimmed().isEmpty() ? Verbatim{} : Verbatim{Verbatim::Kind::Code, i, inside};
  }
  m_unclosedTicks.insert(count);
  return {};
}

Verbatim VerbatimFinder::formula(qsizetype at) {
  const QStringView rest = m_text.sliced(at);
  for (std::size_t i = 0; i < kFormulas.size(); ++i) {
    if (!rest.startsWith(kFormulas[i].begin)) continue;
    if (m_unclosedFormula[i] || (i == 0 && rest.size() > 2 && rest[2] == u'$')) return {};
    if (i > 0 && at > 0 && isAsciiWord(m_text[at - 1])) return {};  // C:\temp\(old)
    const qsizetype end = rest.indexOf(kFormulas[i].end, 2);
    if (end > 0) return {Verbatim::Kind::Formula, at + end + 2, {}};
    m_unclosedFormula[i] = true;
    return {};
  }
  if (const QStringView name = environmentAt(rest); !name.isEmpty()) {
    const QString close = endOfEnvironment(name);
    const qsizetype end = rest.indexOf(close);
    return end < 0 ? Verbatim{} : Verbatim{Verbatim::Kind::Formula, at + end + close.size(), {}};
  }
  const qsizetype end = rest.startsWith(u'$') ? dollarEnd(at) : -1;
  return end < 0 ? Verbatim{} : Verbatim{Verbatim::Kind::Formula, end, {}};
}

/// $x$ on one line: no blank inside beside the signs, no letter or digit outside beside them.
qsizetype VerbatimFinder::dollarEnd(qsizetype at) const {
  if (at > 0 && (isAsciiWord(m_text[at - 1]) || QStringView(u"\\$").contains(m_text[at - 1]))) return -1;
  qsizetype close = at + 1;
  while (close < m_text.size() && m_text[close] != u'$' && m_text[close] != u'\n') close += m_text[close] == u'\\' ? 2 : 1;
  if (close >= m_text.size() || m_text[close] != u'$' || close == at + 1) return -1;
  const QChar first = m_text[at + 1], last = m_text[close - 1];
  if (first.isSpace() || last.isSpace() || (first == u'|') != (last == u'|')) return -1;
  if (isPrice(m_text.sliced(at + 1, close - at - 1))) return -1;
  if (close + 1 < m_text.size() && (isAsciiWord(m_text[close + 1]) || m_text[close + 1] == u'$')) return -1;
  return close + 1;
}

}  // namespace rookery::app
