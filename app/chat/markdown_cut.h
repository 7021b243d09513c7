// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>

namespace rookery::app {

/// What the text behind a cut goes on with.
struct MarkdownContext {
  enum class Kind { None, List, Table, Code };
  Kind kind = Kind::None;
  QChar marker;            ///< List: '-', '*', '+', '.' or ')'
  QString head;            ///< Table: its first two lines, without which the rest is none
  QString fence;           ///< Code: the characters that opened it
  qsizetype indent = 0;    ///< Code: columns before the fence; lines lose as many blanks
  bool isNew = false;      ///< Code: the cut ends the line of the fence, no line of code is shown yet
};

struct MarkdownCut {
  qsizetype end = 0;       ///< in the text
  MarkdownContext next;
};

/// A block is cut at the end of a line when it is longer than this, and inside a line at twice that.
inline constexpr qsizetype kMaxUnfinished = 4'000;

/// The next place at which a streaming text can be cut so that the part before it will not change any more, whatever
/// comes: where a block or a list item begins, behind the line that opens a code block, or where a block has become too
/// long. Depends only on finished lines, so the cuts do not depend on the pieces in which a text comes.
/// `from` is the last cut (or 0) and `context` what it said; its kind is not Code.
std::optional<MarkdownCut> nextMarkdownCut(const QString& text, qsizetype from, const MarkdownContext& context);

/// Where to break a text that is too long: after a sentence, else after a word, in the second half of [begin, end).
qsizetype softBreak(QStringView text, qsizetype begin, qsizetype end);

}  // namespace rookery::app
