// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/segment_view.h"

#include <QAbstractTextDocumentLayout>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QDesktopServices>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QMenu>
#include <QScrollBar>
#include <QTextBlock>
#include <QTextFrame>
#include <QToolButton>
#include <QWheelEvent>
#include <cmath>

#include "chat/announce.h"
#include "chat/markdown_format.h"
#include "chat/message_body.h"
#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/theme.h"

namespace rookery::app {

SegmentView::SegmentView(QWidget* parent) : QTextBrowser(parent), m_markdown(*document()) {
  setObjectName(QStringLiteral("messageText"));
  setFrameShape(NoFrame);
  setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setOpenLinks(false);
  setUndoRedoEnabled(false);
  setTextInteractionFlags(Qt::TextBrowserInteraction | Qt::TextSelectableByKeyboard);
  viewport()->setAutoFillBackground(false);
  document()->setDocumentMargin(0);
  applyStyle();
  connect(verticalScrollBar(), &QScrollBar::rangeChanged, this, &SegmentView::pin);
  connect(this, &QTextBrowser::anchorClicked, this, [](const QUrl& url) {
    const QString scheme = url.scheme();
    if (scheme == u"https" || scheme == u"http" || scheme == u"mailto") QDesktopServices::openUrl(url);
  });
}

void SegmentView::applyStyle() {
  MarkdownStyle style;
  style.font = font();
  style.monospace = QFontDatabase::systemFont(QFontDatabase::FixedFont);
  style.monospace.setPointSizeF(font().pointSizeF() * 0.95);
  style.muted = Theme::colors().mutedText;
  style.text = m_isMuted ? style.muted : palette().color(QPalette::Text);
  style.link = palette().color(QPalette::Link);
  style.codeBackground = palette().color(QPalette::AlternateBase);
  style.line = Theme::colors().line;
  document()->setDefaultFont(font());
  setTabStopDistance(4 * QFontMetricsF(style.monospace).horizontalAdvance(u' '));
  m_markdown.setStyle(style);
  if (!m_isMarkdown) showPlain();
}

void SegmentView::setMuted(bool muted) {
  if (m_isMuted == muted) return;
  m_isMuted = muted;
  applyStyle();
}

/// Between words only, Qt looks for the end of the word that fills the lines in each of them.
void SegmentView::setWrap(bool unbreakable) {
  const QTextOption::WrapMode mode = unbreakable ? QTextOption::WrapAnywhere : QTextOption::WrapAtWordBoundaryOrAnywhere;
  if (wordWrapMode() != mode) setWordWrapMode(mode);
}

void SegmentView::setPiece(const QString& text, const TextSegment& segment, bool markdown, const SegmentStart* next) {
  setWrap(segment.unbreakable);
  m_isMarkdown = markdown;
  m_codeGoesOn = next && next->context.kind == MarkdownContext::Kind::Code;
  m_plain = markdown ? QString() : withoutTurns(text);
  m_markdown.setGoesOn(next ? next->context : MarkdownContext{});
  m_markdown.setText(markdown ? text : QString(), markdown ? segment.start : SegmentStart{});
  if (!markdown) showPlain();
  placeCopyButtons();
}

void SegmentView::follow(const QString& text, const TextSegment& segment, const SegmentStart* next) {
  const qsizetype shown = m_isMarkdown ? m_markdown.text().size() : m_plain.size();
  const bool ends = next && !m_codeGoesOn;
  if (!m_isMarkdown) {
    if (text.size() != shown) setPiece(text, segment, false, next);
    return;
  }
  if (ends) {
    m_markdown.setGoesOn(next->context);
    m_codeGoesOn = next->context.kind == MarkdownContext::Kind::Code;
  }
  setWrap(segment.unbreakable);
  if (text.size() > shown) m_markdown.append(text.sliced(shown));
  else if (text.size() < shown || ends) m_markdown.truncate(text.size());
  placeCopyButtons();
}

void SegmentView::showPlain() {
  QTextCursor cursor(document());  // setPlainText() would keep the formats of the empty block that is there
  cursor.beginEditBlock();
  cursor.select(QTextCursor::Document);
  cursor.removeSelectedText();
  QTextBlockFormat lines;
  lines.setLineHeight(evenLineHeight(font()), QTextBlockFormat::MinimumHeight);
  cursor.setBlockFormat(lines);
  cursor.setBlockCharFormat({});
  QTextCharFormat format;
  if (m_isMuted) format.setForeground(Theme::colors().mutedText);
  cursor.insertText(m_plain, format);
  cursor.endEditBlock();
}

void SegmentView::setWidth(int width) {
  if (this->width() != width) resize(width, height());
  // Setting the width lays the whole text out again even if it is the same.
  if (document()->textWidth() != width) document()->setTextWidth(width);
}

int SegmentView::heightFor(int width) {
  setWidth(width);
  const QAbstractTextDocumentLayout& layout = *document()->documentLayout();
  double top = 0, bottom = document()->size().height();
  if (const QTextFrame* code = m_markdown.codeBefore()) {
    const QTextBlock first = code->firstCursorPosition().block();
    const bool empty = first == code->lastCursorPosition().block() && first.length() <= 1;  // its fence comes at once
    top = empty ? layout.blockBoundingRect(first).bottom() : layout.blockBoundingRect(first).top();
  }
  if (m_codeGoesOn) {
    QTextCursor end(document());
    end.movePosition(QTextCursor::End);
    end.movePosition(QTextCursor::PreviousBlock);  // behind every frame stands an empty block
    bottom = layout.blockBoundingRect(end.block()).bottom();
  }
  m_top = static_cast<int>(std::floor(top));
  pin();
  return std::max(static_cast<int>(std::ceil(bottom)) - m_top, m_codeGoesOn || m_top > 0 ? 1 : fontMetrics().height());
}

void SegmentView::pin() { verticalScrollBar()->setRange(m_top, m_top); }

void SegmentView::wheelEvent(QWheelEvent* event) { event->ignore(); }

void SegmentView::resizeEvent(QResizeEvent* event) {
  // QTextEdit lays out again on any resize; growing by a line while an answer streams must not cost that, and a view that
  // is shown has its width already.
  if (event->size().width() != document()->textWidth()) QTextBrowser::resizeEvent(event);
  pin();
  placeCopyButtons();
}

/// Qt's text takes the key for undoing even where nothing can be changed.
bool SegmentView::event(QEvent* event) {
  if (event->type() == QEvent::ShortcutOverride && static_cast<QKeyEvent*>(event)->matches(QKeySequence::Undo)) {
    event->ignore();
    return true;
  }
  return QTextBrowser::event(event);
}

void SegmentView::focusInEvent(QFocusEvent* event) {
  QTextBrowser::focusInEvent(event);
  Q_EMIT focused();
}

void SegmentView::keyPressEvent(QKeyEvent* event) {
  if (event->matches(QKeySequence::SelectAll)) {
    Q_EMIT selectAllRequested();
    event->accept();
    return;
  }
  if (event->matches(QKeySequence::Copy)) {  // of a selection over several pieces, this one's may be empty
    const auto* body = qobject_cast<const MessageBody*>(parentWidget());
    if (QMimeData* whole = body ? body->selection() : nullptr) {
      QGuiApplication::clipboard()->setMimeData(whole);
      event->accept();
      return;
    }
  }
  const QTextCursor before = textCursor();
  QTextBrowser::keyPressEvent(event);
  const bool moved = textCursor().position() != before.position(), plain = event->modifiers() == Qt::NoModifier;
  if (moved) Q_EMIT caretMoved(cursorRect());
  else if (plain && (event->key() == Qt::Key_Up || event->key() == Qt::Key_Down)) Q_EMIT caretLeft(event->key() == Qt::Key_Down);
}

void SegmentView::mousePressEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) Q_EMIT selectionStarted(cursorForPosition(event->pos()).position());
  QTextBrowser::mousePressEvent(event);
}

