// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <vector>

namespace rookery::app {

/// How texts are searched. Case, accents and forms of the same letter do not matter. Words are found by their beginnings;
/// scripts without blanks between words (Chinese, Japanese, Thai and more) by any two neighbouring characters, or by one.

/// Of longer messages only the beginning is searched.
inline constexpr qsizetype kSearchedCharacters = 200'000;

/// The text in the words that the index knows, parted by blanks.
QString searchWords(QStringView text);

struct SearchQuery {
  QString expression;    ///< for MATCH; empty: nothing in it is a word
  QStringList needles;   ///< what was typed, parted at blanks, folded
  bool isLiteral = false;  ///< has signs that the index does not know ("c++"): what it finds must be looked at

  explicit SearchQuery(const QString& typed);
  bool isEmpty() const { return needles.isEmpty(); }
};

struct TextMark {
  qsizetype start = 0, length = 0;
};

/// A part of a text in one line, with the places of the needles in it.
struct Snippet {
  QString text;
  std::vector<TextMark> marks;
};

bool containsAll(QStringView text, const SearchQuery& query);
/// Around the first needle; the beginning of the text if there is none.
Snippet snippetOf(QStringView text, const SearchQuery& query);

}  // namespace rookery::app
