// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/message_widget.h"

#include <QEvent>
#include <QLocale>
#include <QPaintEvent>
#include <QPainter>
#include <QToolButton>
#include <algorithm>

#include "chat/announce.h"
#include "chat/thought_block.h"
#include "support/format.h"
#include "support/plain_text.h"
#include "theme/card.h"
#include "theme/icons.h"
#include "theme/label.h"
#include "theme/theme.h"

namespace rookery::app {
namespace {
constexpr int kPad = 12, kGap = 4, kRadius = 6;
}  // namespace

MessageWidget::MessageWidget(QWidget* parent)
    : QWidget(parent), m_author(new Label(this)), m_time(new MutedLabel(this)), m_note(new MutedLabel(this)),
      m_figures(new MutedLabel(this)), m_siblingText(new MutedLabel(this)), m_thought(new ThoughtBlock(this)),
      m_body(new MessageBody(this)) {
  setObjectName(QStringLiteral("message"));
  QFont bold = font();
  bold.setWeight(QFont::DemiBold);
  m_author->setFont(bold);
  m_author->setObjectName(QStringLiteral("author"));
  m_figures->setObjectName(QStringLiteral("figures"));
  for (Label* label : {m_author, m_figures}) label->setElided(true);
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
  m_figures->setWordWrap(true);
  connect(m_previous, &QToolButton::clicked, this, [this] { Q_EMIT siblingRequested(m_message, -1); });
  connect(m_next, &QToolButton::clicked, this, [this] { Q_EMIT siblingRequested(m_message, 1); });
  connect(m_edit, &QToolButton::clicked, this, [this] { Q_EMIT editRequested(m_message); });
  connect(m_continue, &QToolButton::clicked, this, [this] { Q_EMIT continueRequested(m_message); });
  connect(m_regenerate, &QToolButton::clicked, this, [this] { Q_EMIT regenerateRequested(m_message); });
  connect(m_copy, &QToolButton::clicked, this, [this] {
    Q_EMIT copyRequested(m_message);
    showCopied(m_copy);
  });
  connect(m_thought, &ThoughtBlock::toggled, this, [this](bool open) { Q_EMIT thoughtToggled(m_message, open); });
  connect(m_thought, &ThoughtBlock::bodyMade, this, &MessageWidget::connectBody);
  connectBody(m_body);
  retranslate();
}

void MessageWidget::connectBody(MessageBody* body) {
  connect(body, &MessageBody::heightChanged, this, &MessageWidget::heightChanged);
  connect(body, &MessageBody::showAllRequested, this, [this] {
    setShowsAll(true);
    Q_EMIT showAllRequested(m_message);
  });
  connect(body, &MessageBody::revealRequested, this, &MessageWidget::revealRequested);
  body->setShowsAll(m_body->showsAll());
}

void MessageWidget::setShowsAll(bool all) {
  m_body->setShowsAll(all);
  if (m_thought->body()) m_thought->body()->setShowsAll(all);
}

bool MessageWidget::setSight(int top, int bottom, const QDeadlineTimer& deadline) {
  bool changed = false;
  if (MessageBody* thought = m_thought->isHidden() ? nullptr : m_thought->body()) {
    const int y = m_thought->y() + thought->y();
    changed = thought->setSight(top - y, bottom - y, deadline);
  }
  if (changed) layOut();  // the answer stands elsewhere now
  if (m_body->setSight(top - m_body->y(), bottom - m_body->y(), deadline)) changed = true;
  return changed;
}

MessageWidget::Place MessageWidget::placeAt(int y) const {
  const auto in = [&](const MessageBody* body, int at) { return Place{body, body->placeAt(y - at)}; };
  if (!m_body->isHidden() && y >= m_body->y()) return in(m_body, m_body->y());
  const MessageBody* thought = m_thought->isHidden() ? nullptr : m_thought->body();
  if (thought && y >= m_thought->y() + thought->y()) return in(thought, m_thought->y() + thought->y());
  return {nullptr, {0, y}};
}

int MessageWidget::yOf(const Place& place) const {
  if (place.body == m_body) return m_body->y() + m_body->yOf(place.place);
  if (place.body && place.body == m_thought->body()) return m_thought->y() + place.body->y() + place.body->yOf(place.place);
  return place.place.shift;
}

QList<QWidget*> MessageWidget::parts() const {
  QList<QWidget*> all{m_author, m_time, m_previous, m_siblingText, m_next, m_edit};
  if (m_role == MessageRole::User) all << m_copy;
  all << m_thought << m_body << m_note << m_continue << m_regenerate;
  if (m_role != MessageRole::User) all << m_copy;
  all << m_figures;
  all.removeIf([](const QWidget* part) { return part->isHidden(); });
  return all;
}

QList<QWidget*> MessageWidget::focusOrder() const {
  QList<QWidget*> order;
  for (QWidget* part : parts()) {
    if (part == m_thought) {
      order << m_thought->button();
      if (m_thought->body()) order << m_thought->body()->focusOrder();
    } else if (part == m_body) {
      order << m_body->focusOrder();
    } else if (part->focusPolicy() != Qt::NoFocus) {
      order << part;
    }
  }
  return order;
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
    button->setToolTip(plainToolTip(text));
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
                               bool isLast, Activity activity, const QString& doing, const ThoughtView& thought) {
  m_message = message.id;
  m_role = message.role;
  m_cut = isLast && message.role == MessageRole::Assistant &&
          (message.state == MessageState::Partial || message.stop == engine::StopReason::Cancelled ||
           message.stop == engine::StopReason::MaxTokens);
  m_cutNote = cutNote(message);
  m_isUnanswered = message.role == MessageRole::Assistant && message.state == MessageState::Partial && message.tokens.empty();
  m_siblings = siblings;
  m_authorName = author;
  const QString time = QLocale().toString(message.created.time(), QLocale::ShortFormat);
  const bool edited = message.role == MessageRole::User && siblings.index > 0;
  m_time->setText(edited ? tr("%1 · edited", "%1 is a time of day").arg(time) : time);
  m_time->setToolTip(plainToolTip(QLocale().toString(message.created, QLocale::LongFormat)));
  const bool assistant = m_role == MessageRole::Assistant;
  m_splitter = {};
  m_heldShown.clear();
  ThoughtSplitter::Ranges at;
  if (assistant) at = m_splitter.read(message.text);
  else at.answerEnd = message.text.size();
  const auto hasText = [&](qsizetype begin, qsizetype end) {
    return !QStringView(message.text).sliced(begin, end - begin).trimmed().isEmpty();
  };
  m_hasAnswerText = hasText(at.answer, at.answerEnd);
  m_hasThoughtText = hasText(at.thought, at.thoughtEnd);
  m_thoughtSeconds = thought.seconds;
  m_thoughtEstimate = message.decodeSeconds * static_cast<double>(at.thoughtEnd - at.thought) / std::max(1.0, static_cast<double>(message.text.size()));
  m_thought->setThought(message.text, at.thought, at.thoughtEnd, thought.open);
  m_body->setContent(at.answer == 0 && at.answerEnd == message.text.size() ? message.text : message.text.sliced(at.answer, at.answerEnd - at.answer), assistant);
  m_body->setName(assistant ? tr("Answer by %1").arg(author) : tr("Your message"));
  setAccessibleName(m_body->accessibleName());

  QString figures;
  if (assistant && message.decodeTokens > 0 && message.decodeSeconds > 0) {
    const auto count = static_cast<int>(message.tokens.size());
    figures = tr("%1 tokens/s · %2 · first after %3 s", "figures under an answer; %2 is \"402 tokens\"")
                  .arg(formatRate(message.decodeTokens / message.decodeSeconds), tr("%Ln token(s)", nullptr, count),
                       QLocale().toString(message.firstTokenSeconds, 'f', 2));
  }
  m_figures->setText(figures);
  setActivity(activity, doing);
}

void MessageWidget::clear() {
  m_message = 0;
  m_splitter = {};
  m_heldShown.clear();
  m_thought->setThought({}, false);
  m_body->setContent({}, true);
  setShowsAll(false);
}

QString MessageWidget::cutNote(const MessageRecord& message) {
  if (message.stop == engine::StopReason::MaxTokens) return tr("The longest answer was reached. Continue goes on from here.");
  if (message.tokens.empty()) return tr("Not answered yet. Continue answers it.");
  if (message.stop == engine::StopReason::Cancelled) return tr("Stopped. Continue goes on from here.");
  return tr("The answer was cut off. Nothing is lost: Continue goes on where it stopped.");
}

void MessageWidget::setDoing(const QString& doing) {
  if (m_activity == Activity::Waiting) m_note->setText(doing);
}

void MessageWidget::setActivity(Activity activity, const QString& doing) {
  m_activity = activity;
  showHeld();
  m_note->setText(m_loading ? tr("Loading…")
                  : activity == Activity::Waiting ? doing
                  : activity != Activity::None ? QString()
                  : m_cut ? m_cutNote
                  : m_isUnanswered ? tr("Not answered.")
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
  m_edit->setVisible(!assistant && idle && !m_loading);
  m_continue->setVisible(assistant && m_cut && idle);
  m_regenerate->setVisible(assistant && idle && !m_loading);
  m_copy->setVisible(idle && !m_loading);
  m_note->setVisible(!m_note->text().isEmpty());
  updateThought();
  m_figures->setVisible(idle && !m_figures->text().isEmpty());
  layOut();
}

/// When nothing more comes, half a tag is text like any other. All but the ">" of one is not: the prompt of a thinking
/// answer ends so.
void MessageWidget::showHeld() {
  const QStringView held = QStringView(m_splitter.held()).trimmed();
  const bool show = m_activity == Activity::None && m_heldShown.isEmpty() && !held.isEmpty() && held != u"<think" && held != u"</think";
  if (!show) return;
  m_heldShown = m_splitter.held();
  if (m_splitter.isOpen()) m_thought->append(m_heldShown);
  else m_body->setContent(m_heldShown, true);
  m_hasThoughtText = m_hasThoughtText || m_splitter.isOpen();
  m_hasAnswerText = m_hasAnswerText || !m_splitter.isOpen();
}

void MessageWidget::appendText(const QString& piece) {
  if (!m_heldShown.isEmpty()) {  // the rest of the tag may come now
    if (m_splitter.isOpen()) {
      m_thought->setText(m_thought->text().chopped(m_heldShown.size()));
      m_hasThoughtText = !QStringView(m_thought->text()).trimmed().isEmpty();
    } else {
      m_body->setContent({}, true);
      m_hasAnswerText = false;
    }
    m_heldShown.clear();
  }
  const ThoughtSplitter::Added parts = m_splitter.push(piece);
  if (!parts.thought.isEmpty()) m_thought->append(parts.thought);
  if (!parts.answer.isEmpty()) m_body->append(parts.answer);
  m_hasThoughtText = m_hasThoughtText || !QStringView(parts.thought).trimmed().isEmpty();
  m_hasAnswerText = m_hasAnswerText || !QStringView(parts.answer).trimmed().isEmpty();
  if (m_activity == Activity::Waiting) setActivity(Activity::Answering);
  else if (m_splitter.hasThought()) updateThought();
}

void MessageWidget::setThoughtSeconds(std::optional<double> seconds) {
  if (m_thoughtSeconds == seconds) return;
  m_thoughtSeconds = seconds;
  updateThought();
}

void MessageWidget::updateThought() {
  const bool shown = m_splitter.hasThought() &&
                     (m_hasThoughtText || (m_splitter.isOpen() && m_activity != Activity::Waiting));
  m_thought->setVisible(shown);
  m_body->setVisible(!shown || m_hasAnswerText);
  m_thought->setLabel(thoughtLabel());
}

QString MessageWidget::thoughtLabel() const {
  if (m_splitter.isOpen()) return m_activity == Activity::None ? tr("Thought, not finished") : tr("Thinking…");
  if (m_thoughtSeconds) return tr("Thought for %1", "%1 is \"4 s\"").arg(formatDuration(*m_thoughtSeconds));
  if (m_thoughtEstimate > 0) return tr("Thought for about %1", "%1 is \"4 s\"").arg(formatDuration(m_thoughtEstimate));
  return tr("Thought");
}

int MessageWidget::buttonsWidth() const {
  int width = 0;
  for (const QToolButton* button : {m_continue, m_regenerate, m_copy}) width += button->isHidden() ? 0 : button->sizeHint().width() + kGap;
  return width;
}

/// In a narrow window the figures take lines of their own.
bool MessageWidget::figuresBelow(int inner) const {
  return !m_figures->isHidden() && buttonsWidth() + m_figures->fontMetrics().horizontalAdvance(m_figures->text()) > inner;
}

int MessageWidget::footerHeight(int inner) const {
  const int buttons = std::max(m_copy->sizeHint().height(), fontMetrics().height()) + kGap;
  return buttons + (figuresBelow(inner) ? m_figures->heightForWidth(inner) + kGap : 0);
}

int MessageWidget::heightFor(int width) {
  const int header = std::max(m_author->sizeHint().height(), m_copy->sizeHint().height());
  int height = kPad / 2 + header + kGap;
  if (!m_thought->isHidden()) height += m_thought->heightFor(width - 2 * kPad + m_thought->outset()) + kGap;
  if (!m_body->isHidden()) height += m_body->heightFor(width - 2 * kPad) + kGap;
  if (!m_note->text().isEmpty()) height += m_note->heightForWidth(width - 2 * kPad) + kGap;
  if (m_role == MessageRole::Assistant) height += footerHeight(width - 2 * kPad);
  return height + kPad / 2;
}

void MessageWidget::layOut() {
  const int inner = width() - 2 * kPad;
  if (inner <= 0) return;
  const int header = std::max(m_author->sizeHint().height(), m_copy->sizeHint().height());
  int y = kPad / 2;
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
  const int time = m_time->sizeHint().width();
  const int room = std::max(0, right - kPad - time - 4 * kGap);
  m_author->setText(m_author->fontMetrics().elidedText(displayName(m_authorName), Qt::ElideMiddle, room));
  const int author = std::min(m_author->sizeHint().width(), room);
  m_author->setGeometry(kPad, y, author, header);
  m_time->setGeometry(kPad + author + 2 * kGap, y, time, header);

  y += header + kGap;
  if (!m_thought->isHidden()) {
    const int outset = m_thought->outset();
    const int thought = m_thought->heightFor(inner + outset);
    m_thought->setGeometry(kPad - outset, y, inner + outset, thought);
    y += thought + kGap;
  }
  if (!m_body->isHidden()) {
    const int body = m_body->heightFor(inner);
    m_body->setGeometry(kPad, y, inner, body);
    y += body + kGap;
  }
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
  if (figuresBelow(inner)) {
    const int buttons = footerHeight(inner) - m_figures->heightForWidth(inner) - kGap;
    m_figures->setGeometry(kPad, y + buttons, inner, m_figures->heightForWidth(inner));
  } else {
    const int figures = m_figures->fontMetrics().horizontalAdvance(m_figures->text()) + 1;
    m_figures->setGeometry(width() - kPad - figures, y, figures, footerHeight(inner) - kGap);
  }
}

void MessageWidget::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  layOut();
}

void MessageWidget::paintEvent(QPaintEvent* event) {
  if (m_role != MessageRole::User) return;
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(Theme::colors().line);
  painter.setBrush(palette().brush(QPalette::AlternateBase));
  // A frame of millions of pixels is more than the painter can draw; its edges are enough.
  const int top = std::max(0, event->rect().top() - 4 * kRadius), bottom = std::min(height(), event->rect().bottom() + 4 * kRadius);
  painter.drawRoundedRect(QRectF(0, top, width(), bottom - top).adjusted(0.5, 0.5, -0.5, -0.5), kRadius, kRadius);
}

void MessageWidget::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
