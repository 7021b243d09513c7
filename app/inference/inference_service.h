// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QString>
#include <QThread>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "inference/device_list.h"
#include "inference/engine_activity.h"
#include "rookery/bench.h"
#include "rookery/model.h"
#include "rookery/session.h"
#include "storage/snapshots.h"

namespace rookery::app {

using JobId = quint64;

/// What the engine thread does; one job after the other.
enum class EngineWork { None, Load, Answer, Bench };

/// Which model to load.
struct ModelRequest {
  enum class Kind { Guide, File };
  Kind kind = Kind::Guide;
  QString path;                    ///< for File
  DeviceChoice device = cpuChoice();
  QString strategy;                ///< shares the layers between `device` and others; empty: all on `device`
  engine::LoadOptions options;     ///< without a strategy
};

/// What the GUI may know about the loaded model: values only.
struct LoadedModel {
  QString name;                    ///< file name, or storedGuideName(); shown by modelTitle()
  QString path;                    ///< empty for the guide
  bool isGuide = false;
  engine::ModelInfo info;
  QString fingerprint;
  engine::DeviceInfo device;
  QString deviceSummary;           ///< "CPU avx512, 2 threads, exact"
  std::vector<engine::LedgerEntry> memory;
  double loadSeconds = 0;
};

/// What the model reads before it answers.
struct AnswerPrompt {
  qint64 baseMessageId = 0;                      ///< the answer that it follows; 0: the empty state
  quint64 baseTokens = 0;                        ///< tokens of that answer
  bool baseIsPending = false;                    ///< the last of them was drawn and never read
  std::vector<engine::TokenId> tokens = {};      ///< between the base and the answer
  std::uint64_t hashBefore = 0;                  ///< chainHash() of all tokens before these ...
  std::uint64_t startHash = 0;                   ///< ... and of all up to their end
  quint64 readBefore = 0;                        ///< how many of them, from the first, were read before, by any model
  QString text = {};                             ///< the answer's text so far: what the prompt begins it with, and the journal's
};

/// Where an answer starts when the worker's live session does not stand there (see storage/snapshots.h).
struct AnswerStart {
  /// nullopt: the empty state. Bound to the model on the engine thread. With id 0 it is what the chat begins from, and
  /// there is nothing that could take its place.
  std::optional<PackedSnapshot> snapshot;
  std::vector<engine::TokenId> toRead;           ///< tokens from there to the end of the prompt
  quint64 answerTokens = 0;                      ///< tokens of this very answer that the snapshot has read already
  std::vector<Stretch> stretches = {};           ///< of toRead; none: the end of this prompt, or not known
  std::uint64_t hashBefore = 0;                  ///< with stretches: chainHash() of all tokens before toRead
  quint64 neverRead = 0;                         ///< as StartPoint::neverRead
};

/// One answer to generate, or to go on with (then `generate.journal` holds its tokens so far). The worker starts from
/// its own live session if that is where the chat stands; else it asks `findStart`.
struct AnswerRequest {
  qint64 messageId = 0;                          ///< the assistant row that is being filled
  QString fingerprint;                           ///< of the model that the tokens are meant for
  /// Called on the engine thread: what it takes grows with the chat. Cancelled if it was stopped; an error ends the answer.
  std::function<engine::Result<AnswerPrompt>(std::stop_token stop)> makePrompt;
  /// Called on the engine thread, may block until what is being saved is saved. `without`: rows of snapshots that turned
  /// out to be damaged. An error ends the answer: without its start the model would answer as if nothing had been said.
  std::function<engine::Result<AnswerStart>(const AnswerPrompt& prompt, const std::vector<qint64>& without, std::stop_token stop)> findStart;
  engine::GenerateRequest generate;
};

/// Text and tokens since the last batch; sent every 16 ms at most.
struct AnswerBatch {
  QString text;
  std::vector<engine::TokenId> tokens;
  double tokensPerSecond = 0;
};

/// The state inside an answer, or in what is read before it; shared, because a state may be tens of MB.
struct AnswerSnapshot {
  std::shared_ptr<const engine::Snapshot> snapshot;
  qint64 answerTokens = 0;                       ///< tokens of the answer that it has read; -n: n of its prompt are missing
  std::uint64_t promptHash = 0;                  ///< unless in the answer: chainHash() of all that it has read
  qint64 message = 0;                            ///< an earlier one that it is in: answerTokens are of that then
};

struct AnswerFinished {
  engine::StopReason reason{};
  std::vector<engine::TokenId> tokens;           ///< the whole answer, journal included, stop text excluded
  QString tail;                                  ///< held-back text that came loose at the end
  AnswerSnapshot snapshot;                       ///< after the answer; empty if the prompt was not read to its end
  std::optional<engine::TokenId> pendingToken;   ///< drawn, not read
  double prefillSeconds = 0, firstTokenSeconds = 0, decodeSeconds = 0;
  quint64 tokensReadAgain = 0;                   ///< of the tokens read now, those that had been read before
  quint64 promptTokens = 0, answerTokens = 0;    ///< read now, drawn now
  quint64 position = 0;                          ///< tokens that the state remembers in all
  double tokensPerSecond = 0;
};

/// The GUI's handle on the engine thread: calls are queued, answers come as signals on the GUI thread, jobs have
/// ids and a newer load makes older answers stale. Only values cross. Owns the thread; its destructor stops the
/// running job, then joins.
class InferenceService : public QObject {
  Q_OBJECT

