// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/search_text.h"

#include <algorithm>

namespace rookery::app {
namespace {

constexpr qsizetype kLongestWord = 64;  // base64 and the like: the rest says nothing
constexpr qsizetype kSnippetBefore = 16, kSnippetLength = 160;

enum class Sort { Sign, Word, Dense };  // dense: written without blanks

Sort sortOf(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? Sort::Word : Sort::Sign;  // folded already
  switch (QChar::script(c)) {
    case QChar::Script_Han: case QChar::Script_Hiragana: case QChar::Script_Katakana: case QChar::Script_Thai:
    case QChar::Script_Lao: case QChar::Script_Khmer: case QChar::Script_Myanmar:
      return QChar::isLetterOrNumber(c) || QChar::isMark(c) ? Sort::Dense : Sort::Sign;
    default: break;
  }
  if (c == 0x30FC) return Sort::Dense;  // the long vowel of both kana
  return QChar::isLetterOrNumber(c) || QChar::isMark(c) ? Sort::Word : Sort::Sign;
}

/// Walks over code points; half a surrogate pair counts as one.
class CodePoints {
 public:
  explicit CodePoints(QStringView text) : m_text(text) {}
  bool hasNext() const { return m_index < m_text.size(); }
  qsizetype index() const { return m_index; }
  char32_t next() {
    const QChar first = m_text[m_index++];
    if (!first.isHighSurrogate() || m_index == m_text.size() || !m_text[m_index].isLowSurrogate()) return first.unicode();
    return QChar::surrogateToUcs4(first, m_text[m_index++]);
  }

