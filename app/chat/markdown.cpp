// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown.h"

#include <QFontMetricsF>
#include <QStringView>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextFrame>
#include <QTextTable>
#include <algorithm>
#include <array>
#include <md4c.h>
#include <utility>
#include <vector>

#include "chat/markdown_format.h"
#include "chat/markdown_inline.h"
#include "chat/markdown_prepare.h"
#include "support/plain_text.h"

namespace rookery::app {
namespace {

constexpr double kHang = 1.7;  // how far the text of a list item stands behind its mark, in line heights
constexpr std::array<double, 6> kHeadingScale{1.45, 1.3, 1.15, 1.05, 1.0, 1.0};

class Renderer {
 public:
  Renderer(QTextCursor& cursor, const MarkdownStyle& style, const MarkdownPart& part)
      : m_cursor(cursor), m_style(style), m_part(part) {
    m_plain.setFont(style.font);
    m_plain.setForeground(style.text);
  }

  void run(const QByteArray& utf8) {
    m_formats = {m_plain};
    MD_PARSER parser{};
    parser.flags = MD_FLAG_NOHTML | MD_FLAG_TABLES;
    parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) { return static_cast<Renderer*>(self)->enter(type, detail); };
    parser.leave_block = [](MD_BLOCKTYPE type, void* detail, void* self) { return static_cast<Renderer*>(self)->leave(type, detail); };
    parser.enter_span = [](MD_SPANTYPE, void*, void*) { return 0; };  // the signs of spans are hidden from it
    parser.leave_span = [](MD_SPANTYPE, void*, void*) { return 0; };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
      return static_cast<Renderer*>(self)->insert(type, QString::fromUtf8(text, static_cast<qsizetype>(size)));
    };
    md_parse(utf8.constData(), static_cast<MD_SIZE>(utf8.size()), &parser, this);
    flush();
    if (!m_fresh) openFresh();
  }
  QTextFrame* lastCode() const { return m_code; }

 private:
  double em() const { return QFontMetricsF(m_style.font).height(); }
  double hang() const { return em() * kHang; }
  /// Of a block inside the quotes and items that are open.
  double indent() const { return em() * m_quotes + hang() * static_cast<double>(m_lists.size()); }

  void shrink() { shrinkBlock(m_cursor); }

  void openFresh() {
    m_cursor.insertBlock(QTextBlockFormat(), m_plain);
    shrink();
    m_fresh = true;
  }

  void beginBlock(const QTextBlockFormat& format) {
    if (m_fresh) {
      m_cursor.setBlockFormat(format);
      m_cursor.setBlockCharFormat(m_formats.back());
    } else {
      m_cursor.insertBlock(format, m_formats.back());
    }
    m_fresh = false;
  }

  QTextBlockFormat paragraph() const {
    QTextBlockFormat format;
    format.setLineHeight(evenLineHeight(m_style.font), QTextBlockFormat::MinimumHeight);
    format.setBottomMargin(m_lists.empty() ? em() * 0.5 : em() * 0.15);
    format.setLeftMargin(indent());
    return format;
  }

  struct WaitingItem {
    std::size_t level = 0;   ///< in m_lists
    QTextCharFormat format;
  };

  /// The mark is text before a tab, not one of Qt's lists: it is copied with the text, every item has the number that was
  /// written, and a new item does not make Qt lay out all the others again.
  void beginItem(const WaitingItem& item, const QString& written) {
    ListLevel& list = m_lists[item.level];
    QString mark = written;
    if (list.ordered) {
      if (mark.isEmpty()) mark = QString::number(list.number) + list.delimiter;
      list.number = QStringView(mark).chopped(1).toUInt() + 1;
    } else if (mark.isEmpty()) {
      mark = item.level % 2 == 0 ? u'•' : u'◦';
    }
    const double width = std::max(hang(), QFontMetricsF(m_style.font).horizontalAdvance(mark) + em() * 0.3);
    QTextBlockFormat format = paragraph();
    format.setLeftMargin(em() * m_quotes + hang() * static_cast<double>(item.level) + width);
    format.setTextIndent(-width);
    format.setTabPositions({QTextOption::Tab(width, QTextOption::LeftTab)});
    beginBlock(format);
    m_cursor.insertText(mark + u'\t', item.format);
    m_itemOpen = true;
  }

