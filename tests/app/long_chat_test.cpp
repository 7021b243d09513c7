// SPDX-License-Identifier: GPL-3.0-or-later
// What takes as long as a chat is long stays off the GUI thread: a question after 50,000 messages of another model, and one
// of 20 million characters. The real engine with the guide model.
#include <QLabel>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "chat/chat_page.h"
#include "measuring_application.h"
#include "storage/sql.h"

using namespace rookery;
using namespace rookery::app;
using rookery::app::test::MeasuringApplication;

namespace {

constexpr int kTimeout = 60'000;
constexpr int kMessages = 50'000;
constexpr qsizetype kLongQuestion = 20'000'000;
constexpr double kStopMs = 100;

}  // namespace

class LongChatTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    const QString path = m_dir.filePath(QStringLiteral("chats.sqlite"));
    ChatStore::open(path).value().reset();
    auto database = Connection::open(path, Connection::Mode::ReadWrite);
    QVERIFY(database);
    for (const QString& sql : {
             QStringLiteral("INSERT INTO conversations(id, uuid, title, title_is_automatic, created, updated, model_fingerprint, model_name, active_leaf)"
                            " VALUES(1, 'long', 'Long', 0, 1, 1, 'another', 'another.pth', %1)").arg(kMessages),
             QStringLiteral("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %1)"
                            " INSERT INTO messages(id, conversation_id, parent_id, role, state, created, text_length, text, model_fingerprint)"
                            " SELECT i, 1, nullif(i - 1, 0), 1 + (i + 1) %% 2, 0, i, 150, 'Message ' || i || substr(' says something of middling length,"
                            " which the model that is loaded now has never read; so it must read it.', 1, 140), 'another' FROM n")
                 .arg(kMessages).replace(QStringLiteral("%%"), QStringLiteral("%"))}) {
      const auto done = runSql(database->database(), sql);
      QVERIFY2(done, done ? "" : qPrintable(done.error().details));
    }
    m_store = ChatStore::open(path).value();
    m_service = std::make_unique<InferenceService>();
    QSignalSpy loaded(m_service.get(), &InferenceService::modelLoaded);
    ModelRequest guide;
    guide.options.threads = 1;
    m_service->load(guide);
    QVERIFY(loaded.wait(kTimeout));
  }
  void cleanupTestCase() {
    m_service.reset();
    m_store.reset();
  }

  void aQuestionAfterManyMessagesOfAnotherModel() {
    ChatPage page(*m_store, *m_service, {});
    page.resize(1100, 800);
    page.show();
    QVERIFY(QTest::qWaitForWindowExposed(&page));
    page.openChat(1);
    QCoreApplication::processEvents();
    Conversation& chat = *page.current();
    QCOMPARE(chat.transcript().rowCount(), kMessages);

    std::shared_ptr<const AnswerPrompt> prompt;
    const auto hear = connect(m_service.get(), &InferenceService::answerPrepared, this, [&](quint64, const auto& made) { prompt = made; });
    measure(true);
    const double before = test::threadCpuMs();
    QVERIFY(chat.send(QStringLiteral("hello")));
    const double sending = test::threadCpuMs() - before;
    QTRY_COMPARE(chat.activity().kind, EngineActivity::Kind::Collecting);
    QCOMPARE(page.findChild<QLabel*>(QStringLiteral("chatStatus"))->text(), QStringLiteral("Reading the chat…"));
    QTRY_COMPARE_WITH_TIMEOUT(chat.activity().kind, EngineActivity::Kind::Reading, kTimeout);
    QTest::qWait(200);
    stopsAtOnce(chat);
    measure(false);
    disconnect(hear);
    isQuick(sending);

    // Nothing of it is missing, and all but the question was read before.
    QVERIFY(prompt);
    const std::string text = m_service->tokenizer()->decode(prompt->tokens).value();
    QVERIFY(text.starts_with("User: Message 1 says"));
    QVERIFY(text.ends_with("\n\nAssistant: Message " + std::to_string(kMessages) + " says something of middling length, which the model that is "
                           "loaded now has never read; so it must read it.\n\nUser: hello\n\nAssistant:"));
    QCOMPARE(QString::fromStdString(text).count(QStringLiteral("Message ")), qsizetype(kMessages));
    const auto question = m_service->tokenizer()->encode("\n\nUser: hello\n\nAssistant:");
    QCOMPARE(prompt->readBefore, quint64(prompt->tokens.size() - question.size()));
    QVERIFY(chat.transcript().rowCount() == kMessages + 2);  // something was read, so the question stays
    const auto stored = m_store->promptOf(chat.transcript().leaf(), {});
    QVERIFY(stored && stored->tokens == prompt->tokens && stored->fromStart);
  }

  // Neither is an answer given without what was said before.
  void messagesThatAreMissingAreAFailure() {
    const QString path = m_dir.filePath(QStringLiteral("gap.sqlite"));
    ChatStore::open(path).value().reset();
    auto database = Connection::open(path, Connection::Mode::ReadWrite);
    for (const char* sql : {"INSERT INTO conversations(id, uuid, title, title_is_automatic, created, updated, active_leaf) VALUES(1, 'gap', 'Gap', 0, 1, 1, 2)",
                            "INSERT INTO messages(id, conversation_id, parent_id, role, state, created, text_length, text) VALUES(1, 1, NULL, 1, 0, 1, 2, 'Hi')",
                            "INSERT INTO messages(id, conversation_id, parent_id, role, state, created, text_length, text) VALUES(2, 1, 1, 2, 0, 1, 5, 'Hello')"}) {
      QVERIFY(runSql(database->database(), QLatin1String(sql)));
    }
    auto store = ChatStore::open(path).value();
    Conversation chat(*store, *m_service, store->chat(1).value());
    QVERIFY(runSql(database->database(), QStringLiteral("PRAGMA foreign_keys = OFF")));
    QVERIFY(runSql(database->database(), QStringLiteral("DELETE FROM messages WHERE id = 1")));
    QSignalSpy failed(&chat, &Conversation::failed), prepared(m_service.get(), &InferenceService::answerPrepared);
    QVERIFY(chat.send(QStringLiteral("hello")));
    QTRY_VERIFY_WITH_TIMEOUT(!chat.isBusy(), kTimeout);
    QCOMPARE(failed.count(), 1);
    const QString said = failed[0][0].value<LiveText>()();
    QVERIFY2(said.contains(QStringLiteral("cannot be read")), qPrintable(said));
    QCOMPARE(prepared.count(), 0);
  }

  void aQuestionOfTwentyMillionCharacters() {
    Conversation chat(*m_store, *m_service);
    const QString question = QStringLiteral("some words, and more of them. ").repeated(kLongQuestion / 30);
    measure(true);
    const double before = test::threadCpuMs();
    QVERIFY(chat.send(question));
    const double sending = test::threadCpuMs() - before;
    QTRY_COMPARE(chat.activity().kind, EngineActivity::Kind::Collecting);
    QVERIFY(m_store->flush(kTimeout));  // it is not measured what writing it takes
    stopsAtOnce(chat);
    measure(false);
    isQuick(sending);
    QCOMPARE(chat.record().title, QStringLiteral("some words, and more of them"));
  }

 private:
  void measure(bool on) {
    auto* application = static_cast<MeasuringApplication*>(qApp);
    if (on) application->worstMs = 0;
    application->measuring = on;
  }
  void isQuick(double sending) {
    const auto* application = static_cast<MeasuringApplication*>(qApp);
    qInfo("sending: %.1f ms CPU; worst handler: %.1f ms CPU (%s)", sending, application->worstMs, qPrintable(application->worst));
    QVERIFY2(sending < test::kHandlerLimitMs, qPrintable(QString::number(sending)));
    QVERIFY2(application->worstMs < test::kHandlerLimitMs, qPrintable(QStringLiteral("%1 ms in %2").arg(application->worstMs).arg(application->worst)));
  }
  /// By the CPU time of all threads: the machine may be busy with others.
  void stopsAtOnce(Conversation& chat) {
    const double before = test::processCpuMs();
    chat.stop();
    QTRY_VERIFY_WITH_TIMEOUT(!chat.isBusy(), kTimeout);
    const double used = test::processCpuMs() - before;
    qInfo("Stop after %.1f ms CPU", used);
    QVERIFY2(used < kStopMs, qPrintable(QString::number(used)));
  }

  QTemporaryDir m_dir;
  std::unique_ptr<ChatStore> m_store;
  std::unique_ptr<InferenceService> m_service;
};

int main(int argc, char** argv) {
  MeasuringApplication application(argc, argv);
  LongChatTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "long_chat_test.moc"
