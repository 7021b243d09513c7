// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/composer.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPainter>
#include <QPointer>
#include <QPushButton>
#include <QScrollArea>
#include <QTextBlock>
#include <QTextDocument>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

#include "chat/composer_input.h"
#include "chat/pasted_text.h"
#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/label.h"
#include "theme/theme.h"

namespace rookery::app {
namespace {
constexpr int kMaxLines = 8;
constexpr int kCountDelay = 120;              // ms after the last key
constexpr int kShownPasted = 3;               // lines of long texts before they scroll
}  // namespace

Composer::Composer(QWidget* parent)
    : QWidget(parent), m_input(new ComposerInput(this)), m_pastedArea(new QScrollArea(this)), m_count(new Label(this)), m_hint(new Label(this)),
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

  auto* pasted = new QWidget(m_pastedArea);
  pasted->setBackgroundRole(QPalette::Base);
  m_pastedColumn = new QVBoxLayout(pasted);
  m_pastedColumn->setContentsMargins(0, 0, 0, 0);
  m_pastedColumn->setSpacing(4);
  m_pastedArea->setWidget(pasted);
  m_pastedArea->setWidgetResizable(true);
  m_pastedArea->setFrameShape(QFrame::NoFrame);
  m_pastedArea->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_pastedArea->hide();

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
  column->addWidget(m_pastedArea);
  column->addWidget(m_input);
  column->addLayout(buttons);

  m_countTimer.setSingleShot(true);
  m_countTimer.setInterval(kCountDelay);
  connect(&m_countTimer, &QTimer::timeout, this, &Composer::countTokens);
  connect(m_input, &QPlainTextEdit::textChanged, this, [this] {
    m_restored.clear();
    updateHeight();
    updateButtons();
    showPlaces();
    m_countTimer.start();
  });
  connect(m_input, &ComposerInput::longTextPasted, this,
          [this](const QString& text) { addPasted(text, m_input->textCursor().position()); });
  connect(m_input, &ComposerInput::nothingToUndo, this, &Composer::nothingToUndo);
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
  showCount();
  updateButtons();
}

void Composer::setTokenizer(std::shared_ptr<const engine::Tokenizer> tokenizer) {
  if (tokenizer == m_counter.tokenizer()) return;
  m_counter.setTokenizer(std::move(tokenizer));
  m_count->clear();
  for (PastedText* pasted : std::as_const(m_pasted)) countPasted(pasted);
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
  if (!m_editing) m_beforeEditing = draft();
  m_editing = true;
  setText(text);
  updateButtons();
  focusInput();
}

Composer::Draft Composer::Draft::of(const QString& text) {
  const DraftParts parts = splitDraft(text);
  if (parts.before.isEmpty()) return {{}, parts.typed};
  return {{{parts.before, 0}}, parts.typed};
}

QString Composer::Draft::text() const {
  if (pasted.isEmpty()) return typed;
  QStringList parts;
  const auto addTyped = [&parts](QStringView words) {
    if (const QStringView clean = words.trimmed(); !clean.isEmpty()) parts << clean.toString();
  };
  qsizetype from = 0;
  for (const Pasted& one : pasted) {
    addTyped(QStringView(typed).mid(from, one.at - from));
    parts << one.text;
    from = one.at;
  }
  addTyped(QStringView(typed).mid(from));
  return parts.size() == 1 ? parts.front() : parts.join(u'\n');
}

Composer::Draft Composer::Draft::followedBy(const Draft& other) const {
  if (isEmpty() || other.isEmpty()) return isEmpty() ? other : *this;
  Draft all = *this;
  if (!typed.isEmpty()) all.typed += QStringLiteral("\n\n");
  for (const Pasted& one : other.pasted) all.pasted.push_back({one.text, all.typed.size() + one.at});
  all.typed += other.typed;
  return all;
}

Composer::Draft Composer::draft() const {
  if (!m_restored.isEmpty()) return Draft::of(m_restored);
  Draft draft;
  for (const PastedText* pasted : m_pasted) draft.pasted.push_back({pasted->text(), pasted->place.position()});
  draft.typed = m_input->toPlainText();
  return draft;
}

void Composer::setDraft(const Draft& draft) {
  while (!m_pasted.isEmpty()) removePasted(m_pasted.last());
  m_input->setPlainText(draft.typed);
  for (const Draft::Pasted& one : draft.pasted) addPasted(one.text, one.at);
  m_input->moveCursor(QTextCursor::End);
}

QString Composer::text() const { return m_restored.isEmpty() ? draft().text() : m_restored; }

void Composer::setText(const QString& text) {
  const Draft parts = Draft::of(text);
  setDraft(parts);
  if (!parts.pasted.isEmpty()) m_restored = text;
}

