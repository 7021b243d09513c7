// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <vector>

#include "storage/chat_store.h"

namespace rookery::app {

/// The chats, newest first, fetched from the store in portions as the view scrolls. Own changes (a new chat, a title, a
/// new message) are applied here directly, so nothing is read again for them.
class ConversationListModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role { IdRole = Qt::UserRole, UpdatedRole };

  explicit ConversationListModel(ChatStore& store, QObject* parent = nullptr);

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;  ///< renames
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  bool canFetchMore(const QModelIndex& parent) const override;
  void fetchMore(const QModelIndex& parent) override;

  void setFilter(const QString& text);
  const QString& filter() const noexcept { return m_filter; }
  void reload();
  void putOnTop(const ConversationSummary& summary);
  void setTitle(qint64 id, const QString& title);
  void remove(qint64 id);
  QModelIndex indexOf(qint64 id) const;

 Q_SIGNALS:
  void renamed(qint64 id, const QString& title);

 private:
  int rowOf(qint64 id) const;

  ChatStore& m_store;
  std::vector<ConversationSummary> m_rows;
  QString m_filter;
  bool m_complete = false;
};

}  // namespace rookery::app
