// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <QElapsedTimer>
#include <QHash>
#include <QSet>
#include <functional>
#include <vector>

#include "chat/thought.h"
#include "storage/records.h"

namespace rookery::app {

/// The messages on the path from the root to the chosen leaf of a chat's tree. Knows the whole tree without texts
/// (tens of bytes per message) and loads a message when a view asks for it.
class TranscriptModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role { MessageIdRole = Qt::UserRole, RoleRole, StateRole, SiblingRole, SiblingCountRole, TextLengthRole };
  using Loader = std::function<std::optional<MessageRecord>(qint64)>;
  using Loaded = std::function<void(std::optional<MessageRecord>)>;
  /// Reads a message in the background; calls back on the GUI thread, or never if `context` is gone.
  using SlowLoader = std::function<void(qint64, QObject* context, Loaded)>;

  explicit TranscriptModel(QObject* parent = nullptr) : QAbstractListModel(parent) {}

  void reset(std::vector<MessageNode> tree, qint64 leaf, Loader loader, SlowLoader slowLoader = {});

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

  /// Loads it if needed; one that cannot be loaded comes back empty, without a conversation, and is asked for again.
  const MessageRecord& message(int row) const;
  /// A long text that is still being read from the disk; message() has everything but the text meanwhile: nothing.
  bool isLoading(int row) const { return m_loading.contains(m_path[static_cast<std::size_t>(row)]); }
  int rowOf(qint64 message) const;
  qint64 parentOf(qint64 message) const { return m_nodes.value(message).parent; }  ///< 0: the first, or none of this chat
  qint64 leaf() const { return m_path.empty() ? 0 : m_path.back(); }
  struct Siblings { int index = 0, count = 1; };
  Siblings siblings(int row) const;
  /// How long the message's thought took, if all of it streamed in while this model existed.
  std::optional<double> thoughtSeconds(qint64 message) const;

  /// Adds a message below its parent and shows the path that ends in it.
  void add(const MessageRecord& record);
  /// For the message that streams (shown or not): textAppended instead of dataChanged, so that views add the piece only.
  void appendText(qint64 message, const QString& piece);
  void update(const MessageRecord& record);
  /// Takes away a message that nothing follows, and shows the path that ends in `leaf`.
  void remove(qint64 message, qint64 leaf);
  /// Shows the sibling `steps` further on, with the newest messages below it. Returns the new leaf.
  qint64 switchSibling(int row, int steps);
  /// Shows the path through a message, with the newest messages below it. False: it is not in this chat.
  bool showMessage(qint64 message);

 Q_SIGNALS:
  void textAppended(int row, const QString& piece);

 private:
  struct Node {
    qint64 parent = 0;
    MessageRole role = MessageRole::User;
    int textLength = 0;
  };
  void showPathTo(qint64 leaf);
  void trimCache() const;
  void loadSlowly(qint64 message) const;
  void timeThought(qint64 message, const QString& piece);

  QHash<qint64, Node> m_nodes;
  QHash<qint64, std::vector<qint64>> m_children;  ///< ascending: in the order they were made
  std::vector<qint64> m_path;
  mutable QHash<qint64, MessageRecord> m_loaded;
  mutable MessageRecord m_unreadable;
  mutable QSet<qint64> m_loading;
  Loader m_loader;
  SlowLoader m_slowLoader;
  qint64 m_streaming = 0;  ///< not in the store yet, so it stays loaded

  struct ThoughtClock {
    qint64 message = 0;
    ThoughtSplitter splitter;
    QElapsedTimer timer;
    bool runs = false;
  };
  ThoughtClock m_clock;    ///< of the message that streams
  QHash<qint64, double> m_thoughtSeconds;
};

}  // namespace rookery::app
