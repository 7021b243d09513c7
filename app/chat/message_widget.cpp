// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/message_widget.h"

#include <QAbstractTextDocumentLayout>
#include <QClipboard>
#include <QDesktopServices>
#include <QEvent>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QScrollBar>
#include <QStyle>
#include <QTextBlock>
#include <QTextFrame>
#include <QToolButton>
#include <QWheelEvent>
#include <cmath>

#include "support/format.h"
#include "theme/card.h"
#include "theme/icons.h"
#include "theme/theme.h"

namespace rookery::app {
namespace {
constexpr int kPad = 12, kGap = 4, kRadius = 6;
}  // namespace

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
  document()->setIndentWidth(fontMetrics().height() * 1.4);
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
  style.text = palette().color(QPalette::Text);
  style.muted = Theme::colors().mutedText;
  style.link = palette().color(QPalette::Link);
  style.codeBackground = palette().color(QPalette::AlternateBase);
  style.line = Theme::colors().line;
  document()->setDefaultFont(font());
  m_markdown.setStyle(style);
}

void MessageBody::setContent(const QString& text, bool markdown) {
  m_isMarkdown = markdown;
  m_hasLeadingSpace = markdown;
  if (!markdown) {
    m_markdown.setText({});
    QTextCursor cursor(document());  // setPlainText() would keep the formats of the empty block that is there
    QTextBlockFormat lines;
    lines.setLineHeight(122, QTextBlockFormat::ProportionalHeight);
    cursor.setBlockFormat(lines);
    cursor.setBlockCharFormat({});
    cursor.insertText(text, QTextCharFormat());
    placeCopyButtons();
    return;
  }
  m_markdown.setText({});
  append(text);
  if (text.isEmpty()) placeCopyButtons();
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
  QTextCursor cursor(document());
  cursor.setPosition(frames[index]->firstPosition());
  cursor.setPosition(frames[index]->lastPosition(), QTextCursor::KeepAnchor);
  QGuiApplication::clipboard()->setText(cursor.selectedText().replace(QChar::ParagraphSeparator, u'\n'));
}

void MessageBody::placeCopyButtons() {
  const auto frames = codeFrames();
  for (qsizetype i = 0; i < frames.size(); ++i) {
    if (i == m_copyButtons.size()) {
      auto* button = new QToolButton(viewport());
      button->setObjectName(QStringLiteral("copyCode"));
      button->setAutoRaise(true);
      button->setIcon(lineIcon(QStringLiteral("copy")));
      button->setToolTip(tr("Copy the code"));
      button->setAccessibleName(tr("Copy the code"));
      connect(button, &QToolButton::clicked, this, [this, i] { copyCode(i); });
      m_copyButtons.push_back(button);
    }
    QToolButton* button = m_copyButtons[i];
    const QRectF box = document()->documentLayout()->frameBoundingRect(frames[i]);
    const QSize size = button->sizeHint();
    button->setGeometry(static_cast<int>(box.right()) - size.width() - 2, static_cast<int>(box.top() + frames[i]->frameFormat().topMargin()) + 2, size.width(), size.height());
    button->show();
  }
  for (qsizetype i = frames.size(); i < m_copyButtons.size(); ++i) m_copyButtons[i]->hide();
}

