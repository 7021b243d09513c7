// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/conversation_list_model.h"

#include <QLocale>
#include <algorithm>
#include <utility>

#include "support/plain_text.h"

namespace rookery::app {
namespace {
constexpr int kPortion = 100, kAgainMilliseconds = 500;
}

ConversationListModel::ConversationListModel(ChatStore& store, QObject* parent)
    : QAbstractListModel(parent), m_store(store) {
  m_again.setSingleShot(true);
  m_again.setInterval(kAgainMilliseconds);
  connect(&m_again, &QTimer::timeout, this, [this] {
    if (!m_filter.isEmpty()) reload();
  });
  reload();
}

int ConversationListModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

QString ConversationListModel::timeOrBusy(const ConversationSummary& chat) const {
  return m_busy.contains(chat.id) ? m_busy.value(chat.id) : QLocale().toString(chat.updated, QLocale::ShortFormat);
}

QVariant ConversationListModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const ChatHit& hit = m_rows[static_cast<std::size_t>(index.row())];
  const ConversationSummary& row = hit.chat;
  switch (role) {
    case Qt::DisplayRole: return displayName(row.title);
    case Qt::EditRole: return row.title;
    case Qt::ToolTipRole: return plainToolTip(hit.message == 0 ? row.title : row.title + u'\n' + hit.snippet.text);
    case Qt::AccessibleTextRole: {  // screen readers pass over the description of an item
      const QString text = tr("%1, %2").arg(displayName(row.title), timeOrBusy(row));
      return hit.message == 0 ? text : tr("%1: %2").arg(text, displayText(hit.snippet.text));
    }
    case Qt::AccessibleDescriptionRole: return timeOrBusy(row);
    case HitMessageRole: return hit.message;
    case IdRole: return row.id;
    case BusyRole: return m_busy.value(row.id);
    case UpdatedRole: return row.updated;
    default: return {};
  }
}

bool ConversationListModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  const QString title = value.toString().simplified();
  if (role != Qt::EditRole || !checkIndex(index, CheckIndexOption::IndexIsValid) || title.isEmpty()) return false;
  ConversationSummary& row = m_rows[static_cast<std::size_t>(index.row())].chat;
  if (row.title == title) return false;
  row.title = title;
  Q_EMIT dataChanged(index, index);
  Q_EMIT renamed(row.id, title);
  return true;
}

Qt::ItemFlags ConversationListModel::flags(const QModelIndex& index) const {
  return QAbstractListModel::flags(index) | (m_store.isReadOnly() ? Qt::NoItemFlags : Qt::ItemIsEditable);
}

bool ConversationListModel::canFetchMore(const QModelIndex& parent) const { return !parent.isValid() && !m_complete; }

void ConversationListModel::fetchMore(const QModelIndex& parent) {
  if (!canFetchMore(parent)) return;
  const auto more = portion(rowCount());
  m_complete = static_cast<int>(more.size()) < kPortion;
  if (more.empty()) return;
  beginInsertRows({}, rowCount(), rowCount() + static_cast<int>(more.size()) - 1);
  m_rows.insert(m_rows.end(), more.begin(), more.end());
  endInsertRows();
}

std::vector<ChatHit> ConversationListModel::portion(int offset) {
  std::vector<ChatHit> rows;
  for (ConversationSummary& chat : m_store.conversations(m_filter, kPortion, offset)) rows.push_back({std::move(chat), 0, {}});
  return rows;
}

void ConversationListModel::setFilter(const QString& text) {
  if (text == m_filter) return;
  m_filter = text;
  reload();
}

void ConversationListModel::startSearch() {
  MessageSearch* search = m_store.search();
  if (!search || search == m_search) return;
  m_search = search;
  connect(search, &MessageSearch::messagesUnavailable, this, &ConversationListModel::searchChanged);
  connect(search, &MessageSearch::changed, this, [this] {  // not at each of many changes
    if (!m_filter.isEmpty() && !m_again.isActive()) m_again.start();
  });
  connect(search, &MessageSearch::found, this, [this](quint64 id, const std::vector<ChatHit>& hits, bool isWhole) {
    if (id != m_wanted) return;
    m_wanted = 0;
    m_isIndexWhole = isWhole;
    if (!isWhole) m_again.start();  // more is read meanwhile
    const auto isSame = [](const ChatHit& a, const ChatHit& b) {
      return a.chat.id == b.chat.id && a.message == b.message && a.chat.title == b.chat.title;
    };
    if (!m_complete || m_shownFilter != m_filter || !std::equal(hits.begin(), hits.end(), m_rows.begin(), m_rows.end(), isSame)) {
      replace(hits, true);
    }
  });
  Q_EMIT searchChanged();
}

bool ConversationListModel::searchesMessages() const { return !m_store.isReadOnly() && (!m_search || m_search->hasMessages()); }

void ConversationListModel::reload() {
  m_wanted = 0;
  if (!m_filter.isEmpty()) startSearch();
  if (!m_filter.isEmpty() && m_search) {
    m_wanted = m_search->find(m_filter);
    return;
  }
  auto rows = portion(0);
  const bool complete = static_cast<int>(rows.size()) < kPortion;
  replace(std::move(rows), complete);
}

void ConversationListModel::replace(std::vector<ChatHit> rows, bool complete) {
  beginResetModel();
  m_rows = std::move(rows);
  m_complete = complete;
  m_shownFilter = m_filter;
  endResetModel();
}

int ConversationListModel::rowOf(qint64 id) const {
  const auto found = std::find_if(m_rows.begin(), m_rows.end(), [id](const ChatHit& row) { return row.chat.id == id; });
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
    m_rows.insert(m_rows.begin(), ChatHit{summary, 0, {}});
    endInsertRows();
    return;
  }
  if (row > 0) {
    beginMoveRows({}, row, row, {}, 0);
    std::rotate(m_rows.begin(), m_rows.begin() + row, m_rows.begin() + row + 1);
    endMoveRows();
  }
  m_rows.front().chat = summary;
  Q_EMIT dataChanged(index(0), index(0));
}

void ConversationListModel::setTitle(qint64 id, const QString& title) {
  const int row = rowOf(id);
  if (row < 0 || m_rows[static_cast<std::size_t>(row)].chat.title == title) return;
  m_rows[static_cast<std::size_t>(row)].chat.title = title;
  Q_EMIT dataChanged(index(row), index(row));
}

void ConversationListModel::remove(qint64 id) {
  const int row = rowOf(id);
  if (row < 0) return;
  beginRemoveRows({}, row, row);
  m_rows.erase(m_rows.begin() + row);
  endRemoveRows();
}

void ConversationListModel::setBusy(const QHash<qint64, QString>& chats) {
  if (chats == m_busy) return;
  const QHash<qint64, QString> before = std::exchange(m_busy, chats);
  const QList<qint64> ids = before.keys() + chats.keys();
  for (const qint64 id : ids) {
    const QModelIndex row = before.value(id) != chats.value(id) ? indexOf(id) : QModelIndex();
    if (row.isValid()) Q_EMIT dataChanged(row, row);
  }
}

}  // namespace rookery::app
