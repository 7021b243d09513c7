// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "chat/markdown_cut.h"

namespace rookery::app {

/// What a text that begins in the middle goes on with.
struct SegmentStart {
  MarkdownContext context;
  bool insideLine = false;  ///< the line (of code, or of plain text) began before
};

/// A piece of a text that is laid out by itself.
struct TextSegment {
  qsizetype begin = 0, end = 0;
  int lines = 0;            ///< line breaks in it
  bool unbreakable = false; ///< holds so long a run without a blank that Qt may not look for a word's end in it
  SegmentStart start;
};

/// The next line of an open code block.
struct CodeLine {
  qsizetype end = 0, next = 0;  ///< of what is shown, and where the one behind it begins
  bool goesOn = false;          ///< broken here because of its length
  bool closes = false;          ///< it is the fence that ends the block
};

/// `line`, the beginning of one counted in, closes the block.
bool endsCode(QStringView line, const MarkdownContext& code);

/// nullopt: the line at `from` is not finished yet. `insideLine`: it began before `from`.
std::optional<CodeLine> nextCodeLine(const QString& text, qsizetype from, const MarkdownContext& code, bool insideLine);

/// What follows, from a segment's `start` at `from` on, of the code that is open there. Linear in its length.
QString restOfCode(const QString& text, qsizetype from, const SegmentStart& start);

/// Divides a text, which may grow at its end, into pieces that each take some milliseconds to lay out. Where it is divided
/// depends on the text alone, not on the pieces in which it came. Markdown is divided where it can be (see
/// nextMarkdownCut()), plain text at the ends of lines; lines that are too long at a blank.
/// The last segment is open: it ends where the reading has come to, or at the end of the text, and may become shorter.
class TextSegmenter {
 public:
  explicit TextSegmenter(bool markdown = false, qsizetype begin = 0);

  /// Reads on for about `budget` characters. True: the text is read to its end.
  bool advance(const QString& text, qsizetype budget);
  const std::vector<TextSegment>& segments() const noexcept { return m_segments; }
  qsizetype position() const noexcept { return m_at; }  ///< divided for good up to here
  qint64 lines() const noexcept { return m_lines; }     ///< line breaks before position()

 private:
  struct Part {
    qsizetype end = 0;
    MarkdownContext next;
    bool insideLine = false;
  };
  std::optional<Part> nextPart(const QString& text) const;
  void add(QStringView part);
  void look(QStringView text, TextSegment& segment, qsizetype& run) const;

  bool m_markdown;
  qsizetype m_at;
  SegmentStart m_next;      ///< of what stands at m_at
  qsizetype m_cost = 0;     ///< of the open segment up to m_at
  qsizetype m_run = 0;      ///< characters before m_at without a place to break
  TextSegment m_open;       ///< the open segment up to m_at
  qint64 m_lines = 0;
  std::vector<TextSegment> m_segments;
};

}  // namespace rookery::app
