// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/markdown.h"

#include <QFontMetricsF>
#include <QStringView>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextDocumentFragment>
#include <QTextFrame>
#include <QTextList>
#include <QTextTable>
#include <array>
#include <md4c.h>
#include <vector>

namespace rookery::app {
namespace {

constexpr qsizetype kMaxUnfinished = 24'000;  // a block longer than this is cut, so that a batch stays cheap
constexpr std::array<double, 6> kHeadingScale{1.45, 1.3, 1.15, 1.05, 1.0, 1.0};

/// Makes an empty block take no room: Qt needs one before and after every frame and table.
void shrinkBlock(QTextCursor& cursor) {
  QTextBlockFormat format;
  format.setLineHeight(1, QTextBlockFormat::FixedHeight);
  QTextCharFormat tiny;
  tiny.setFontPointSize(1);
  cursor.setBlockFormat(format);
  cursor.setBlockCharFormat(tiny);
}

class Renderer {
 public:
  Renderer(QTextCursor& cursor, const MarkdownStyle& style) : m_cursor(cursor), m_style(style) {
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

 private:
  double em() const { return QFontMetricsF(m_style.font).height(); }

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
    format.setIndent(static_cast<int>(m_lists.size()));
    if (m_quotes > 0) format.setLeftMargin(em() * m_quotes);
    return format;
  }

  int enter(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_QUOTE:
        ++m_quotes;
        pushFormat([this](QTextCharFormat& f) { f.setForeground(m_style.muted); });
        break;
      case MD_BLOCK_UL: case MD_BLOCK_OL: {
        QTextListFormat format;
        if (type == MD_BLOCK_UL) format.setStyle(m_lists.empty() ? QTextListFormat::ListDisc : QTextListFormat::ListCircle);
        else format.setStyle(QTextListFormat::ListDecimal);
        format.setIndent(static_cast<int>(m_lists.size()) + 1);
        m_lists.push_back({format, nullptr});
        break;
      }
      case MD_BLOCK_LI: {
        QTextBlockFormat format = paragraph();
        format.setIndent(0);  // the list format indents
        beginBlock(format);
        ListLevel& level = m_lists.back();
        if (!level.list) level.list = m_cursor.createList(level.format);
        else level.list->add(m_cursor.block());
        m_itemOpen = true;
        break;
      }
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
        if (m_lists.empty() && !m_fresh) {  // the list keeps the distance of a paragraph to what follows
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
    if (m_itemOpen) m_itemOpen = false;
    m_fresh = false;
    QTextFrameFormat format;
    format.setBackground(m_style.codeBackground);
    format.setBorder(0);
    format.setPadding(em() * 0.6);
    format.setTopMargin(em() * 0.5);  // Qt ignores the bottom margin of a paragraph before a frame
    format.setBottomMargin(em() * 0.5);
    format.setLeftMargin(em() * 1.5 * static_cast<double>(m_lists.size()));
    format.setProperty(kCodeFrameProperty, true);
    m_code = m_cursor.insertFrame(format);
    m_cursor = m_code->firstCursorPosition();
    pushFormat([this](QTextCharFormat& f) { f.setFont(m_style.monospace); });
    m_cursor.setBlockFormat(QTextBlockFormat());
    m_cursor.setBlockCharFormat(m_formats.back());
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
      if (m_codeNewline) m_cursor.insertBlock(QTextBlockFormat(), m_formats.back());
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
    QTextListFormat format;
    QTextList* list;
  };

  QTextCursor& m_cursor;
  const MarkdownStyle& m_style;
  QTextCharFormat m_plain;
  std::vector<QTextCharFormat> m_formats;
  std::vector<ListLevel> m_lists;
  QTextFrame* m_code = nullptr;
  QTextTable* m_table = nullptr;
  int m_quotes = 0, m_row = -1, m_column = -1;
  bool m_fresh = true;      ///< the cursor's block is empty and may be used
  bool m_itemOpen = false;  ///< just after a list marker: a paragraph goes on in the same block
  bool m_inCode = false, m_codeNewline = false;
};

/// The fence that opens or closes a code block on this line: its characters, empty if there is none.
QStringView fenceOf(QStringView line) {
  qsizetype start = 0;
  while (start < line.size() && start < 3 && line[start] == u' ') ++start;
  qsizetype end = start;
  while (end < line.size() && (line[end] == u'`' || line[end] == u'~') && line[end] == line[start]) ++end;
  return end - start >= 3 ? line.sliced(start, end - start) : QStringView();
}

/// Could not belong to a list, quote, table or indented block above it.
bool startsPlainBlock(QStringView line) {
  if (line.isEmpty()) return false;
  const QChar c = line.front();
  return !c.isSpace() && !c.isDigit() && !QStringView(u"-*+>|").contains(c);
}

}  // namespace

void renderMarkdown(QTextCursor& cursor, const QString& markdown, const MarkdownStyle& style) {
  Renderer(cursor, style).run(markdown.toUtf8());
}

qsizetype stableMarkdownEnd(const QString& text, qsizetype from) {
  qsizetype stable = from;
  bool afterBlank = false;
  QStringView fence;
  for (qsizetype start = from; start < text.size();) {
    const qsizetype newline = text.indexOf(u'\n', start);
    if (newline < 0) break;  // an unfinished line decides nothing
    const QStringView line = QStringView(text).sliced(start, newline - start);
    const QStringView mark = fenceOf(line);
    if (!fence.isEmpty()) {
      if (mark.startsWith(fence)) {
        if (!line.front().isSpace()) stable = newline + 1;
        fence = {};
      }
    } else {
      if (afterBlank && startsPlainBlock(line)) stable = start;
      if (!mark.isEmpty()) fence = mark;
    }
    afterBlank = fence.isEmpty() && line.trimmed().isEmpty();
    start = newline + 1;
  }
  if (text.size() - stable > kMaxUnfinished) {
    const qsizetype newline = text.lastIndexOf(u'\n');
    stable = newline > stable ? newline + 1 : text.size();
  }
  return stable;
}

void StreamingMarkdown::setStyle(const MarkdownStyle& style) {
  m_style = style;
  setText(m_text);
}

void StreamingMarkdown::setText(const QString& markdown) {
  m_text = markdown;
  m_stableText = 0;
  m_stablePosition = 0;
  render();
}

void StreamingMarkdown::append(const QString& piece) {
  m_text += piece;
  render();
}

void StreamingMarkdown::render() {
  QTextCursor cursor(&m_document);
  cursor.beginEditBlock();
  cursor.setPosition(m_stablePosition);
  cursor.movePosition(QTextCursor::End, QTextCursor::KeepAnchor);
  cursor.removeSelectedText();
  shrinkBlock(cursor);  // also leaves a list that the removed text was in
  const qsizetype stable = stableMarkdownEnd(m_text, m_stableText);
  if (stable > m_stableText) {
    renderMarkdown(cursor, m_text.sliced(m_stableText, stable - m_stableText), m_style);
    m_stableText = stable;
    m_stablePosition = cursor.position();
  }
  if (m_stableText < m_text.size()) renderMarkdown(cursor, m_text.sliced(m_stableText), m_style);
  cursor.endEditBlock();
}

}  // namespace rookery::app
