// SPDX-License-Identifier: GPL-3.0-or-later
// The real program as a process of its own: how it ends when a signal asks for it, and what it says when it cannot start.
#include <QApplication>
#include <QDir>
#include <QFile>
#include <QLabel>
#include <QListView>
#include <QProcess>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>
#include <QTimer>
#include <atomic>
#include <csignal>
#include <cstring>
#include <ctime>
#include <functional>
#include <optional>
#include <unistd.h>

#include "application.h"
#include "chat/chat_page.h"
#include "chat/conversation_list.h"
#include "inference/inference_service.h"
#include "main_window.h"
#include "no_room.h"
#include "settings/settings.h"
#include "start_window.h"
#include "storage/schema.h"
#include "store_support.h"
#include "support/quit_signals.h"
#include "support/single_instance.h"

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

/// Does something when the window is painted for the first time, before anything that the paint sets off.
class AtFirstPaint : public QObject {
 public:
  AtFirstPaint(QWidget& widget, std::function<void()> action) : m_action(std::move(action)) { widget.installEventFilter(this); }

  bool eventFilter(QObject*, QEvent* event) override {
    if (event->type() == QEvent::Paint && m_action) std::exchange(m_action, {})();
    return false;
  }

 private:
  std::function<void()> m_action;
};

double cpuMilliseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

/// The app up to its first paint: says what CPU time that took since the chats were about to be opened, how many chats are
/// listed, and which one is open.
int showOnly(int argc, char** argv) {
  QApplication qt(argc, argv);
  const Paths paths = Paths::inside(QString::fromLocal8Bit(argv[2]));
  const double before = cpuMilliseconds();
  auto app = std::move(Application::create(paths).value());
  AtFirstPaint painted(app->window(), [&] {
    const auto* list = app->window().findChild<QListView*>(QStringLiteral("chatList"));
    std::printf("shown %.0f %d %lld\n", cpuMilliseconds() - before, list->model()->rowCount(), static_cast<long long>(app->chatPage().current()->id()));
    std::fflush(stdout);
    std::_Exit(0);
  });
  app->showWindow();
  return QApplication::exec();
}

