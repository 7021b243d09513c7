// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/message_body.h"

#include <QAbstractTextDocumentLayout>
#include <QClipboard>
#include <QDesktopServices>
#include <QEvent>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QScrollBar>
#include <QTextBlock>
#include <QTextFrame>
#include <QToolButton>
#include <QWheelEvent>
#include <cmath>

#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/theme.h"

namespace rookery::app {

MessageBody::MessageBody(QWidget* parent) : QTextBrowser(parent), m_markdown(*document()) {
  setObjectName(QStringLiteral("messageBody"));
  setFrameShape(NoFrame);
  setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setOpenLinks(false);
  setUndoRedoEnabled(false);
  setTextInteractionFlags(Qt::TextBrowserInteraction | Qt::TextSelectableByKeyboard);
  viewport()->setAutoFillBackground(false);
  document()->setDocumentMargin(0);
  applyStyle();
  connect(this, &QTextBrowser::anchorClicked, this, [](const QUrl& url) {
    const QString scheme = url.scheme();
    if (scheme == u"https" || scheme == u"http" || scheme == u"mailto") QDesktopServices::openUrl(url);
  });
}

void MessageBody::applyStyle() {
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

void MessageBody::setMuted(bool muted) {
  m_isMuted = muted;
  applyStyle();
}

void MessageBody::setContent(const QString& text, bool markdown) {
  if (markdown && m_isMarkdown && !m_markdown.text().isEmpty()) {
    qsizetype begin = 0;
    while (begin < text.size() && text[begin].isSpace()) ++begin;
    if (QStringView(text).sliced(begin).startsWith(m_markdown.text())) {  // at the end of an answer: nothing, or its last words
      if (const QString rest = text.sliced(begin + m_markdown.text().size()); !rest.isEmpty()) append(rest);
      return;
    }
  }
  m_isMarkdown = markdown;
  m_hasLeadingSpace = markdown;
  m_markdown.setText({});
  m_plain = markdown ? QString() : text;
  if (markdown) append(text);
  else showPlain();
  placeCopyButtons();
}

void MessageBody::showPlain() {
  QTextCursor cursor(document());  // setPlainText() would keep the formats of the empty block that is there
  QTextBlockFormat lines;
  lines.setLineHeight(122, QTextBlockFormat::ProportionalHeight);
  cursor.setBlockFormat(lines);
  cursor.setBlockCharFormat({});
  cursor.insertText(m_plain, QTextCharFormat());
}

void MessageBody::append(const QString& piece) {
  QString shown = piece;
  if (m_hasLeadingSpace) {
    qsizetype begin = 0;
    while (begin < shown.size() && shown[begin].isSpace()) ++begin;
    shown.remove(0, begin);
    if (shown.isEmpty()) return;
    m_hasLeadingSpace = false;
  }
  m_markdown.append(shown);
  placeCopyButtons();
}

int MessageBody::heightFor(int width) {
  if (this->width() != width) resize(width, height());
  // Setting the width lays the whole text out again even if it is the same.
  if (document()->textWidth() != width) document()->setTextWidth(width);
  return std::max(static_cast<int>(std::ceil(document()->size().height())), fontMetrics().height());
}

void MessageBody::wheelEvent(QWheelEvent* event) { event->ignore(); }

void MessageBody::resizeEvent(QResizeEvent* event) {
  // QTextEdit lays out again on any resize; growing by a line while an answer streams must not cost that.
  if (event->size().width() != event->oldSize().width()) QTextBrowser::resizeEvent(event);
  verticalScrollBar()->setRange(0, 0);
  placeCopyButtons();
}

QVector<QTextFrame*> MessageBody::codeFrames() const {
  QVector<QTextFrame*> found;
  if (!m_isMarkdown) return found;
  const auto frames = document()->rootFrame()->childFrames();
  for (QTextFrame* frame : frames) {
    if (frame->frameFormat().boolProperty(kCodeFrameProperty)) found.push_back(frame);
  }
  return found;
}

void MessageBody::copyCode(qsizetype index) {
  const auto frames = codeFrames();
  if (index >= frames.size()) return;
  QGuiApplication::clipboard()->setText(codeOf(*frames[index]));
}

void MessageBody::changeEvent(QEvent* event) {
  QTextBrowser::changeEvent(event);
  // Widgets are used for other messages later, so every one of them follows, whatever it shows just now.
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) applyStyle();
  if (event->type() == QEvent::LanguageChange) retranslate();
}

void MessageBody::retranslate() {
  for (QToolButton* button : std::as_const(m_copyButtons)) {
    button->setToolTip(plainToolTip(tr("Copy the code")));
    button->setAccessibleName(tr("Copy the code"));
  }
}

void MessageBody::placeCopyButtons() {
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
    button->setGeometry(static_cast<int>(box.right()) - size.width() - 2, static_cast<int>(box.top() + frames[i]->frameFormat().topMargin()) + 2, size.width(), size.height());
    button->show();
  }
  for (qsizetype i = frames.size(); i < m_copyButtons.size(); ++i) m_copyButtons[i]->hide();
}

}  // namespace rookery::app
