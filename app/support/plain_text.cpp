// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/plain_text.h"

#include <QLabel>
#include <QMessageBox>
#include <QTextBoundaryFinder>
#include <algorithm>

namespace rookery::app {
namespace {

constexpr qsizetype kToolTipLine = 100, kToolTipLines = 24;
constexpr QChar kEllipsis(0x2026);

/// Characters that are not seen but act: on the direction of what stands beside them, or on whatever shows them.
bool acts(QChar c) {
  switch (c.unicode()) {
    case 0x061C: case 0x200E: case 0x200F: case 0x2028: case 0x2029: case 0xFEFF: return true;
    default: break;
  }
  return c.category() == QChar::Other_Control || turnsDirection(c.unicode());
}

/// A cut between the halves of a surrogate pair would leave two broken characters.
qsizetype cutBefore(QStringView text, qsizetype at) { return at > 0 && text[at - 1].isHighSurrogate() ? at - 1 : at; }

QString clean(QStringView text, bool keepsLines) {
  QString shown = text.toString();
  shown.replace(QStringLiteral("\r\n"), QStringLiteral("\n"));
  for (QChar& c : shown) {
    if (c == u'\t' || (c == u'\n' && !keepsLines)) c = u' ';
    else if (c != u'\n' && acts(c)) c = QChar::ReplacementCharacter;
  }
  return shown;
}

QString wrapped(const QString& text) {
  QStringList lines;
  for (QStringView rest : QStringView(text).split(u'\n')) {
    do {
      qsizetype end = rest.size();
      if (end > kToolTipLine) {
        const qsizetype blank = rest.left(kToolTipLine).lastIndexOf(u' ');
        end = blank > kToolTipLine / 2 ? blank + 1 : cutBefore(rest, kToolTipLine);
      }
      lines << rest.left(end).toString();
      rest = rest.mid(end);
    } while (!rest.isEmpty() && lines.size() <= kToolTipLines);
    if (lines.size() > kToolTipLines) {
      lines.resize(kToolTipLines);
      lines << QString(kEllipsis);
      break;
    }
  }
  return lines.join(u'\n');
}

}  // namespace

QString displayName(const QString& name, qsizetype most) {
  const QStringView all(name);
  if (all.size() <= most) return clean(all, false);
  const qsizetype head = cutBefore(all, (most - 1) / 2);
  qsizetype tail = all.size() - (most - 1 - (most - 1) / 2);
  if (all[tail].isLowSurrogate()) ++tail;
  return clean(all.left(head), false) + kEllipsis + clean(all.mid(tail), false);
}

QString displayText(const QString& text, qsizetype most) {
  const QStringView all(text);
  if (all.size() <= most) return clean(all, true);
  return clean(all.left(cutBefore(all, most)), true) + kEllipsis;
}

QString breakable(const QString& text) {
  constexpr qsizetype kLongestWord = 32, kPiece = 16;
  if (text.size() <= kLongestWord) return text;
  QTextBoundaryFinder breaks(QTextBoundaryFinder::Line, text), letters(QTextBoundaryFinder::Grapheme, text);
  QString shown;
  for (qsizetype at = 0; at < text.size();) {
    breaks.setPosition(at);
    const qsizetype found = breaks.toNextBoundary(), blank = text.indexOf(u' ', at);
    qsizetype end = found < 0 ? text.size() : found;
    if (blank >= 0) end = std::min(end, blank + 1);  // none is found between a blank and a dot
    while (end - at > kLongestWord) {
      letters.setPosition(at + kPiece);
      const qsizetype piece = letters.isAtBoundary() ? letters.position() : letters.toNextBoundary();
      if (piece < 0 || piece >= end) break;  // one letter of many marks
      shown += QStringView(text).mid(at, piece - at);
      shown += kBreak;
      at = piece;
    }
    shown += QStringView(text).mid(at, end - at);
    at = end;
  }
  return shown;
}

bool turnsDirection(char32_t character) {
  return (character >= 0x202A && character <= 0x202E) || (character >= 0x2066 && character <= 0x2069);
}

QString withoutTurns(const QString& text) {
  const auto turns = [](QChar c) { return turnsDirection(c.unicode()); };
  if (std::none_of(text.begin(), text.end(), turns)) return text;
  QString shown = text;
  std::replace_if(shown.begin(), shown.end(), turns, QChar(QChar::ReplacementCharacter));
  return shown;
}

QString plainToolTip(const QString& text) {
  QString plain = wrapped(displayText(text));
  if (Qt::mightBeRichText(plain)) {  // Qt asks this of every tooltip; an invisible character in its tags makes it say no
    const QChar zeroWidthSpace(0x200B);
    plain.replace(QStringLiteral("<"), QStringLiteral("<") + zeroWidthSpace);
    plain.replace(QStringLiteral("&lt;"), QStringLiteral("&") + zeroWidthSpace + QStringLiteral("lt;"));
  }
  return plain;
}

QString withoutMnemonic(const QString& text) { return QString(text).replace(QStringLiteral("&"), QStringLiteral("&&")); }

void makePlain(QMessageBox& box) {
  box.setTextFormat(Qt::PlainText);
  box.setText(displayText(box.text()));
  if (!box.informativeText().isEmpty()) box.setInformativeText(displayText(box.informativeText()));
  for (auto* label : box.findChildren<QLabel*>()) label->setTextFormat(Qt::PlainText);
}

}  // namespace rookery::app
