// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLockFile>
#include <QObject>
#include <QThreadPool>
#include <QTimer>
#include <functional>
#include <memory>
#include <stop_token>

#include "storage/history.h"
#include "storage/message_search.h"
#include "storage/salvage.h"
#include "storage/snapshots.h"
#include "storage/store_writer.h"
#include "support/live_text.h"

namespace rookery::app {

struct StoreOptions {
  int maxPages = 0;                               ///< see StoreWriter
  qint64 snapshotBudgetBytes = 2'000'000'000;
  int binDays = 30;
};

class Opening;
/// Called in the thread of the store when opening has begun; returns when it has ended. May stop it.
using OpeningAttendant = std::function<void(Opening&)>;

/// A chat without the texts of its messages.
struct StoredChat {
  ConversationRecord record;
  std::vector<MessageNode> tree;
};

/// All chats, on disk. Writing calls return at once: ids are given out here, the rows follow on the writer thread in
/// the order of the calls. Reading calls use an own connection (WAL: readers never wait for the writer) and first let
/// the queue run empty, so they see what was written before them. One process at a time, kept by a lock file.
class ChatStore : public QObject {
  Q_OBJECT

 public:
  /// Makes the file ready (makeReady()): migrated, or rescued from a damaged one (damagedCopy(), salvaged()). Damage deep
  /// in the tables is looked for after opening, in the background: problem() tells of it, and the next start rescues.
  /// All that may take long happens on a thread of its own, which `attendant` can show and stop (then the error is Stopped).
  /// Where the disk is full or the folder cannot be written, the store opens read-only and tries again until it can.
  static StoreResult<std::unique_ptr<ChatStore>> open(const QString& path, const StoreOptions& options = {},
                                                      OpeningAttendant attendant = {});
  ~ChatStore() override;

  const QString& path() const noexcept { return m_path; }
  QString damagedCopy() const { return m_damagedCopy; }  ///< empty: the file was sound
  const Salvaged& salvaged() const noexcept { return m_salvaged; }
  /// Something is not saved yet and cannot be now.
  bool isFailing() const noexcept { return m_writer ? m_writer->isFailing() : !m_waiting.empty(); }
  /// Chats can be looked at, but no messages can be added: what could not be saved is not written in the first place.
  /// Other changes (a title, the bin) wait. opened() tells when that is over.
  bool isReadOnly() const noexcept { return m_whyReadOnly.has_value(); }
  QString whyReadOnly() const;  ///< a sentence with what to do; empty: it is not

  // Reading; GUI thread. What cannot be read is told by problem().
  std::vector<ConversationSummary> conversations(const QString& filter, int limit, int offset);
  std::vector<ConversationSummary> bin();
  std::optional<StoredChat> chat(qint64 id);        ///< nullopt: not there, or not readable
  std::optional<MessageRecord> message(qint64 id);  ///< the same; without its prompt, which may be as long as the chat
  /// The same in the background, for long texts; `loaded` is called on this thread, unless `context` is gone by then.
  void loadMessage(qint64 id, QObject* context, std::function<void(std::optional<MessageRecord>)> loaded);
  bool hasStartState(std::uint64_t hash);           ///< also true where that cannot be read now
  qint64 snapshotBytes();
  /// Began with the first call; nullptr while read-only. Lives as long as the store.
  MessageSearch* search();
  qint64 memoryBudget() const noexcept { return m_budget; }

  // Writing; GUI thread.
  qint64 newConversationId() { return ++m_lastConversation; }
  qint64 newMessageId() { return ++m_lastMessage; }
  void putConversation(const ConversationRecord& record);  ///< inserts or updates
  /// Before the first putConversation() of a chat that begins from it: engine::State::pack().
  void putStartState(std::uint64_t hash, const QByteArray& state);
  void setTitle(qint64 conversation, const QString& title, bool automatic);
  void addMessage(const MessageRecord& record);            ///< also makes it the active leaf
  void setActiveLeaf(qint64 conversation, qint64 message);
  void appendJournal(qint64 message, qint64 seq, const QString& text, const Tokens& tokens);
  void finishAnswer(const MessageRecord& record);          ///< the row replaces the journal
  void saveSnapshot(SnapshotRecord record, std::shared_ptr<const engine::Snapshot> snapshot);
  /// Takes back an answer that never began, and its question if that is not 0; then `leaf` is the active one.
  void takeBack(qint64 conversation, qint64 answer, qint64 question, qint64 leaf);
  void moveToBin(qint64 conversation);
  void restoreFromBin(qint64 conversation);
  void deleteFromBin(qint64 conversation);                 ///< for good, with messages and memories
  void setMemoryBudget(qint64 bytes);                      ///< drops what is too much at once