void SegmentView::mouseMoveEvent(QMouseEvent* event) {
  QTextBrowser::mouseMoveEvent(event);
  if (event->buttons() & Qt::LeftButton) Q_EMIT dragged(event->globalPosition().toPoint());
}

/// Qt's own menu would select this piece only.
void SegmentView::contextMenuEvent(QContextMenuEvent* event) {
  QMenu menu(this);
  QAction* copyAction = menu.addAction(tr("Copy"), this, &QTextBrowser::copy);
  copyAction->setEnabled(textCursor().hasSelection());
  if (const QString link = anchorAt(event->pos()); !link.isEmpty()) {
    menu.addAction(tr("Copy the link"), this, [link] { QGuiApplication::clipboard()->setText(link); });
  }
  menu.addAction(tr("Select all"), this, &SegmentView::selectAllRequested);
  menu.exec(event->globalPos());
}

QMimeData* SegmentView::createMimeDataFromSelection() const {
  const auto* body = qobject_cast<const MessageBody*>(parentWidget());
  QMimeData* whole = body ? body->selection() : nullptr;
  return whole ? whole : QTextBrowser::createMimeDataFromSelection();
}

QVector<QTextFrame*> SegmentView::codeFrames() const {
  QVector<QTextFrame*> found;
  if (!m_isMarkdown) return found;
  const auto frames = document()->rootFrame()->childFrames();
  for (QTextFrame* frame : frames) {
    if (frame->frameFormat().boolProperty(kCodeFrameProperty) && frame != m_markdown.codeBefore()) found.push_back(frame);
  }
  return found;
}