/// Killed as soon as the first chat has been opened, before it is shown.
int dieOpening(int argc, char** argv) {
  QApplication qt(argc, argv);
  auto app = std::move(Application::create(Paths::inside(QString::fromLocal8Bit(argv[2]))).value());
  QTimer timer;
  QObject::connect(&timer, &QTimer::timeout, &timer, [&app] {
    if (app->chatPage().current()->id() != 0) ::kill(getpid(), SIGKILL);
  });
  timer.start(0);
  app->showWindow();
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

  void theWindowComesBeforeTheChat_data() {
    QTest::addColumn<int>("characters");
    QTest::newRow("5 M") << 5'000'000;
    QTest::newRow("20 M") << 20'000'000;
  }
  void theWindowComesBeforeTheChat() {
    QFETCH(int, characters);
    {
      auto store = openStore(m_paths.database());
      newChat(*store, QStringLiteral("older"));
      addMessage(*store, newChat(*store, QStringLiteral("huge")).id, 0, MessageRole::User, QString(QStringLiteral("line of text\n")).repeated(characters / 13));
    }
    QProcess process;
    startSelf(process, "--show");
    QVERIFY(process.waitForFinished(kTimeout));
    const auto words = process.readAll().split('\n').first().split(' ');
    QCOMPARE(words.size(), qsizetype(4));
    QVERIFY2(words[1].toInt() < 1000, words[1].constData());
    QCOMPARE(words[2].toInt(), 2);  // the list is there
    QCOMPARE(words[3].toInt(), 0);  // and no chat yet
  }

  void aChatThatTheLastStartDidNotGetThroughStaysClosed() {
    {
      auto store = openStore(m_paths.database());
      newChat(*store, QStringLiteral("older"));
      addMessage(*store, newChat(*store, QStringLiteral("<b>bad</b>")).id, 0, MessageRole::User, QStringLiteral("question"));
    }
    QProcess process;
    startSelf(process, "--die-opening");
    QVERIFY(process.waitForFinished(kTimeout));
    QCOMPARE(process.exitStatus(), QProcess::CrashExit);

    for (int start = 1; start <= 2; ++start) {  // and not at the next one either
      auto app = startHere();
      auto* text = app->window().findChild<QLabel*>(QStringLiteral("unopenedText"));
      QTRY_VERIFY((text = app->window().findChild<QLabel*>(QStringLiteral("unopenedText"))) != nullptr);
      QVERIFY2(text->isVisible() && text->text().contains(QStringLiteral("“<b>bad</b>”")), qPrintable(text->text()));
      QCOMPARE(text->textFormat(), Qt::PlainText);
      QCOMPARE(app->chatPage().current()->id(), 0);
      app->chatPage().openChat(1);  // the list is usable
      QCOMPARE(app->chatPage().current()->record().title, QStringLiteral("older"));
      QVERIFY(!text->isVisible());  // it is not about this chat
      app->chatPage().newChat();
      QVERIFY(text->isVisible());
      if (start == 1) continue;
      app->window().findChild<QWidget*>(QStringLiteral("unopenedClose"))->setFocus();
      QTest::mouseClick(app->window().findChild<QWidget*>(QStringLiteral("unopenedClose")), Qt::LeftButton);
      QTRY_VERIFY(app->window().findChild<QLabel*>(QStringLiteral("unopenedText")) == nullptr);
    }
    {
      auto app = startHere();
      QTRY_VERIFY(app->window().findChild<QPushButton*>(QStringLiteral("unopenedOpen")) != nullptr);
      app->window().findChild<QPushButton*>(QStringLiteral("unopenedOpen"))->click();
      QCOMPARE(app->chatPage().current()->id(), 2);
      QCOMPARE(app->settings().unfinishedChat(), 2);
      QTRY_COMPARE(app->settings().unfinishedChat(), 0);  // it was got through
      QVERIFY(app->window().findChild<QLabel*>(QStringLiteral("unopenedText")) == nullptr);
    }
    Settings(m_paths).setUnfinishedChat(2);
    {
      auto app = startHere();
      QTRY_VERIFY(app->window().findChild<QLabel*>(QStringLiteral("unopenedText")) != nullptr);
      app->chatPage().openMessage(2, app->store().chat(2)->record.activeLeaf);  // what a search has found
      QTRY_VERIFY(app->window().findChild<QLabel*>(QStringLiteral("unopenedText")) == nullptr);
      QTRY_COMPARE(app->settings().unfinishedChat(), 0);
    }
    auto app = startHere();
    QTRY_COMPARE(app->chatPage().current()->id(), 2);
    app.reset();  // at once: leaving in order is no failure
    QCOMPARE(Settings(m_paths).unfinishedChat(), 0);
  }

  void aRescueShowsHowFarItIsAndCanBeLeft_data() {
    QTest::addColumn<bool>("canWrite");
    QTest::addColumn<QString>("wanted");
    QTest::newRow("into a new file") << true << QStringLiteral("Rescuing your chats");
    QTest::newRow("into memory") << false << QStringLiteral("Reading your chats");
  }
  void aRescueShowsHowFarItIsAndCanBeLeft() {
    QFETCH(bool, canWrite);
    QFETCH(QString, wanted);
    openStore(m_paths.database());
    {
      auto connection = Connection::open(m_paths.database(), Connection::Mode::ReadWrite);
      for (const char* sql : {"INSERT INTO conversations(id, uuid, title, title_is_automatic, created, updated) VALUES(1, 'u', 'many', 1, 0, 0)",
                              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)"
                              " INSERT INTO messages(conversation_id, role, state, created, text_length, text) SELECT 1, 1, 0, i, 8, 'question' FROM n",
                              "PRAGMA user_version=-1"}) {
        const auto result = runSql(connection->database(), QLatin1String(sql));
        QVERIFY2(result, result ? "" : qPrintable(result.error().details));
      }
    }
    std::optional<NoRoom> noRoom;
    if (!canWrite) noRoom.emplace();
    StartWindow window;
    const auto text = [&](const char* name) { return window.findChild<QLabel*>(QLatin1String(name))->text(); };
    QTimer look;
    QString title, count;
    int percent = 0;
    connect(&look, &QTimer::timeout, &window, [&] {
      if (!window.isVisible() || text("startCount").isEmpty()) return;
      title = text("startTitle");
      count = text("startCount");
      percent = window.findChild<QProgressBar*>()->value() / 10;
      QTest::mouseClick(window.findChild<QPushButton*>(QStringLiteral("startLeave")), Qt::LeftButton);
    });
    look.start(20);
    const auto left = Application::create(m_paths, [&](Opening& opening) { window.attend(opening); });
    QVERIFY(!left);
    QCOMPARE(left.error().kind, StoreError::Kind::Stopped);
    QCOMPARE(title, wanted);
    QVERIFY2(count.endsWith(QStringLiteral(" of about 150,000 messages")), qPrintable(count));
    QVERIFY(percent < 100);
    QVERIFY(!window.isVisible());
    QVERIFY(!QFile::exists(m_paths.database() + QStringLiteral(".salvaged")));
    if (canWrite) return;
    const auto app = Application::create(m_paths, [](Opening&) {});  // not left, it shows them
    QVERIFY(app && (*app)->store().isReadOnly());
    QCOMPARE((*app)->store().conversations({}, 10, 0).size(), std::size_t(1));
    QCOMPARE((*app)->store().chat(1)->tree.size(), std::size_t(150'000));
  }

  void aQuickStartShowsNoStartWindow() {
    StartWindow window;
    bool shown = false;
    AtFirstPaint painted(window, [&] { shown = true; });
    auto app = Application::create(m_paths, [&](Opening& opening) { window.attend(opening); });
    QVERIFY(app);
    QCoreApplication::processEvents();
    QVERIFY(!shown && !window.isVisible());
  }

  void aSecondStartBringsTheFirstForward() {
    QProcess first;
    start(first);
    QVERIFY2(waitFor(first, "Loading", m_said), m_said.constData());
    QProcess second;
    start(second);
    QVERIFY(second.waitForFinished(kTimeout));
    QCOMPARE(second.exitStatus(), QProcess::NormalExit);
    QCOMPARE(second.exitCode(), 0);
    QVERIFY2(!second.readAll().contains("cannot be opened"), "an error was shown");
    QCOMPARE(first.state(), QProcess::Running);

    QTemporaryDir elsewhere;  // has chats of its own
    QProcess other;
    other.setProcessChannelMode(QProcess::MergedChannels);
    other.start(QStringLiteral(ROOKERY_BIN_DIR "/rookery"), {QStringLiteral("--data-dir"), elsewhere.path()});
    QByteArray said;
    QVERIFY2(waitFor(other, "Loading", said), said.constData());
    other.terminate();
    QVERIFY(other.waitForFinished(kTimeout));

    first.kill();  // leaves its socket and its lock
    QVERIFY(first.waitForFinished(kTimeout));
    QProcess third;
    start(third);
    said.clear();
    QVERIFY2(waitFor(third, "Loading", said), said.constData());
    QProcess fourth;
    start(fourth);
    QVERIFY(fourth.waitForFinished(kTimeout));
    QCOMPARE(fourth.exitCode(), 0);
    third.terminate();
    QVERIFY(third.waitForFinished(kTimeout));
  }

  void aSecondStartThatIsNotAnsweredSaysWhy() {
    const auto holder = openStore(m_paths.database());
    QProcess process;
    start(process);
    QVERIFY2(waitFor(process, "Another program is using the chats", m_said), m_said.constData());
    process.terminate();
    QVERIFY(process.waitForFinished(kTimeout));
    QCOMPARE(process.exitCode(), 1);
  }

  void theTokenOfTheDesktopIsHandedOn() {
    SingleInstance here(m_paths.data), there(m_paths.data + QStringLiteral("/../data/")), other(m_dir->path());
    here.listen();
    QSignalSpy asked(&here, &SingleInstance::asked);
    const auto ask = [](const SingleInstance& from, int milliseconds) {
      std::atomic<int> answered = -1;
      const std::unique_ptr<QThread> thread(QThread::create([&] { answered = from.askOther("a token\n%41", milliseconds) ? 1 : 0; }));
      thread->start();
      (void)QTest::qWaitFor([&] { return answered >= 0; }, 10'000);
      thread->wait();
      return answered == 1;
    };
    QVERIFY(ask(there, 5000));
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked[0][0].toByteArray(), QByteArray("a token\n%41"));
    QVERIFY(!ask(other, 5000));
    QVERIFY(!there.askOther({}, 50));  // nobody answers: this thread does not turn its events
  }

  // Not all of them are headed with the name of the model that answered last.
  void eachAnswerIsHeadedWithItsOwnModel() {
    QVERIFY(QFile::copy(QStringLiteral(ROOKERY_TEST_DATA "/app/data/chats_v2.sqlite"), m_paths.database()));
    QVERIFY(QFile::setPermissions(m_paths.database(), QFile::ReadOwner | QFile::WriteOwner));
    auto app = startHere();
    QStringList authors;
    const auto shown = [&] {
      authors.clear();
      for (const auto* label : app->window().findChildren<QLabel*>(QStringLiteral("author"))) {
        if (label->isVisible()) authors << label->text();
      }
      authors.sort();
      return authors.size() == 4;
    };
    QTRY_VERIFY2(shown(), qPrintable(authors.join(u'|')));
    QCOMPARE(authors, (QStringList{QStringLiteral("Answer"), QStringLiteral("Guide model"), QStringLiteral("You"), QStringLiteral("You")}));
  }

  void aChatThatWasNotOpenedCanBeDeleted() {
    newChat(*openStore(m_paths.database()), QStringLiteral("bad"));
    Settings(m_paths).setUnfinishedChat(1);
    auto app = startHere();
    QTRY_VERIFY(app->window().findChild<QPushButton*>(QStringLiteral("unopenedDelete")) != nullptr);
    app->window().findChild<QPushButton*>(QStringLiteral("unopenedDelete"))->click();
    QVERIFY(app->store().conversations({}, 10, 0).empty());
    QCOMPARE(app->store().bin().size(), std::size_t(1));
    QVERIFY(app->window().findChild<QPushButton*>(QStringLiteral("undoDelete"))->isVisible());
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
  void startSelf(QProcess& process, const char* mode) {
    process.start(QCoreApplication::applicationFilePath(), {QLatin1String(mode), m_dir->path()});
  }

  std::unique_ptr<Application> startHere() {
    auto app = std::move(Application::create(m_paths).value());
    app->showWindow();
    return app;
  }

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
  if (argc == 3 && std::strcmp(argv[1], "--show") == 0) return showOnly(argc, argv);
  if (argc == 3 && std::strcmp(argv[1], "--die-opening") == 0) return dieOpening(argc, argv);
  QApplication app(argc, argv);
  StartTest test;
  return QTest::qExec(&test, argc, argv);
}

#include "start_test.moc"
