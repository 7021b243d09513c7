// SPDX-License-Identifier: GPL-3.0-or-later
#include "chat/transcript_model.h"

#include <algorithm>

namespace rookery::app {
namespace {
constexpr qsizetype kMaxLoaded = 400;
constexpr qsizetype kMaxLoadedText = 30'000'000;  // characters
constexpr int kLongText = 200'000;                // read in the background
constexpr qsizetype kShownToReaders = 1'000;
}

void TranscriptModel::reset(std::vector<MessageNode> tree, qint64 leaf, Loader loader, SlowLoader slowLoader) {
  beginResetModel();
  m_nodes.clear();
  m_children.clear();
  m_loaded.clear();
  m_path.clear();
  m_loading.clear();
  m_loader = std::move(loader);
  m_slowLoader = std::move(slowLoader);
  m_nodes.reserve(static_cast<qsizetype>(tree.size()));
  for (const MessageNode& node : tree) {
    m_nodes.insert(node.id, {node.parent, node.role, node.textLength});
    m_children[node.parent].push_back(node.id);
  }
  if (!m_nodes.contains(leaf) && !tree.empty()) leaf = tree.back().id;
  for (qint64 id = leaf; id != 0 && m_nodes.contains(id); id = m_nodes[id].parent) m_path.push_back(id);
  std::reverse(m_path.begin(), m_path.end());
  endResetModel();
}

int TranscriptModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_path.size());
}

QVariant TranscriptModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const qint64 id = m_path[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole: case Qt::AccessibleTextRole: return message(index.row()).text.left(kShownToReaders).trimmed();
    case MessageIdRole: return id;
    case RoleRole: return static_cast<int>(m_nodes.value(id).role);
    case StateRole: return static_cast<int>(message(index.row()).state);
    case SiblingRole: return siblings(index.row()).index;
    case SiblingCountRole: return siblings(index.row()).count;
    case TextLengthRole: return m_nodes.value(id).textLength;
    default: return {};
  }
}

const MessageRecord& TranscriptModel::message(int row) const {
  const qint64 id = m_path[static_cast<std::size_t>(row)];
  auto found = m_loaded.find(id);
  if (found != m_loaded.end()) return *found;
  trimCache();
  const Node node = m_nodes.value(id);
  std::optional<MessageRecord> record;
  if (m_slowLoader && node.textLength > kLongText) loadSlowly(id);
  else if (m_loader) record = m_loader(id);
  if (record) return *m_loaded.insert(id, std::move(*record));
  m_unreadable = {};
  m_unreadable.id = id;
  m_unreadable.role = node.role;
  return m_unreadable;
}

void TranscriptModel::loadSlowly(qint64 message) const {
  if (m_loading.contains(message)) return;
  m_loading.insert(message);
  auto* self = const_cast<TranscriptModel*>(this);  // a cache, like m_loaded
  m_slowLoader(message, self, [self, message](std::optional<MessageRecord> record) {
    if (!self->m_loading.remove(message)) return;  // another chat by now, or it came otherwise
    if (record) self->m_loaded.insert(message, std::move(*record));
    else if (auto now = self->m_loader ? self->m_loader(message) : std::nullopt) self->m_loaded.insert(message, std::move(*now));
    if (!self->m_loaded.contains(message)) return;
    if (const int row = self->rowOf(message); row >= 0) Q_EMIT self->dataChanged(self->index(row), self->index(row));
  });
}

// Only what the store can give back may go.
void TranscriptModel::trimCache() const {
  qsizetype text = 0;
  for (const MessageRecord& record : std::as_const(m_loaded)) text += record.text.size();
  if (m_loaded.size() < kMaxLoaded && text < kMaxLoadedText) return;
  const qint64 keep = m_streaming;
  m_loaded.removeIf([keep](const std::pair<const qint64&, MessageRecord&>& entry) { return entry.first != keep; });
}

int TranscriptModel::rowOf(qint64 message) const {
  const auto found = std::find(m_path.begin(), m_path.end(), message);
  return found == m_path.end() ? -1 : static_cast<int>(found - m_path.begin());
}

TranscriptModel::Siblings TranscriptModel::siblings(int row) const {
  const qint64 id = m_path[static_cast<std::size_t>(row)];
  const auto found = m_children.constFind(m_nodes.value(id).parent);
  if (found == m_children.constEnd()) return {};
  const auto position = std::find(found->begin(), found->end(), id);
  return {static_cast<int>(position - found->begin()), static_cast<int>(found->size())};
}

