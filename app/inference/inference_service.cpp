// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/inference_service.h"

#include <QLoggingCategory>
#include <algorithm>

#include "inference/answer_batcher.h"
#include "inference/engine_text.h"
#include "inference/inference_worker.h"

namespace rookery::app {
namespace {
Q_LOGGING_CATEGORY(lcEngine, "rookery.engine")
}  // namespace

/// Lives on the engine thread; owns what only that thread may touch.
class InferenceService::Worker : public QObject {
 public:
  InferenceWorker inner;
};

InferenceService::InferenceService(QObject* parent) : QObject(parent), m_worker(std::make_unique<Worker>()) {
  m_thread.setObjectName(QStringLiteral("engine"));
  m_worker->moveToThread(&m_thread);
}

InferenceService::~InferenceService() {
  {
    const std::lock_guard lock(m_stopMutex);
    for (auto& [job, source] : m_stops) source.request_stop();
  }
  m_thread.quit();
  m_thread.wait();
}

JobId InferenceService::newJob() { return ++m_lastJob; }

JobId InferenceService::enqueue(std::function<void(JobId, std::stop_token)> work) {
  const JobId job = newJob();
  std::stop_token token;
  {
    const std::lock_guard lock(m_stopMutex);
    token = m_stops[job].get_token();
  }
  ++m_running;
  if (!m_thread.isRunning()) m_thread.start();
  QMetaObject::invokeMethod(m_worker.get(), [this, job, token, work = std::move(work)] {
    work(job, token);
    QMetaObject::invokeMethod(this, [this, job] { jobDone(job); });
  }, Qt::QueuedConnection);
  return job;
}

void InferenceService::jobDone(JobId job) {
  --m_running;
  m_work.erase(job);
  const std::lock_guard lock(m_stopMutex);
  m_stops.erase(job);
}

void InferenceService::stop(JobId job) {
  const std::lock_guard lock(m_stopMutex);
  if (const auto found = m_stops.find(job); found != m_stops.end()) found->second.request_stop();
}

void InferenceService::setModel(LoadedModel model, std::shared_ptr<const engine::Tokenizer> tokenizer) {
  m_model = std::move(model);
  m_tokenizer = std::move(tokenizer);
}

std::shared_ptr<const engine::Tokenizer> InferenceService::tokenizer() const noexcept { return m_tokenizer; }
quint64 InferenceService::rowsSubmitted() const noexcept { return m_worker->inner.rowsSubmitted(); }

void InferenceService::setSnapshotInterval(std::chrono::milliseconds interval) { m_worker->inner.setSnapshotInterval(interval); }

JobId InferenceService::load(const ModelRequest& request) {
  stop(m_lastLoad);  // the newest choice wins; the old model stays until the new one is ready
  m_lastLoad = enqueue([this, request](JobId job, std::stop_token token) {
    const auto progress = [this, job](const engine::LoadProgress& p) {
      QMetaObject::invokeMethod(this, [this, job, p] { if (job == m_lastLoad) Q_EMIT loadProgress(job, p); });
    };
    auto loaded = m_worker->inner.load(request, progress, token);
    QMetaObject::invokeMethod(this, [this, job, loaded = std::move(loaded)] {
      if (job != m_lastLoad) return;
      if (!loaded) {
        qCWarning(lcEngine) << "Loading failed:" << errorDetails(loaded.error());
        Q_EMIT loadFailed(job, loaded.error());
        return;
      }
      setModel(loaded->model, loaded->tokenizer);
      Q_EMIT modelLoaded(job, *m_model);
    });
  });
  m_work[m_lastLoad] = EngineWork::Load;
  const QString name = request.kind == ModelRequest::Kind::Guide ? guideName() : request.path.section(u'/', -1);
  qCInfo(lcEngine) << "Loading" << name;
  Q_EMIT loadStarted(m_lastLoad, name);
  return m_lastLoad;
}

JobId InferenceService::answer(const AnswerRequest& request) {
  const JobId answering = enqueue([this, request](JobId job, std::stop_token token) {
    // Signals are emitted on the engine thread; receivers on the GUI thread get them queued, in order.
    InferenceWorker::AnswerEvents events{
        [this, job](quint64 done, quint64 total) { Q_EMIT answerPrefillProgress(job, done, total); },
        [this, job](const AnswerSnapshot& snapshot) { Q_EMIT answerSnapshot(job, snapshot); },
        [this, job](const AnswerBatch& batch) { Q_EMIT answerBatch(job, batch); }};
    const auto result = m_worker->inner.answer(request, events, token);
    if (result) Q_EMIT answerFinished(job, *result);
    else Q_EMIT answerFailed(job, result.error());
  });
  m_work[answering] = EngineWork::Answer;
  return answering;
}

JobId InferenceService::bench(const engine::BenchRequest& request) {
  const JobId measuring = enqueue([this, request](JobId job, std::stop_token token) {
    const auto report = engine::runBench(
        request, [this, job](const engine::BenchProgress& p) { Q_EMIT benchProgress(job, p); }, token);
    if (report) Q_EMIT benchFinished(job, *report);
    else Q_EMIT benchFailed(job, report.error());
  });
  m_work[measuring] = EngineWork::Bench;
  return measuring;
}

}  // namespace rookery::app
