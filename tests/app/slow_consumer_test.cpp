// SPDX-License-Identifier: GPL-3.0-or-later
// A producer of 1,000 tokens a second through the batching path, into the real chat page with 10,000 messages above.
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <thread>

#include "chat/chat_page.h"
#include "inference/answer_batcher.h"
#include "measuring_application.h"

using namespace rookery;
using namespace rookery::app;
using rookery::app::test::kHandlerLimitMs;
using rookery::app::test::MeasuringApplication;

namespace {

constexpr int kTokensPerSecond = 1000;
/// What the answer consists of. All but Mixed are one block without an end, the worst for a renderer.
enum class Text { Mixed, Code, List, Table, Paragraph, Thought };

class FastProducer : public InferenceService {
 public:
  explicit FastProducer(Text text) : m_text(text) {
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
        batcher.push(static_cast<engine::TokenId>(i % 100 + 1), m_text == Text::Mixed ? piece(i) : endless(i));
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
  // Paragraphs, lists, code, one after the other.
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
  std::string endless(int i) const {
    const std::string word = " word" + std::to_string(i);
    switch (m_text) {
      case Text::Code: return i == 0 ? "```cpp\n" : i % 7 == 0 ? ";\n" : i % 7 == 1 ? "  call(" : word;
      case Text::List: return i % 9 == 0 ? "\n" + std::to_string(i / 9 + 1) + "." : i % 9 == 4 ? " **bold**" : word;
      case Text::Table: return i == 0 ? "| a | b | c | d |\n|---|---|---|---|\n" : i % 12 == 11 ? " |\n" : i % 3 == 1 ? " |" : word;
      case Text::Thought: return i == 0 ? "<think>\n" : i % 60 == 59 ? "\n\n" : i % 600 > 300 && i % 10 == 0 ? "\n- item" : word;
      default: return word;
    }
  }
  const Text m_text;
  std::jthread m_thread;
};

}  // namespace

class SlowConsumerTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    m_store = ChatStore::open(m_dir.filePath(QStringLiteral("chats.sqlite"))).value();
    m_chat = fill(*m_store, 10'000);
  }
  void theWindowStaysQuickAndStopIsObeyed_data() {
    QTest::addColumn<Text>("text");
    QTest::addColumn<int>("seconds");
    QTest::newRow("all kinds of blocks") << Text::Mixed << 8;
    QTest::newRow("code") << Text::Code << 4;
    QTest::newRow("list") << Text::List << 4;
    QTest::newRow("table") << Text::Table << 4;
    QTest::newRow("paragraph") << Text::Paragraph << 4;
    QTest::newRow("open thought") << Text::Thought << 4;
  }
  void theWindowStaysQuickAndStopIsObeyed() {
    QFETCH(Text, text);
    QFETCH(int, seconds);
    FastProducer service(text);
    ChatPage page(*m_store, service, {});
    page.resize(1100, 800);
    page.show();
    QVERIFY(QTest::qWaitForWindowExposed(&page));
    page.openChat(m_chat);
    QCoreApplication::processEvents();

    auto* application = static_cast<MeasuringApplication*>(qApp);
    application->worstMs = 0;
    application->measuring = true;
    page.current()->setGenerateLimits(0, false);
    QVERIFY(page.current()->send(QStringLiteral("go")));
    if (text == Text::Thought) {
      QTRY_VERIFY(visibleToggle(page));
      visibleToggle(page)->click();
    }
    QTest::qWait(seconds * 1000);
    QCOMPARE(page.current()->state(), Conversation::State::Answering);

    QElapsedTimer timer;
    timer.start();
    page.findChild<QPushButton*>(QStringLiteral("stop"))->click();
    QTRY_COMPARE_WITH_TIMEOUT(page.current()->state(), Conversation::State::Idle, 2000);
    const qint64 stopMs = timer.elapsed();
    application->measuring = false;
    qInfo("worst handler: %.1f ms CPU (%s); Stop after %lld ms; %d tokens", application->worstMs,
          qPrintable(application->worst), static_cast<long long>(stopMs), service.produced.load());
    QVERIFY(service.produced > seconds * kTokensPerSecond * 3 / 5);
    QVERIFY2(stopMs < 100, qPrintable(QStringLiteral("%1 ms").arg(stopMs)));
    QVERIFY2(application->worstMs < kHandlerLimitMs,
             qPrintable(QStringLiteral("%1 ms in %2").arg(application->worstMs).arg(application->worst)));
  }

 private:
  static QToolButton* visibleToggle(ChatPage& page) {
    for (auto* button : page.findChildren<QToolButton*>(QStringLiteral("thoughtToggle"))) {
      if (button->isVisible()) return button;
    }
    return nullptr;
  }
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

  QTemporaryDir m_dir;
  std::unique_ptr<ChatStore> m_store;
  qint64 m_chat = 0;
};

int main(int argc, char** argv) {
  MeasuringApplication application(argc, argv);
  SlowConsumerTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "slow_consumer_test.moc"
