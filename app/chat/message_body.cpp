// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/message_body.h"

#include <QApplication>
#include <QClipboard>
#include <QElapsedTimer>
#include <QEvent>
#include <QLocale>
#include <QMimeData>
#include <QPushButton>
#include <QResizeEvent>
#include <QTextDocumentFragment>
#include <QThreadPool>
#include <algorithm>

#include "chat/segment_view.h"
#include "theme/label.h"

namespace rookery::app {
namespace {

constexpr qsizetype kShownCharacters = 60'000, kShownLines = 2'000;  // of a text that is not shown as a whole
constexpr qsizetype kStep = 4'000;
constexpr qsizetype kAtOnce = 64'000;       // characters that are divided in one go: a millisecond
constexpr int kSliceMilliseconds = 6;
constexpr int kMaxHeight = 15'000'000;      // a widget cannot be higher than QWIDGETSIZE_MAX, 16.7 million
constexpr qsizetype kCopyAtOnce = 1'000'000;
constexpr int kMaxPasses = 8;               // measuring moves segments into sight that were not
constexpr int kMaxSpare = 3;
constexpr qsizetype kRenderedForCopy = 12;  // pieces
constexpr int kRelaidAtOnce = 5;            // pieces that are laid out again at once when the width changes
constexpr int kGap = 6;
constexpr int kUnseen = 2'000;

}  // namespace

MessageBody::MessageBody(QWidget* parent) : QWidget(parent), m_more(new QPushButton(this)), m_rest(new Label(this)) {
  setObjectName(QStringLiteral("messageBody"));
  m_sightBottom = kUnseen;  // until somebody says what is in sight
  m_more->setObjectName(QStringLiteral("showAll"));
  m_more->hide();
  m_rest->setObjectName(QStringLiteral("notShown"));
  m_rest->setWordWrap(true);
  m_rest->hide();
  m_slices.setInterval(0);
  connect(&m_slices, &QTimer::timeout, this, &MessageBody::readSlice);
  m_later.setSingleShot(true);
  m_later.setInterval(0);
  connect(&m_later, &QTimer::timeout, this, &MessageBody::heightChanged);
  connect(m_more, &QPushButton::clicked, this, [this] {
    setShowsAll(true);
    Q_EMIT showAllRequested();
  });
  retranslate();
  syncEntries();
}

void MessageBody::setName(const QString& name) {
  m_name = name;
  setAccessibleName(name);
  for (SegmentView* view : std::as_const(m_views)) view->setAccessibleName(name);
}

void MessageBody::setMuted(bool muted) {
  m_isMuted = muted;
  for (SegmentView* view : std::as_const(m_views)) view->setMuted(muted);
  for (SegmentView* view : std::as_const(m_spare)) view->setMuted(muted);
}

void MessageBody::setShowsAll(bool all) {
  if (m_showsAll == all) return;
  m_showsAll = all;
  if (!all || m_hasLeadingSpace || m_isRead) return;  // what is shown is not taken away
  readOn(kAtOnce);
  realise();
  Q_EMIT heightChanged();
}

void MessageBody::setContent(const QString& text, bool markdown) {
  if (markdown == m_isMarkdown && !m_text.isEmpty() && text.size() >= m_text.size() &&
      (text.constData() == m_text.constData() || text.startsWith(m_text))) {  // at the end of an answer: nothing, or its last words
    if (text.size() > m_text.size()) append(text.sliced(m_text.size()));
    return;
  }
  m_slices.stop();
  m_later.stop();
  for (Entry& entry : m_entries) release(entry);
  m_entries.clear();
  m_views.clear();
  m_text.clear();
  m_isMarkdown = markdown;
  m_hasLeadingSpace = markdown;
  m_isRead = true;
  m_allSelected = false;
  m_selection = {};
  m_segmenter = TextSegmenter(markdown);
  syncEntries();
  append(text);
}

void MessageBody::append(const QString& piece) {
  const qsizetype before = m_text.size();
  if (before == 0) m_text = piece;
  else m_text += piece;
  if (m_hasLeadingSpace) {
    qsizetype begin = before;
    while (begin < m_text.size() && m_text.at(begin).isSpace()) ++begin;
    if (begin == m_text.size()) return;
    m_hasLeadingSpace = false;
    m_segmenter = TextSegmenter(m_isMarkdown, begin);
  }
  m_isRead = false;
  if (!m_slices.isActive()) readOn(kAtOnce);
  realise();
}

bool MessageBody::mayReadOn() const {
  if (m_showsAll) return m_offsets.back() < kMaxHeight;
  return m_segmenter.position() - m_segmenter.segments().front().begin < kShownCharacters && m_segmenter.lines() < kShownLines;
}

void MessageBody::readOn(qsizetype budget) {
  const qsizetype stop = m_segmenter.position() + budget;
  while (!m_isRead && mayReadOn() && m_segmenter.position() < stop) m_isRead = m_segmenter.advance(m_text, kStep);
  syncEntries();
  if (!m_isRead && mayReadOn()) m_slices.start();
  else m_slices.stop();
}

void MessageBody::readSlice() {
  QElapsedTimer timer;
  timer.start();
  do readOn(kAtOnce); while (m_slices.isActive() && timer.elapsed() < kSliceMilliseconds);
  layOut();
  Q_EMIT heightChanged();
}

/// Brings the entries in line with the segments. Of those that are there, only the last one can have changed.
void MessageBody::syncEntries() {
  const auto& segments = m_segmenter.segments();
  std::size_t count = segments.size();
  if (count > 1 && segments.back().begin == segments.back().end) --count;
  const std::size_t known = m_entries.size();
  for (std::size_t i = count; i < known; ++i) release(m_entries[i]);
  m_entries.resize(count);
  for (std::size_t i = known > 0 ? known - 1 : 0; i < count; ++i) {
    Entry& entry = m_entries[i];
    if (entry.view) fill(entry.view, static_cast<qsizetype>(i), true);
    else entry.height = estimate(segments[i]);
    entry.measured = false;
  }
  updateOffsets();
}

int MessageBody::estimate(const TextSegment& segment) const {
  const QFontMetrics metrics = fontMetrics();
  const qsizetype perLine = std::max(10, width() / std::max(1, metrics.averageCharWidth()));
  const bool code = segment.start.context.kind == MarkdownContext::Kind::Code;
  const qsizetype lines = std::max<qsizetype>(segment.lines, 1) + (segment.end - segment.begin) / perLine;
  return static_cast<int>(std::min<qsizetype>(metrics.height() * (code ? 10 : 12) / 10 * lines, kMaxHeight / 100));
}

/// Of what is not divided yet, while it is being read.
int MessageBody::estimateRest() const {
  if (!m_slices.isActive()) return 0;
  const qsizetype perLine = std::max(10, width() / std::max(1, fontMetrics().averageCharWidth()));
  return static_cast<int>(std::min<qsizetype>((m_text.size() - m_segmenter.position()) / perLine * fontMetrics().height() * 12 / 10,
                                              std::max(0, kMaxHeight - m_offsets.back())));
}

void MessageBody::updateOffsets() {
  m_offsets.resize(m_entries.size() + 1);
  int y = 0;
  for (std::size_t i = 0; i < m_entries.size(); ++i) {
    m_offsets[i] = y;
    y += m_entries[i].height;
  }
  m_offsets.back() = y;
}

QString MessageBody::pieceOf(qsizetype index) const {
  const auto& segments = m_segmenter.segments();
  const TextSegment& segment = segments[static_cast<std::size_t>(index)];
  QStringView piece = QStringView(m_text).sliced(segment.begin, segment.end - segment.begin);
  if (!m_isMarkdown && static_cast<std::size_t>(index) + 1 < segments.size() && !segments[static_cast<std::size_t>(index) + 1].start.insideLine) {
    piece.chop(piece.endsWith(u"\r\n") ? 2 : 1);  // the next piece begins a line anyway
  }
  return piece.toString();
}

void MessageBody::fill(SegmentView* view, qsizetype index, bool follow) {
  const auto& segments = m_segmenter.segments();
  const auto i = static_cast<std::size_t>(index);
  const SegmentStart* next = i + 1 < segments.size() ? &segments[i + 1].start : nullptr;
  if (follow) view->follow(pieceOf(index), segments[i], next);
  else view->setPiece(pieceOf(index), segments[i], m_isMarkdown, next);
}

SegmentView* MessageBody::makeView() {
  auto* view = new SegmentView(this);
  view->setMuted(m_isMuted);
  connect(view, &SegmentView::focused, this, [this, view] { setTabStop(view); });
  connect(view, &SegmentView::selectAllRequested, this, [this] { selectAll(true); });
  connect(view, &SegmentView::selectionStarted, this, [this, view](int position) { beginSelection(view, position); });
  connect(view, &SegmentView::dragged, this, &MessageBody::dragSelection);
  connect(view, &SegmentView::caretMoved, this, [this, view](const QRect& caret) { Q_EMIT revealRequested(view, caret); });
  connect(view, &SegmentView::caretLeft, this, [this, view](bool downwards) { moveCaret(view, downwards); });
  connect(view, &SegmentView::copyCodeRequested, this, [this, view](const QString& code, bool goesOn) { copyCode(view, code, goesOn); });
  return view;
}

SegmentView* MessageBody::viewFor(qsizetype index) {
  Entry& entry = m_entries[static_cast<std::size_t>(index)];
  if (entry.view) return entry.view;
  entry.view = m_spare.isEmpty() ? makeView() : m_spare.takeLast();
  entry.view->setAccessibleName(m_name);
  entry.view->setWidth(width());  // before the text comes, which is laid out at once
  fill(entry.view, index, false);
  if (m_allSelected) entry.view->selectAll();
  entry.view->show();
  return entry.view;
}

void MessageBody::release(Entry& entry) {
  if (!entry.view) return;
  entry.view->hide();
  if (m_spare.size() < kMaxSpare) {
    entry.view->setPiece({}, {}, m_isMarkdown, nullptr);
    m_spare.push_back(entry.view);
  } else {
    entry.view->deleteLater();
  }
  entry.view = nullptr;
}

bool MessageBody::setSight(int top, int bottom, const QDeadlineTimer& deadline) {
  m_sightTop = top;
  m_sightBottom = bottom;
  return realise(deadline);
}

/// Lays out what is in sight, and lets go of the rest. True: the height has changed.
bool MessageBody::realise(const QDeadlineTimer& deadline) {
  if (width() <= 0) return false;
  adoptWidth();
  bool expired = deadline.hasExpired(), skipped = false;
  const int before = m_offsets.back();
  const auto count = static_cast<qsizetype>(m_entries.size());
  qsizetype first = 0, last = -1;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    const auto begin = std::upper_bound(m_offsets.begin(), m_offsets.end() - 1, m_sightTop);
    const auto end = std::lower_bound(m_offsets.begin(), m_offsets.end() - 1, m_sightBottom);
    first = std::max<qsizetype>(0, begin - m_offsets.begin() - 1);
    last = m_sightBottom > m_sightTop && m_sightBottom > 0 && m_sightTop < m_offsets.back() ? std::min<qsizetype>(count, end - m_offsets.begin()) - 1 : -1;
    bool changed = false;
    for (qsizetype i = first; i <= last; ++i) {
      Entry& entry = m_entries[static_cast<std::size_t>(i)];
      if (expired && !entry.view) {
        skipped = true;
        continue;
      }
      SegmentView* view = viewFor(i);
      if (entry.measured) continue;
      const int height = view->heightFor(width());
      entry.measured = true;
      changed = changed || height != entry.height;
      entry.height = height;
      expired = deadline.hasExpired();
    }
    if (!changed) break;
    updateOffsets();
  }
  if (skipped) m_later.start();
  m_views.clear();
  const QWidget* focus = QApplication::focusWidget();
  for (qsizetype i = 0; i < count; ++i) {
    Entry& entry = m_entries[static_cast<std::size_t>(i)];
    if (!entry.view) continue;
    const bool keep = (i >= first - 1 && i <= last + 1) || entry.view == focus || (!m_allSelected && entry.view->textCursor().hasSelection());
    if (!keep) {
      release(entry);
    } else {
      if (!entry.measured) {
        entry.height = entry.view->heightFor(width());
        entry.measured = true;
      }
      m_views.push_back(entry.view);
    }
  }
  setTabStop(std::find(m_views.begin(), m_views.end(), focus) != m_views.end() ? focus
             : first <= last ? m_entries[static_cast<std::size_t>(first)].view
                             : nullptr);
  updateOffsets();
  layOut();
  return m_offsets.back() != before;
}

