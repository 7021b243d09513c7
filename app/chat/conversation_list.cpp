// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/conversation_list.h"

#include <QAction>
#include <QApplication>
#include <QEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLineEdit>
#include <QLocale>
#include <QPainter>
#include <QPushButton>
#include <QStackedLayout>
#include <QStyledItemDelegate>
#include <QTextLayout>
#include <QVBoxLayout>
#include <algorithm>
#include <utility>

#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/label.h"
#include "theme/theme.h"

namespace rookery::app {
namespace {

constexpr int kSearchDelay = 150, kUndoMilliseconds = 10'000, kPad = 8, kLeastTitle = 4;
constexpr int kFieldMargin = 2;  // that QLineEdit keeps beside its text

/// Title and, quietly below it, when the chat was used last.
class ChatDelegate : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;

  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const override {
    return {0, 2 * option.fontMetrics.height() + 2 * kPad - 2};
  }

  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    painter->save();
    const bool selected = option.state & QStyle::State_Selected;
    if (selected || (option.state & QStyle::State_MouseOver)) {
      painter->setRenderHint(QPainter::Antialiasing);
      painter->setPen(Qt::NoPen);
      QColor fill = option.palette.color(QPalette::Highlight);
      if (!selected) fill.setAlpha(28);
      painter->setBrush(fill);
      painter->drawRoundedRect(option.rect.adjusted(4, 1, -4, -1), 4, 4);
    }
    const QRect inner = innerArea(option);
    painter->setPen(option.palette.color(selected ? QPalette::HighlightedText : QPalette::Text));
    painter->setFont(option.font);
    painter->drawText(inner, Qt::AlignTop | Qt::AlignLeft | Qt::TextSingleLine,
                      option.fontMetrics.elidedText(index.data().toString(), Qt::ElideRight, inner.width()));
    QColor quiet = selected ? option.palette.color(QPalette::HighlightedText) : Theme::colors().mutedText;
    if (selected) quiet.setAlphaF(0.8F);
    painter->setPen(quiet);
    QFont small = option.font;
    small.setPointSizeF(small.pointSizeF() * 0.85);
    painter->setFont(small);
    const ChatHit& hit = static_cast<const ConversationListModel*>(index.model())->hit(index);
    if (hit.message != 0) {
      drawSnippet(*painter, inner, hit.snippet, option.palette.color(selected ? QPalette::HighlightedText : QPalette::Text));
    } else {
      const QString busy = index.data(ConversationListModel::BusyRole).toString();
      painter->drawText(inner, Qt::AlignBottom | Qt::AlignLeft | Qt::TextSingleLine,
                        busy.isEmpty() ? when(hit.chat.updated) : busy);
    }
    if (option.state & QStyle::State_HasFocus) {
      QStyleOptionFocusRect focus;
      focus.QStyleOption::operator=(option);
      focus.rect = option.rect.adjusted(5, 2, -5, -2);
      option.widget->style()->drawPrimitive(QStyle::PE_FrameFocusRect, &focus, painter, option.widget);
    }
    painter->restore();
  }