 public:
  explicit InferenceService(QObject* parent = nullptr);
  ~InferenceService() override;

  JobId load(const ModelRequest& request);
  /// What the newest load() was asked for.
  const ModelRequest& lastRequest() const noexcept { return m_lastRequest; }
  /// Whether the load whose end was told last went to another device than the CPU; known when its signal comes.
  bool lastLoadLeftCpu() const noexcept { return m_lastLoadLeftCpu; }
  /// If the device was lost before, the model is loaded again first; the signals of that load have this job's id.
  virtual JobId answer(const AnswerRequest& request);
  JobId bench(const engine::BenchRequest& request);  ///< runs on the engine thread; a loaded model stays loaded, and the report does not count it
  /// Thread-safe, at once: a running job ends as soon as it can, one that still waits fails with Cancelled.
  virtual void stop(JobId job);
  const std::optional<LoadedModel>& model() const noexcept { return m_model; }
  EngineWork runningWork() const noexcept { return m_runningWork; }
  const EngineActivity& activity() const noexcept { return m_activity; }
  EngineActivity activityOf(JobId job) const;        ///< activity(), told to one who waits for it if the job is queued
  bool isLoading() const noexcept { return m_isLoading; }  ///< a model is being loaded, or its load waits for its turn
  bool isQueued(JobId job) const;                    ///< waits until runningWork() is done
  /// The tokenizer of the loaded model (immutable, shared); nullptr without a model.
  std::shared_ptr<const engine::Tokenizer> tokenizer() const noexcept;
  /// Rows that went through the backend's submit since the service started; for tests and the status bar.
  quint64 rowsSubmitted() const noexcept;
  void setSnapshotInterval(std::chrono::milliseconds interval);  ///< while reading and answering; 30 s unless a test is in a hurry

 Q_SIGNALS:
  void begun(quint64 job);                           ///< its turn has come: isQueued() is false from here on
  void activityChanged();
  void loadStarted(quint64 job, const QString& name);
  void loadProgress(quint64 job, const rookery::engine::LoadProgress& progress);
  void modelLoaded(quint64 job, const rookery::app::LoadedModel& model);
  void loadFailed(quint64 job, const rookery::engine::Error& error);

  void answerPrepared(quint64 job, std::shared_ptr<const rookery::app::AnswerPrompt> prompt);  ///< before any of it is read
  void answerPrefillProgress(quint64 job, quint64 done, quint64 total);
  void answerReplayProgress(quint64 job, quint64 done, quint64 total);  ///< tokens of the answer so far, read again
  void answerSnapshot(quint64 job, const rookery::app::AnswerSnapshot& snapshot);  ///< every 30 s, and after the prompt
  void answerBatch(quint64 job, const rookery::app::AnswerBatch& batch);
  void answerFinished(quint64 job, const rookery::app::AnswerFinished& result);
  void answerFailed(quint64 job, const rookery::engine::Error& error);

  void benchProgress(quint64 job, const rookery::engine::BenchProgress& progress);
  void benchFinished(quint64 job, const rookery::engine::BenchReport& report);
  void benchFailed(quint64 job, const rookery::engine::Error& error);

 protected:
  void setModel(LoadedModel model, std::shared_ptr<const engine::Tokenizer> tokenizer);  ///< for test doubles
  JobId newJob();

 private:
  class Worker;
  using Fail = std::function<void(JobId, const engine::Error&)>;  ///< emits the signal of a failed job; any thread
  struct Job {
    std::stop_source stop;
    Fail fail;
    bool begun = false;
  };
  JobId enqueue(EngineWork kind, std::function<void(JobId, std::stop_token)> work, Fail fail);
  void runJob(JobId job, EngineWork kind, const std::function<void(JobId, std::stop_token)>& work);
  struct LoadEnd;
  void tellLoadEnd(JobId job, LoadEnd end);
  void followActivity();                             ///< by the service's own signals
  void setActivity(EngineActivity activity);
  void endActivity(JobId job);

  std::optional<LoadedModel> m_model;
  std::shared_ptr<const engine::Tokenizer> m_tokenizer;
  JobId m_lastJob = 0, m_lastLoad = 0;
  ModelRequest m_lastRequest;
  bool m_lastLoadLeftCpu = false;
  bool m_isLoading = false;
  EngineWork m_runningWork = EngineWork::None;
  EngineActivity m_activity;
  QElapsedTimer m_readingSince;
  quint64 m_readingFrom = 0;
  mutable std::mutex m_jobsMutex;
  std::unordered_map<JobId, Job> m_jobs;  ///< waiting or running
  QThread m_thread;
  std::unique_ptr<Worker> m_worker;
};

}  // namespace rookery::app