/// Tab goes through messages, not through their pieces: one of them takes it, the arrow keys lead to the others.
void MessageBody::setTabStop(const QWidget* stop) {
  if (!stop && !m_views.isEmpty()) stop = m_views.first();
  for (SegmentView* view : std::as_const(m_views)) view->setFocusPolicy(view == stop ? Qt::StrongFocus : Qt::ClickFocus);
}

void MessageBody::layOut() {
  for (std::size_t i = 0; i < m_entries.size(); ++i) {
    if (SegmentView* view = m_entries[i].view) view->setGeometry(0, m_offsets[i], width(), m_entries[i].height);
  }
  const bool waits = m_slices.isActive();
  const bool more = !m_isRead && !waits && !m_showsAll, cut = !m_isRead && !waits && m_showsAll;
  if (more && m_more->isHidden()) retranslate();
  if (cut && m_rest->isHidden()) retranslate();
  m_more->setVisible(more);
  m_rest->setVisible(cut);
  if (more) m_more->setGeometry(0, m_offsets.back() + kGap, std::min(width(), m_more->sizeHint().width()), m_more->sizeHint().height());
  if (cut) m_rest->setGeometry(0, m_offsets.back() + kGap, width(), m_rest->heightForWidth(width()));
}

int MessageBody::heightFor(int width) {
  if (this->width() != width) resize(width, height());
  if (m_width != this->width()) realise();
  int below = estimateRest();
  if (!m_more->isHidden()) below += kGap + m_more->sizeHint().height();
  if (!m_rest->isHidden()) below += kGap + m_rest->heightForWidth(width);
  return m_offsets.back() + below;
}

