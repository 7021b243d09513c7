// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDateTime>
#include <QObject>
#include <QString>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "storage/records.h"
#include "storage/search_text.h"
#include "storage/sql.h"

namespace rookery::app {

/// A chat that was found: by its title, or by its newest message that has all the words.
struct ChatHit {
  ConversationSummary chat;
  qint64 message = 0;  ///< 0: by the title
  Snippet snippet;
};

/// Searches titles and messages, on a thread of its own. The words of the messages are in an index in a file of its own
/// beside the chats (full-text search of SQLite), so that the chats can do without it: it is thrown away and filled again
/// when it does not belong to them, is damaged or missing. It is filled in the background from the newest message back, in
/// small portions, at a third of one processor's time, and follows changes by the table search_changes.
/// Chats in the bin are not found; messages deleted for good leave the index, their words included.
class MessageSearch : public QObject {
  Q_OBJECT

 public:
  /// `database` is ready for writing. GUI thread.
  explicit MessageSearch(const QString& database, QObject* parent = nullptr);
  ~MessageSearch() override;
  void stop();  ///< for good, within milliseconds: its connections are closed when this returns

  /// Whether messages are searched: not where SQLite was built without full-text search. Known after a moment.
  bool hasMessages() const noexcept { return m_hasMessages; }
  /// Answers by found(); an earlier search that is not answered yet is dropped.
  quint64 find(const QString& typed);
  void wake();  ///< any thread: something was written

 Q_SIGNALS:
  /// Newest first. `isWhole`: all messages are in the index.
  void found(quint64 search, const std::vector<rookery::app::ChatHit>& hits, bool isWhole);
  void messagesUnavailable();
  void changed();  ///< what is found may be another by now

 private:
  struct Request {
    quint64 id = 0;
    QString typed;
  };
  void run();
  void work();
  StoreResult<void> openIndex();
  /// False: the index is of other chats, or of these chats as they were before an older copy was put back.
  StoreResult<bool> useIndex(const QString& source, qint64 newest, qint64 last);
  StoreResult<bool> takeChanges();  ///< false: there were none
  StoreResult<bool> fill();         ///< false: there is nothing more
  StoreResult<void> forget();       ///< one step of making words of deleted messages go
  StoreResult<void> index(qint64 message, const QString& text);
  StoreResult<std::vector<ChatHit>> search(const QString& typed);
  void answer(const Request& request);
  void rest(double milliseconds);   ///< unless something is to be done
  void dropIndex();

  QString m_database, m_path;
  Halt m_halt;
  std::mutex m_mutex;
  std::condition_variable m_wake, m_ended;
  std::optional<Request> m_request;
  bool m_isSearching = false, m_changed = true, m_quit = false, m_isOver = false;
  quint64 m_lastId = 0;
  std::atomic<bool> m_hasMessages{true};

  // Of the thread.
  std::optional<Connection> m_reader, m_index;
  qint64 m_seq = 0, m_filled = 0;  ///< messages from m_filled on are in the index, and changes up to m_seq
  bool m_mustForget = false;
  std::thread m_thread;  // last: it uses everything above
};

}  // namespace rookery::app

Q_DECLARE_METATYPE(std::vector<rookery::app::ChatHit>)
