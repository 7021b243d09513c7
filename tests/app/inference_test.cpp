// SPDX-License-Identifier: GPL-3.0-or-later
// The engine thread's jobs, with the guide model and without a window.
#include <QSignalSpy>
#include <QTest>
#include <new>
#include <semaphore>

#include "inference/answer_batcher.h"
#include "inference/inference_service.h"
#include "support/stop_text.h"

using namespace rookery;
using namespace rookery::app;

namespace {
constexpr int kTimeout = 60'000;
constexpr std::chrono::milliseconds kGiveUp{30'000};  // of a blocked engine thread, if the test fails
}  // namespace

class InferenceTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_service = std::make_unique<InferenceService>();
    QSignalSpy loaded(m_service.get(), &InferenceService::modelLoaded);
    ModelRequest guide;
    guide.options.threads = 1;
    m_service->load(guide);
    QVERIFY(loaded.wait(kTimeout));
    QTRY_COMPARE(m_service->runningWork(), EngineWork::None);
  }
  void cleanup() { m_service.reset(); }

  // Behind a job that runs, a stopped one is over at once, and the one that runs goes on.
  void aJobStoppedBeforeItsTurnIsOverAtOnce() {
    std::binary_semaphore gate(0);
    QSignalSpy finished(m_service.get(), &InferenceService::answerFinished);
    QSignalSpy answerFailed(m_service.get(), &InferenceService::answerFailed);
    QSignalSpy benchFailed(m_service.get(), &InferenceService::benchFailed);
    QSignalSpy loadFailed(m_service.get(), &InferenceService::loadFailed);
    QSignalSpy begun(m_service.get(), &InferenceService::begun);
    const JobId first = m_service->answer(blocked(gate));
    QTRY_COMPARE(m_service->runningWork(), EngineWork::Answer);
    const JobId answer = m_service->answer(request(2));
    const JobId bench = m_service->bench({});
    const JobId load = m_service->load({});
    QVERIFY(!m_service->isQueued(first));
    using Kind = EngineActivity::Kind;
    QCOMPARE(m_service->activity().kind, Kind::Collecting);
    QVERIFY(!m_service->activityOf(first).isAwaited && m_service->activityOf(answer).isAwaited);
    for (const JobId job : {answer, bench, load}) {
      QVERIFY(m_service->isQueued(job));
      m_service->stop(job);
      QVERIFY(!m_service->isQueued(job));
    }
    QTRY_COMPARE_WITH_TIMEOUT(answerFailed.count(), 1, 1000);
    QTRY_COMPARE_WITH_TIMEOUT(benchFailed.count(), 1, 1000);
    QTRY_COMPARE_WITH_TIMEOUT(loadFailed.count(), 1, 1000);
    QCOMPARE(finished.count(), 0);  // the first one still holds the engine thread
    QCOMPARE(m_service->activity().kind, Kind::Collecting);  // not idle because another job is over
    QCOMPARE(answerFailed[0][0].toULongLong(), answer);
    QCOMPARE(answerFailed[0][1].value<engine::Error>().code, engine::ErrorCode::Cancelled);
    gate.release();
    QTRY_COMPARE_WITH_TIMEOUT(finished.count(), 1, kTimeout);
    QTRY_COMPARE(m_service->runningWork(), EngineWork::None);
    QVERIFY(m_service->activity().isIdle());
    QCOMPARE(begun.count(), 1);
    QCOMPARE(answerFailed.count(), 1);
    QVERIFY(run(request(3)).reason != engine::StopReason::Cancelled);
  }

  // One value tells all there is to tell, and its words say it.
  void theActivityTellsReadingReplayingAndAnswering() {
    QStringList told;
    connect(m_service.get(), &InferenceService::activityChanged, this, [&] {
      EngineActivity now = m_service->activity();
      now.perSecond = 0;
      if (told.isEmpty() || told.back() != activityText(now)) told << activityText(now);
    });
    const AnswerFinished half = run(request(1));
    QTRY_VERIFY(m_service->activity().isIdle());
    const auto prompt = turn(QStringLiteral("What is Rookery?")).size();
    QCOMPARE(told, (QStringList{QStringLiteral("Reading the chat…"), QStringLiteral("Reading 0 of %1 tokens").arg(prompt),
                                QStringLiteral("Answering…"), QStringLiteral("Ready")}));
    told.clear();
    AnswerRequest rest = request(2);
    rest.generate.journal = half.tokens;
    rest.generate.maxTokens = static_cast<int>(half.tokens.size()) + 5;
    run(rest);
    QTRY_VERIFY(m_service->activity().isIdle());
    const QString first = QStringLiteral("Going on where the answer stopped: token 0 of %1").arg(half.tokens.size());
    QVERIFY2(told.contains(first), qPrintable(told.join(u'|')));
    QVERIFY(told.indexOf(first) > told.indexOf(QStringLiteral("Reading 0 of %1 tokens").arg(prompt)));
    QCOMPARE(told.back(), QStringLiteral("Ready"));

    EngineActivity reading{EngineActivity::Kind::Reading, 1, 2048, 15061, 1210};
    QCOMPARE(activityText(reading), QStringLiteral("Reading 2,048 of 15,061 tokens · 1,210 tokens/s · 11 s left"));
    reading.isAwaited = true;
    QCOMPARE(activityText(reading), QStringLiteral("Waiting for the answer in another chat…"));
  }

  void memoryThatRunsOutIsAFailedJob() {
    AnswerRequest hungry = request(1);
    hungry.findStart = [](const AnswerPrompt&, const std::vector<qint64>&, std::stop_token) -> engine::Result<AnswerStart> { throw std::bad_alloc(); };
    QSignalSpy failed(m_service.get(), &InferenceService::answerFailed);
    m_service->answer(hungry);
    QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kTimeout);
    QCOMPARE(failed[0][1].value<engine::Error>().code, engine::ErrorCode::OutOfMemory);
    QVERIFY(!run(request(2)).tokens.empty());
  }

  // Without its start the model would answer as if nothing had been said before.
  void anAnswerWhoseStartIsUnknownFails() {
    AnswerRequest lost = request(1);
    lost.findStart = [](const AnswerPrompt&, const std::vector<qint64>&, std::stop_token) -> engine::Result<AnswerStart> {
      return engine::fail(engine::ErrorCode::FileUnreadable, "no start");
    };
    QSignalSpy failed(m_service.get(), &InferenceService::answerFailed);
    m_service->answer(lost);
    QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kTimeout);
    QCOMPARE(failed[0][1].value<engine::Error>().code, engine::ErrorCode::FileUnreadable);
    QCOMPARE(m_service->rowsSubmitted(), quint64(0));
  }

  void onlyTheDamagedSnapshotIsPassedOver() {
    const AnswerFinished first = run(request(1));
    QVERIFY(first.snapshot.snapshot);
    PackedSnapshot good = packSnapshot(*first.snapshot.snapshot), bad = good;
    good.id = 1;
    bad.id = 2;
    bad.state.chop(bad.state.size() / 2);
    const auto next = turn(QStringLiteral("And what is a snapshot?"));
    AnswerRequest second = request(2, {.baseMessageId = 99});  // not where the live session stands
    std::vector<std::vector<qint64>> asked;
    second.findStart = [&](const AnswerPrompt&, const std::vector<qint64>& without, std::stop_token) -> engine::Result<AnswerStart> {
      asked.push_back(without);
      return AnswerStart{without.empty() ? bad : good, next, 0};
    };
    const quint64 before = m_service->rowsSubmitted();
    const AnswerFinished answer = run(second);
    QCOMPARE(asked, (std::vector<std::vector<qint64>>{{}, {2}}));
    QCOMPARE(answer.promptTokens, quint64(next.size()));
    QCOMPARE(m_service->rowsSubmitted() - before, next.size() + answer.tokens.size() - (answer.pendingToken ? 1 : 0));
  }

  // The answer stops in the middle of a stop text; going on completes it, and the next turn reads nothing again.
  void aStopTextCutInTwoIsStillTakenBack() {
    AnswerRequest free = request(1);
    free.generate.sampling.temperature = 1;
    free.generate.sampling.topP = 1;
    free.generate.stopAtEndOfText = false;
    free.generate.maxTokens = 200;
    const AnswerFinished whole = run(free);
    const auto stop = test::stopTextIn(*m_service->tokenizer(), whole.tokens);
    QVERIFY(stop.begin > 0);
    const Tokens expected(whole.tokens.begin(), whole.tokens.begin() + static_cast<std::ptrdiff_t>(stop.begin));

    AnswerRequest cut = free;
    cut.messageId = 2;
    cut.generate.stopTexts = {stop.text};
    cut.generate.maxTokens = static_cast<int>(stop.begin) + 2;
    const AnswerFinished half = run(cut);
    QCOMPARE(half.reason, engine::StopReason::MaxTokens);
    QCOMPARE(half.tokens.size(), stop.begin + 2);
    QCOMPARE(half.snapshot.answerTokens, qint64(stop.begin));  // a state from which the stop text can be taken back
    QVERIFY(!half.pendingToken);

    AnswerRequest rest = cut;
    rest.generate.maxTokens = 0;
    rest.generate.journal = half.tokens;
    const PackedSnapshot saved = packSnapshot(*half.snapshot.snapshot);
    rest.findStart = [&](const AnswerPrompt&, const std::vector<qint64>&, std::stop_token) -> engine::Result<AnswerStart> {
      return AnswerStart{saved, {}, static_cast<quint64>(half.snapshot.answerTokens)};
    };
    AnswerFinished ended;
    for (const bool restart : {false, true}) {
      if (restart) init();
      ended = run(rest);
      QCOMPARE(ended.reason, engine::StopReason::StopText);
      QCOMPARE(ended.tokens, expected);
      QCOMPARE(ended.snapshot.answerTokens, qint64(stop.begin));
      QVERIFY(!ended.pendingToken);
    }

    init();  // the state after the stop text has no logits, and is as good a start as any
    const PackedSnapshot end = packSnapshot(*ended.snapshot.snapshot);
    const Tokens question = turn(QStringLiteral("What is Rookery?"));
    AnswerRequest next = request(3, {.baseMessageId = 2, .baseTokens = expected.size()});
    next.findStart = [&](const AnswerPrompt&, const std::vector<qint64>& without, std::stop_token) -> engine::Result<AnswerStart> {
      if (!without.empty()) return engine::fail(engine::ErrorCode::FileDamaged, "it was not usable");
      return AnswerStart{end, question, 0};
    };
    const AnswerFinished answer = run(next);
    QCOMPARE(answer.tokensReadAgain, quint64(0));
    QCOMPARE(answer.promptTokens, quint64(question.size()));
    QVERIFY(!answer.tokens.empty());
  }

  // An answer that was read again as an earlier message may have been left anywhere.
  void anAnswerDoesNotGoOnFromWithinAStopText() {
    AnswerRequest free = request(1);
    free.generate.sampling.temperature = 1;
    free.generate.sampling.topP = 1;
    free.generate.stopAtEndOfText = false;
    free.generate.maxTokens = 200;
    const AnswerFinished whole = run(free);
    const auto stop = test::stopTextIn(*m_service->tokenizer(), whole.tokens);
    QVERIFY(stop.begin > 0);
    const auto until = [&](qint64 message, std::size_t tokens) {
      free.messageId = message;
      free.generate.maxTokens = static_cast<int>(tokens) + 1;  // the last one waits to be read
      return run(free);
    };
    const AnswerFinished within = until(2, stop.begin + 1), before = until(3, stop.begin);
    QCOMPARE(within.snapshot.answerTokens, static_cast<qint64>(stop.begin) + 1);
    PackedSnapshot bad = packSnapshot(*within.snapshot.snapshot), good = packSnapshot(*before.snapshot.snapshot);
    bad.id = 1;
    good.id = 2;
    AnswerRequest rest = free;
    rest.messageId = 4;
    rest.generate.maxTokens = 0;
    rest.generate.stopTexts = {stop.text};
    rest.generate.journal = within.tokens;
    rest.findStart = [&](const AnswerPrompt&, const std::vector<qint64>& without, std::stop_token) -> engine::Result<AnswerStart> {
      if (without.empty()) return AnswerStart{bad, {}, static_cast<quint64>(within.snapshot.answerTokens)};
      return AnswerStart{good, {}, static_cast<quint64>(before.snapshot.answerTokens)};
    };
    const AnswerFinished ended = run(rest);
    QCOMPARE(ended.reason, engine::StopReason::StopText);
    QCOMPARE(ended.tokens, Tokens(whole.tokens.begin(), whole.tokens.begin() + static_cast<std::ptrdiff_t>(stop.begin)));
  }

  // The journal of a continued answer is decoded before the first token comes: no part of the speed.
  void theSpeedIsThatOfTheTokensAfterTheFirst() {
    using Clock = AnswerBatcher::Clock;
    AnswerBatch last;
    AnswerBatcher batcher([&last](const AnswerBatch& batch) { last = batch; });
    QTest::qSleep(300);
    const auto first = Clock::now();
    batcher.push(1, "a");
    QTest::qSleep(30);
    batcher.push(2, "b");
    const double seconds = std::chrono::duration<double>(Clock::now() - first).count();
    QCOMPARE(last.tokens, Tokens{2});
    QVERIFY2(last.tokensPerSecond > 0.9 / seconds, qPrintable(QString::number(last.tokensPerSecond)));
  }

 private:
  Tokens turn(const QString& question) const {
    return m_service->tokenizer()->encode("User: " + question.toStdString() + "\n\nAssistant:");
  }

  AnswerRequest request(qint64 message, AnswerPrompt prompt = {}) const {
    AnswerRequest request;
    request.messageId = message;
    request.fingerprint = m_service->model()->fingerprint;
    prompt.tokens = turn(QStringLiteral("What is Rookery?"));
    request.makePrompt = [prompt](std::stop_token) { return prompt; };
    request.generate.sampling.temperature = 0;
    request.generate.seed = 5;
    request.generate.maxTokens = 30;
    return request;
  }

  AnswerRequest blocked(std::binary_semaphore& gate) const {
    AnswerRequest blocked = request(1);
    blocked.findStart = [&gate](const AnswerPrompt& prompt, const std::vector<qint64>&, std::stop_token) -> engine::Result<AnswerStart> {
      (void)gate.try_acquire_for(kGiveUp);
      return AnswerStart{std::nullopt, prompt.tokens, 0};
    };
    return blocked;
  }

  AnswerFinished run(const AnswerRequest& request) {
    QSignalSpy finished(m_service.get(), &InferenceService::answerFinished);
    QSignalSpy failed(m_service.get(), &InferenceService::answerFailed);
    const JobId job = m_service->answer(request);
    const bool ended = QTest::qWaitFor([&] { return !finished.isEmpty() || !failed.isEmpty(); }, kTimeout);
    if (!ended || finished.isEmpty() || finished[0][0].toULongLong() != job) {
      QTest::qFail(failed.isEmpty() ? "no answer" : failed[0][1].value<engine::Error>().message.c_str(), __FILE__, __LINE__);
      return {};
    }
    return finished[0][1].value<AnswerFinished>();
  }

  std::unique_ptr<InferenceService> m_service;
};

QTEST_GUILESS_MAIN(InferenceTest)
#include "inference_test.moc"
