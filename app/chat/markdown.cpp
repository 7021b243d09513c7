// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown.h"

#include <QFontMetricsF>
#include <QStringView>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextDocumentFragment>
#include <QTextFrame>
#include <QTextTable>
#include <algorithm>
#include <array>
#include <md4c.h>
#include <utility>
#include <vector>

#include "chat/markdown_format.h"

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
    parser.flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_PERMISSIVEURLAUTOLINKS;
    parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) { return static_cast<Renderer*>(self)->enter(type, detail); };
    parser.leave_block = [](MD_BLOCKTYPE type, void* detail, void* self) { return static_cast<Renderer*>(self)->leave(type, detail); };
    parser.enter_span = [](MD_SPANTYPE type, void* detail, void* self) { return static_cast<Renderer*>(self)->enterSpan(type, detail); };
    parser.leave_span = [](MD_SPANTYPE, void*, void* self) {
      static_cast<Renderer*>(self)->m_formats.pop_back();
      return 0;
    };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
      return static_cast<Renderer*>(self)->insert(type, QString::fromUtf8(text, static_cast<qsizetype>(size)));
    };
    md_parse(utf8.constData(), static_cast<MD_SIZE>(utf8.size()), &parser, this);
    if (!m_fresh) openFresh();
  }
  QTextFrame* lastCode() const { return m_code; }

 private:
  double em() const { return QFontMetricsF(m_style.font).height(); }
  double hang() const { return em() * kHang; }

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
    format.setLineHeight(122, QTextBlockFormat::ProportionalHeight);
    format.setBottomMargin(m_lists.empty() ? em() * 0.5 : em() * 0.15);
    format.setLeftMargin(em() * m_quotes + hang() * static_cast<double>(m_lists.size()));
    return format;
  }

  /// The mark is text before a tab, not one of Qt's lists: it is copied with the text, a list can begin with any number,
  /// and a new item does not make Qt lay out all the others again.
  void beginItem() {
    ListLevel& level = m_lists.back();
    const QString mark = level.ordered ? QString(QString::number(level.number++) + level.delimiter)
                                       : QString(m_lists.size() % 2 == 1 ? u'•' : u'◦');
    const double width = std::max(hang(), QFontMetricsF(m_style.font).horizontalAdvance(mark) + em() * 0.3);
    QTextBlockFormat format = paragraph();
    format.setLeftMargin(format.leftMargin() - hang() + width);
    format.setTextIndent(-width);
    format.setTabPositions({QTextOption::Tab(width, QTextOption::LeftTab)});
    beginBlock(format);
    m_cursor.insertText(mark + u'\t', m_formats.back());
    m_itemOpen = true;
  }

  int enter(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_QUOTE:
        ++m_quotes;
        pushFormat([this](QTextCharFormat& f) { f.setForeground(m_style.muted); });
        break;
      case MD_BLOCK_UL: m_lists.push_back({}); break;
      case MD_BLOCK_OL: {
        const auto& list = *static_cast<MD_BLOCK_OL_DETAIL*>(detail);
        const bool goesOn = m_part.firstNumber && !m_sawList;
        m_lists.push_back({true, goesOn ? *m_part.firstNumber : list.start, QLatin1Char(list.mark_delimiter)});
        m_sawList = true;
        break;
      }
      case MD_BLOCK_LI: beginItem(); break;
      case MD_BLOCK_P:
        if (m_itemOpen) m_itemOpen = false;
        else if (!m_table) beginBlock(paragraph());
        break;
      case MD_BLOCK_H: {
        const unsigned level = std::min(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level, 6U);
        pushFormat([this, level](QTextCharFormat& f) {
          f.setFontWeight(QFont::DemiBold);
          f.setFontPointSize(m_style.font.pointSizeF() * kHeadingScale[level - 1]);
        });
        if (std::exchange(m_itemOpen, false)) break;  // it stands beside the mark of its item
        QTextBlockFormat format = paragraph();
        format.setTopMargin(em() * 0.4);
        format.setBottomMargin(em() * 0.3);
        format.setHeadingLevel(static_cast<int>(level));
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
      case MD_BLOCK_LI: m_itemOpen = false; break;
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
    m_code = insertCodeFrame(m_cursor, m_style, hang() * static_cast<double>(m_lists.size()));
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
    format.setTopMargin(em() * 0.2);
    format.setBottomMargin(em() * 0.5);
    m_fresh = false;
    m_table = m_cursor.insertTable(static_cast<int>(detail.head_row_count + detail.body_row_count),
                                   static_cast<int>(detail.col_count), format);
    m_row = -1;
  }

  void enterCell(bool head, const MD_BLOCK_TD_DETAIL& detail) {
    pushFormat([head](QTextCharFormat& f) { if (head) f.setFontWeight(QFont::DemiBold); });
    ++m_column;
    if (!m_table || m_row >= m_table->rows() || m_column >= m_table->columns()) return;
    m_cursor = m_table->cellAt(m_row, m_column).firstCursorPosition();
    QTextBlockFormat format;
    if (detail.align == MD_ALIGN_RIGHT) format.setAlignment(Qt::AlignRight);
    if (detail.align == MD_ALIGN_CENTER) format.setAlignment(Qt::AlignHCenter);
    m_cursor.setBlockFormat(format);
  }

  int enterSpan(MD_SPANTYPE type, void* detail) {
    pushFormat([&](QTextCharFormat& f) {
      if (type == MD_SPAN_EM) f.setFontItalic(true);
      if (type == MD_SPAN_STRONG) f.setFontWeight(QFont::Bold);
      if (type == MD_SPAN_DEL) f.setFontStrikeOut(true);
      if (type == MD_SPAN_CODE) {
        f.setFontFamilies(m_style.monospace.families());
        f.setBackground(m_style.codeBackground);
      }
      if (type == MD_SPAN_A) {
        const MD_ATTRIBUTE& href = static_cast<MD_SPAN_A_DETAIL*>(detail)->href;
        f.setAnchor(true);
        f.setAnchorHref(QString::fromUtf8(href.text, static_cast<qsizetype>(href.size)));
        f.setForeground(m_style.link);
        f.setFontUnderline(true);
      }
    });
    return 0;
  }

  int insert(MD_TEXTTYPE type, const QString& text) {
    if (m_inCode) return insertCode(text);
    m_itemOpen = false;
    m_fresh = false;
    switch (type) {
      case MD_TEXT_BR: m_cursor.insertText(QString(QChar::LineSeparator), m_formats.back()); break;
      case MD_TEXT_SOFTBR: m_cursor.insertText(QStringLiteral(" "), m_formats.back()); break;
      case MD_TEXT_NULLCHAR: m_cursor.insertText(QString(QChar::ReplacementCharacter), m_formats.back()); break;
      case MD_TEXT_ENTITY:
        m_cursor.insertText(QTextDocumentFragment::fromHtml(text).toPlainText(), m_formats.back());
        break;
      default: m_cursor.insertText(text, m_formats.back()); break;
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
  int m_quotes = 0, m_row = -1, m_column = -1;
  bool m_fresh = true;      ///< the cursor's block is empty and may be used
  bool m_itemOpen = false;  ///< just after a list marker: a paragraph goes on in the same block
  bool m_inCode = false, m_codeNewline = false, m_sawList = false;
};

}  // namespace

QTextFrame* renderMarkdown(QTextCursor& cursor, const QString& markdown, const MarkdownStyle& style, const MarkdownPart& part) {
  Renderer renderer(cursor, style, part);
  renderer.run(markdown.toUtf8());
  return renderer.lastCode();
}

}  // namespace rookery::app
