// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/conversation_list_model.h"

#include <QLocale>
#include <algorithm>

#include "support/plain_text.h"

namespace rookery::app {
namespace {
constexpr int kPortion = 100;
}

ConversationListModel::ConversationListModel(ChatStore& store, QObject* parent)
    : QAbstractListModel(parent), m_store(store) {
  reload();
}

int ConversationListModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

QVariant ConversationListModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const ConversationSummary& row = m_rows[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole: return displayName(row.title);
    case Qt::EditRole: return row.title;
    case Qt::ToolTipRole: return plainToolTip(row.title);
    case Qt::AccessibleDescriptionRole: return QLocale().toString(row.updated, QLocale::ShortFormat);
    case IdRole: return row.id;
    case UpdatedRole: return row.updated;
    default: return {};
  }
}

bool ConversationListModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  const QString title = value.toString().simplified();
  if (role != Qt::EditRole || !checkIndex(index, CheckIndexOption::IndexIsValid) || title.isEmpty()) return false;
  ConversationSummary& row = m_rows[static_cast<std::size_t>(index.row())];
  if (row.title == title) return false;
  row.title = title;
  Q_EMIT dataChanged(index, index);
  Q_EMIT renamed(row.id, title);
  return true;
}

Qt::ItemFlags ConversationListModel::flags(const QModelIndex& index) const {
  return QAbstractListModel::flags(index) | Qt::ItemIsEditable;
}

bool ConversationListModel::canFetchMore(const QModelIndex& parent) const { return !parent.isValid() && !m_complete; }

void ConversationListModel::fetchMore(const QModelIndex& parent) {
  if (!canFetchMore(parent)) return;
  const auto more = m_store.conversations(m_filter, kPortion, rowCount());
  m_complete = static_cast<int>(more.size()) < kPortion;
  if (more.empty()) return;
  beginInsertRows({}, rowCount(), rowCount() + static_cast<int>(more.size()) - 1);
  m_rows.insert(m_rows.end(), more.begin(), more.end());
  endInsertRows();
}

void ConversationListModel::setFilter(const QString& text) {
  if (text == m_filter) return;
  m_filter = text;
  reload();
}

void ConversationListModel::reload() {
  beginResetModel();
  m_rows = m_store.conversations(m_filter, kPortion, 0);
  m_complete = static_cast<int>(m_rows.size()) < kPortion;
  endResetModel();
}

int ConversationListModel::rowOf(qint64 id) const {
  const auto found = std::find_if(m_rows.begin(), m_rows.end(), [id](const ConversationSummary& row) { return row.id == id; });
  return found == m_rows.end() ? -1 : static_cast<int>(found - m_rows.begin());
}

QModelIndex ConversationListModel::indexOf(qint64 id) const {
  const int row = rowOf(id);
  return row < 0 ? QModelIndex() : index(row);
}

void ConversationListModel::putOnTop(const ConversationSummary& summary) {
  const int row = rowOf(summary.id);
  if (row < 0) {
    if (!m_filter.isEmpty() && !summary.title.contains(m_filter, Qt::CaseInsensitive)) return;
    beginInsertRows({}, 0, 0);
    m_rows.insert(m_rows.begin(), summary);
    endInsertRows();
    return;
  }
  if (row > 0) {
    beginMoveRows({}, row, row, {}, 0);
    std::rotate(m_rows.begin(), m_rows.begin() + row, m_rows.begin() + row + 1);
    endMoveRows();
  }
  m_rows.front() = summary;
  Q_EMIT dataChanged(index(0), index(0));
}

void ConversationListModel::setTitle(qint64 id, const QString& title) {
  const int row = rowOf(id);
  if (row < 0 || m_rows[static_cast<std::size_t>(row)].title == title) return;
  m_rows[static_cast<std::size_t>(row)].title = title;
  Q_EMIT dataChanged(index(row), index(row));
}

void ConversationListModel::remove(qint64 id) {
  const int row = rowOf(id);
  if (row < 0) return;
  beginRemoveRows({}, row, row);
  m_rows.erase(m_rows.begin() + row);
  endRemoveRows();
}

}  // namespace rookery::app