void MessageBody::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  if (m_width == width()) return;
  realise();
  m_later.start();
}

/// A hidden widget gets its resize event when it is shown, which is too late for who asks for its height before.
void MessageBody::adoptWidth() {
  if (m_width == width()) return;
  m_width = width();
  const bool many = m_views.size() > kRelaidAtOnce;  // pieces of a line each, say
  for (std::size_t i = 0; i < m_entries.size(); ++i) {
    if (many && m_entries[i].view != QApplication::focusWidget()) release(m_entries[i]);
    m_entries[i].measured = false;
    if (!m_entries[i].view) m_entries[i].height = estimate(m_segmenter.segments()[i]);
  }
  updateOffsets();
}

MessageBody::Place MessageBody::placeAt(int y) const {
  const auto found = std::upper_bound(m_offsets.begin(), m_offsets.end() - 1, y);
  const qsizetype segment = std::max<qsizetype>(0, found - m_offsets.begin() - 1);
  return {segment, y - m_offsets[static_cast<std::size_t>(segment)]};
}

int MessageBody::yOf(const Place& place) const {
  const std::size_t segment = std::min(static_cast<std::size_t>(place.segment), m_offsets.size() - 1);
  return m_offsets[segment] + place.shift;
}

QString MessageBody::toPlainText() const {
  QStringList shown;
  for (const SegmentView* view : m_views) shown << view->toPlainText();
  return shown.join(u'\n');
}