  void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option, const QModelIndex&) const override {
    // Its text stands where the title stood.
    const QRect title = titleArea(option);
    int inset = 0;
    if (const auto* field = qobject_cast<const QLineEdit*>(editor)) {
      QStyleOptionFrame frame;
      frame.initFrom(field);
      frame.rect = QRect(QPoint(), field->sizeHint());
      frame.lineWidth =
          field->hasFrame() ? field->style()->pixelMetric(QStyle::PM_DefaultFrameWidth, &frame, field) : 0;
      inset = field->style()->subElementRect(QStyle::SE_LineEditContents, &frame, field).left() +
              field->textMargins().left() + kFieldMargin;
    }
    const int above = std::min((editor->sizeHint().height() - title.height()) / 2, title.top() - option.rect.top() - 1);
    editor->setGeometry(title.left() - inset, title.top() - above, option.rect.right() - 4 - title.left() + inset,
                        title.height() + 2 * above);
  }

 private:
  static QRect innerArea(const QStyleOptionViewItem& option) {
    return option.rect.adjusted(4 + kPad, kPad - 2, -4 - kPad, -kPad + 2);
  }
  static QRect titleArea(const QStyleOptionViewItem& option) {
    const QRect inner = innerArea(option);
    return {inner.topLeft(), QSize(inner.width(), option.fontMetrics.height())};
  }

  /// One line at the bottom of `area`; the words that were looked for are heavier.
  static void drawSnippet(QPainter& painter, const QRect& area, const Snippet& snippet, const QColor& strong) {
    QTextLayout layout(snippet.text, painter.font());
    QTextOption option;
    option.setWrapMode(QTextOption::NoWrap);
    layout.setTextOption(option);
    QList<QTextLayout::FormatRange> ranges;
    for (const TextMark& mark : snippet.marks) {
      QTextCharFormat format;
      format.setFontWeight(QFont::DemiBold);
      format.setForeground(strong);
      ranges << QTextLayout::FormatRange{static_cast<int>(mark.start), static_cast<int>(mark.length), format};
    }
    layout.setFormats(ranges);
    layout.beginLayout();
    QTextLine line = layout.createLine();
    layout.endLayout();
    painter.setClipRect(area);
    layout.draw(&painter, QPointF(area.left(), area.bottom() + 1 - line.height()));
    painter.setClipping(false);
  }

  static QString when(const QDateTime& time) {
    const QDate today = QDate::currentDate();
    const QLocale locale;
    if (time.date() == today) return locale.toString(time.time(), QLocale::ShortFormat);
    if (time.date() == today.addDays(-1)) return ConversationList::tr("Yesterday");
    return locale.toString(time.date(), QLocale::ShortFormat);
  }
};

}  // namespace