  /// The marks of items are known with their first text; those without a text get theirs by counting.
  void beginItems(const QStringList& marks = {}) {
    const auto waiting = std::exchange(m_waiting, {});
    const auto known = static_cast<std::size_t>(marks.size());
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      const std::size_t behind = waiting.size() - i;
      beginItem(waiting[i], behind <= known ? marks[static_cast<qsizetype>(known - behind)] : QString());
    }
  }

  /// Inserts the text of the block that has been read.
  void flush() {
    if (m_text.isEmpty()) return;
    const QString prepared = std::exchange(m_text, {});
    QStringView rest(prepared);
    QStringList marks;
    while (hasItemMark(rest)) marks.push_back(takeItemMark(rest));
    beginItems(marks);
    const QString text = restoreMarkdown(rest);
    if (text.isEmpty()) return;
    m_itemOpen = m_fresh = false;
    for (const InlinePiece& piece : readInline(text, m_table != nullptr)) m_cursor.insertText(piece.text, formatOf(piece));
  }

  QTextCharFormat formatOf(const InlinePiece& piece) const {
    QTextCharFormat format = m_formats.back();
    if (piece.strong) format.setFontWeight(QFont::Bold);
    if (piece.emphasis) format.setFontItalic(true);
    if (piece.strike) format.setFontStrikeOut(true);
    if (piece.code || piece.formula) format.setFontFamilies(m_style.monospace.families());
    if (piece.code) format.setBackground(m_style.codeBackground);
    if (!piece.address.isEmpty()) {
      format.setAnchor(true);
      format.setAnchorHref(piece.address);
      format.setForeground(m_style.link);
      format.setFontUnderline(true);
      format.setToolTip(plainToolTip(piece.title.isEmpty() ? piece.address : piece.title + u'\n' + piece.address));
    }
    return format;
  }

  int enter(MD_BLOCKTYPE type, void* detail) {
    flush();
    if (type == MD_BLOCK_CODE || type == MD_BLOCK_HR || type == MD_BLOCK_TABLE) beginItems();
    switch (type) {
      case MD_BLOCK_QUOTE:
        ++m_quotes;
        pushFormat([this](QTextCharFormat& f) { if (m_quotes == 1) f.setForeground(m_style.muted); });
        break;
      case MD_BLOCK_UL: m_lists.push_back({}); break;
      case MD_BLOCK_OL: {
        const auto& list = *static_cast<MD_BLOCK_OL_DETAIL*>(detail);
        m_lists.push_back({true, list.start, QLatin1Char(list.mark_delimiter)});
        break;
      }
      case MD_BLOCK_LI: m_waiting.push_back({m_lists.size() - 1, m_formats.back()}); break;
      case MD_BLOCK_P:
        if (!m_waiting.empty()) break;  // it stands beside the mark of its item
        if (m_itemOpen) m_itemOpen = false;
        else if (!m_table) beginBlock(paragraph());
        break;
      case MD_BLOCK_H: {
        const unsigned level = std::min(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level, 6U);
        pushFormat([this, level](QTextCharFormat& f) {
          f.setFontWeight(QFont::DemiBold);
          f.setFontPointSize(m_style.font.pointSizeF() * kHeadingScale[level - 1]);
        });
        if (!m_waiting.empty() || std::exchange(m_itemOpen, false)) break;
        QTextBlockFormat format = paragraph();
        format.setTopMargin(em() * 0.4);
        format.setBottomMargin(em() * 0.3);
        format.setHeadingLevel(static_cast<int>(level));
        format.setLineHeight(evenLineHeight(m_style.font) * kHeadingScale[level - 1], QTextBlockFormat::MinimumHeight);
        beginBlock(format);
        break;
      }
      case MD_BLOCK_CODE: beginCode(); break;
      case MD_BLOCK_HR: {
        QTextBlockFormat format;
        format.setProperty(QTextFormat::BlockTrailingHorizontalRulerWidth, QTextLength(QTextLength::PercentageLength, 100));
        format.setBottomMargin(em() * 0.5);
        beginBlock(format);
        break;
      }
      case MD_BLOCK_TABLE: beginTable(*static_cast<MD_BLOCK_TABLE_DETAIL*>(detail)); break;
      case MD_BLOCK_TR: ++m_row; m_column = -1; break;
      case MD_BLOCK_TH: case MD_BLOCK_TD: enterCell(type == MD_BLOCK_TH, *static_cast<MD_BLOCK_TD_DETAIL*>(detail)); break;
      default: break;
    }
    return 0;
  }

  int leave(MD_BLOCKTYPE type, void*) {
    if (type == MD_BLOCK_TH && m_row < 0) m_text.clear();  // the head that is shown already
    flush();
    switch (type) {
      case MD_BLOCK_QUOTE: --m_quotes; m_formats.pop_back(); break;
      case MD_BLOCK_UL: case MD_BLOCK_OL:
        m_lists.pop_back();
        if (m_lists.empty() && !m_fresh && !m_part.listGoesOn) {  // as far from what follows as a paragraph
          QTextBlockFormat distance;
          distance.setBottomMargin(em() * 0.5);
          m_cursor.mergeBlockFormat(distance);
        }
        break;
      case MD_BLOCK_LI:
        beginItems();
        m_itemOpen = false;
        break;
      case MD_BLOCK_H: m_formats.pop_back(); break;
      case MD_BLOCK_TH: case MD_BLOCK_TD: m_formats.pop_back(); break;
      case MD_BLOCK_CODE:
        m_inCode = false;
        m_formats.pop_back();
        afterFrame(m_code->lastPosition());
        break;
      case MD_BLOCK_TABLE:
        afterFrame(m_table->lastPosition());
        m_fresh = false;  // one more empty block between: a change right behind a table makes Qt lay the table out again
        m_table = nullptr;
        break;
      default: break;
    }
    return 0;
  }

  void afterFrame(int lastPosition) {
    m_cursor.setPosition(lastPosition + 1);
    shrink();
    m_fresh = true;
  }

  void beginCode() {
    m_itemOpen = m_fresh = false;
    m_code = insertCodeFrame(m_cursor, m_style, indent());
    pushFormat([this](QTextCharFormat& f) { f.setFont(m_style.monospace); });
    m_inCode = true;
    m_codeNewline = false;
  }

  void beginTable(const MD_BLOCK_TABLE_DETAIL& detail) {
    QTextTableFormat format;
    format.setBorder(1);
    format.setBorderBrush(m_style.line);
    format.setBorderStyle(QTextFrameFormat::BorderStyle_Solid);
    format.setBorderCollapse(true);
    format.setCellPadding(em() * 0.25);
    const int hidden = std::exchange(m_headIsShown, false) && detail.body_row_count > 0 ? 1 : 0;
    if (hidden == 0) format.setTopMargin(em() * 0.2);
    if (!m_part.tableGoesOn) format.setBottomMargin(em() * 0.5);
    format.setLeftMargin(indent());
    m_fresh = false;
    m_table = m_cursor.insertTable(static_cast<int>(detail.head_row_count + detail.body_row_count) - hidden,
                                   static_cast<int>(detail.col_count), format);
    m_row = -1 - hidden;
  }

  void enterCell(bool head, const MD_BLOCK_TD_DETAIL& detail) {
    pushFormat([head](QTextCharFormat& f) { if (head) f.setFontWeight(QFont::DemiBold); });
    ++m_column;
    if (!m_table || m_row < 0 || m_row >= m_table->rows() || m_column >= m_table->columns()) return;
    m_cursor = m_table->cellAt(m_row, m_column).firstCursorPosition();
    QTextBlockFormat format;
    format.setLineHeight(evenLineHeight(m_style.font), QTextBlockFormat::MinimumHeight);
    if (detail.align == MD_ALIGN_RIGHT) format.setAlignment(Qt::AlignRight);
    if (detail.align == MD_ALIGN_CENTER) format.setAlignment(Qt::AlignHCenter);
    m_cursor.setBlockFormat(format);
  }

  int insert(MD_TEXTTYPE type, const QString& text) {
    if (m_inCode) return insertCode(restoreMarkdown(text));
    switch (type) {
      case MD_TEXT_BR: case MD_TEXT_SOFTBR: m_text += u'\n'; break;
      case MD_TEXT_NULLCHAR: m_text += QChar::ReplacementCharacter; break;
      default: m_text += text; break;
    }
    return 0;
  }

  int insertCode(const QString& text) {
    const auto lines = QStringView(text).split(u'\n');
    for (qsizetype i = 0; i < lines.size(); ++i) {
      if (i > 0) m_codeNewline = true;
      if (lines[i].isEmpty() && i + 1 == lines.size()) break;  // the newline before the end opens no line
      const bool second = m_cursor.block() == m_code->firstCursorPosition().block();
      if (m_codeNewline) m_cursor.insertBlock(codeLineFormat(m_style, second), m_formats.back());
      m_codeNewline = false;
      m_cursor.insertText(lines[i].toString(), m_formats.back());
    }
    return 0;
  }

  template <class Change>
  void pushFormat(Change change) {
    QTextCharFormat format = m_formats.back();
    change(format);
    m_formats.push_back(format);
  }

  struct ListLevel {
    bool ordered = false;
    unsigned number = 0;
    QChar delimiter;
  };

  QTextCursor& m_cursor;
  const MarkdownStyle& m_style;
  const MarkdownPart& m_part;
  QTextCharFormat m_plain;
  std::vector<QTextCharFormat> m_formats;
  std::vector<ListLevel> m_lists;
  QTextFrame* m_code = nullptr;
  QTextTable* m_table = nullptr;
  QString m_text;                      ///< of the block that is being read, as md4c gives it
  std::vector<WaitingItem> m_waiting;  ///< items that have begun and show nothing yet
  int m_quotes = 0, m_row = -1, m_column = -1;
  bool m_fresh = true;      ///< the cursor's block is empty and may be used
  bool m_itemOpen = false;  ///< just after a list marker: a paragraph goes on in the same block
  bool m_inCode = false, m_codeNewline = false;
  bool m_headIsShown = m_part.headIsShown;
};

}  // namespace

QTextFrame* renderMarkdown(QTextCursor& cursor, const QString& markdown, const MarkdownStyle& style, const MarkdownPart& part) {
  Renderer renderer(cursor, style, part);
  renderer.run(prepareMarkdown(markdown).toUtf8());
  return renderer.lastCode();
}

}  // namespace rookery::app