void MessageBody::beginSelection(const SegmentView* view, int position) {
  selectAll(false);
  const auto found = std::find_if(m_entries.begin(), m_entries.end(), [view](const Entry& entry) { return entry.view == view; });
  m_dragFrom = {found - m_entries.begin(), position};
}

void MessageBody::dragSelection(const QPoint& global) {
  const QPoint at = mapFromGlobal(global);
  const qsizetype from = m_dragFrom.segment, to = placeAt(at.y()).segment;
  if (from == to && m_selection.last < 0) return;  // the piece does that by itself
  m_selection = from == to ? Selection{} : Selection{std::min(from, to), std::max(from, to)};
  for (qsizetype i = 0; i < static_cast<qsizetype>(m_entries.size()); ++i) {
    SegmentView* view = m_entries[static_cast<std::size_t>(i)].view;
    if (!view || (i == from && from == to)) continue;
    QTextCursor cursor(view->document());
    if (i >= m_selection.first && i <= m_selection.last) {
      const int pointed = i == to ? view->cursorForPosition(view->mapFromGlobal(global)).position() : 0;
      cursor.movePosition(QTextCursor::End);
      const int end = cursor.position();
      const bool down = from < to;
      cursor.setPosition(i == from ? m_dragFrom.shift : i == to ? pointed : 0);
      cursor.setPosition(i == from ? (down ? end : 0) : i == to ? (down ? 0 : end) : end, QTextCursor::KeepAnchor);
    }
    view->setTextCursor(cursor);
  }
}