ConversationList::ConversationList(ChatStore& store, QWidget* parent)
    : QWidget(parent), m_store(store), m_model(store), m_search(new QLineEdit(this)), m_new(new QPushButton(this)),
      m_view(new ChatListView(this)), m_empty(new Label(this)), m_stack(new QStackedLayout), m_undoBar(new QWidget(this)),
      m_undoText(new Label(m_undoBar)), m_undoCount(new MutedLabel(m_undoBar)), m_undo(new QPushButton(m_undoBar)), m_rename(new QAction(this)),
      m_delete(new QAction(this)), m_undoAction(new QAction(this)) {
  setObjectName(QStringLiteral("conversationList"));
  m_search->setObjectName(QStringLiteral("chatSearch"));
  m_search->setClearButtonEnabled(true);
  m_search->installEventFilter(this);
  m_search->addAction(lineIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
  m_new->setObjectName(QStringLiteral("newChat"));
  m_new->setIcon(lineIcon(QStringLiteral("plus")));
  m_view->setObjectName(QStringLiteral("chatList"));
  m_view->setModel(&m_model);
  m_view->setItemDelegate(new ChatDelegate(m_view));
  m_view->setUniformItemSizes(true);
  m_view->setFrameShape(QFrame::NoFrame);
  m_view->setMouseTracking(true);
  m_view->setEditTriggers(QAbstractItemView::EditKeyPressed);
  m_view->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_view->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_view->setContextMenuPolicy(Qt::ActionsContextMenu);
  m_view->viewport()->setAutoFillBackground(false);
  m_empty->setObjectName(QStringLiteral("chatListEmpty"));
  m_empty->setAlignment(Qt::AlignCenter);
  m_empty->setWordWrap(true);
  m_empty->setMargin(16);
  m_empty->setForegroundRole(QPalette::PlaceholderText);
  m_undoBar->setObjectName(QStringLiteral("undoBar"));
  m_undo->setObjectName(QStringLiteral("undoDelete"));
  m_undoText->setObjectName(QStringLiteral("undoText"));
  m_undoCount->setObjectName(QStringLiteral("undoCount"));

  setTabOrder(m_new, m_search);
  setTabOrder(m_search, m_view);
  m_rename->setShortcut(Qt::Key_F2);
  m_delete->setShortcut(QKeySequence::Delete);
  m_undoAction->setShortcut(QKeySequence::Undo);
  m_undoAction->setEnabled(false);
  m_delete->setShortcutContext(Qt::WidgetWithChildrenShortcut);  // in a field it deletes a letter
  for (QAction* action : {m_rename, m_delete, m_undoAction}) m_view->addAction(action);
  m_rename->setIcon(lineIcon(QStringLiteral("edit")));
  m_delete->setIcon(lineIcon(QStringLiteral("trash")));
  m_undoAction->setIcon(lineIcon(QStringLiteral("undo")));

  auto* bar = new QVBoxLayout(m_undoBar);
  bar->setContentsMargins(12, 6, 8, 6);
  bar->setSpacing(2);
  bar->addWidget(m_undoText);
  auto* barRow = new QHBoxLayout;
  barRow->addWidget(m_undoCount, 1);
  barRow->addWidget(m_undo);
  bar->addLayout(barRow);
  m_undoBar->hide();
  m_stack->addWidget(m_view);
  m_stack->addWidget(m_empty);
  auto* top = new QVBoxLayout;
  top->setContentsMargins(12, 12, 12, 8);
  top->setSpacing(8);
  top->addWidget(m_new);
  top->addWidget(m_search);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  column->addLayout(top);
  column->addLayout(m_stack, 1);
  column->addWidget(m_undoBar);

  m_searchTimer.setSingleShot(true);
  m_searchTimer.setInterval(kSearchDelay);
  m_undoTimer.setSingleShot(true);
  m_undoTimer.setInterval(kUndoMilliseconds);
  connect(&m_searchTimer, &QTimer::timeout, this, [this] { m_model.setFilter(m_search->text().trimmed()); });
  connect(&m_undoTimer, &QTimer::timeout, m_undoBar, &QWidget::hide);
  connect(m_search, &QLineEdit::textChanged, &m_searchTimer, qOverload<>(&QTimer::start));
  connect(m_search, &QLineEdit::textChanged, this, [this] { m_opensFirst = false; });
  connect(m_new, &QPushButton::clicked, this, &ConversationList::newChatRequested);
  connect(m_undo, &QPushButton::clicked, this, &ConversationList::undoDelete);
  const auto undoHere = [this] {
    const bool here = m_view->hasFocus();
    undoDelete();
    if (here) m_view->setFocus();  // more of them may follow
  };
  connect(m_undoAction, &QAction::triggered, this, undoHere);
  connect(m_view, &ChatListView::undoRequested, this, undoHere);
  connect(m_view, &ChatListView::editorClosed, this, [this] {
    if (std::exchange(m_renamesFromElsewhere, false)) Q_EMIT done();
  });
  connect(&m_model, &ConversationListModel::searchChanged, this, &ConversationList::retranslate);
  connect(&m_store, &ChatStore::opened, this, &ConversationList::retranslate);
  connect(m_rename, &QAction::triggered, this, &ConversationList::rename);
  connect(m_delete, &QAction::triggered, this, [this] { remove(currentId()); });
  connect(&m_model, &ConversationListModel::renamed, this, &ConversationList::renamed);
  connect(&m_model, &QAbstractItemModel::modelReset, this, [this] {
    updateEmptyState();
    select(m_selected);
    openFirst();
  });
  connect(&m_model, &QAbstractItemModel::rowsInserted, this, &ConversationList::updateEmptyState);
  connect(&m_model, &QAbstractItemModel::rowsRemoved, this, &ConversationList::updateEmptyState);
  connect(m_view->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& index) {
    choose(index);
  });
  connect(m_view, &QListView::clicked, this, [this](const QModelIndex& index) {  // it may be the open chat
    if (index.data(ConversationListModel::HitMessageRole).toLongLong() != 0) choose(index);
  });
  connect(m_view, &QListView::clicked, this, &ConversationList::done);
  connect(m_view, &QListView::activated, this, &ConversationList::done);
  retranslate();
}

