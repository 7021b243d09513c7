// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QListView>
#include <QTimer>
#include <QWidget>
#include <vector>

#include "chat/conversation_list_model.h"

class QAction;
class QLineEdit;
class QPushButton;
class QStackedLayout;

namespace rookery::app {

class Label;

/// Letters do not jump to a chat that begins with them: they are meant for a message. The open chat stays marked,
/// wherever is clicked.
class ChatListView : public QListView {
  Q_OBJECT

 public:
  using QListView::QListView;
  void keyboardSearch(const QString&) override {}

 public Q_SLOTS:
  void undo() { Q_EMIT undoRequested(); }  ///< by that name the Edit menu finds it

 Q_SIGNALS:
  void undoRequested();
  void editorClosed();

 protected:
  QItemSelectionModel::SelectionFlags selectionCommand(const QModelIndex& index, const QEvent*) const override {
    return index.isValid() ? QItemSelectionModel::ClearAndSelect : QItemSelectionModel::NoUpdate;
  }
  void closeEditor(QWidget* editor, QAbstractItemDelegate::EndEditHint hint) override {
    QListView::closeEditor(editor, hint);
    Q_EMIT editorClosed();
  }
};

/// The left column of the chat page: search, new chat, the list, and the bar that undoes a deletion.
class ConversationList : public QWidget {
  Q_OBJECT

 public:
  explicit ConversationList(ChatStore& store, QWidget* parent = nullptr);

  ConversationListModel& model() noexcept { return m_model; }
  void select(qint64 conversation);  ///< 0: nothing
  void focusSearch();
  void cancelSearch();  ///< where it has the keys: all chats again
  void remove(qint64 conversation);  ///< into the bin, with a way to undo it
  QListView* view() const noexcept { return m_view; }
  /// For the whole page: rename the open chat, take back the last deletion.
  QList<QAction*> pageActions() const { return {m_rename, m_undoAction}; }
  void undoDelete();

 Q_SIGNALS:
  void chosen(qint64 conversation);
  void messageChosen(qint64 conversation, qint64 message);  ///< a message that was found
  void done();  ///< a chat was clicked or Enter pressed on it: what is typed next is meant for it
  void newChatRequested();
  void revealRequested();  ///< something is about to happen in it
  void renamed(qint64 conversation, const QString& title);
  void deleted(qint64 conversation);  ///< while it is still in the list
  void restored(qint64 conversation);

 protected:
  void changeEvent(QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void openFirst();
  void choose(const QModelIndex& index);
  void rename();
  void showUndo();
  void fillUndo();
  void updateEmptyState();
  QString whyEmpty() const;
  void retranslate();
  qint64 currentId() const;

  ChatStore& m_store;
  ConversationListModel m_model;
  QLineEdit* m_search;
  QPushButton* m_new;
  ChatListView* m_view;
  Label* m_empty;
  QStackedLayout* m_stack;
  QWidget* m_undoBar;
  Label *m_undoText, *m_undoCount;
  QPushButton* m_undo;
  QAction *m_rename, *m_delete, *m_undoAction;
  QTimer m_searchTimer, m_undoTimer;
  std::vector<ConversationSummary> m_deleted;  ///< in this order; each can be brought back
  qint64 m_selected = 0;  ///< kept over searches that hide it
  bool m_renamesFromElsewhere = false;
  bool m_opensFirst = false;  ///< of what is being searched for, as soon as it is found
};

}  // namespace rookery::app
