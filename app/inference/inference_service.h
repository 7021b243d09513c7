// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QVector>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "rookery/bench.h"
#include "rookery/model.h"
#include "rookery/session.h"

namespace rookery::app {

using JobId = quint64;

/// Which model to load.
struct ModelRequest {
  enum class Kind { Guide, File };
  Kind kind = Kind::Guide;
  QString path;                    ///< for File
  engine::LoadOptions options;
};

/// What the GUI may know about the loaded model: values only.
struct LoadedModel {
  QString name;                    ///< file name, or "Rookery guide"
  QString path;                    ///< empty for the guide
  bool isGuide = false;
  engine::ModelInfo info;
  QString fingerprint;
  QString deviceSummary;           ///< "CPU avx512, 2 threads, exact"
  std::vector<engine::LedgerEntry> memory;
  double loadSeconds = 0;
};

/// One answer to generate. The worker finds the state: its own live session if that is where the chat stands,
/// else `snapshot`, else it reads `prompt` from the start.
struct AnswerRequest {
  qint64 conversationId = 0;
  qint64 messageId = 0;                          ///< the assistant row that is being filled
  std::optional<engine::Snapshot> snapshot;      ///< where to start from; nullopt: the empty state
  std::optional<engine::TokenId> pendingToken;   ///< drawn before, not read yet; read first
  std::vector<engine::TokenId> prompt;           ///< tokens to read before drawing; may be empty
  engine::GenerateRequest generate;
};

/// Text and tokens since the last batch; sent every 16 ms at most.
struct AnswerBatch {
  QString text;
  std::vector<engine::TokenId> tokens;
  double tokensPerSecond = 0;
};

struct AnswerFinished {
  engine::StopReason reason{};
  engine::Snapshot snapshot;                     ///< after the answer (the pending token not read)
  std::optional<engine::TokenId> pendingToken;
  double prefillSeconds = 0, firstTokenSeconds = 0, decodeSeconds = 0;
  quint64 promptTokens = 0, answerTokens = 0;    ///< read now, drawn now
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
  JobId answer(const AnswerRequest& request);
  JobId bench(const engine::BenchRequest& request);  ///< runs on the engine thread; a loaded model stays loaded
  void stop(JobId job);                              ///< thread-safe, at once: sets the job's stop token
  const std::optional<LoadedModel>& model() const noexcept { return m_model; }
  bool busy() const noexcept;
  /// The tokenizer of the loaded model (immutable, shared); nullptr without a model.
  std::shared_ptr<const engine::Tokenizer> tokenizer() const noexcept;
  /// Rows that went through the backend's submit since the service started; for tests and the status bar.
  quint64 rowsSubmitted() const noexcept;

 signals:
  void loadStarted(quint64 job, const QString& name);
  void loadProgress(quint64 job, const rookery::engine::LoadProgress& progress);
  void modelLoaded(quint64 job, const rookery::app::LoadedModel& model);
  void loadFailed(quint64 job, const rookery::engine::Error& error);

  void answerPrefillProgress(quint64 job, quint64 done, quint64 total);
  void answerSnapshot(quint64 job, const rookery::engine::Snapshot& snapshot);  ///< after the prompt, and at most every 30 s
  void answerBatch(quint64 job, const rookery::app::AnswerBatch& batch);
  void answerFinished(quint64 job, const rookery::app::AnswerFinished& result);
  void answerFailed(quint64 job, const rookery::engine::Error& error);

  void benchProgress(quint64 job, const rookery::engine::BenchProgress& progress);
  void benchFinished(quint64 job, const rookery::engine::BenchReport& report);
  void benchFailed(quint64 job, const rookery::engine::Error& error);

 private:
  class Worker;
  std::unique_ptr<Worker> m_worker;
  std::optional<LoadedModel> m_model;
};

}  // namespace rookery::app
