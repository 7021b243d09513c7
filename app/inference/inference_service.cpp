// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/inference_service.h"

#include <QLoggingCategory>
#include <new>

#include "inference/answer_batcher.h"
#include "inference/engine_text.h"
#include "inference/inference_worker.h"
#include "inference/model_title.h"

namespace rookery::app {
namespace {
Q_LOGGING_CATEGORY(lcEngine, "rookery.engine")

QString nameOf(const ModelRequest& request) {
  return request.kind == ModelRequest::Kind::Guide ? storedGuideName() : request.path.section(u'/', -1);
}
}  // namespace

/// Lives on the engine thread; owns what only that thread may touch.
class InferenceService::Worker : public QObject {
 public:
  InferenceWorker inner;
};

InferenceService::InferenceService(QObject* parent) : QObject(parent), m_worker(std::make_unique<Worker>()) {
  m_thread.setObjectName(QStringLiteral("engine"));
  m_worker->moveToThread(&m_thread);
  followActivity();
}

InferenceService::~InferenceService() {
  {
    const std::lock_guard lock(m_jobsMutex);
    for (auto& [id, job] : m_jobs) job.stop.request_stop();
  }
  m_thread.quit();
  m_thread.wait();
}

JobId InferenceService::newJob() { return ++m_lastJob; }

JobId InferenceService::enqueue(EngineWork kind, std::function<void(JobId, std::stop_token)> work, Fail fail) {
  const JobId job = newJob();
  {
    const std::lock_guard lock(m_jobsMutex);
    m_jobs[job].fail = std::move(fail);
  }
  if (!m_thread.isRunning()) m_thread.start();
  QMetaObject::invokeMethod(m_worker.get(), [this, job, kind, work = std::move(work)] { runJob(job, kind, work); }, Qt::QueuedConnection);
  return job;
}

void InferenceService::runJob(JobId job, EngineWork kind, const std::function<void(JobId, std::stop_token)>& work) {
  std::stop_token token;
  Fail fail;
  {
    const std::lock_guard lock(m_jobsMutex);
    const auto found = m_jobs.find(job);
    if (found == m_jobs.end()) return;  // stopped while it waited
    found->second.begun = true;
    token = found->second.stop.get_token();
    fail = found->second.fail;
  }
  QMetaObject::invokeMethod(this, [this, job, kind] {
    m_runningWork = kind;
    using enum EngineActivity::Kind;
    setActivity({kind == EngineWork::Load ? Loading : kind == EngineWork::Bench ? Measuring : Collecting, job, 0, 0, 0,
                 kind == EngineWork::Load ? nameOf(m_lastRequest) : QString()});
    Q_EMIT begun(job);
  });
  try {
    work(job, token);
  } catch (const std::bad_alloc&) {
    m_worker->inner.forgetSession();  // it may have been left in the middle of something
    fail(job, {engine::ErrorCode::OutOfMemory, "Memory ran out.", "std::bad_alloc on the engine thread"});
  }
  const std::lock_guard lock(m_jobsMutex);
  m_jobs.erase(job);
  QMetaObject::invokeMethod(this, [this, job] {
    m_runningWork = EngineWork::None;
    endActivity(job);
  });
}

void InferenceService::setActivity(EngineActivity activity) {
  if (activity == m_activity) return;
  m_activity = std::move(activity);
  Q_EMIT activityChanged();
}

void InferenceService::endActivity(JobId job) {
  if (m_activity.job == job) setActivity({});
}

EngineActivity InferenceService::activityOf(JobId job) const {
  EngineActivity activity = m_activity;
  activity.isAwaited = isQueued(job);
  return activity;
}

// Connected first, so that whoever hears these signals finds activity() up to date.
void InferenceService::followActivity() {
  using enum EngineActivity::Kind;
  connect(this, &InferenceService::loadProgress, this, [this](quint64 job, const engine::LoadProgress& p) {
    if (m_activity.job != job) return;  // it waits for its turn
    EngineActivity now = m_activity;
    now.kind = p.stage == engine::LoadStage::WarmingUp ? PreparingDevice : Loading;
    now.done = p.bytesDone;
    now.total = p.bytesTotal;
    setActivity(std::move(now));
  });
  connect(this, &InferenceService::answerPrefillProgress, this, [this](quint64 job, quint64 done, quint64 total) {
    if (m_activity.kind != Reading || m_activity.job != job || done < m_activity.done) {
      m_readingSince.start();
      m_readingFrom = done;
    }
    const double seconds = static_cast<double>(m_readingSince.elapsed()) * 1e-3;
    const double rate = done > m_readingFrom && seconds > 0 ? static_cast<double>(done - m_readingFrom) / seconds : 0;
    if (done == total) setActivity({Answering, job});
    else setActivity({Reading, job, done, total, rate});
  });
  connect(this, &InferenceService::answerReplayProgress, this, [this](quint64 job, quint64 done, quint64 total) {
    setActivity(done == total ? EngineActivity{Answering, job} : EngineActivity{Replaying, job, done, total});
  });
  connect(this, &InferenceService::answerBatch, this, [this](quint64 job, const AnswerBatch& batch) {
    setActivity({Answering, job, 0, 0, batch.tokensPerSecond});
  });
  connect(this, &InferenceService::answerFinished, this, &InferenceService::endActivity);
  connect(this, &InferenceService::answerFailed, this, &InferenceService::endActivity);
  connect(this, &InferenceService::benchFinished, this, &InferenceService::endActivity);
  connect(this, &InferenceService::benchFailed, this, &InferenceService::endActivity);
}

void InferenceService::stop(JobId job) {
  Fail fail;
  {
    const std::lock_guard lock(m_jobsMutex);
    const auto found = m_jobs.find(job);
    if (found == m_jobs.end()) return;
    found->second.stop.request_stop();
    if (found->second.begun) return;
    fail = std::move(found->second.fail);
    m_jobs.erase(found);
  }
  QMetaObject::invokeMethod(this, [job, fail = std::move(fail)] {
    fail(job, {engine::ErrorCode::Cancelled, "Stopped before its turn had come.", {}});
  }, Qt::QueuedConnection);
}

bool InferenceService::isQueued(JobId job) const {
  const std::lock_guard lock(m_jobsMutex);
  const auto found = m_jobs.find(job);
  return found != m_jobs.end() && !found->second.begun;
}

void InferenceService::setModel(LoadedModel model, std::shared_ptr<const engine::Tokenizer> tokenizer) {
  m_model = std::move(model);
  m_tokenizer = std::move(tokenizer);
}

std::shared_ptr<const engine::Tokenizer> InferenceService::tokenizer() const noexcept { return m_tokenizer; }
quint64 InferenceService::rowsSubmitted() const noexcept { return m_worker->inner.rowsSubmitted(); }

void InferenceService::setSnapshotInterval(std::chrono::milliseconds interval) { m_worker->inner.setSnapshotInterval(interval); }

struct InferenceService::LoadEnd {
  engine::Result<InferenceWorker::Loaded> result;
  bool leftCpu = false;
  bool again = false;  ///< part of an answer
};

// Everything about an older load is stale.
void InferenceService::tellLoadEnd(JobId job, LoadEnd end) {
  QMetaObject::invokeMethod(this, [this, job, end = std::move(end)] {
    if (job != m_lastLoad && !end.again) return;
    if (job == m_lastLoad) m_isLoading = false;
    if (end.again && m_activity.job == job) setActivity({EngineActivity::Kind::Collecting, job});
    m_lastLoadLeftCpu = end.leftCpu;
    if (end.result) {
      setModel(end.result->model, end.result->tokenizer);
      Q_EMIT modelLoaded(job, *m_model);
    } else {
      qCWarning(lcEngine) << "Loading failed:" << errorDetails(end.result.error());
      Q_EMIT loadFailed(job, end.result.error());
    }
  });
}

JobId InferenceService::load(const ModelRequest& request) {
  stop(m_lastLoad);  // the newest choice wins; the old model stays until the new one is ready
  m_lastLoad = enqueue(EngineWork::Load, [this, request](JobId job, std::stop_token token) {
    const auto progress = [this, job](const engine::LoadProgress& p) {
      QMetaObject::invokeMethod(this, [this, job, p] { if (job == m_lastLoad) Q_EMIT loadProgress(job, p); });
    };
    auto loaded = m_worker->inner.load(request, progress, token);
    tellLoadEnd(job, {std::move(loaded), m_worker->inner.triedOtherThanCpu()});
  }, [this](JobId job, const engine::Error& error) { tellLoadEnd(job, {tl::unexpected(error)}); });
  m_lastRequest = request;
  m_isLoading = true;
  const QString name = nameOf(request);
  qCInfo(lcEngine) << "Loading" << name;
  Q_EMIT loadStarted(m_lastLoad, name);
  return m_lastLoad;
}

JobId InferenceService::answer(const AnswerRequest& request) {
  return enqueue(EngineWork::Answer, [this, request](JobId job, std::stop_token token) {
    // Signals are emitted on the engine thread; receivers on the GUI thread get them queued, in order.
    InferenceWorker::AnswerEvents events{
        [this, job](const std::shared_ptr<const AnswerPrompt>& prompt) { Q_EMIT answerPrepared(job, prompt); },
        [this, job](quint64 done, quint64 total) { Q_EMIT answerPrefillProgress(job, done, total); },
        [this, job](quint64 done, quint64 total) { Q_EMIT answerReplayProgress(job, done, total); },
        [this, job](const AnswerSnapshot& snapshot) { Q_EMIT answerSnapshot(job, snapshot); },
        [this, job](const AnswerBatch& batch) { Q_EMIT answerBatch(job, batch); },
        [this, job](const ModelRequest& again) {
          qCInfo(lcEngine) << "Loading again after the device was lost:" << nameOf(again);
          QMetaObject::invokeMethod(this, [this, job, name = nameOf(again)] { setActivity({EngineActivity::Kind::Loading, job, 0, 0, 0, name}); });
          Q_EMIT loadStarted(job, nameOf(again));
        },
        [this, job](const engine::LoadProgress& p) { Q_EMIT loadProgress(job, p); },
        [this, job](const engine::Result<InferenceWorker::Loaded>& loaded) { tellLoadEnd(job, {loaded, true, true}); }};
    const auto result = m_worker->inner.answer(request, events, token);
    if (result) Q_EMIT answerFinished(job, *result);
    else Q_EMIT answerFailed(job, result.error());
  }, [this](JobId job, const engine::Error& error) { Q_EMIT answerFailed(job, error); });
}

JobId InferenceService::bench(const engine::BenchRequest& request) {
  return enqueue(EngineWork::Bench, [this, request](JobId job, std::stop_token token) {
    engine::BenchRequest own = request;
    own.keptBytes = m_worker->inner.modelBytes();
    const auto report = engine::runBench(
        own, [this, job](const engine::BenchProgress& p) { Q_EMIT benchProgress(job, p); }, token);
    if (report) Q_EMIT benchFinished(job, *report);
    else Q_EMIT benchFailed(job, report.error());
  }, [this](JobId job, const engine::Error& error) { Q_EMIT benchFailed(job, error); });
}

}  // namespace rookery::app