void ConversationList::retranslate() {
  for (QAction* action : {m_rename, m_delete}) action->setEnabled(!m_store.isReadOnly());  // it could not be saved
  m_search->setPlaceholderText(m_model.searchesMessages() ? tr("Search chats") : tr("Search titles"));
  m_search->setAccessibleName(tr("Search chats"));
  m_new->setText(tr("New chat"));
  m_new->setToolTip(plainToolTip(tr("New chat (Ctrl+N)")));
  m_view->setAccessibleName(tr("Chats"));
  m_rename->setText(tr("Rename"));
  m_delete->setText(tr("Delete"));
  m_undo->setText(tr("Undo"));
  m_undoAction->setText(tr("Undo delete"));
  fillUndo();
  updateEmptyState();
}

void ConversationList::updateEmptyState() {
  const bool empty = m_model.rowCount() == 0;
  m_stack->setCurrentWidget(empty ? static_cast<QWidget*>(m_empty) : m_view);
  if (!empty) return;
  m_empty->setText(whyEmpty());
}

QString ConversationList::whyEmpty() const {
  const QString& typed = m_model.filter();
  if (typed.isEmpty()) return tr("Your chats appear here.");
  if (!m_model.searchesMessages()) return tr("No title has “%1”.").arg(typed);
  if (SearchQuery(typed).expression.isEmpty()) {
    return tr("No title has “%1”. Messages are searched for words and numbers; signs count only beside them, as in “c++”.")
        .arg(typed);
  }
  if (!m_model.isIndexWhole()) return tr("Nothing for “%1” yet. Older messages are still being read.").arg(typed);
  return tr("Nothing for “%1”. Titles and messages were searched; of a very long message, its first %2 characters.")
      .arg(typed, QLocale().toString(kSearchedCharacters));
}

qint64 ConversationList::currentId() const { return m_view->currentIndex().data(ConversationListModel::IdRole).toLongLong(); }

void ConversationList::select(qint64 conversation) {
  m_selected = conversation;
  const QSignalBlocker block(m_view->selectionModel());
  const QModelIndex index = m_model.indexOf(conversation);
  if (index.isValid()) m_view->setCurrentIndex(index);
  else m_view->setCurrentIndex({});
  if (!index.isValid()) m_view->clearSelection();
  m_view->viewport()->update();  // the blocked selection model could not ask for it
}

void ConversationList::focusSearch() {
  m_search->setFocus(Qt::ShortcutFocusReason);
  m_search->selectAll();
}

void ConversationList::cancelSearch() {
  if (m_search->hasFocus()) m_search->clear();
}

void ConversationList::openFirst() {
  if (!m_opensFirst || !m_model.isUpToDate()) return;
  m_opensFirst = false;
  const QModelIndex first = m_model.index(0);
  if (!first.isValid()) return;
  m_view->setCurrentIndex(first);
  choose(first);  // it may be current already
  Q_EMIT done();
}

/// From the words to what they found: Down goes into the list, Enter opens the first.
bool ConversationList::eventFilter(QObject* watched, QEvent* event) {
  if (watched == m_search && event->type() == QEvent::KeyPress) {
    const int key = static_cast<QKeyEvent*>(event)->key();
    if (key == Qt::Key_Down && m_model.rowCount() > 0) {
      m_view->setFocus(Qt::OtherFocusReason);
      if (!m_view->currentIndex().isValid()) m_view->setCurrentIndex(m_model.index(0));
      return true;
    }
    if ((key == Qt::Key_Return || key == Qt::Key_Enter) && !m_search->text().trimmed().isEmpty()) {
      if (m_searchTimer.isActive()) {
        m_searchTimer.stop();
        m_model.setFilter(m_search->text().trimmed());
      }
      m_opensFirst = true;
      openFirst();
      return true;
    }
  }
  return QWidget::eventFilter(watched, event);
}

