// SPDX-License-Identifier: GPL-3.0-or-later
#include "markdown_signs.h"

#include <QHash>
#include <QRegularExpression>
#include <QStringList>
#include <vector>

namespace rookery::app::test {
namespace {

/// What may be written in one way and shown in another. Tried at every place of a text outside blocks of code; nothing
/// else may be missing or be added. `shown` may use \1.
struct Allowed {
  const char *written, *shown, *why;
};
const Allowed kAllowed[] = {
    // Spans.
    {R"((?<![0-9A-Za-z*])\*{1,3}(?=[^\s*]))", "", "bold or italics begin, not in a word"},
    {R"((?<=[^\s*])(?:\*(?![0-9A-Za-z*])|\*{2,3}(?![0-9*])))", "", "bold or italics end, not before a digit; italics not in a word"},
    {R"((?<![\w])_{1,2}(?=[^\s_]))", "", "bold or italics begin, not in a word"},
    {R"((?<=[^\s_])_{1,2}(?!\w))", "", "bold or italics end, not in a word"},
    {R"((?<![0-9~])~~(?=[^\s~])|(?<=[^\s~])~~(?![0-9~]))", "", "struck out"},
    {R"(`+)", "", "a span of code"},
    {R"(\\(?=[*_`$|#.+\-]))", "", "a backslash that keeps a sign from being Markdown"},
    // Links.
    {R"(!?\[(?=[^\]]*\]\(\s*(https?://|mailto:)))", "", "the words of a link or an image begin"},
    {R"((?<=\[)\]\(\s*(https?://\S+?)\s*\))", "\\1", "a link without words shows its address"},
    {R"(\]\(\s*(?:https?://|mailto:)(?:[^\s()]|\([^()]*\))*(?:\s+"[^"]*")?\s*\))", "", "the address and title of a link: behind its words"},
    {R"(<(?=https?://[^\s>]+>)|(?<=\S)>)", "", "signs around an address"},
    // Characters.
    {R"(&amp;)", "&", "entity"},
    {R"(&lt;)", "<", "entity"},
    {R"(&gt;)", ">", "entity"},
    {R"(&copy;)", "©", "entity"},
    {R"(&#65;)", "A", "entity"},
    {R"(&#x42;)", "B", "entity"},
    {R"(&#9731;)", "☃", "entity"},
    {R"(&#x1F426;)", "🐦", "entity"},
    {R"(&(?:nbsp|ensp|emsp);)", "", "entity: a blank"},
    // Blocks.
    {R"((?<=^|\n|> |\. )#{1,6}(?= ))", "", "a heading"},
    {R"( #+ *(?=\n|$))", "", "the end of a heading"},
    {R"((?<=^|\n|>|> |\n  |\. )>)", "", "a quote"},
    {R"((?<=^|\n|> |[.*\-+] )([ ]*)[*\-](?= |\n|$)(?! *[0-9$€]))", "•", "the sign of an item"},
    {R"((?<=^|\n|> |[.*\-+] )([ ]*)[*\-](?= |\n|$)(?! *[0-9$€]))", "◦", "the sign of an item inside another"},
    {R"((?<=^|\n)( *)[*\-] \[ \] )", "☐", "an open task"},
    {R"((?<=^|\n)( *)[*\-] \[[xX]\] )", "☑", "a task that is done"},
    {R"((?<=^|\n)[ >]*(?:-[ -]*-[ -]*-|\*[ *]*\*[ *]*\*|_[ _]*_[ _]*_)[ \-*_]*(?=\n|$))", "", "a rule"},
    {R"((?<=\S\n|\S {3}\n)(?:={3,}|-{3,})(?=\n|$))", "", "the underline of a title"},
};
// Only in texts that have a table.
const Allowed kInTables[] = {
    {R"(\|)", "", "the edge of a cell"},
    {R"((?<=^|\n)[ >]*[|:\- ]*-[|:\- ]*(?=\n))", "", "the ruler of a table"},
    {R"(<br ?/?>)", "", "a line break in a cell"},
};

QString signsOf(QStringView text) {
  QString out;
  for (const QChar c : text) {
    if (!c.isSpace() && c != QChar::ObjectReplacementCharacter) out += c;
  }
  return out;
}

struct Jump {
  qsizetype end;
  QString shown;
};

void addJumps(std::vector<std::vector<Jump>>& jumps, const QString& said, const Allowed& allowed, const std::vector<bool>& code) {
  static QHash<const Allowed*, QRegularExpression> compiled;
  QRegularExpression& pattern = compiled[&allowed];
  if (pattern.pattern().isEmpty()) pattern = QRegularExpression(QString::fromUtf8(allowed.written), QRegularExpression::UseUnicodePropertiesOption);
  // Every place may be the beginning, also inside a longer match.
  for (qsizetype at = 0; at < said.size(); ++at) {
    const auto match = pattern.match(said, at, QRegularExpression::NormalMatch, QRegularExpression::AnchorAtOffsetMatchOption);
    if (!match.hasMatch() || match.capturedLength() == 0 || code[static_cast<std::size_t>(at)]) continue;
    QString shown = QString::fromUtf8(allowed.shown);
    shown.replace(QStringLiteral("\\1"), match.captured(1));
    jumps[static_cast<std::size_t>(at)].push_back({match.capturedEnd(), signsOf(shown)});
  }
}

/// The lines of blocks of code, without their fences; `fences` gets the places where those begin and end.
std::vector<bool> codeOf(const QString& said, std::vector<std::pair<qsizetype, qsizetype>>& fences) {
  static const QRegularExpression fence(QStringLiteral("^[ >]*(?:\\d+\\. )?(`{3,}[^`]*|~{3,}\\S*)$"));
  std::vector<bool> code(static_cast<std::size_t>(said.size()), false);
  QString open;
  qsizetype start = 0;
  const QStringList lines = said.split(u'\n');
  for (const QString& line : lines) {
    const auto match = fence.match(line);
    const QString mark = match.hasMatch() ? match.captured(1) : QString();
    const bool closes = !open.isEmpty() && !mark.isEmpty() && mark.startsWith(open) && mark.count(open.front()) == mark.size();
    if (open.isEmpty() ? !mark.isEmpty() : closes) {
      fences.push_back({start + match.capturedStart(1), start + line.size()});
      qsizetype count = 0;
      while (count < mark.size() && mark[count] == mark.front()) ++count;
      open = closes ? QString() : mark.left(count);
    } else if (!open.isEmpty() || line.startsWith(QStringLiteral("    "))) {
      const qsizetype begin = line.startsWith(u'>') ? 1 : 0;
      for (qsizetype i = begin; i < line.size(); ++i) code[static_cast<std::size_t>(start + i)] = !open.isEmpty();
    }
    start += line.size() + 1;
  }
  return code;
}

}  // namespace