  /// Engine thread; waits for what is being written (usually milliseconds). nullopt: the chat before this answer cannot
  /// be read, or is not saved yet. See findStart().
  std::optional<StartPoint> startFor(const MessageRecord& answer, qint64 base, const std::vector<qint64>& without = {},
                                     std::stop_token stop = {});
  /// All that was said down to `message` (readHistory()); engine thread. nullopt: it cannot be read, is not saved yet, or
  /// `stop` came.
  std::optional<std::vector<SaidMessage>> historyOf(qint64 message, const std::stop_token& stop);
  std::optional<QString> textOf(qint64 message, const std::stop_token& stop);          ///< the same
  std::optional<StoredPrompt> promptOf(qint64 message, const std::stop_token& stop);  ///< the same
  /// See promptReadBefore(); 0 if it cannot be read. Engine thread.
  std::uint64_t promptReadBefore(const MessageRecord& answer, const std::stop_token& stop);
  NeverRead neverReadBefore(qint64 answer, const std::stop_token& stop);  ///< the same; nothing if it cannot be read
  /// The prompt of an answer, with its hash and what it begins the text with; any thread, after addMessage().
  void setPrompt(const MessageRecord& answer);
  bool flush(int milliseconds) { return m_writer ? m_writer->flush(milliseconds) : m_waiting.empty(); }
  void setPageLimit(int maxPages) { m_writer->setPageLimit(maxPages); }

 Q_SIGNALS:
  void committed();
  void failing(const rookery::app::LiveText& sentence);  ///< red status; the chat goes on and saving is tried again
  void recovered();
  void opened();  ///< the reason for being read-only is another one, or gone: everything may be read and written anew
  void problem(const rookery::app::LiveText& sentence,
               const QString& details);  ///< once: a read failed, a change was refused, damage
  /// To stay within the budget, memories of old answers were dropped: their text is read again when it is needed.
  void memoriesDropped(int count);

 private:
  ChatStore(QString path, const StoreOptions& options);
  StoreResult<void> attended(std::function<StoreResult<void>(OpeningProgress&, Halt&)> work);
  StoreResult<void> openForWriting();
  StoreResult<void> openForReading(const StoreError& why);
  void reopen();
  void post(StoreWriter::Job job);
  bool settle();  ///< lets the queue run empty before a read
  bool waitUntilSaved(const std::stop_token& stop);  ///< not the GUI thread; false: something is not saved
  /// A connection for another thread than the GUI's; with `read` failed, or without one, a warning in the log.
  template <class Read>
  auto readElsewhere(const char* what, const Read& read) -> decltype(read(QSqlDatabase()));
  /// Runs a query on the reading connection; a failure is logged and, the first of a series, told.
  std::optional<QSqlQuery> read(const QString& sql, const QVariantList& values = {});
  void lookForDamage(Halt& halt);  ///< on a thread of its own

  QString m_path, m_damagedCopy;
  Salvaged m_salvaged;
  StoreOptions m_options;
  OpeningAttendant m_attendant;
  std::atomic<qint64> m_budget;
  std::unique_ptr<QLockFile> m_lock;
  std::unique_ptr<Connection> m_reader;
  std::unique_ptr<MessageSearch> m_search;
  std::unique_ptr<StoreWriter> m_writer;  // none while read-only; its thread wakes the search
  std::vector<StoreWriter::Job> m_waiting;
  std::optional<StoreError> m_whyReadOnly;
  bool m_isReadable = true;
  QTimer m_reopen;
  QThreadPool m_packing;  // compressing a state takes up to tenths of a second: not on the writer, commits must not wait
  QThreadPool m_reading;  // see loadMessage()
  std::unique_ptr<StoppableWork> m_check;
  bool m_readFailing = false;
  qint64 m_lastConversation = 0, m_lastMessage = 0;
};

}  // namespace rookery::app