void ConversationList::choose(const QModelIndex& index) {
  if (!index.isValid()) return;
  const qint64 chat = index.data(ConversationListModel::IdRole).toLongLong();
  const qint64 message = index.data(ConversationListModel::HitMessageRole).toLongLong();
  if (message != 0) Q_EMIT messageChosen(chat, message);
  else Q_EMIT chosen(chat);
}

void ConversationList::rename() {
  const bool here = m_view->hasFocus();
  if (!here && m_view->isAncestorOf(QApplication::focusWidget())) return;  // it is being done
  Q_EMIT revealRequested();
  if (!here && !m_model.indexOf(m_selected).isValid() && !m_model.filter().isEmpty()) {  // not among what was found
    m_search->clear();
    m_searchTimer.stop();
    m_model.setFilter({});
  }
  while (!here && m_selected != 0 && !m_model.indexOf(m_selected).isValid() && m_model.canFetchMore({})) {
    m_model.fetchMore({});
  }
  if (!here) select(m_selected);
  const QModelIndex index = m_view->currentIndex();
  if (!index.isValid()) return;  // a new chat
  m_renamesFromElsewhere = !here;
  m_view->scrollTo(index);
  m_view->edit(index);
}

void ConversationList::remove(qint64 conversation) {
  const QModelIndex index = m_model.indexOf(conversation);
  if (!index.isValid()) return;
  m_deleted.push_back({conversation, index.data().toString(), {}});
  m_store.moveToBin(conversation);
  Q_EMIT deleted(conversation);  // first: removing the row makes its neighbour current, and that one would be opened
  m_model.remove(conversation);
  showUndo();
  m_view->setFocus();  // where Ctrl+Z takes it back
}

void ConversationList::undoDelete() {
  const auto bin = m_store.bin();
  const auto isThere = [&](qint64 id) {
    return m_store.isFailing() ||  // the deletion is not in the file yet
           std::any_of(bin.begin(), bin.end(), [id](const ConversationSummary& chat) { return chat.id == id; });
  };
  while (!m_deleted.empty() && !isThere(m_deleted.back().id)) m_deleted.pop_back();  // restored or deleted for good elsewhere
  const qint64 restored = m_deleted.empty() ? 0 : m_deleted.back().id;
  if (restored != 0) {
    m_deleted.pop_back();
    m_store.restoreFromBin(restored);
    m_model.reload();
    Q_EMIT this->restored(restored);
  }
  showUndo();
}

void ConversationList::showUndo() {
  m_undoAction->setEnabled(!m_deleted.empty());
  m_undoBar->setVisible(!m_deleted.empty());
  fillUndo();
  if (m_deleted.empty()) m_undoTimer.stop();
  else m_undoTimer.start();
}

/// The title gives way where there is not enough room, the words around it do not.
void ConversationList::fillUndo() {
  if (m_deleted.empty()) return;
  const auto others = static_cast<int>(m_deleted.size()) - 1;
  const QMargins margins = m_undoBar->layout()->contentsMargins();
  const int room = width() - margins.left() - margins.right();
  const QFontMetrics metrics = m_undoText->fontMetrics();
  const QString& title = m_deleted.back().title;
  const int rest = metrics.horizontalAdvance(tr("Deleted “%1”").arg(QString()));
  const int most = std::max(metrics.averageCharWidth() * kLeastTitle, room - rest);
  m_undoText->setText(tr("Deleted “%1”").arg(metrics.elidedText(title, Qt::ElideRight, most)));
  m_undoCount->setText(others == 0 ? QString() : tr("and %n more", nullptr, others));
  m_undoText->setToolTip(plainToolTip(title + u'\n' + tr("Deleted chats are kept for 30 days.")));
}

void ConversationList::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  fillUndo();
}

void ConversationList::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::LanguageChange) retranslate();
}

}  // namespace rookery::app
