// SPDX-License-Identifier: GPL-3.0-or-later
// The real program as a process of its own: how it ends when a signal asks for it, and what it says when it cannot start.
#include <QApplication>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <csignal>
#include <cstring>

#include "application.h"
#include "chat/chat_page.h"
#include "inference/inference_service.h"
#include "storage/schema.h"
#include "store_support.h"
#include "support/quit_signals.h"

using namespace rookery::app;
using namespace rookery::app::test;

namespace {

constexpr int kTimeout = 60'000;

/// The app with a question asked; tells when its answer has begun. As main() runs it, without a user.
int answerUntilASignal(int argc, char** argv) {
  QApplication qt(argc, argv);
  const QuitSignals quitSignals;
  const Paths paths = Paths::inside(QString::fromLocal8Bit(argv[2]));
  paths.create();
  auto app = std::move(Application::create(paths).value());
  app->showWindow();
  QObject::connect(&app->inference(), &InferenceService::modelLoaded, qApp, [&app] {
    Conversation* chat = app->chatPage().current();
    chat->setGenerateLimits(1'000'000, false);
    if (!chat->send(QStringLiteral("What is Rookery?"))) qFatal("not asked");
  });
  QObject::connect(&app->inference(), &InferenceService::answerBatch, qApp, [] {
    std::puts("answering");
    std::fflush(stdout);
  });
  app->loadFirstModel();
  return QApplication::exec();
}

bool waitFor(QProcess& process, const char* word, QByteArray& said) {
  while (!said.contains(word)) {
    if (!process.waitForReadyRead(kTimeout)) return false;
    said += process.readAll();
  }
  return true;
}

}  // namespace

class StartTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_dir = std::make_unique<QTemporaryDir>();
    m_paths = Paths::inside(m_dir->path());
    QVERIFY(m_paths.create());
    m_said.clear();
  }

  void aSignalClosesTheProgramInOrder_data() {
    QTest::addColumn<int>("number");
    QTest::newRow("SIGTERM") << SIGTERM;
    QTest::newRow("SIGINT") << SIGINT;
    QTest::newRow("SIGHUP") << SIGHUP;
  }
  void aSignalClosesTheProgramInOrder() {
    QFETCH(int, number);
    QProcess process;
    start(process);
    QVERIFY2(waitFor(process, "Loading", m_said), m_said.constData());
    QCOMPARE(::kill(static_cast<pid_t>(process.processId()), number), 0);
    QVERIFY(process.waitForFinished(kTimeout));
    QCOMPARE(process.exitStatus(), QProcess::NormalExit);
    QCOMPARE(process.exitCode(), 0);
    QVERIFY(QFile::exists(m_paths.database()));
    for (const char* side : {"-wal", "-shm", ".lock"}) QVERIFY2(!QFile::exists(m_paths.database() + QLatin1String(side)), side);
    QVERIFY(QFile::exists(m_paths.settingsFile()));  // closed like a window: its place was saved
  }

  void theAnswerThatRunsIsKept() {
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--answer"), m_dir->path()});
    QVERIFY2(waitFor(process, "answering", m_said), m_said.constData());
    QTest::qWait(300);
    QCOMPARE(::kill(static_cast<pid_t>(process.processId()), SIGTERM), 0);
    QVERIFY(process.waitForFinished(kTimeout));
    QCOMPARE(process.exitStatus(), QProcess::NormalExit);
    QVERIFY(!QFile::exists(m_paths.database() + QStringLiteral("-wal")));
    auto store = openStore(m_paths.database());
    const auto list = store->conversations({}, 10, 0);
    QCOMPARE(list.size(), std::size_t(1));
    const auto answer = store->message(store->chat(list[0].id)->record.activeLeaf);
    QCOMPARE(answer->role, MessageRole::Assistant);
    QVERIFY(!answer->text.isEmpty());
    QVERIFY(!answer->tokens.empty());
  }

  void aStartThatFailsTellsItsLogWhy() {
    openStore(m_paths.database());
    {
      auto connection = Connection::open(m_paths.database(), Connection::Mode::ReadWrite);
      QVERIFY(runSql(connection->database(), QStringLiteral("PRAGMA user_version=99")));
    }
    QProcess process;
    start(process);
    QVERIFY2(waitFor(process, "saved by a newer Rookery", m_said), m_said.constData());  // stderr
    const auto logged = [this] {  // a moment after it was said
      QFile log(m_paths.logFile());
      return log.open(QIODevice::ReadOnly) ? log.readAll() : QByteArray();
    };
    QTRY_VERIFY2(logged().contains("saved by a newer Rookery") && logged().contains("version 99") && logged().contains("chats.sqlite"), logged().constData());
    QCOMPARE(::kill(static_cast<pid_t>(process.processId()), SIGTERM), 0);  // closes the box
    QVERIFY(process.waitForFinished(kTimeout));
    QCOMPARE(process.exitStatus(), QProcess::NormalExit);
    QCOMPARE(process.exitCode(), 1);
  }

  void aFileWhereAFolderShouldBeIsTold() {
    QVERIFY(QDir(m_paths.data).removeRecursively());
    QVERIFY(QFile(m_paths.data).open(QIODevice::WriteOnly));
    QProcess process;
    start(process);
    QVERIFY(process.waitForFinished(kTimeout));
    QCOMPARE(process.exitCode(), 1);
    QVERIFY(process.readAll().contains("cannot be made"));
    QFile log(m_paths.logFile());
    QVERIFY(log.open(QIODevice::ReadOnly));
    QVERIFY(log.readAll().contains("cannot be made"));
  }

 private:
  void start(QProcess& process) {
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(QStringLiteral(ROOKERY_BIN_DIR "/rookery"), {QStringLiteral("--data-dir"), m_dir->path()});
  }

  std::unique_ptr<QTemporaryDir> m_dir;
  Paths m_paths;
  QByteArray m_said;
};

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--answer") == 0) return answerUntilASignal(argc, argv);
  QCoreApplication app(argc, argv);
  StartTest test;
  return QTest::qExec(&test, argc, argv);
}

#include "start_test.moc"