 private:
  QStringView m_text;
  qsizetype m_index = 0;
};

/// The folded form of one character is appended to `out`.
void fold(char32_t c, QString& out) {
  if (c < 0x80) {
    out += QChar(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    return;
  }
  if ((c >= 0x3041 && c < 0x3300) || (c >= 0x3400 && c < 0xA000)) {  // mostly these; nothing to fold
    out += QChar(static_cast<char16_t>(c));
    return;
  }
  const QString parts = QString::fromUcs4(&c, 1).normalized(QString::NormalizationForm_KD).toCaseFolded();
  for (const QChar part : parts) {
    if (part < QChar(0x0300) || part > QChar(0x036F)) out += part;  // accents
  }
}

struct Folded {
  QString text;
  std::vector<qsizetype> origins;  ///< per character: where it stood; and the length at the end
};

Folded folded(QStringView text) {
  Folded result;
  result.text.reserve(text.size());
  result.origins.reserve(static_cast<std::size_t>(text.size()) + 1);
  CodePoints at(text);
  while (at.hasNext()) {
    const qsizetype origin = at.index();
    fold(at.next(), result.text);
    result.origins.resize(static_cast<std::size_t>(result.text.size()), origin);
  }
  result.origins.push_back(text.size());
  return result;
}

/// Calls for each run of characters of one sort.
template <class Take>
void eachRun(const QString& text, const Take& take) {
  CodePoints at(text);
  qsizetype start = 0;
  Sort sort = Sort::Sign;
  while (at.hasNext()) {
    const qsizetype here = at.index();
    const Sort next = sortOf(at.next());
    if (next == sort) continue;
    if (here > start) take(sort, QStringView(text).mid(start, here - start));
    start = here;
    sort = next;
  }
  if (text.size() > start) take(sort, QStringView(text).mid(start));
}

/// "ABC" -> AB BC, and C when `withLast`, so that each character begins a word.
QStringList pairs(QStringView run, bool withLast) {
  std::vector<qsizetype> starts;
  CodePoints at(run);
  while (at.hasNext()) {
    starts.push_back(at.index());
    at.next();
  }
  starts.push_back(run.size());
  QStringList found;
  for (std::size_t i = 0; i + 2 < starts.size(); ++i) found << run.mid(starts[i], starts[i + 2] - starts[i]).toString();
  if (withLast || starts.size() == 2) found << run.mid(starts[starts.size() - 2]).toString();
  return found;
}

bool isBlank(QChar c) { return c.isSpace() || c.category() == QChar::Other_Control; }
/// Direction marks and the like; joiners belong to words.
bool isHidden(QChar c) { return c.category() == QChar::Other_Format && c != QChar(0x200C) && c != QChar(0x200D); }

}  // namespace

QString searchWords(QStringView text) {
  QString words;
  eachRun(folded(text.left(kSearchedCharacters)).text, [&words](Sort sort, QStringView run) {
    if (sort == Sort::Sign) return;
    if (sort == Sort::Word) words += run.left(kLongestWord);
    else words += pairs(run, true).join(u' ');
    words += u' ';
  });
  return words;
}

SearchQuery::SearchQuery(const QString& typed) {
  QStringList terms;
  QString plain = typed;
  for (QChar& c : plain) {
    if (isBlank(c) || c == u'"' || c == QChar(0x201C) || c == QChar(0x201D)) c = u' ';
  }
  const QStringList chunks = folded(plain).text.split(u' ', Qt::SkipEmptyParts);
  for (const QString& chunk : chunks) {
    needles << chunk;
    std::vector<std::pair<Sort, QStringView>> runs;
    eachRun(chunk, [&runs](Sort sort, QStringView run) { runs.emplace_back(sort, run); });
    if (runs.size() > 1) isLiteral = true;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const auto& [sort, run] = runs[i];
      if (sort == Sort::Sign) {
        isLiteral = true;
        continue;
      }
      const bool isLast = i + 1 == runs.size();
      // Runs hold letters and digits only, so nothing in them could end the quotes.
      if (sort == Sort::Dense) {
        const QStringList parts = pairs(run, false);
        terms << u'"' + parts.join(u' ') + u'"' + (parts.size() == 1 && parts[0] == run ? QStringLiteral("*") : QString());
      } else {
        // One letter begins a large part of all words: alone it is a word.
        terms << u'"' + run.left(kLongestWord).toString() + u'"' + (isLast && run.size() > 1 ? QStringLiteral("*") : QString());
      }
    }
  }
  expression = terms.join(u' ');
}

bool containsAll(QStringView text, const SearchQuery& query) {
  const QString all = folded(text.left(kSearchedCharacters)).text;
  return std::all_of(query.needles.begin(), query.needles.end(), [&all](const QString& needle) { return all.contains(needle); });
}

Snippet snippetOf(QStringView text, const SearchQuery& query) {
  const Folded all = folded(text.left(kSearchedCharacters));
  // The first needle that begins a word; else any.
  qsizetype first = -1, any = -1;
  for (const QString& needle : query.needles) {
    for (qsizetype at = all.text.indexOf(needle); at >= 0; at = all.text.indexOf(needle, at + 1)) {
      if (any < 0 || at < any) any = at;
      if (at > 0 && sortOf(all.text[at].unicode()) == Sort::Word && sortOf(all.text[at - 1].unicode()) == Sort::Word) continue;
      if (first < 0 || at < first) first = at;
      break;
    }
  }
  if (first < 0) first = std::max<qsizetype>(any, 0);
  const qsizetype centre = all.origins[static_cast<std::size_t>(first)];
  qsizetype start = std::max<qsizetype>(0, centre - kSnippetBefore), end = std::min(text.size(), start + kSnippetLength);
  if (start > 0) {  // not in the middle of a word, if there is a blank on the way
    const qsizetype blank = text.mid(start, centre - start).indexOf(u' ');
    if (blank >= 0) start += blank + 1;
    else if (text[start].isLowSurrogate()) ++start;
  }
  if (end < text.size() && text[end].isLowSurrogate()) --end;

  Snippet snippet;
  if (start > 0) snippet.text = QStringLiteral("…");
  std::vector<qsizetype> places(static_cast<std::size_t>(end - start) + 1);  // in the snippet, of each character
  bool afterBlank = true;
  for (qsizetype i = start; i < end; ++i) {
    places[static_cast<std::size_t>(i - start)] = snippet.text.size();
    const bool blank = isBlank(text[i]);
    if (isHidden(text[i])) continue;
    if (!blank) snippet.text += text[i];
    else if (!afterBlank) snippet.text += u' ';
    afterBlank = blank;
  }
  places.back() = snippet.text.size();
  const auto from = std::lower_bound(all.origins.begin(), all.origins.end(), start) - all.origins.begin();
  const auto to = std::lower_bound(all.origins.begin(), all.origins.end(), end) - all.origins.begin();
  const QStringView part = QStringView(all.text).mid(from, to - from);
  for (const QString& needle : query.needles) {
    for (qsizetype at = part.indexOf(needle); at >= 0; at = part.indexOf(needle, at + needle.size())) {
      const qsizetype begin = places[static_cast<std::size_t>(all.origins[static_cast<std::size_t>(from + at)] - start)];
      const qsizetype behind = std::min(end, all.origins[static_cast<std::size_t>(from + at + needle.size())]);
      snippet.marks.push_back({begin, places[static_cast<std::size_t>(behind - start)] - begin});
    }
  }
  std::sort(snippet.marks.begin(), snippet.marks.end(), [](const TextMark& a, const TextMark& b) { return a.start < b.start; });
  if (end < text.size()) snippet.text += u'…';
  return snippet;
}

}  // namespace rookery::app
