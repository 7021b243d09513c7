// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/transcript_view.h"

#include <QApplication>
#include <QEvent>
#include <QKeyEvent>
#include <QScrollBar>
#include <QTimer>
#include <algorithm>

#include "chat/announce.h"
#include "chat/transcript_accessible.h"

namespace rookery::app {
namespace {
constexpr int kSpacing = 8, kMargin = 16;
constexpr int kColumnEm = 46;
constexpr int kMaxPasses = 8;  // measuring moves rows into sight that were not; it settles after two or three
constexpr int kMaxSpare = 12;
constexpr int kMostShown = 60'000;  // characters of a message, at first
}  // namespace

TranscriptView::TranscriptView(QWidget* parent) : QAbstractScrollArea(parent) {
  setObjectName(QStringLiteral("transcript"));
  setFrameShape(NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setFocusPolicy(Qt::StrongFocus);
  viewport()->setBackgroundRole(QPalette::Base);
  viewport()->setAutoFillBackground(true);
  verticalScrollBar()->setSingleStep(fontMetrics().height() * 2);
  installTranscriptAccessibility();
  connect(qApp, &QApplication::focusChanged, this, [this](const QWidget*, const QWidget* now) {
    if (now && viewport()->isAncestorOf(now)) reveal(now, now->rect());
  });
}

QList<QWidget*> TranscriptView::messages() const {
  QList<QWidget*> shown;
  for (MessageWidget* widget : m_widgets) {
    if (!widget->isHidden()) shown << widget;
  }
  return shown;
}

/// Scrolls as little as is needed; of what is higher than the view, a part is enough.
void TranscriptView::reveal(const QWidget* in, const QRect& rect) {
  for (int pass = 0; pass < kMaxPasses; ++pass) {  // what comes into sight on the way may turn out to be higher
    const int shift = shiftTo(in, rect);
    if (shift == 0) return;
    verticalScrollBar()->setValue(verticalScrollBar()->value() + shift);
  }
}

int TranscriptView::shiftTo(const QWidget* in, const QRect& rect) const {
  const QRect place(in->mapTo(viewport(), rect.topLeft()), rect.size());
  const int height = viewport()->height(), enough = std::min(place.height(), height / 4);
  const int seen = std::min(place.bottom() + 1, height) - std::max(place.top(), 0);
  if (place.height() < height / 2 && seen < place.height()) {
    return place.top() < 0 ? place.top() - kSpacing : place.bottom() + 1 + kSpacing - height;
  }
  if (seen < enough) return place.top() < 0 ? place.bottom() + 1 - height : place.top() - kSpacing;
  return 0;
}

/// Tab goes through the messages as they are read.
void TranscriptView::orderFocus() {
  QList<QWidget*> order{this};
  for (const MessageWidget* widget : std::as_const(m_widgets)) order << widget->focusOrder();
  if (order == m_focusOrder) return;
  m_focusOrder = order;
  for (qsizetype i = 1; i < order.size(); ++i) setTabOrder(order[i - 1], order[i]);
}

void TranscriptView::announceEnd(qint64 message) {
  const int row = m_model ? m_model->rowOf(message) : -1;
  if (row < 0) return;
  const MessageRecord& answer = m_model->message(row);
  const bool stopped = answer.stop == engine::StopReason::Cancelled;
  announce(this, stopped                                    ? tr("The answer was stopped.")
                 : answer.state == MessageState::Complete ? tr("The answer is complete.")
                                                          : tr("The answer was cut off."));
}

void TranscriptView::setModel(TranscriptModel* model) {
  if (m_model) disconnect(m_model, nullptr, this, nullptr);
  m_model = model;
  if (m_model) {
    connect(m_model, &QAbstractItemModel::modelReset, this, &TranscriptView::rebuild);
    connect(m_model, &QAbstractItemModel::rowsInserted, this, [this](const QModelIndex&, int first, int last) {
      const bool follow = isAtEnd() || m_followEnd;
      for (int row = first; row <= last; ++row) {
        m_heights.insert(m_heights.begin() + row, estimate(row));
        m_measured.insert(m_measured.begin() + row, false);
      }
      m_followEnd = follow;
      if (MessageWidget* before = m_widgets.value(first - 1)) {  // it is not the last one any more
        fill(before, first - 1);
        m_measured[static_cast<std::size_t>(first - 1)] = false;
      }
      layOut();
    });
    connect(m_model, &QAbstractItemModel::rowsRemoved, this, [this](const QModelIndex&, int first, int last) {
      for (int row = first; row <= last; ++row) {
        if (MessageWidget* widget = m_widgets.take(row)) release(widget);
      }
      m_heights.erase(m_heights.begin() + first, m_heights.begin() + last + 1);
      m_measured.erase(m_measured.begin() + first, m_measured.begin() + last + 1);
      layOut();
    });
    connect(m_model, &QAbstractItemModel::dataChanged, this, [this](const QModelIndex& first, const QModelIndex& last) {
      for (int row = first.row(); row <= last.row(); ++row) {
        m_measured[static_cast<std::size_t>(row)] = false;
        if (MessageWidget* widget = m_widgets.value(row)) fill(widget, row);
      }
      layOut();
    });
    connect(m_model, &TranscriptModel::textAppended, this, [this](int row, const QString& piece) {
      MessageWidget* widget = m_widgets.value(row);
      if (!widget) {
        m_heights[static_cast<std::size_t>(row)] = estimate(row);
        m_measured[static_cast<std::size_t>(row)] = false;
      } else {
        widget->appendText(piece);
        widget->setThoughtSeconds(m_model->thoughtSeconds(widget->messageId()));
        m_measured[static_cast<std::size_t>(row)] = false;
      }
      layOut();
    });
  }
  rebuild();
}

void TranscriptView::rebuild() {
  for (MessageWidget* widget : std::as_const(m_widgets)) release(widget);
  m_widgets.clear();
  m_shownWhole.clear();
  m_anchor = {};
  const int count = m_model ? m_model->rowCount() : 0;
  m_heights.resize(static_cast<std::size_t>(count));
  m_measured.assign(static_cast<std::size_t>(count), false);
  for (int row = 0; row < count; ++row) m_heights[static_cast<std::size_t>(row)] = estimate(row);
  m_followEnd = true;
  layOut();
}

void TranscriptView::setActivity(qint64 message, MessageWidget::Activity activity, const QString& doing) {
  m_doing = doing;
  if (m_activeMessage == message && m_activity == activity) {
    for (auto shown = m_widgets.constBegin(); shown != m_widgets.constEnd(); ++shown) {
      if ((*shown)->messageId() != message) continue;
      (*shown)->setDoing(doing);
      m_measured[static_cast<std::size_t>(shown.key())] = false;  // it may take another line
      layOut();
    }
    return;
  }
  if (activity == MessageWidget::Activity::Answering) announce(this, tr("The answer begins."));
  if (m_activity != MessageWidget::Activity::None && activity == MessageWidget::Activity::None) {
    // How it ended stands in the message a moment later.
    QTimer::singleShot(0, this, [this, ended = m_activeMessage] { announceEnd(ended); });
  }
  m_activeMessage = message;
  m_activity = activity;
  // The end of what is being written is looked at, so it is shown as a whole from now on.
  if (message != 0 && activity != MessageWidget::Activity::None) m_shownWhole.insert(message);
  for (MessageWidget* widget : std::as_const(m_widgets)) {
    widget->setActivity(widget->messageId() == message ? activity : MessageWidget::Activity::None, doing);
    widget->setShowsAll(m_shownWhole.contains(widget->messageId()));
  }
  std::fill(m_measured.begin(), m_measured.end(), false);
  layOut();
}

void TranscriptView::scrollToEnd() {
  m_followEnd = true;
  layOut();
}

void TranscriptView::scrollToMessage(qint64 message) {
  const int row = m_model ? m_model->rowOf(message) : -1;
  if (row < 0) return;
  // Heights become known by going there, and move the place.
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    const int place = m_offsets[static_cast<std::size_t>(row)] - kMargin;
    if (pass > 0 && place == verticalScrollBar()->value()) break;
    verticalScrollBar()->setValue(place);
  }
}

int TranscriptView::widestColumn(const QWidget& widget) { return kColumnEm * widget.fontMetrics().height(); }

int TranscriptView::columnWidth() const {
  return std::max(120, std::min(viewport()->width() - 2 * kMargin, widestColumn(*this)));
}

int TranscriptView::estimate(int row) const {
  const int length = std::min(kMostShown, m_model->index(row).data(TranscriptModel::TextLengthRole).toInt());
  const int perLine = std::max(20, columnWidth() / std::max(1, fontMetrics().averageCharWidth()));
  return fontMetrics().height() * 13 / 10 * (length / perLine + 1) + 4 * fontMetrics().height();
}

void TranscriptView::updateOffsets() {
  m_offsets.resize(m_heights.size() + 1);
  int y = kMargin;
  for (std::size_t row = 0; row < m_heights.size(); ++row) {
    m_offsets[row] = y;
    y += m_heights[row] + kSpacing;
  }
  m_offsets.back() = y - kSpacing + kMargin;
}

int TranscriptView::rowAt(int y) const {
  const auto last = m_offsets.end() - 1;
  const auto found = std::upper_bound(m_offsets.begin(), last, y);
  return std::max(0, static_cast<int>(found - m_offsets.begin()) - 1);
}

bool TranscriptView::isAtEnd() const {
  const QScrollBar* bar = verticalScrollBar();
  return bar->value() >= bar->maximum() - fontMetrics().height();
}

void TranscriptView::fill(MessageWidget* widget, int row) {
  const MessageRecord& message = m_model->message(row);
  const bool active = message.id == m_activeMessage;
  widget->setLoading(m_model->isLoading(row));
  widget->setMessage(message, m_model->siblings(row), m_authorOf ? m_authorOf(message) : QString(),
                     row + 1 == m_model->rowCount(), active ? m_activity : MessageWidget::Activity::None, m_doing,
                     {m_openThoughts.contains(message.id), m_model->thoughtSeconds(message.id)});
}

void TranscriptView::toggleThought(qint64 message, bool open) {
  if (open) m_openThoughts.insert(message);
  else m_openThoughts.remove(message);
  const int row = m_model->rowOf(message);
  if (row < 0) return;
  m_measured[static_cast<std::size_t>(row)] = false;
  // What was asked for opens in place; only a thought that is still growing is followed.
  if (message != m_activeMessage || m_activity == MessageWidget::Activity::None) m_followEnd = false;
  layOut();
}

MessageWidget* TranscriptView::widgetFor(int row) {
  if (MessageWidget* existing = m_widgets.value(row)) return existing;
  MessageWidget* widget = nullptr;
  if (!m_spare.isEmpty()) {
    widget = m_spare.takeLast();
  } else {
    widget = new MessageWidget(viewport());
    connect(widget, &MessageWidget::regenerateRequested, this, &TranscriptView::regenerateRequested);
    connect(widget, &MessageWidget::continueRequested, this, &TranscriptView::continueRequested);
    connect(widget, &MessageWidget::editRequested, this, &TranscriptView::editRequested);
    connect(widget, &MessageWidget::copyRequested, this, &TranscriptView::copyRequested);
    connect(widget, &MessageWidget::siblingRequested, this, &TranscriptView::siblingRequested);
    connect(widget, &MessageWidget::thoughtToggled, this, &TranscriptView::toggleThought);
    connect(widget, &MessageWidget::showAllRequested, this, [this](qint64 message) {
      m_shownWhole.insert(message);
      m_followEnd = false;
    });
    connect(widget, &MessageWidget::revealRequested, this, &TranscriptView::reveal);
    connect(widget, &MessageWidget::heightChanged, this, [this, widget] {
      if (const int changed = m_widgets.key(widget, -1); changed >= 0) m_measured[static_cast<std::size_t>(changed)] = false;
      layOut();
    });
  }
  widget->resize(columnWidth(), widget->height());  // before the text comes, which would be laid out twice
  widget->setSight(0, 0);
  fill(widget, row);
  widget->setShowsAll(m_shownWhole.contains(widget->messageId()));
  m_widgets.insert(row, widget);
  return widget;
}

void TranscriptView::release(MessageWidget* widget) {
  widget->hide();
  widget->clear();
  if (m_spare.size() < kMaxSpare) m_spare.push_back(widget);
  else widget->deleteLater();
}

void TranscriptView::measure(int row, MessageWidget* widget) {
  const auto index = static_cast<std::size_t>(row);
  if (m_measured[index]) return;
  m_heights[index] = widget->heightFor(columnWidth());
  if (m_model->isLoading(row)) m_heights[index] = std::max(m_heights[index], estimate(row));
  m_measured[index] = true;
}

/// Remembers what stands at the upper edge. It keeps its place on the screen while heights above it become known.
void TranscriptView::anchor() {
  const int top = verticalScrollBar()->value();
  m_anchor = {};
  if (m_heights.empty()) return;
  m_anchor.row = rowAt(top);
  const int shift = top - m_offsets[static_cast<std::size_t>(m_anchor.row)];
  const MessageWidget* widget = m_widgets.value(m_anchor.row);
  m_anchor.place = widget ? widget->placeAt(shift) : MessageWidget::Place{nullptr, {0, shift}};
}

void TranscriptView::layOut() {
  if (m_layingOut) return;
  m_layingOut = true;
  QScrollBar* bar = verticalScrollBar();
  const int height = viewport()->height(), width = columnWidth();
  // Centred in the whole view, so that the column stands over the composer whether there is a scroll bar or not.
  const int left = std::min((this->width() - width) / 2, viewport()->width() - width - kMargin);
  const int rows = static_cast<int>(m_heights.size());
  updateOffsets();
  const auto offset = [this](int row) { return m_offsets[static_cast<std::size_t>(row)]; };

  int top = 0, first = 0, last = -1;
  const QDeadlineTimer deadline(MessageBody::kAtOnceMs);
  m_anchor.row = std::clamp(m_anchor.row, 0, std::max(0, rows - 1));
  for (int pass = 0; pass < kMaxPasses && rows > 0; ++pass) {
    const int maximum = std::max(0, m_offsets.back() - height);
    const MessageWidget* anchored = m_widgets.value(m_anchor.row);
    const int shift = anchored ? anchored->yOf(m_anchor.place) : m_anchor.place.place.shift;
    top = m_followEnd ? maximum : std::clamp(offset(m_anchor.row) + shift, 0, maximum);
    first = rowAt(top - height / 2);
    last = rowAt(top + height + height / 2);
    bool changed = false;
    for (int row = first; row <= last; ++row) {
      MessageWidget* widget = widgetFor(row);
      const auto index = static_cast<std::size_t>(row);
      if (widget->setSight(top - offset(row), top + height - offset(row), deadline)) m_measured[index] = false;
      const int before = m_heights[index];
      measure(row, widget);
      changed = changed || m_heights[index] != before;
    }
    if (!changed) break;
    updateOffsets();
  }
  const int maximum = rows > 0 ? std::max(0, m_offsets.back() - height) : 0;
  bar->setRange(0, maximum);
  bar->setPageStep(height);
  bar->setValue(std::min(top, maximum));
  top = bar->value();

  for (auto it = m_widgets.begin(); it != m_widgets.end();) {
    MessageWidget* widget = it.value();
    // One that is shown as a whole has been read through at some cost, and takes little room out of sight.
    const bool keep = (it.key() >= first && it.key() <= last) || widget->isAncestorOf(QApplication::focusWidget()) ||
                      m_shownWhole.contains(widget->messageId());
    if (!keep) {
      release(widget);
      it = m_widgets.erase(it);
      continue;
    }
    const auto row = static_cast<std::size_t>(it.key());
    if (it.key() < first || it.key() > last) widget->setSight(0, 0);
    widget->setGeometry(left, m_offsets[row] - top, width, m_heights[row]);
    widget->show();
    ++it;
  }
  orderFocus();
  anchor();
  m_layingOut = false;
}

void TranscriptView::resizeEvent(QResizeEvent* event) {
  QAbstractScrollArea::resizeEvent(event);
  if (!m_model) return;
  std::fill(m_measured.begin(), m_measured.end(), false);
  for (std::size_t row = 0; row < m_heights.size(); ++row) m_heights[row] = estimate(static_cast<int>(row));
  layOut();
}

void TranscriptView::scrollContentsBy(int, int) {
  if (m_layingOut) return;
  m_followEnd = isAtEnd();
  anchor();
  layOut();
}

void TranscriptView::changeEvent(QEvent* event) {
  QAbstractScrollArea::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) {  // names, figures and notes are made when a message is filled in
    for (auto it = m_widgets.cbegin(); it != m_widgets.cend(); ++it) fill(it.value(), it.key());
  }
  if (event->type() == QEvent::FontChange || event->type() == QEvent::LanguageChange) {
    std::fill(m_measured.begin(), m_measured.end(), false);
    layOut();
  }
}

void TranscriptView::keyPressEvent(QKeyEvent* event) {
  QScrollBar* bar = verticalScrollBar();
  switch (event->key()) {
    case Qt::Key_Home: bar->setValue(0); break;
    case Qt::Key_End: scrollToEnd(); break;
    default: QAbstractScrollArea::keyPressEvent(event);
  }
}

}  // namespace rookery::app
