// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown_inline.h"

#include <algorithm>
#include <map>

#include "chat/markdown_entities.h"
#include "chat/markdown_link.h"
#include "chat/markdown_verbatim.h"

namespace rookery::app {
namespace {

bool isDigit(QChar c) { return c >= u'0' && c <= u'9'; }
bool isAsciiLetter(QChar c) { return (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z'); }
bool isIdentifier(QChar c) { return isDigit(c) || isAsciiLetter(c) || c == u'_'; }

/// What stands on one side of a run of asterisks, underscores or tildes.
struct Side {
  enum class Kind { Blank, Word, Cjk, Sign };  ///< Cjk: of a script without blanks between its words
  Kind kind = Kind::Blank;
  QChar c;
  bool isBlank() const { return kind == Kind::Blank; }
  bool isWord() const { return kind == Kind::Word; }
  bool isCjk() const { return kind == Kind::Cjk; }
  bool isSign() const { return kind == Kind::Sign; }
  bool isOneOf(QStringView signs) const { return isSign() && signs.contains(c); }
};

bool isCjk(char32_t c) {
  if (c == U'“' || c == U'”' || c == U'‘' || c == U'’' || c == U'…' || c == U'—') return true;
  if (c >= 0x3000 && c <= 0x303F) return true;
  if ((c >= 0xFF01 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6)) return true;
  switch (QChar::script(c)) {
    case QChar::Script_Han: case QChar::Script_Hiragana: case QChar::Script_Katakana: case QChar::Script_Hangul: case QChar::Script_Bopomofo:
      return true;
    default: return false;
  }
}

Side sideOf(QStringView text, qsizetype at, bool before) {
  Side side;
  if (at < 0 || at >= text.size()) return side;
  char32_t c = text[at].unicode();
  if (before && text[at].isLowSurrogate() && at > 0) c = QChar::surrogateToUcs4(text[at - 1], text[at]);
  if (!before && text[at].isHighSurrogate() && at + 1 < text.size()) c = QChar::surrogateToUcs4(text[at], text[at + 1]);
  side.c = text[at];
  if (QChar::isSpace(c)) side.kind = Side::Kind::Blank;
  else if (isCjk(c)) side.kind = Side::Kind::Cjk;
  else if (QChar::isLetterOrNumber(c) || QChar::isMark(c)) side.kind = Side::Kind::Word;
  else if (QChar::category(c) == QChar::Symbol_Other) side.kind = Side::Kind::Cjk;  // an emoji
  else side.kind = Side::Kind::Sign;
  return side;
}

constexpr QStringView kBeforeOpening = u"([{<>\"'«-–:;,!?|~*_¿¡";  // what may stand before a span ...
constexpr QStringView kBehindClosing = u")]}>\"'»-–:;,.!?|~*_";      // ... and behind it
constexpr QStringView kNotFirstInside = u".,;:/\\)]}=+%&|?!^";

struct Node {
  QString text;
  bool code = false, formula = false;
  int strong = 0, emphasis = 0, strike = 0;  ///< +1 where a span begins, -1 where it ends
  int link = -1;
};

struct Delimiter {
  QChar sign;
  qsizetype count = 0, original = 0, node = 0;
  bool opens = false, closes = false;
  bool doubtful = false;         ///< a single asterisk in a product, a glob ...: no italics across it
  int previous = -1, next = -1;  ///< neighbours that are still in the list
};

struct Bracket {
  qsizetype node = 0, begin = 0;
  bool image = false;
  int delimiter = -1;  ///< the last one before it
};

class Reader {
 public:
  Reader(QStringView text, bool inTable) : m_text(text), m_inTable(inTable), m_verbatim(text) {}

  std::vector<InlinePiece> run() {
    while (m_at < m_text.size()) step();
    pair(-1);
    return pieces();
  }

 private:
  void step() {
    const QChar c = m_text[m_at];
    switch (c.unicode()) {
      case u'\n': plain(QString(QChar::LineSeparator), 1); return;
      case u'`': case u'$': if (verbatim()) return; break;
      case u'\\': backslash(); return;
      case u'&': if (entity()) return; break;
      case u'<': if (angle()) return; break;
      case u'!':
        if (m_text.sliced(m_at).startsWith(u"![")) return open(true);
        break;
      case u'[': return open(false);
      case u']': return close();
      case u'*': case u'~': return run(c);
      case u'_': return identifier();
      default: break;
    }
    if (isIdentifier(c)) return identifier();
    qsizetype end = m_at + 1;
    if (c == u'`' || c == u'$') while (end < m_text.size() && m_text[end] == c) ++end;
    plain(m_text.sliced(m_at, end - m_at).toString(), end - m_at);
  }

  void plain(const QString& text, qsizetype taken) {
    if (m_nodes.empty() || !m_mayGrow) m_nodes.push_back({});
    m_nodes.back().text += text;
    m_mayGrow = true;
    m_at += taken;
  }

  /// A node of its own, so that spans can begin and end at it.
  Node& alone(const QString& text, qsizetype taken) {
    m_nodes.push_back({});
    m_nodes.back().text = text;
    m_mayGrow = false;
    m_at += taken;
    return m_nodes.back();
  }

  bool verbatim() {
    const Verbatim found = m_verbatim.at(m_at);
    if (found.kind == Verbatim::Kind::None) return false;
    QString text = m_text.sliced(m_at, found.end - m_at).toString();
    if (found.kind == Verbatim::Kind::Code) {
      text = found.inside.toString();
      const bool padded = text.size() > 2 && text.front().isSpace() && text.back().isSpace() && !text.trimmed().isEmpty();
      if (padded) text = text.sliced(1, text.size() - 2);
      if (m_inTable) text.replace(QStringLiteral("\\|"), QStringLiteral("|"));
    }
    text.replace(u'\n', QChar::LineSeparator);
    Node& node = alone(text, found.end - m_at);
    node.code = found.kind == Verbatim::Kind::Code;
    node.formula = !node.code;
    return true;
  }

  /// A backslash is shown, unless it keeps a sign from being Markdown. In a path it does not.
  void backslash() {
    if (verbatim()) return;
    const QChar next = m_at + 1 < m_text.size() ? m_text[m_at + 1] : QChar();
    const QChar after = m_at + 2 < m_text.size() ? m_text[m_at + 2] : QChar();
    bool escapes = false;
    if (m_inTable && next == u'|') escapes = true;
    else if (next == u'_') escapes = (isIdentifier(after) || after == u'\\' || (m_at > 0 && isIdentifier(m_text[m_at - 1]))) && !inPath();
    else if (next == u'*' || next == u'`') escapes = !inPath();
    else if (next == u'$') escapes = isDigit(after);
    else if (next == u'<') escapes = isAsciiLetter(after) || after == u'/';
    else if (QStringView(u"#>+-").contains(next)) escapes = atLineStart() && (after.isNull() || after.isSpace() || after == u'#');
    else if (next == u'.' || next == u')') escapes = behindNumber() && (after.isNull() || after.isSpace());
    if (next.isNull()) return plain(QStringLiteral("\\"), 1);
    if (escapes) return plain(QString(next), 2);
    if (QStringView(u"\\*_`~$[]").contains(next)) return plain(m_text.sliced(m_at, 2).toString(), 2);
    plain(QStringLiteral("\\"), 1);
  }

  /// The word around is a path or an expression, in which every sign counts.
  bool inPath() const {
    qsizetype begin = m_at, end = m_at;
    while (begin > 0 && !m_text[begin - 1].isSpace() && m_at - begin < kLongestWord) --begin;
    while (end < m_text.size() && !m_text[end].isSpace() && end - m_at < kLongestWord) ++end;
    for (qsizetype i = begin; i + 1 < end; ++i) {
      if (m_text[i] == u'\\' && (m_text[i + 1] == u'\\' || m_text[i + 1].isLetterOrNumber())) return true;
      if (m_text[i] == u':' && m_text[i + 1] == u'\\') return true;
      if (QStringView(u"^{}").contains(m_text[i]) || (m_text[i] == u'|' && !m_inTable)) return true;  // an expression
    }
    return false;
  }

  bool atLineStart() const {
    qsizetype at = m_at;
    while (at > 0 && (m_text[at - 1] == u' ' || m_text[at - 1] == u'\t')) --at;
    return at == 0 || m_text[at - 1] == u'\n';
  }

  bool behindNumber() const {
    qsizetype at = m_at;
    while (at > 0 && m_at - at < 9 && isDigit(m_text[at - 1])) --at;
    return at < m_at && (at == 0 || m_text[at - 1] == u'\n');
  }

  bool entity() {
    const auto found = entityAt(m_text.sliced(m_at));
    if (!found) return false;
    plain(found->text, found->size);
    return true;
  }

  bool angle() {
    const QStringView rest = m_text.sliced(m_at);
    if (m_inTable && rest.startsWith(u"<br", Qt::CaseInsensitive)) {
      qsizetype end = 3;
      while (end < rest.size() && rest[end] == u' ') ++end;
      if (end < rest.size() && rest[end] == u'/') ++end;
      if (end < rest.size() && rest[end] == u'>') {
        plain(QString(QChar::LineSeparator), end + 1);
        return true;
      }
    }
    const qsizetype size = addressLength(rest.sliced(1), {});
    if (size == 0 || 1 + size >= rest.size() || rest[1 + size] != u'>') return false;
    link(rest.sliced(1, size), size + 2);
    return true;
  }

  /// An address that is written out.
  void link(QStringView address, qsizetype taken) {
    Node& node = alone(address.toString(), taken);
    node.link = static_cast<int>(m_links.size());
    m_links.push_back({decodedAddress(address), {}});
  }

  /// Letters, digits and underscores: an address, or a name. Underscores inside a name are part of it.
  void identifier() {
    if (isAsciiLetter(m_text[m_at])) {
      const QChar before = m_at > 0 ? m_text[m_at - 1] : QChar();
      if (const qsizetype size = addressLength(m_text.sliced(m_at), before); size > 0) return link(m_text.sliced(m_at, size), size);
    }
    qsizetype end = m_at;
    while (end < m_text.size() && isIdentifier(m_text[end])) ++end;
    const QStringView name = m_text.sliced(m_at, end - m_at);
    qsizetype before = 0, behind = 0;
    while (before < name.size() && name[before] == u'_') ++before;
    if (before == name.size()) {  // nothing but underscores
      delimiter(u'_', name.size());
      return;
    }
    while (name[name.size() - 1 - behind] == u'_') ++behind;
    const QStringView middle = name.sliced(before, name.size() - before - behind);
    // __init__ and _value_1_ are names, _word_ is emphasis.
    const bool afterStar = m_at > 0 && m_text[m_at - 1] == u'*' && (m_at == 1 || m_text[m_at - 2] != u'*');  // *_test_*
    const bool emphasis = before == 1 && behind == 1 && !afterStar && std::all_of(middle.begin(), middle.end(), isAsciiLetter);
    const bool wrapped = (before > 0 && behind > 0 && !emphasis) || (before + behind == 1 && middle.contains(u'_'));
    if (before > 0 && !wrapped) delimiter(u'_', before);
    plain((wrapped ? name : middle).toString(), wrapped ? name.size() : middle.size());
    if (behind > 0 && !wrapped) delimiter(u'_', behind);
  }

  void run(QChar sign) {
    qsizetype end = m_at;
    while (end < m_text.size() && m_text[end] == sign) ++end;
    delimiter(sign, end - m_at);
  }

  void delimiter(QChar sign, qsizetype count) {
    Delimiter d;
    d.sign = sign;
    d.count = d.original = count;
    const Side before = sideOf(m_text, m_at - 1, true), behind = sideOf(m_text, m_at + count, false);
    d.opens = !behind.isBlank() && (!behind.isSign() || !before.isWord());
    d.closes = !before.isBlank() && (!before.isSign() || !behind.isWord() || (count == 2 && before.isOneOf(u":!?")));
    d.doubtful = sign == u'*' && count == 1 && (d.opens || d.closes);
    if (count > 3 || (sign == u'~' && count != 2)) d.opens = d.closes = false;
    const bool inWord = before.isWord() && behind.isWord();
    if (sign == u'_') {
      d.opens = d.opens && (before.isBlank() || before.isOneOf(kBeforeOpening) || (before.isCjk() && !before.c.isLetter()));
      d.closes = d.closes && (behind.isBlank() || behind.isOneOf(kBehindClosing) || (behind.isCjk() && !behind.c.isLetter()));
    } else if (sign == u'~' || count == 1) {
      d.opens = d.opens && (before.isBlank() || before.isCjk() || before.isOneOf(kBeforeOpening));
      d.closes = d.closes && (behind.isBlank() || behind.isCjk() || behind.isOneOf(kBehindClosing));
    } else {
      if (inWord || before.isOneOf(u")]}")) d.opens = before.isSign() && behind.isCjk();
      if (before.isOneOf(u"/\\") && behind.isSign()) d.opens = false;
      if (inWord) d.closes = behind.c.isLetter();  // **R**eceptance
      if (behind.isOneOf(u"/\\") && before.isOneOf(u"/\\")) d.closes = false;
    }
    if (sign != u'~' && count == 1) {
      if (behind.isOneOf(kNotFirstInside)) d.opens = false;            // *.txt
      if (before.isOneOf(u"([{/\\=<|") || behindOpeningQuote()) d.closes = false;
      if (isDigit(behind.c) && beforeBlanks().isDigit()) d.opens = false;  // 2 *3
      if (isDigit(before.c) && behindBlanks(count).isDigit()) d.closes = false;
      if (inPath()) d.opens = d.closes = false;                            // \d*
    }
    d.node = static_cast<qsizetype>(m_nodes.size());
    alone(QString(count, sign), count);
    d.doubtful = d.doubtful && !d.opens && !d.closes;
    if (!d.opens && !d.closes && !d.doubtful) return;
    d.previous = m_last;
    const int index = static_cast<int>(m_delimiters.size());
    if (m_last >= 0) m_delimiters[static_cast<std::size_t>(m_last)].next = index;
    m_last = index;
    m_delimiters.push_back(d);
  }

  /// "*.txt"
  bool behindOpeningQuote() const {
    return m_at > 0 && QStringView(u"\"'").contains(m_text[m_at - 1]) && (m_at == 1 || QStringView(u" \n\t([{=").contains(m_text[m_at - 2]));
  }

  QChar beforeBlanks() const {
    qsizetype at = m_at - 1;
    while (at >= 0 && m_text[at] == u' ' && m_at - at < 4) --at;
    return at < 0 ? QChar() : m_text[at];
  }
  QChar behindBlanks(qsizetype count) const {
    qsizetype at = m_at + count;
    while (at < m_text.size() && m_text[at] == u' ' && at - m_at < 4) ++at;
    return at < m_text.size() ? m_text[at] : QChar();
  }

  void open(bool image) {
    m_brackets.push_back({static_cast<qsizetype>(m_nodes.size()), m_at, image, m_last});
    alone(image ? QStringLiteral("![") : QStringLiteral("["), image ? 2 : 1);
  }

  /// The end of a link or an image, if an address follows that can be opened.
  void close() {
    if (m_brackets.empty()) return plain(QStringLiteral("]"), 1);
    const Bracket bracket = m_brackets.back();
    m_brackets.pop_back();
    const auto target = targetAt(m_text.sliced(m_at + 1));
    if (!target) return plain(QStringLiteral("]"), 1);
    pair(bracket.delimiter);
    const auto first = static_cast<std::size_t>(bracket.node);
    const bool empty = first + 1 == m_nodes.size();
    m_nodes[first].text = empty ? target->address : QString();
    const int link = static_cast<int>(m_links.size());
    m_links.push_back({target->address, target->title});
    for (std::size_t i = first; i < m_nodes.size(); ++i) m_nodes[i].link = link;
    m_mayGrow = false;
    m_at += 1 + target->size;
    m_brackets.clear();  // what is around a link is none
  }

  Delimiter& at(int index) { return m_delimiters[static_cast<std::size_t>(index)]; }

  void drop(int index) {
    const Delimiter& d = at(index);
    if (d.previous >= 0) at(d.previous).next = d.next;
    if (d.next >= 0) at(d.next).previous = d.previous;
    else m_last = d.previous;
  }

  /// Finds the pairs among the delimiters behind `bottom`, and forgets those.
  void pair(int bottom) {
    std::map<int, int> searched;  // kind of closing delimiter -> behind which none opens for it
    int closer = bottom >= 0 ? at(bottom).next : first();
    while (closer >= 0) {
      const Delimiter c = at(closer);
      if (!c.closes) {
        closer = c.next;
        continue;
      }
      const int kind = c.sign.unicode() * 16 + static_cast<int>(c.original % 3) * 4 + (c.opens ? 2 : 0) + (c.count >= 2 ? 1 : 0);
      const int limit = searched.count(kind) > 0 ? searched[kind] : bottom;
      int opener = c.previous;
      while (opener > limit && !matches(at(opener), c)) opener = at(opener).doubtful && c.sign == u'*' && c.count == 1 ? -1 : at(opener).previous;
      if (opener <= limit) {
        searched[kind] = c.previous;
        const int next = c.next;
        if (!c.opens) drop(closer);
        closer = next;
        continue;
      }
      join(opener, closer);
      for (int i = at(closer).previous; i != opener;) {
        const int before = at(i).previous;
        drop(i);
        i = before;
      }
      if (at(opener).count == 0) drop(opener);
      if (at(closer).count == 0) {
        const int next = at(closer).next;
        drop(closer);
        closer = next;
      }
    }
    while (m_last > bottom) drop(m_last);
  }

  int first() const {
    int index = m_last;
    while (index >= 0 && m_delimiters[static_cast<std::size_t>(index)].previous >= 0) index = m_delimiters[static_cast<std::size_t>(index)].previous;
    return index;
  }

  static bool matches(const Delimiter& opener, const Delimiter& closer) {
    if (!opener.opens || opener.sign != closer.sign) return false;
    if (opener.sign == u'~') return true;
    if (opener.count != closer.count && std::max(opener.original, closer.original) < 3) return false;
    if ((opener.closes || closer.opens) && (opener.original + closer.original) % 3 == 0) return opener.original % 3 == 0 && closer.original % 3 == 0;
    return true;
  }

  void join(int opener, int closer) {
    Delimiter &o = at(opener), &c = at(closer);
    const qsizetype signs = o.count >= 2 && c.count >= 2 ? 2 : 1;
    Node &begin = m_nodes[static_cast<std::size_t>(o.node)], &end = m_nodes[static_cast<std::size_t>(c.node)];
    int Node::*look = o.sign == u'~' ? &Node::strike : signs == 2 ? &Node::strong : &Node::emphasis;
    ++(begin.*look);
    --(end.*look);
    o.count -= signs;
    c.count -= signs;
    begin.text.chop(signs);
    end.text.chop(signs);
  }

  std::vector<InlinePiece> pieces() const {
    std::vector<InlinePiece> out;
    int strong = 0, emphasis = 0, strike = 0;
    for (const Node& node : m_nodes) {
      // What is left of an opening run stands before its span, of a closing run behind it.
      strong += std::min(node.strong, 0);
      emphasis += std::min(node.emphasis, 0);
      strike += std::min(node.strike, 0);
      if (!node.text.isEmpty()) {
        InlinePiece piece{node.text, strong > 0, emphasis > 0, strike > 0, node.code, node.formula, {}, {}};
        if (node.link >= 0) {
          piece.address = m_links[static_cast<std::size_t>(node.link)].address;
          piece.title = m_links[static_cast<std::size_t>(node.link)].title;
        }
        out.push_back(piece);
      }
      strong += std::max(node.strong, 0);
      emphasis += std::max(node.emphasis, 0);
      strike += std::max(node.strike, 0);
    }
    return out;
  }

  struct Link {
    QString address, title;
  };
  static constexpr qsizetype kLongestWord = 300;

  QStringView m_text;
  bool m_inTable;
  VerbatimFinder m_verbatim;
  qsizetype m_at = 0;
  std::vector<Node> m_nodes;
  std::vector<Delimiter> m_delimiters;
  std::vector<Bracket> m_brackets;
  std::vector<Link> m_links;
  int m_last = -1;        ///< the last delimiter in the list
  bool m_mayGrow = false; ///< the last node takes more text
};

}  // namespace

std::vector<InlinePiece> readInline(QStringView text, bool inTable) { return Reader(text, inTable).run(); }

}  // namespace rookery::app