void TranscriptModel::add(const MessageRecord& record) {
  m_nodes.insert(record.id, {record.parent, record.role, static_cast<int>(record.text.size())});
  m_children[record.parent].push_back(record.id);
  m_loaded.insert(record.id, record);
  if (record.role == MessageRole::Assistant) m_streaming = record.id;
  if (leaf() == record.parent) {
    beginInsertRows({}, rowCount(), rowCount());
    m_path.push_back(record.id);
    endInsertRows();
  } else {
    showPathTo(record.id);
  }
}

std::optional<double> TranscriptModel::thoughtSeconds(qint64 message) const {
  const auto found = m_thoughtSeconds.constFind(message);
  return found == m_thoughtSeconds.constEnd() ? std::nullopt : std::optional(*found);
}

void TranscriptModel::timeThought(qint64 message, const QString& piece) {
  if (m_clock.message != message) {
    m_clock = {};
    m_clock.message = message;
    // Goes on in a thought that began earlier: the clock would show a part of its time only.
    const bool fresh = m_clock.splitter.push(m_loaded[message].text).thought.trimmed().isEmpty();
    m_clock.runs = fresh && (m_clock.splitter.isOpen() || !m_clock.splitter.hasThought());
    m_clock.timer.start();
  }
  m_clock.splitter.push(piece);
  if (!m_clock.runs || m_clock.splitter.isOpen() || !m_clock.splitter.hasThought()) return;
  m_thoughtSeconds.insert(message, static_cast<double>(m_clock.timer.elapsed()) * 1e-3);
  m_clock.runs = false;
}

void TranscriptModel::appendText(qint64 message, const QString& piece) {
  m_streaming = message;
  timeThought(message, piece);
  m_loaded[message].text += piece;
  m_nodes[message].textLength += static_cast<int>(piece.size());
  if (const int row = leaf() == message ? rowCount() - 1 : rowOf(message); row >= 0) Q_EMIT textAppended(row, piece);
}

void TranscriptModel::update(const MessageRecord& record) {
  m_loaded.insert(record.id, record);
  m_loading.remove(record.id);
  if (m_clock.message == record.id) m_clock = {};
  if (record.state == MessageState::Complete && m_streaming == record.id) m_streaming = 0;
  m_nodes[record.id].textLength = static_cast<int>(record.text.size());
  if (const int row = rowOf(record.id); row >= 0) Q_EMIT dataChanged(index(row), index(row));
}

void TranscriptModel::remove(qint64 message, qint64 leaf) {
  std::erase(m_children[m_nodes.value(message).parent], message);
  m_nodes.remove(message);
  m_loaded.remove(message);
  if (m_streaming == message) m_streaming = 0;
  showPathTo(leaf);
}

qint64 TranscriptModel::switchSibling(int row, int steps) {
  const Siblings place = siblings(row);
  const int wanted = std::clamp(place.index + steps, 0, place.count - 1);
  if (wanted == place.index) return leaf();
  const qint64 parent = m_nodes.value(m_path[static_cast<std::size_t>(row)]).parent;
  qint64 id = m_children.value(parent)[static_cast<std::size_t>(wanted)];
  while (!m_children.value(id).empty()) id = m_children.value(id).back();
  showPathTo(id);
  return id;
}

bool TranscriptModel::showMessage(qint64 message) {
  if (!m_nodes.contains(message)) return false;
  qint64 id = message;
  while (!m_children.value(id).empty()) id = m_children.value(id).back();
  showPathTo(id);
  return true;
}

void TranscriptModel::showPathTo(qint64 leaf) {
  std::vector<qint64> path;
  for (qint64 id = leaf; id != 0 && m_nodes.contains(id); id = m_nodes[id].parent) path.push_back(id);
  std::reverse(path.begin(), path.end());
  std::size_t common = 0;
  while (common < path.size() && common < m_path.size() && path[common] == m_path[common]) ++common;
  if (common < m_path.size()) {
    beginRemoveRows({}, static_cast<int>(common), rowCount() - 1);
    m_path.resize(common);
    endRemoveRows();
  }
  if (common < path.size()) {
    beginInsertRows({}, static_cast<int>(common), static_cast<int>(path.size()) - 1);
    m_path = std::move(path);
    endInsertRows();
  }
  if (common > 0) {  // the sibling counts of the branch point's neighbour may have changed
    const QModelIndex changed = index(static_cast<int>(common) - 1);
    Q_EMIT dataChanged(changed, changed, {SiblingRole, SiblingCountRole});
  }
}

}  // namespace rookery::app