void SegmentView::changeEvent(QEvent* event) {
  QTextBrowser::changeEvent(event);
  // Views are used for other texts later, so every one of them follows, whatever it shows just now.
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) applyStyle();
  if (event->type() == QEvent::LanguageChange) retranslate();
}

void SegmentView::retranslate() {
  for (QToolButton* button : std::as_const(m_copyButtons)) {
    button->setToolTip(plainToolTip(tr("Copy the code")));
    button->setAccessibleName(tr("Copy the code"));
  }
}

void SegmentView::copyCode(qsizetype index) {
  const auto frames = codeFrames();
  if (index >= frames.size()) return;
  Q_EMIT copyCodeRequested(codeOf(*frames[index]), m_codeGoesOn && index + 1 == frames.size());
  showCopied(m_copyButtons[index]);
}

QList<QWidget*> SegmentView::buttons() const {
  QList<QWidget*> shown;
  for (QToolButton* button : m_copyButtons) {
    if (!button->isHidden()) shown << button;
  }
  return shown;
}

void SegmentView::placeCopyButtons() {
  const auto frames = codeFrames();
  for (qsizetype i = 0; i < frames.size(); ++i) {
    if (i == m_copyButtons.size()) {
      auto* button = new QToolButton(viewport());
      button->setObjectName(QStringLiteral("copyCode"));
      button->setAutoRaise(true);
      button->setIcon(lineIcon(QStringLiteral("copy")));
      connect(button, &QToolButton::clicked, this, [this, i] { copyCode(i); });
      m_copyButtons.push_back(button);
      retranslate();
    }
    QToolButton* button = m_copyButtons[i];
    const QRectF box = document()->documentLayout()->frameBoundingRect(frames[i]);
    const QSize size = button->sizeHint();
    button->setGeometry(static_cast<int>(box.right()) - size.width() - 2,
                        static_cast<int>(box.top() + frames[i]->frameFormat().topMargin()) + 2 - m_top, size.width(), size.height());
    button->show();
  }
  for (qsizetype i = frames.size(); i < m_copyButtons.size(); ++i) m_copyButtons[i]->hide();
}

}  // namespace rookery::app
