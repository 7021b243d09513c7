// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAccessible>
#include <QAction>
#include <QApplication>
#include <QDateTime>
#include <QFile>
#include <QLabel>
#include <QListView>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSignalSpy>
#include <QStackedWidget>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>
#include <QToolButton>

#include "about_dialogs.h"
#include "application.h"
#include "bench/bench_page.h"
#include "chat/chat_page.h"
#include "inference/inference_service.h"
#include "main_window.h"
#include "no_room.h"
#include "settings/settings.h"
#include "shell_support.h"

using namespace rookery::app;

/// The whole window with its real pages, on an empty folder; no model is loaded unless a test asks for it.
class WindowTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_folder = std::make_unique<QTemporaryDir>();
    m_paths = Paths::inside(m_folder->path());
    QVERIFY(m_paths.create());
    start();
  }
  void cleanup() { m_app.reset(); }

  void theKeyboardChangesPages() {
    for (const auto& [key, page] : {std::pair{Qt::Key_2, MainWindow::Benchmark}, {Qt::Key_3, MainWindow::Models},
                                    {Qt::Key_4, MainWindow::SettingsPage}, {Qt::Key_1, MainWindow::Chat}}) {
      QTest::keyClick(m_window, key, Qt::ControlModifier);
      QCOMPARE(m_window->page(), page);
    }
    auto* rail = m_window->findChild<QToolButton*>(QStringLiteral("railBench"));
    QTest::mouseClick(rail, Qt::LeftButton);
    QCOMPARE(m_window->page(), MainWindow::Benchmark);
    QVERIFY(rail->isChecked());
  }

  void theStatusBarTellsModelSpeedAndLoads() {
    LoadedModel model;
    model.name = QStringLiteral("some.pth");
    model.deviceSummary = QStringLiteral("CPU scalar, 2 threads, exact");
    m_window->setModel(model);
    m_window->setSpeed(61.23);
    QCOMPARE(text("statusModel"), QStringLiteral("some.pth"));
    QCOMPARE(text("statusDevice"), QStringLiteral("CPU scalar, 2 thread(s), full precision"));  // plurals come with a language
    QCOMPARE(text("statusSpeed"), QStringLiteral("61.2 tokens/s"));
    QVERIFY(text("statusMemory").contains(QStringLiteral(" of ")));

    // A load behind an answer says what it waits for, and what goes on stays visible.
    m_window->setActivity({EngineActivity::Kind::Answering});
    m_window->showLoadStarted(5, QStringLiteral("next.pth"), EngineWork::Answer);
    QCOMPARE(text("loadText"), QStringLiteral("next.pth: Waiting for the answer to end…"));
    QVERIFY(m_window->findChild<QLabel*>(QStringLiteral("statusState"))->isVisible());
    m_window->showLoadEnded(5);

    QSignalSpy cancelled(m_window, &MainWindow::cancelLoadRequested);
    m_window->showLoadStarted(7, QStringLiteral("big.pth"));
    QVERIFY(text("loadText").contains(QStringLiteral("big.pth")));
    m_window->showLoadProgress(7, {rookery::engine::LoadStage::Reading, 500, 1000});
    m_window->showLoadProgress(6, {rookery::engine::LoadStage::Reading, 1, 1000});  // stale: another job
    auto* bar = m_window->findChild<QProgressBar*>(QStringLiteral("loadBar"));
    QVERIFY(bar->isVisible());
    QCOMPARE(bar->value(), 500);
    m_window->findChild<QToolButton*>(QStringLiteral("loadCancel"))->click();
    QCOMPARE(cancelled.count(), 1);
    QCOMPARE(cancelled[0][0].toULongLong(), 7ULL);
    m_window->showLoadEnded(7);
    QVERIFY(!bar->isVisible());
  }

  void theWindowComesBackWhereItWas() {
    m_window->resize(1001, 702);
    m_window->close();
    start();
    QCOMPARE(m_window->size(), QSize(1001, 702));
  }

  void fullScreenComesBackChecked() {
    auto* action = m_window->findChild<QAction*>(QStringLiteral("actionFullScreen"));
    QVERIFY(!action->isChecked());
    action->trigger();
    QVERIFY(m_window->isFullScreen());
    m_window->close();
    start();
    action = m_window->findChild<QAction*>(QStringLiteral("actionFullScreen"));
    QVERIFY(m_window->isFullScreen());
    QVERIFY(action->isChecked());
    m_window->showNormal();  // as the window manager does
    QTRY_VERIFY(!action->isChecked());
  }

  // A full disk: closing asks first, and tries again as often as the user wants.
  void closingAsksWhileSomethingIsUnsaved() {
    test::PreparedDialogs dialogs;
    ChatStore& store = m_app->store();
    QVERIFY(store.flush(5000));
    QVERIFY(m_window->close());  // all is saved: nothing to ask
    QVERIFY(dialogs.asked.isEmpty());
    m_window->show();
    store.setPageLimit(1);
    ConversationRecord chat;
    chat.id = store.newConversationId();
    chat.uuid = QStringLiteral("u");
    chat.title = QString(100'000, u'x');
    chat.created = chat.updated = QDateTime::currentDateTime();
    store.putConversation(chat);
    QTRY_VERIFY(store.isFailing());
    QVERIFY(!m_window->close());  // the box was closed without an answer
    QVERIFY(m_window->isVisible());
    QCOMPARE(dialogs.asked.size(), 1);
    QVERIFY2(dialogs.asked[0].contains(QStringLiteral("disk is full")), qPrintable(dialogs.asked[0]));
    dialogs.choices = {0, -1};  // "Try again", in vain
    QVERIFY(!m_window->close());
    QCOMPARE(dialogs.asked.size(), 3);
    store.setPageLimit(0);
    dialogs.choices = {0};
    QVERIFY(m_window->close());
    start();
    QCOMPARE(m_app->store().conversations({}, 10, 0).size(), std::size_t(1));  // nothing was lost

    m_app->store().setPageLimit(1);
    chat.id = m_app->store().newConversationId();
    chat.uuid = QStringLiteral("v");
    m_app->store().putConversation(chat);
    QTRY_VERIFY(m_app->store().isFailing());
    dialogs.choices = {1};  // "Close anyway"
    QVERIFY(m_window->close());
    m_app->store().setPageLimit(0);
  }

  void whereNothingCanBeSavedABarSaysSoAndNothingCanBeAsked() {
    addChat(QStringLiteral("old"));
    m_app.reset();
    test::NoRoom noRoom;
    start();
    const auto* bar = m_window->findChild<QWidget*>(QStringLiteral("alertBar"));
    const auto* list = m_window->findChild<QListView*>(QStringLiteral("chatList"));
    for (const auto page : {MainWindow::Models, MainWindow::Chat}) {
      m_window->showPage(page);
      QVERIFY(bar->isVisible());
    }
    QVERIFY2(text("alertText").contains(QStringLiteral("nothing new can be saved")), qPrintable(text("alertText")));
    QCOMPARE(list->model()->rowCount(), 1);
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->loadFirstModel();
    QVERIFY(loaded.wait(kLoadTimeout));
    auto* input = m_window->findChild<QPlainTextEdit*>(QStringLiteral("composerInput"));
    const auto* send = m_window->findChild<QPushButton*>(QStringLiteral("send"));
    input->setPlainText(QStringLiteral("a question"));
    QVERIFY(!send->isEnabled());
    QVERIFY(!m_app->chatPage().current()->send(QStringLiteral("a question")));
    QVERIFY(!m_app->chatPage().current()->regenerate(1));
    QCOMPARE(m_app->chatPage().current()->transcript().rowCount(), 1);
    QVERIFY(m_window->close());  // nothing to ask about
    m_window->show();

    noRoom.end();
    QTRY_VERIFY_WITH_TIMEOUT(!m_app->store().isReadOnly(), kLoadTimeout);
    QVERIFY(!bar->isVisible());
    QCOMPARE(input->toPlainText(), QStringLiteral("a question"));  // what was written meanwhile is still there
    QVERIFY(send->isEnabled());
    QCOMPARE(m_app->chatPage().current()->transcript().rowCount(), 1);
  }

  void aDamagedFileIsToldWithWhatWasRescued() {
    test::PreparedDialogs dialogs;
    m_app->tellOfDamage();
    QVERIFY(dialogs.told.isEmpty());
    addChat(QStringLiteral("worth keeping"));
    m_app.reset();
    {
      auto connection = Connection::open(m_paths.database(), Connection::Mode::ReadWrite);
      QVERIFY(runSql(connection->database(), QStringLiteral("PRAGMA user_version=-1")));
    }
    start();
    m_app->tellOfDamage();
    QCOMPARE(dialogs.told.size(), 1);
    QVERIFY2(dialogs.told[0].contains(QStringLiteral("1 chat")) && dialogs.told[0].contains(QStringLiteral("1 message")), qPrintable(dialogs.told[0]));
    QVERIFY(dialogs.told[0].contains(QStringLiteral("chats.sqlite.damaged-")));
    QCOMPARE(m_window->findChild<QListView*>(QStringLiteral("chatList"))->model()->rowCount(), 1);
  }

  void aDeletedChatComesBackFromTheSettings() {
    const qint64 chat = addChat(QStringLiteral("lost and found"));
    m_app->store().moveToBin(chat);
    m_app->chatPage().reloadList();
    auto* list = m_window->findChild<QListView*>(QStringLiteral("chatList"));
    QCOMPARE(list->model()->rowCount(), 0);
    m_window->showPage(MainWindow::SettingsPage);
    auto* bin = m_window->findChild<QListWidget*>(QStringLiteral("settingBin"));
    QCOMPARE(bin->count(), 1);
    bin->item(0)->setSelected(true);
    m_window->findChild<QPushButton*>(QStringLiteral("settingRestore"))->click();
    QCOMPARE(list->model()->rowCount(), 1);
  }

  // Where the status bar has too little room, what matters least goes; nothing that is shown is cut.
  void aNarrowStatusBarShowsWhatMattersMost() {
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->loadFirstModel();
    QVERIFY(loaded.wait(kLoadTimeout));
    QTRY_COMPARE(text("statusState"), QStringLiteral("Ready"));
    EngineActivity reading;
    reading.kind = EngineActivity::Kind::Reading;
    reading.done = 2'048;
    reading.total = 15'061;
    reading.perSecond = 1'210;
    const std::array names{"statusState", "statusModel", "statusSpeed", "statusDevice", "statusMemory"};
    int before = 0;
    for (const int width : {640, 760, 1180}) {
      m_window->resize(width, 600);
      m_window->setActivity(reading);
      QCoreApplication::processEvents();
      QTest::qWait(20);
      int shown = 0;
      for (const char* name : names) {
        const auto* label = m_window->findChild<QLabel*>(QLatin1String(name));
        if (!label->isVisible()) continue;
        ++shown;
        QVERIFY2(label->width() >= label->sizeHint().width(),
                 qPrintable(QStringLiteral("%1 at %2: %3").arg(QLatin1String(name)).arg(width).arg(label->width())));
      }
      QVERIFY(m_window->findChild<QLabel*>(QStringLiteral("statusState"))->isVisible());
      QVERIFY(m_window->findChild<QLabel*>(QStringLiteral("statusModel"))->isVisible());
      QVERIFY(shown >= before);
      before = shown;
    }
    QCOMPARE(before, 4);  // the speed stands in the first
    m_window->resize(1180, 780);
  }

  // The first model cannot be loaded: the page says why, the guide answers, and the next start tries again.
  void aFailedFirstLoadIsToldAndTheGuideStandsIn() {
    const QString broken = m_folder->filePath(QStringLiteral("broken.pth"));
    QVERIFY(QFile::copy(QStringLiteral(ROOKERY_TEST_DATA "/golden/hostile/pth/not_a_zip.pth"), broken));
    m_app->settings().setLastModel(broken);
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->loadFirstModel();
    QVERIFY(loaded.wait(kLoadTimeout));
    QVERIFY(m_app->inference().model()->isGuide);
    QCOMPARE(text("statusModel"), QStringLiteral("Guide model"));
    auto* notice = m_window->findChild<QLabel*>(QStringLiteral("chatNotice"));
    QVERIFY(notice->isVisible());
    QVERIFY2(notice->text().startsWith(QStringLiteral("broken.pth could not be loaded.")), qPrintable(notice->text()));
    QVERIFY(notice->text().contains(QStringLiteral("guide model answers")));
    QCOMPARE(m_app->settings().lastModel(), broken);

    m_app->chatPage().openChat(addChat(QStringLiteral("with messages")));
    QVERIFY(notice->isVisible());  // in a chat that is not empty as well
    auto* load = m_window->findChild<QPushButton*>(QStringLiteral("modelLoad"));
    m_window->showPage(MainWindow::Models);
    QCOMPARE(load->text(), QStringLiteral("&Chat with it"));
  }

  void aModelThatIsGoneIsToldToo() {
    m_app->settings().setLastModel(m_folder->filePath(QStringLiteral("unplugged.pth")));
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->loadFirstModel();
    QVERIFY(loaded.wait(kLoadTimeout));
    auto* notice = m_window->findChild<QLabel*>(QStringLiteral("chatNotice"));
    QVERIFY2(notice->text().startsWith(QStringLiteral("unplugged.pth is not where it was.")), qPrintable(notice->text()));
    QVERIFY(m_app->settings().lastModel().endsWith(QStringLiteral("unplugged.pth")));
  }

  void theShortcutListShowsTheRealKeys() {
    QStringList keys;
    QTimer::singleShot(0, this, [&keys] {
      auto* dialog = qobject_cast<ShortcutsDialog*>(QApplication::activeModalWidget());
      auto* table = dialog->findChild<QTableWidget*>(QStringLiteral("shortcutsTable"));
      for (int row = 0; row < table->rowCount(); ++row) keys << table->item(row, 1)->text();
      dialog->reject();
    });
    m_window->showShortcuts();
    for (const auto* key : {"Ctrl+1", "Ctrl+4", "Ctrl+N", "F1", "Ctrl+Q", "Ctrl+K", "Esc", "Return", "Shift+Return"}) {
      QVERIFY2(keys.contains(QLatin1String(key)), key);
    }
    // The listed keys that no action carries do what the list says.
    m_window->activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(m_window));
    QTest::keyClick(m_window->findChild<QWidget*>(QStringLiteral("composerInput")), Qt::Key_K, Qt::ControlModifier);
    QVERIFY(m_window->findChild<QWidget*>(QStringLiteral("chatSearch"))->hasFocus());
  }

  void everyControlHasAName() {
    m_bench->showReport(test::handMadeReport());
    QStringList nameless;
    for (int page = 0; page < 4; ++page) {
      m_window->showPage(static_cast<MainWindow::Page>(page));
      for (auto* widget : m_window->findChildren<QWidget*>()) {
        if (!widget->isVisible() || !(widget->focusPolicy() & Qt::TabFocus)) continue;
        const auto* face = QAccessible::queryAccessibleInterface(widget);
        const bool editorOfANamedBox = widget->parentWidget()->inherits("QAbstractSpinBox");
        if (!editorOfANamedBox && (face == nullptr || face->text(QAccessible::Name).isEmpty())) {
          nameless << QStringLiteral("%1 %2").arg(QLatin1String(widget->metaObject()->className()), widget->objectName());
        }
      }
    }
    QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(QStringLiteral(", "))));
  }

  void longerWordsAreNotClipped() {
    test::PseudoLocale pseudo;
    QCoreApplication::installTranslator(&pseudo);
    addChat(QStringLiteral("1"));
    m_window->findChild<QToolButton*>(QStringLiteral("samplingToggle"))->setChecked(true);
    m_bench->showReport(test::handMadeReport());
    m_app->store().moveToBin(1);
    m_window->resize(1180, 780);
    QCoreApplication::processEvents();
    QStringList problems;
    for (int page = 0; page < 4; ++page) {
      m_window->showPage(static_cast<MainWindow::Page>(page));
      QTest::qWait(50);  // nested layouts settle in several rounds
      for (auto* widget : m_window->findChildren<QWidget*>()) {
        if (!widget->isVisible()) continue;
        const auto* label = qobject_cast<QLabel*>(widget);
        const auto* button = qobject_cast<QAbstractButton*>(widget);
        const QString words = label != nullptr ? label->text() : button != nullptr ? button->text() : QString();
        if (words.isEmpty()) continue;
        const QSize need = label != nullptr && label->wordWrap() ? QSize(0, label->heightForWidth(label->width())) : widget->minimumSizeHint();
        if (widget->width() < need.width() || widget->height() < need.height()) problems << QStringLiteral("clipped: ") + words;
        if (button != nullptr && !words.startsWith(u'[')) problems << QStringLiteral("not translated: ") + words;
      }
    }
    QCoreApplication::removeTranslator(&pseudo);
    QVERIFY2(problems.isEmpty(), qPrintable(problems.join(u'\n')));
  }

 private:
  QString text(const char* name) { return m_window->findChild<QLabel*>(QLatin1String(name))->text(); }

  void start() {
    m_app.reset();
    m_app = std::move(Application::create(m_paths).value());
    m_window = &m_app->window();
    m_bench = m_window->findChild<BenchPage*>();
    m_app->showWindow();
    QVERIFY(QTest::qWaitForWindowExposed(m_window));
  }

  qint64 addChat(const QString& title) {
    ChatStore& store = m_app->store();
    const qint64 chat = test::addChat(store, title);
    MessageRecord question;
    question.id = store.newMessageId();
    question.conversation = chat;
    question.created = QDateTime::currentDateTime();
    question.text = QStringLiteral("?");
    store.addMessage(question);
    m_app->chatPage().reloadList();
    return chat;
  }

  static constexpr int kLoadTimeout = 30'000;
  std::unique_ptr<QTemporaryDir> m_folder;
  Paths m_paths;
  std::unique_ptr<Application> m_app;
  MainWindow* m_window = nullptr;
  BenchPage* m_bench = nullptr;
};

QTEST_MAIN(WindowTest)
#include "window_test.moc"