/// What is selected in one piece, as it is shown.
QString MessageBody::selectedIn(qsizetype index) const {
  const Entry& entry = m_entries[static_cast<std::size_t>(index)];
  if (entry.view) return entry.view->textCursor().selection().toPlainText();
  const auto& segments = m_segmenter.segments();
  const auto i = static_cast<std::size_t>(index);
  SegmentView view(nullptr);
  view.setPiece(pieceOf(index), segments[i], m_isMarkdown, i + 1 < segments.size() ? &segments[i + 1].start : nullptr);
  return view.toPlainText();
}

void MessageBody::selectAll(bool all) {
  const bool spans = m_selection.last >= 0;
  m_selection = {};
  if (!all && !m_allSelected && !spans) return;
  m_allSelected = all && m_segmenter.segments().size() > 1;
  for (SegmentView* view : std::as_const(m_views)) {
    if (all) {
      view->selectAll();
      continue;
    }
    QTextCursor cursor = view->textCursor();
    cursor.clearSelection();
    view->setTextCursor(cursor);
  }
}

/// From one piece into the next.
void MessageBody::moveCaret(const SegmentView* from, bool downwards) {
  const auto found = std::find_if(m_entries.begin(), m_entries.end(), [from](const Entry& entry) { return entry.view == from; });
  const qsizetype next = found - m_entries.begin() + (downwards ? 1 : -1);
  if (next < 0 || next >= static_cast<qsizetype>(m_entries.size())) return;
  SegmentView* view = viewFor(next);
  realise();
  view->moveCursor(downwards ? QTextCursor::Start : QTextCursor::End);
  view->setFocus(Qt::OtherFocusReason);
  Q_EMIT heightChanged();
  Q_EMIT revealRequested(view, view->cursorRect());
}

QList<QWidget*> MessageBody::parts() const {
  QList<QWidget*> all(m_views.begin(), m_views.end());
  if (!m_more->isHidden()) all << m_more;
  if (!m_rest->isHidden()) all << m_rest;
  return all;
}

QList<QWidget*> MessageBody::focusOrder() const {
  QList<QWidget*> order;
  for (SegmentView* view : m_views) order << view << view->buttons();
  order << m_more;
  return order;
}

QMimeData* MessageBody::selection() const {
  if (!m_allSelected && m_selection.last < 0) return nullptr;
  auto* whole = new QMimeData;
  if (m_allSelected) {
    whole->setText(m_text.trimmed());
  } else if (m_selection.last - m_selection.first > kRenderedForCopy) {  // too much to lay out now: as it is stored
    const auto& segments = m_segmenter.segments();
    const qsizetype begin = segments[static_cast<std::size_t>(m_selection.first)].begin;
    whole->setText(m_text.sliced(begin, segments[static_cast<std::size_t>(m_selection.last)].end - begin));
  } else {
    QStringList pieces;
    for (qsizetype i = m_selection.first; i <= m_selection.last; ++i) {
      QString piece = selectedIn(i);
      while (piece.endsWith(u'\n')) piece.chop(1);  // the empty block at the end of each piece
      pieces << piece;
    }
    whole->setText(pieces.join(u'\n'));
  }
  return whole;
}

/// The button stands where the block begins; its code may go on far below.
void MessageBody::copyCode(const SegmentView* view, const QString& code, bool goesOn) {
  const auto found = std::find_if(m_entries.begin(), m_entries.end(), [view](const Entry& entry) { return entry.view == view; });
  const auto next = static_cast<std::size_t>(found - m_entries.begin()) + 1;
  if (!goesOn || next >= m_segmenter.segments().size()) {
    QGuiApplication::clipboard()->setText(code);
    return;
  }
  const TextSegment from = m_segmenter.segments()[next];
  const auto all = [code, text = m_text, from]() -> QString { return code + restOfCode(text, from.begin, from.start); };
  if (m_text.size() - from.begin < kCopyAtOnce) {
    QGuiApplication::clipboard()->setText(all());
    return;
  }
  QThreadPool::globalInstance()->start([all] {
    QMetaObject::invokeMethod(qApp, [text = all()] { QGuiApplication::clipboard()->setText(text); }, Qt::QueuedConnection);
  });
}

void MessageBody::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
    for (Entry& entry : m_entries) entry.measured = false;
  }
}

void MessageBody::retranslate() {
  m_more->setText(tr("Show all (%1 characters)").arg(QLocale().toString(m_text.size())));
  m_rest->setText(tr("The rest is too long to be shown here. Copy takes the whole text."));
}

}  // namespace rookery::app