QString signs(const QString& text) { return signsOf(text); }

QString unexplainedLoss(const QString& said, const QString& shown) {
  std::vector<std::pair<qsizetype, qsizetype>> fences;
  const std::vector<bool> code = codeOf(said, fences);
  std::vector<std::vector<Jump>> jumps(static_cast<std::size_t>(said.size()));
  for (const auto& [begin, end] : fences) jumps[static_cast<std::size_t>(begin)].push_back({end, {}});
  for (const Allowed& allowed : kAllowed) addJumps(jumps, said, allowed, code);
  static const QRegularExpression ruler(QStringLiteral("(^|\\n)[ >]*(?=[^\\n]*\\|)[|:\\- ]*-[|:\\- ]*(\\n|$)"));
  if (ruler.match(said).hasMatch()) {
    for (const Allowed& allowed : kInTables) addJumps(jumps, said, allowed, code);
  }
  // Which lengths of `shown` are explained by the first characters of `said`.
  std::vector<std::vector<bool>> explained(static_cast<std::size_t>(said.size()) + 1, std::vector<bool>(static_cast<std::size_t>(shown.size()) + 1));
  explained[0][0] = true;
  qsizetype reached = 0;
  for (qsizetype i = 0; i < said.size(); ++i) {
    const auto here = static_cast<std::size_t>(i);
    for (std::size_t j = 0; j <= static_cast<std::size_t>(shown.size()); ++j) {
      if (!explained[here][j]) continue;
      reached = i;
      if (said[i].isSpace()) explained[here + 1][j] = true;
      else if (j < static_cast<std::size_t>(shown.size()) && said[i] == shown[static_cast<qsizetype>(j)]) explained[here + 1][j + 1] = true;
      for (const Jump& jump : jumps[here]) {
        if (QStringView(shown).sliced(static_cast<qsizetype>(j)).startsWith(jump.shown)) {
          explained[static_cast<std::size_t>(jump.end)][j + static_cast<std::size_t>(jump.shown.size())] = true;
        }
      }
    }
  }
  if (explained.back().back()) return {};
  return said.mid(std::max<qsizetype>(reached - 20, 0), 20) + QStringLiteral(" >>> ") + said.mid(reached, 30);
}

}  // namespace rookery::app::test