MessageWidget::MessageWidget(QWidget* parent)
    : QWidget(parent), m_author(new QLabel(this)), m_time(new MutedLabel(this)), m_note(new MutedLabel(this)),
      m_figures(new MutedLabel(this)), m_siblingText(new MutedLabel(this)), m_body(new MessageBody(this)) {
  setObjectName(QStringLiteral("message"));
  QFont bold = font();
  bold.setWeight(QFont::DemiBold);
  m_author->setFont(bold);
  m_author->setObjectName(QStringLiteral("author"));
  m_figures->setObjectName(QStringLiteral("figures"));
  m_note->setObjectName(QStringLiteral("note"));
  m_siblingText->setObjectName(QStringLiteral("siblings"));
  m_previous = makeButton(QStringLiteral("previousSibling"), QStringLiteral("chevron-left"));
  m_next = makeButton(QStringLiteral("nextSibling"), QStringLiteral("chevron-right"));
  m_edit = makeButton(QStringLiteral("edit"), QStringLiteral("edit"));
  m_continue = makeButton(QStringLiteral("continue"), QStringLiteral("play"));
  m_regenerate = makeButton(QStringLiteral("regenerate"), QStringLiteral("refresh"));
  m_copy = makeButton(QStringLiteral("copy"), QStringLiteral("copy"));
  m_continue->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  m_continue->setAutoRaise(false);
  m_note->setWordWrap(true);
  // The page behind is Base, so labels would take the Text role by themselves.
  for (QLabel* label : {m_time, m_figures, m_siblingText, m_note}) label->setForegroundRole(QPalette::WindowText);
  connect(m_previous, &QToolButton::clicked, this, [this] { Q_EMIT siblingRequested(m_message, -1); });
  connect(m_next, &QToolButton::clicked, this, [this] { Q_EMIT siblingRequested(m_message, 1); });
  connect(m_edit, &QToolButton::clicked, this, [this] { Q_EMIT editRequested(m_message); });
  connect(m_continue, &QToolButton::clicked, this, [this] { Q_EMIT continueRequested(m_message); });
  connect(m_regenerate, &QToolButton::clicked, this, [this] { Q_EMIT regenerateRequested(m_message); });
  connect(m_copy, &QToolButton::clicked, this, [this] { Q_EMIT copyRequested(m_message); });
  retranslate();
}

QToolButton* MessageWidget::makeButton(const QString& name, const QString& icon) {
  auto* button = new QToolButton(this);
  button->setObjectName(name);
  button->setAutoRaise(true);
  button->setIcon(lineIcon(icon));
  button->setFocusPolicy(Qt::StrongFocus);
  return button;
}

void MessageWidget::retranslate() {
  const auto name = [](QToolButton* button, const QString& text) {
    button->setText(text);
    button->setToolTip(text);
    button->setAccessibleName(text);
  };
  name(m_previous, tr("Previous version"));
  name(m_next, tr("Next version"));
  name(m_edit, tr("Edit and ask again"));
  name(m_continue, tr("Continue"));
  name(m_regenerate, tr("Answer again"));
  name(m_copy, tr("Copy"));
  updateButtons();
}

void MessageWidget::setMessage(const MessageRecord& message, TranscriptModel::Siblings siblings, const QString& author,
                               bool isLast, Activity activity) {
  m_message = message.id;
  m_role = message.role;
  m_cut = isLast && message.role == MessageRole::Assistant &&
          (message.state == MessageState::Partial || message.stop == engine::StopReason::Cancelled ||
           message.stop == engine::StopReason::MaxTokens);
  m_siblings = siblings;
  m_author->setText(author);
  m_time->setText(QLocale().toString(message.created.time(), QLocale::ShortFormat));
  m_time->setToolTip(QLocale().toString(message.created, QLocale::LongFormat));
  const bool assistant = m_role == MessageRole::Assistant;
  m_body->setContent(message.text, assistant);
  m_body->setAccessibleName(assistant ? tr("Answer by %1").arg(author) : tr("Your message"));
  setAccessibleName(m_body->accessibleName());

  QString figures;
  if (assistant && message.decodeTokens > 0 && message.decodeSeconds > 0) {
    const auto count = static_cast<int>(message.tokens.size());
    figures = tr("%1 tokens/s · %2 · first after %3 s", "figures under an answer; %2 is \"402 tokens\"")
                  .arg(formatRate(message.decodeTokens / message.decodeSeconds), tr("%n token(s)", nullptr, count),
                       QLocale().toString(message.firstTokenSeconds, 'f', 2));
  }
  m_figures->setText(figures);
  setActivity(activity);
}

void MessageWidget::setActivity(Activity activity) {
  m_activity = activity;
  m_note->setText(activity == Activity::Waiting ? tr("Reading…")
                  : m_cut && activity == Activity::None
                      ? tr("The answer was cut off. Nothing is lost: it goes on where it stopped.")
                      : QString());
  updateButtons();
}

