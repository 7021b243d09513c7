// SPDX-License-Identifier: GPL-3.0-or-later
// A producer of 1,000 tokens a second through the batching path, into the real chat page with 10,000 messages above.
#include <QApplication>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>
#include <ctime>
#include <thread>

#include "chat/chat_page.h"
#include "inference/answer_batcher.h"

using namespace rookery;
using namespace rookery::app;

namespace {

constexpr int kTokensPerSecond = 1000;
constexpr double kHandlerLimitMs = 50;

double threadCpuMs() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

/// Measures the CPU time of every outermost event handler on the GUI thread.
class MeasuringApplication : public QApplication {
 public:
  using QApplication::QApplication;

  bool notify(QObject* receiver, QEvent* event) override {
    if (m_depth > 0 || !measuring) return QApplication::notify(receiver, event);
    ++m_depth;
    const QByteArray name = receiver->metaObject()->className();
    const int type = event->type();
    const double before = threadCpuMs();
    const bool result = QApplication::notify(receiver, event);
    const double used = threadCpuMs() - before;
    if (used > worstMs) {
      worstMs = used;
      worst = QStringLiteral("%1, event %2").arg(QLatin1String(name)).arg(type);
    }
    --m_depth;
    return result;
  }

  bool measuring = false;
  double worstMs = 0;
  QString worst;

 private:
  int m_depth = 0;
};

class FastProducer : public InferenceService {
 public:
  FastProducer() {
    LoadedModel model;
    model.name = QStringLiteral("fast");
    model.fingerprint = QStringLiteral("fast");
    setModel(model, engine::Model::guide().value()->tokenizer());
  }
  ~FastProducer() override { m_thread = {}; }

  JobId answer(const AnswerRequest& request) override {
    const JobId job = newJob();
    m_thread = std::jthread([this, job, limit = request.generate.maxTokens](std::stop_token stop) {
      AnswerBatcher batcher([this, job](const AnswerBatch& batch) { Q_EMIT answerBatch(job, batch); });
      AnswerFinished finished;
      finished.reason = engine::StopReason::Cancelled;
      finished.snapshot = {std::make_shared<engine::Snapshot>(), 0};
      const auto start = AnswerBatcher::Clock::now();
      for (int i = 0; !stop.stop_requested() && (limit == 0 || i < limit); ++i) {
        std::this_thread::sleep_until(start + std::chrono::microseconds(1'000'000 / kTokensPerSecond) * i);
        batcher.push(static_cast<engine::TokenId>(i % 100 + 1), piece(i));
        finished.tokens.push_back(static_cast<engine::TokenId>(i % 100 + 1));
      }
      batcher.flush();
      produced = static_cast<int>(finished.tokens.size());
      Q_EMIT answerFinished(job, finished);
    });
    return job;
  }
  void stop(JobId) override { m_thread.request_stop(); }

  std::atomic<int> produced{0};

 private:
  // Markdown of every kind: paragraphs, lists, code that goes on for long, tables.
  static std::string piece(int i) {
    const int at = i % 400;
    if (at == 0) return "\n\n## A heading\n\n";
    if (at < 150) return at % 40 == 39 ? "\n\n" : " word" + std::to_string(i);
    if (at < 200) return at % 10 == 0 ? "\n- item" : " **text**";
    if (at == 200) return "\n\n```cpp\n";
    if (at < 380) return at % 6 == 0 ? ";\n" : " call(" + std::to_string(i) + ")";
    if (at == 380) return "\n```\n\n";
    return " end";
  }
  std::jthread m_thread;
};

}  // namespace

class SlowConsumerTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void theWindowStaysQuickAndStopIsObeyed() {
    QTemporaryDir dir;
    auto store = ChatStore::open(dir.filePath(QStringLiteral("chats.sqlite"))).value();
    const qint64 chat = fill(*store, 10'000);
    FastProducer service;
    ChatPage page(*store, service, {});
    page.resize(1100, 800);
    page.show();
    QVERIFY(QTest::qWaitForWindowExposed(&page));
    page.openChat(chat);
    QCoreApplication::processEvents();

    auto* application = static_cast<MeasuringApplication*>(qApp);
    application->measuring = true;
    QVERIFY(page.current()->send(QStringLiteral("go")));
    QTest::qWait(8000);
    QCOMPARE(page.current()->state(), Conversation::State::Answering);

    QElapsedTimer timer;
    timer.start();
    page.findChild<QPushButton*>(QStringLiteral("stop"))->click();
    QTRY_COMPARE_WITH_TIMEOUT(page.current()->state(), Conversation::State::Idle, 2000);
    const qint64 stopMs = timer.elapsed();
    application->measuring = false;
    qInfo("worst handler: %.1f ms CPU (%s); Stop after %lld ms; %d tokens", application->worstMs,
          qPrintable(application->worst), static_cast<long long>(stopMs), service.produced.load());
    QVERIFY(service.produced > 5000);
    QVERIFY2(stopMs < 100, qPrintable(QStringLiteral("%1 ms").arg(stopMs)));
    QVERIFY2(application->worstMs < kHandlerLimitMs,
             qPrintable(QStringLiteral("%1 ms in %2").arg(application->worstMs).arg(application->worst)));
  }

 private:
  static qint64 fill(ChatStore& store, int count) {
    ConversationRecord chat;
    chat.id = store.newConversationId();
    chat.uuid = QStringLiteral("long");
    chat.title = QStringLiteral("Long");
    chat.created = chat.updated = QDateTime::currentDateTime();
    store.putConversation(chat);
    qint64 parent = 0;
    for (int i = 0; i < count; ++i) {
      MessageRecord message;
      message.id = store.newMessageId();
      message.conversation = chat.id;
      message.parent = parent;
      message.role = i % 2 ? MessageRole::Assistant : MessageRole::User;
      message.fingerprint = QStringLiteral("fast");
      message.created = QDateTime::currentDateTime();
      message.text = QStringLiteral("Message %1 says **something** of middling length. ").arg(i).repeated(5);
      store.addMessage(message);
      parent = message.id;
    }
    store.flush(60'000);
    return chat.id;
  }
};

int main(int argc, char** argv) {
  MeasuringApplication application(argc, argv);
  SlowConsumerTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "slow_consumer_test.moc"
