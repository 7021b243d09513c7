// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include "chat/answer_prompt.h"
#include "chat/start_state.h"
#include "chat/transcript_model.h"
#include "inference/inference_service.h"
#include "storage/chat_store.h"
#include "support/live_text.h"

namespace rookery::app {

/// One chat: joins the store, the engine thread and the transcript. Lives while it is shown or being answered.
class Conversation : public QObject {
  Q_OBJECT

 public:
  enum class State { Idle, Waiting, Reading, Answering };

  /// A new chat, stored with its first message, or an existing one.
  Conversation(ChatStore& store, InferenceService& service, StoredChat chat = {}, QObject* parent = nullptr);
  ~Conversation() override;

  qint64 id() const noexcept { return m_record.id; }
  const ConversationRecord& record() const noexcept { return m_record; }
  TranscriptModel& transcript() noexcept { return m_transcript; }
  State state() const noexcept { return m_state; }
  bool isBusy() const noexcept { return m_state != State::Idle; }
  bool isQueued() const { return activity().isAwaited; }  ///< the engine thread does something else first
  EngineActivity activity() const;                        ///< what it does for this chat, or what this chat waits for
  qint64 activeMessage() const noexcept { return m_answer.id; }
  /// The chat was read by another model than the one that is loaded: the next message reads the text again.
  bool needsReading() const;

  void setSampling(const engine::SamplerSettings& sampling);
  void setRules(const AnswerRules& rules);
  void setThinking(std::optional<engine::Thinking> thinking);   ///< nullopt: as suits the model
  void setSeed(std::optional<quint64> seed) { m_seed = seed; }  ///< nullopt: a new one for each answer
  /// With messages there: the next question reads the whole chat again, with this one.
  void setSystemPrompt(const QString& text);
  /// Before the first message only: what the chat begins from. Read in the background for the model that is loaded; told by
  /// startChanged(), or by failed().
  void setStart(const QString& path);
  void clearStart();
  const StartState& start() const noexcept { return m_start; }  ///< of a chat that was stored before: ChatStart alone
  void setTitle(const QString& title);
  void setGenerateLimits(int maxTokens, bool stopRules) { m_record.rules.maxTokens = maxTokens; m_stopRules = stopRules; }

  /// One whose only question was taken back is a new chat again; nothing of it stays in the store.
  void becomeNew();

  // All of these need a loaded model and state Idle, and the messages that they build on; otherwise they do nothing and
  // return false. A message can also be sent while a model is being loaded: that one answers it.
  // `words`: what of a text the person typed, for the title; empty: all of it.
  bool send(const QString& text, const QString& words = {});
  bool editMessage(qint64 message, const QString& text,
                   const QString& words = {});            ///< a user message: makes a sibling and answers it
  bool regenerate(qint64 message);                        ///< an answer: makes a sibling
  bool continueAnswer(qint64 message);                    ///< goes on exactly where it was cut off
  bool switchSibling(qint64 message, int steps);
  bool showMessage(qint64 message);  ///< with the newest messages below it, if it is of a version that is not shown
  /// What was not begun is taken back (takenBack()); else what was read and written so far stays.
  void stop();
  void stopAndKeep();  ///< what was asked stays in any case

 Q_SIGNALS:
  void stateChanged();
  void created();                        ///< got its id: it belongs into the list now
  void titleChanged(const QString& title);
  void touched();                        ///< a new message: it moves to the top of the list
  /// Stopped before anything was read for it: the question is no longer in the chat. Empty: it was there before.
  void takenBack(const QString& question);
  void startChanged();
  void activityChanged();                ///< activity() is another one
  void progressed(
      const rookery::app::LiveText& text);  ///< one line on what happened: "1,200 tokens remembered, 0 read again"
  void failed(const rookery::app::LiveText& sentence, const QString& details);

 private:
  bool addUserMessage(qint64 parent, const QString& text, const QString& words);
  void ask();
  void askWhenLoaded();
  void takeBack();
  void start();
  void setState(State state);
  std::optional<MessageRecord> load(qint64 message) const;  ///< nullopt: it cannot be read
  bool cannotRead();  ///< says so; false
  /// What else an error may mean to a chat that begins from a state: a sentence, or nothing.
  LiveText startProblem(const engine::Error& error);
  bool canAsk(bool waitsForModel = false);  ///< says so where what is asked could not be saved
  void onPrepared(quint64 job, const std::shared_ptr<const AnswerPrompt>& prompt);
  void flushJournal();
  void onSnapshot(quint64 job, const AnswerSnapshot& snapshot);
  void onBatch(quint64 job, const AnswerBatch& batch);
  void onFinished(quint64 job, const AnswerFinished& result);
  void onFailed(quint64 job, const engine::Error& error);
  void storeSnapshot(const AnswerSnapshot& snapshot);

  ChatStore& m_store;
  InferenceService& m_service;
  ConversationRecord m_record;
  TranscriptModel m_transcript;
  State m_state = State::Idle;
  StartState m_start;
  quint64 m_startRead = 0;                       ///< counts what setStart() was asked for; the newest counts
  bool m_startIsBeingRead = false;
  std::optional<quint64> m_seed;
  bool m_stopRules = true;
  QString m_lastSystem;      ///< with which the chat was read last, ...
  qint64 m_lastSince = 0;    ///< ... and since when

  MessageRecord m_answer;  ///< being generated; id 0: none
  JobId m_job = 0;
  std::shared_ptr<const AnswerPrompt> m_prompt;  ///< of the newest answer; the store may not have it yet
  qint64 m_promptOf = 0;                         ///< that answer
  bool m_goesOn = false;                         ///< with an answer that was there before
  bool m_isPrepared = false;                     ///< its prompt is made
  bool m_keepsQuestion = false;                  ///< whatever comes

  /// What was asked last, and how to take it back.
  struct Asked {
    qint64 question = 0;
    std::optional<QString> text;                 ///< none: as the store has it
    std::optional<MessageRecord> base;           ///< the message above it
    bool isNew = false;                          ///< the question was not there before
    qint64 leafBefore = 0;
  };
  std::optional<Asked> askedBefore(qint64 answer) const;  ///< nullopt: it cannot be read
  Asked m_asked;
  bool m_waitsForModel = false;                  ///< the question is stored, the model that will answer is being loaded
  QString m_unsavedText;
  Tokens m_unsavedTokens;
  qint64 m_journalSeq = 0;
  bool m_loadedAgainInVain = false;  ///< the device was lost before, and the model cannot go back to it
  QTimer m_journalTimer;
};

}  // namespace rookery::app
