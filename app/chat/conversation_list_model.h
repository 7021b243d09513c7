// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <QHash>
#include <QPointer>
#include <QTimer>
#include <vector>

#include "storage/chat_store.h"

namespace rookery::app {

/// The chats, newest first, fetched from the store in portions as the view scrolls. Own changes (a new chat, a title, a
/// new message) are applied here directly, so nothing is read again for them.
class ConversationListModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role { IdRole = Qt::UserRole, BusyRole, UpdatedRole, HitMessageRole };

  explicit ConversationListModel(ChatStore& store, QObject* parent = nullptr);

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;  ///< renames
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  bool canFetchMore(const QModelIndex& parent) const override;
  void fetchMore(const QModelIndex& parent) override;

  /// Words to search for, in titles and in messages where the store can; the rows follow in a moment. Empty: all chats.
  void setFilter(const QString& text);
  void startSearch();  ///< reads the messages for it from now on, if the store can
  bool searchesMessages() const;
  bool isIndexWhole() const noexcept { return m_isIndexWhole; }
  const ChatHit& hit(const QModelIndex& index) const { return m_rows[static_cast<std::size_t>(index.row())]; }
  const QString& filter() const noexcept { return m_filter; }
  bool isUpToDate() const noexcept { return m_shownFilter == m_filter; }  ///< the rows are those of the filter
  void reload();
  void putOnTop(const ConversationSummary& summary);
  void setTitle(qint64 id, const QString& title);
  void remove(qint64 id);
  /// Chats that are being answered or wait for it, and a word for which; shown in place of their time.
  void setBusy(const QHash<qint64, QString>& chats);
  QModelIndex indexOf(qint64 id) const;

 Q_SIGNALS:
  void renamed(qint64 id, const QString& title);
  void searchChanged();  ///< searchesMessages()

 private:
  int rowOf(qint64 id) const;
  QString timeOrBusy(const ConversationSummary& chat) const;
  std::vector<ChatHit> portion(int offset);  ///< of all chats, or of those whose title has the filter
  void replace(std::vector<ChatHit> rows, bool complete);

  ChatStore& m_store;
  QPointer<MessageSearch> m_search;
  std::vector<ChatHit> m_rows;
  QString m_filter, m_shownFilter;  ///< the rows are of the second
  QHash<qint64, QString> m_busy;
  QTimer m_again;
  quint64 m_wanted = 0;  ///< the search whose answer is waited for
  bool m_complete = false, m_isIndexWhole = true;
};

}  // namespace rookery::app