void MessageWidget::updateButtons() {
  const bool idle = m_activity == Activity::None;
  const bool assistant = m_role == MessageRole::Assistant;
  m_siblingText->setText(tr("%1/%2", "version of a message: 2/3").arg(m_siblings.index + 1).arg(m_siblings.count));
  const bool versions = m_siblings.count > 1;
  m_siblingText->setVisible(versions);
  m_previous->setVisible(versions);
  m_next->setVisible(versions);
  m_previous->setEnabled(idle && m_siblings.index > 0);
  m_next->setEnabled(idle && m_siblings.index + 1 < m_siblings.count);
  m_edit->setVisible(!assistant && idle);
  m_continue->setVisible(assistant && m_cut && idle);
  m_regenerate->setVisible(assistant && idle);
  m_copy->setVisible(idle);
  m_note->setVisible(!m_note->text().isEmpty());
  m_figures->setVisible(idle && !m_figures->text().isEmpty());
  layOut();
}

void MessageWidget::appendText(const QString& piece) {
  m_body->append(piece);
  if (m_activity == Activity::Waiting) setActivity(Activity::Answering);
}

int MessageWidget::footerHeight() const { return std::max(m_copy->sizeHint().height(), fontMetrics().height()) + kGap; }

int MessageWidget::heightFor(int width) {
  const int body = m_body->heightFor(width - 2 * kPad);
  const int header = std::max(m_author->sizeHint().height(), m_copy->sizeHint().height());
  int height = kPad / 2 + header + kGap + body + kGap;
  if (!m_note->text().isEmpty()) height += m_note->heightForWidth(width - 2 * kPad) + kGap;
  if (m_role == MessageRole::Assistant) height += footerHeight();
  return height + kPad / 2;
}

void MessageWidget::layOut() {
  const int inner = width() - 2 * kPad;
  if (inner <= 0) return;
  const int header = std::max(m_author->sizeHint().height(), m_copy->sizeHint().height());
  int y = kPad / 2;
  const QSize author = m_author->sizeHint();
  m_author->setGeometry(kPad, y, author.width(), header);
  m_time->setGeometry(kPad + author.width() + 2 * kGap, y, m_time->sizeHint().width(), header);
  int right = width() - kPad;
  const auto placeRight = [&](QWidget* widget) {
    if (widget->isHidden()) return;
    const QSize size = widget->sizeHint();
    right -= size.width();
    widget->setGeometry(right, y + (header - size.height()) / 2, size.width(), size.height());
  };
  if (m_role == MessageRole::User) {
    placeRight(m_copy);
    placeRight(m_edit);
  }
  placeRight(m_next);
  placeRight(m_siblingText);
  placeRight(m_previous);

  y += header + kGap;
  const int body = m_body->heightFor(inner);
  m_body->setGeometry(kPad, y, inner, body);
  y += body + kGap;
  if (!m_note->isHidden()) {
    const int note = m_note->heightForWidth(inner);
    m_note->setGeometry(kPad, y, inner, note);
    y += note + kGap;
  }
  if (m_role != MessageRole::Assistant) return;
  int x = kPad;
  for (QToolButton* button : {m_continue, m_regenerate, m_copy}) {
    if (button->isHidden()) continue;
    const QSize size = button->sizeHint();
    if (x == kPad && button->autoRaise()) x -= (size.width() - button->iconSize().width()) / 2;  // its icon lines up with the text
    button->setGeometry(x, y, size.width(), size.height());
    x += size.width() + kGap;
  }
  const int figures = std::min(m_figures->sizeHint().width(), width() - kPad - x);
  m_figures->setGeometry(width() - kPad - figures, y, figures, footerHeight() - kGap);
}

void MessageWidget::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  layOut();
}

void MessageWidget::paintEvent(QPaintEvent*) {
  if (m_role != MessageRole::User) return;
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(Theme::colors().line);
  painter.setBrush(palette().brush(QPalette::AlternateBase));
  painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), kRadius, kRadius);
}

void MessageWidget::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
    if (m_role == MessageRole::Assistant) m_body->applyStyle();
  }
}

}  // namespace rookery::app