void Composer::focusInput() { m_input->setFocus(Qt::OtherFocusReason); }

void Composer::addPasted(const QString& text, qsizetype at) {
  m_restored.clear();
  auto* pasted = new PastedText(text, m_pastedArea->widget());
  pasted->place = QTextCursor(m_input->document());
  pasted->place.setPosition(static_cast<int>(at));
  pasted->place.setKeepPositionOnInsert(true);  // what is typed there comes behind it
  connect(pasted, &PastedText::removeRequested, this, [this, pasted] {
    removePasted(pasted);
    focusInput();
  });
  const auto behind = std::find_if(m_pasted.begin(), m_pasted.end(),
                                   [at](const PastedText* one) { return one->place.position() > at; });
  const qsizetype index = behind - m_pasted.begin();
  m_pasted.insert(index, pasted);
  m_pastedColumn->insertWidget(static_cast<int>(index), pasted);
  countPasted(pasted);
  showPlaces();
  updateHeight();
  updateButtons();
  showCount();
}

void Composer::removePasted(PastedText* pasted) {
  m_restored.clear();
  m_pasted.removeOne(pasted);
  pasted->hide();
  pasted->deleteLater();
  showPlaces();
  updateHeight();
  updateButtons();
  showCount();
}

/// Says of each long text after which words it will be sent.
void Composer::showPlaces() {
  if (m_pasted.isEmpty()) return;
  const QString typed = m_input->toPlainText();
  qsizetype from = 0;
  for (PastedText* pasted : std::as_const(m_pasted)) {
    const qsizetype at = pasted->place.position();
    pasted->setBefore(typed.sliced(from, at - from));
    from = at;
  }
}

bool Composer::isEmpty() const { return m_pasted.isEmpty() && m_input->document()->isEmpty(); }

void Composer::submit() {
  if (m_answering || !m_blocked.isEmpty()) return;
  Draft sent = draft();
  if (sent.pasted.isEmpty()) sent.typed = sent.typed.trimmed();
  if (sent.pasted.isEmpty() && sent.typed.isEmpty()) return;
  setDraft(m_editing ? m_beforeEditing : Draft{});
  m_beforeEditing = {};
  Q_EMIT submitted(sent);  // still isEditing(), so that the page knows what the text replaces
  m_editing = false;
  updateButtons();
}

void Composer::cancelEditing() {
  if (!m_editing) return;
  m_editing = false;
  setDraft(std::exchange(m_beforeEditing, {}));
  updateButtons();
}

void Composer::updateButtons() {
  m_send->setVisible(!m_answering);
  m_stop->setVisible(m_answering);
  m_send->setEnabled(m_blocked.isEmpty() && !isEmpty());
  m_cancelEdit->setVisible(m_editing);
  m_hint->setText(!m_blocked.isEmpty() ? m_blocked
                  : m_editing          ? tr("You are editing an earlier message; the old version is kept beside it.")
                                       : QString());
}

void Composer::updateHeight() {
  const int lines = std::clamp(static_cast<int>(m_input->document()->size().height()), 2, kMaxLines);
  const int margins = static_cast<int>(2 * m_input->document()->documentMargin()) + 2 * m_input->frameWidth();
  m_input->setFixedHeight(lines * m_input->fontMetrics().lineSpacing() + margins + 4);
  m_pastedArea->setVisible(!m_pasted.isEmpty());
  if (m_pasted.isEmpty()) return;
  const int line = m_pasted.front()->sizeHint().height() + m_pastedColumn->spacing();
  m_pastedArea->setFixedHeight(line * std::min(static_cast<int>(m_pasted.size()), kShownPasted) - m_pastedColumn->spacing());
}

void Composer::countTokens() {
  const quint64 which = ++m_counted;
  m_counter.count(m_input->toPlainText(), [this, which](int count) {
    if (which != m_counted) return;  // more was typed meanwhile
    m_typedTokens = count;
    showCount();
  });
}

void Composer::countPasted(PastedText* pasted) {
  pasted->tokens.reset();
  m_counter.count(pasted->text(), [this, pasted = QPointer<PastedText>(pasted)](int count) {
    if (!pasted) return;
    pasted->tokens = count;
    showCount();
  });
}

void Composer::showCount() {
  qint64 count = m_typedTokens;
  bool known = m_counter.tokenizer() != nullptr && !isEmpty();
  for (const PastedText* pasted : std::as_const(m_pasted)) {
    known = known && pasted->tokens.has_value();
    count += pasted->tokens.value_or(0);
  }
  m_count->setText(known ? tr("%Ln token(s)", nullptr, static_cast<int>(count)) : QString());
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
