// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLockFile>
#include <QObject>
#include <QThreadPool>
#include <atomic>
#include <memory>

#include "storage/snapshots.h"
#include "storage/store_writer.h"

namespace rookery::app {

struct StoreOptions {
  int maxPages = 0;                               ///< see StoreWriter
  qint64 snapshotBudgetBytes = 2'000'000'000;
  int binDays = 30;
};

/// All chats, on disk. Writing calls return at once: ids are given out here, the rows follow on the writer thread in
/// the order of the calls. Reading calls use an own connection (WAL: readers never wait for the writer) and first let
/// the queue run empty, so they see what was written before them. One process at a time, kept by a lock file.
class ChatStore : public QObject {
  Q_OBJECT

 public:
  /// Checks, migrates, folds in the journals of answers that a crash cut off, empties the bin of old chats.
  /// A damaged file is set aside (damagedCopy()) and an empty one started.
  static StoreResult<std::unique_ptr<ChatStore>> open(const QString& path, const StoreOptions& options = {});
  ~ChatStore() override;

  const QString& path() const noexcept { return m_path; }
  QString damagedCopy() const { return m_damagedCopy; }  ///< empty: the file was sound
  bool isFailing() const noexcept { return m_failing; }

  // Reading; GUI thread.
  std::vector<ConversationSummary> conversations(const QString& filter, int limit, int offset);
  std::vector<ConversationSummary> bin();
  std::optional<ConversationRecord> conversation(qint64 id);
  std::vector<MessageNode> tree(qint64 conversation);
  std::optional<MessageRecord> message(qint64 id);
  qint64 snapshotBytes();
  qint64 memoryBudget() const noexcept { return m_budget; }

  // Writing; GUI thread.
  qint64 newConversationId() { return ++m_lastConversation; }
  qint64 newMessageId() { return ++m_lastMessage; }
  void putConversation(const ConversationRecord& record);  ///< inserts or updates
  void setTitle(qint64 conversation, const QString& title, bool automatic);
  void addMessage(const MessageRecord& record);            ///< also makes it the active leaf
  void setActiveLeaf(qint64 conversation, qint64 message);
  void appendJournal(qint64 message, qint64 seq, const QString& text, const Tokens& tokens);
  void finishAnswer(const MessageRecord& record);          ///< the row replaces the journal
  void saveSnapshot(SnapshotRecord record, std::shared_ptr<const engine::Snapshot> snapshot);
  void moveToBin(qint64 conversation);
  void restoreFromBin(qint64 conversation);
  void deleteFromBin(qint64 conversation);                 ///< for good, with messages and memories
  void setMemoryBudget(qint64 bytes);                      ///< drops what is too much at once

  /// Any thread; blocks (milliseconds). nullopt: nothing usable, read the whole chat again.
  std::optional<StartPoint> startFor(qint64 message, const QString& fingerprint, bool useSnapshots);
  bool flush(int milliseconds) { return m_writer->flush(milliseconds); }
  void setPageLimit(int maxPages) { m_writer->setPageLimit(maxPages); }

 Q_SIGNALS:
  void committed();
  void failing(const QString& sentence);  ///< red status; the chat goes on and saving is tried again
  void recovered();
  /// To stay within the budget, memories of old answers were dropped: their text is read again when it is needed.
  void memoriesDropped(int count);

 private:
  ChatStore(QString path, const StoreOptions& options);
  StoreResult<void> prepare();
  bool settle();  ///< lets the queue run empty before a read

  QString m_path, m_damagedCopy;
  StoreOptions m_options;
  std::atomic<qint64> m_budget;
  std::unique_ptr<QLockFile> m_lock;
  std::unique_ptr<Connection> m_reader;
  std::unique_ptr<StoreWriter> m_writer;
  QThreadPool m_packing;  // compressing a state takes up to tenths of a second: not on the writer, commits must not wait
  std::atomic<bool> m_failing{false};
  qint64 m_lastConversation = 0, m_lastMessage = 0;
};

}  // namespace rookery::app
