// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QCoreApplication>
#include <atomic>
#include <chrono>

#include "inference/inference_service.h"

namespace rookery::app {

/// What the engine thread does: the only owner of the model's session. All calls on that thread.
class InferenceWorker {
  Q_DECLARE_TR_FUNCTIONS(InferenceWorker)

 public:
  struct Loaded {
    LoadedModel model;
    std::shared_ptr<const engine::Tokenizer> tokenizer;
  };
  struct AnswerEvents {
    std::function<void(const std::shared_ptr<const AnswerPrompt>&)> prepared;
    std::function<void(quint64 done, quint64 total)> prefill, replay;
    std::function<void(const AnswerSnapshot&)> snapshot;
    std::function<void(const AnswerBatch&)> batch;
    std::function<void(const ModelRequest&)> loadAgain;  ///< the device was lost: the model is loaded anew
    engine::LoadProgressFn loadProgress;
    std::function<void(const engine::Result<Loaded>&)> loadedAgain;
  };

  engine::Result<Loaded> load(const ModelRequest& request, const engine::LoadProgressFn& progress, std::stop_token stop);
  /// Whether the newest load went to another device than the CPU, or tried to.
  bool triedOtherThanCpu() const { return !engine::namesCpu(m_triedDevice); }
  /// DeviceUnavailable: the device was lost. What was drawn has been told; the next answer loads the model again, once,
  /// and goes on from what the store knows.
  /// A stop while the prompt is read is not an error: reason Cancelled, and the next try reads only the rest.
  engine::Result<AnswerFinished> answer(const AnswerRequest& request, const AnswerEvents& events, std::stop_token stop);
  void forgetSession() { m_live.reset(); }  ///< the next answer finds its start in the store
  /// Between two snapshots.
  void setSnapshotInterval(std::chrono::milliseconds interval) { m_snapshotMilliseconds = interval.count(); }
  quint64 rowsSubmitted() const noexcept { return m_rows.load(); }
  /// What the loaded model takes in this process's memory, by its ledger.
  quint64 modelBytes() const;

 private:
  engine::Result<AnswerFinished> answerOnce(const AnswerRequest& request, const AnswerEvents& events, std::stop_token stop);
  engine::Result<std::string> resolve(const DeviceChoice& choice);
  engine::Result<void> loadAgain(const AnswerEvents& events, std::stop_token stop);
  /// Where the session stands.
  struct Live {
    qint64 message = 0;            ///< the answer it is in; 0: nowhere
    engine::Session session;
    Tokens left;                   ///< of the prompt, not read yet
    std::uint64_t again = 0;       ///< how many of these, from the first, were read before
    std::uint64_t answerStart = 0; ///< tokens read when the prompt ended
    std::vector<Stretch> stretches = {};  ///< of `left`; none where they are not known
    std::uint64_t hashBefore = 0;  ///< with stretches: chainHash() of all tokens before `left`
    void dropRead(std::size_t count);     ///< the first of `left`
    std::uint64_t answerTokens() const { return session.tokensRead() - answerStart; }
  };

  engine::Result<std::uint64_t> moveTo(const AnswerRequest& request, const AnswerPrompt& prompt, std::stop_token stop);
  /// The start that the store knows, and its state; a damaged snapshot costs the way from the one before it.
  engine::Result<std::pair<AnswerStart, std::optional<engine::Snapshot>>> findStart(const AnswerRequest& request, const AnswerPrompt& prompt,
                                                                                          std::stop_token stop) const;
  engine::Result<void> readPrompt(const AnswerEvents& events, std::stop_token stop, AnswerFinished& finished);
  /// With that many of m_live->left still to read: a snapshot of the message that the state stands in.
  void offerInReading(std::size_t left, const AnswerEvents& events) const;
  engine::Result<AnswerSnapshot> takeSnapshot() const;
  void countRows();

  std::shared_ptr<const engine::Model> m_model;
  ModelRequest m_request;           ///< of m_model, with the device that was found
  QString m_fingerprint;            ///< of m_model
  bool m_deviceLost = false;        ///< m_model is of no use any more
  std::string m_triedDevice = engine::kCpuId;
  std::optional<Live> m_live;
  std::uint64_t m_countedRows = 0;  ///< of the live session
  std::atomic<quint64> m_rows{0};
  std::atomic<qint64> m_snapshotMilliseconds{30'000};
};

}  // namespace rookery::app
