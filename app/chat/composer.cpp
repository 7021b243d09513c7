// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/composer.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPainter>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextBlock>
#include <QTextDocument>
#include <QToolButton>
#include <QVBoxLayout>

#include "inference/engine_text.h"
#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/label.h"
#include "theme/theme.h"

namespace rookery::app {
namespace {
constexpr int kMaxLines = 8;
constexpr int kCountDelay = 120;              // ms after the last key
constexpr qsizetype kMaxCounted = 200'000;    // characters; beyond that counting would hold the window up
}  // namespace

Composer::Composer(QWidget* parent)
    : QWidget(parent), m_input(new QPlainTextEdit(this)), m_count(new Label(this)), m_hint(new Label(this)),
      m_cancelEdit(new QToolButton(this)), m_send(new QPushButton(this)), m_stop(new QPushButton(this)) {
  setObjectName(QStringLiteral("composer"));
  m_input->setObjectName(QStringLiteral("composerInput"));
  m_input->setTabChangesFocus(true);
  m_input->setFrameShape(QFrame::NoFrame);  // the composer draws the frame round everything
  m_input->viewport()->setAutoFillBackground(false);
  m_input->installEventFilter(this);
  m_count->setObjectName(QStringLiteral("composerTokens"));
  m_hint->setObjectName(QStringLiteral("composerHint"));
  m_cancelEdit->setObjectName(QStringLiteral("cancelEdit"));
  m_cancelEdit->setAutoRaise(true);
  m_cancelEdit->setIcon(lineIcon(QStringLiteral("close")));
  m_send->setObjectName(QStringLiteral("send"));
  m_send->setProperty("primary", true);
  m_send->setIcon(lineIcon(QStringLiteral("send"), QColor(0x1B2430)));
  m_stop->setObjectName(QStringLiteral("stop"));
  m_stop->setIcon(lineIcon(QStringLiteral("stop")));
  for (Label* label : {m_count, m_hint}) label->setForegroundRole(QPalette::PlaceholderText);
  m_hint->setWordWrap(true);

  auto* buttons = new QHBoxLayout;
  buttons->addWidget(m_hint, 1);
  buttons->addWidget(m_cancelEdit);
  buttons->addWidget(m_count);
  buttons->addSpacing(8);
  buttons->addWidget(m_stop);
  buttons->addWidget(m_send);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 6, 8, 8);
  column->setSpacing(4);
  column->addWidget(m_input);
  column->addLayout(buttons);

  m_countTimer.setSingleShot(true);
  m_countTimer.setInterval(kCountDelay);
  connect(&m_countTimer, &QTimer::timeout, this, &Composer::countTokens);
  connect(m_input, &QPlainTextEdit::textChanged, this, [this] {
    updateHeight();
    updateButtons();
    m_countTimer.start();
  });
  connect(m_send, &QPushButton::clicked, this, &Composer::submit);
  connect(m_stop, &QPushButton::clicked, this, &Composer::stopRequested);
  connect(m_cancelEdit, &QToolButton::clicked, this, &Composer::cancelEditing);
  setFocusProxy(m_input);
  retranslate();
  updateHeight();
}

void Composer::retranslate() {
  m_input->setPlaceholderText(tr("Message… Enter sends, Shift+Enter begins a new line"));
  m_input->setAccessibleName(tr("Message"));
  m_send->setText(tr("Send"));
  m_send->setToolTip(plainToolTip(tr("Send (Enter)")));
  m_stop->setText(tr("Stop"));
  m_stop->setToolTip(plainToolTip(tr("Stop the answer (Esc)")));
  m_cancelEdit->setToolTip(plainToolTip(tr("Stop editing (Esc)")));
  m_cancelEdit->setAccessibleName(tr("Stop editing"));
  countTokens();
  updateButtons();
}

void Composer::setTokenizer(std::shared_ptr<const engine::Tokenizer> tokenizer) {
  if (tokenizer == m_tokenizer) return;
  m_tokenizer = std::move(tokenizer);
  countTokens();
}

void Composer::setBlocked(const QString& reason) {
  m_blocked = reason;
  updateButtons();
}

void Composer::setAnswering(bool answering) {
  m_answering = answering;
  updateButtons();
}

void Composer::startEditing(const QString& text) {
  if (!m_editing) m_beforeEditing = m_input->toPlainText();
  m_editing = true;
  m_input->setPlainText(text);
  m_input->moveCursor(QTextCursor::End);
  updateButtons();
  focusInput();
}

QString Composer::text() const { return m_input->toPlainText(); }
void Composer::setText(const QString& text) {
  m_input->setPlainText(text);
  m_input->moveCursor(QTextCursor::End);
}
void Composer::focusInput() { m_input->setFocus(Qt::OtherFocusReason); }

void Composer::submit() {
  const QString text = m_input->toPlainText().trimmed();
  if (text.isEmpty() || m_answering || !m_blocked.isEmpty()) return;
  m_input->setPlainText(m_editing ? m_beforeEditing : QString());
  m_beforeEditing.clear();
  Q_EMIT submitted(text);  // still isEditing(), so that the page knows what the text replaces
  m_editing = false;
  updateButtons();
}

void Composer::cancelEditing() {
  if (!m_editing) return;
  m_editing = false;
  m_input->setPlainText(std::exchange(m_beforeEditing, {}));
  updateButtons();
}

void Composer::updateButtons() {
  m_send->setVisible(!m_answering);
  m_stop->setVisible(m_answering);
  m_send->setEnabled(m_blocked.isEmpty() && !m_input->document()->isEmpty());
  m_cancelEdit->setVisible(m_editing);
  m_hint->setText(!m_blocked.isEmpty() ? m_blocked
                  : m_editing          ? tr("You are editing an earlier message; the old version is kept beside it.")
                                       : QString());
}

void Composer::updateHeight() {
  const int lines = std::clamp(static_cast<int>(m_input->document()->size().height()), 2, kMaxLines);
  const int margins = static_cast<int>(2 * m_input->document()->documentMargin()) + 2 * m_input->frameWidth();
  m_input->setFixedHeight(lines * m_input->fontMetrics().lineSpacing() + margins + 4);
}

void Composer::countTokens() {
  const QString text = m_input->toPlainText();
  if (!m_tokenizer || text.isEmpty() || text.size() > kMaxCounted) {
    m_count->clear();
    return;
  }
  const auto count = static_cast<int>(m_tokenizer->encode(toUtf8(text)).size());
  m_count->setText(tr("%n token(s)", nullptr, count));
}

void Composer::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const bool focus = m_input->hasFocus();
  painter.setPen(QPen(focus ? palette().color(QPalette::Highlight) : Theme::colors().line, focus ? 1.5 : 1));
  painter.setBrush(palette().brush(QPalette::Base));
  painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 6, 6);
}

bool Composer::eventFilter(QObject* watched, QEvent* event) {
  if (watched == m_input && (event->type() == QEvent::FocusIn || event->type() == QEvent::FocusOut)) update();
  if (watched == m_input && event->type() == QEvent::KeyPress) {
    const auto* key = static_cast<QKeyEvent*>(event);
    const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
    if (enter && !(key->modifiers() & Qt::ShiftModifier)) {
      submit();
      return true;
    }
  }
  return QWidget::eventFilter(watched, event);
}

void Composer::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
