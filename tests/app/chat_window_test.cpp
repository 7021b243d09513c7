// SPDX-License-Identifier: GPL-3.0-or-later
// The chat page with the built-in guide model: keys that work everywhere, the order of what is written, the list of chats,
// words that follow the language, settings that new chats begin with.
#include <QApplication>
#include <QClipboard>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QSpinBox>
#include <QStyledItemDelegate>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QVBoxLayout>
#include <QWindow>

#include "application.h"
#include "chat/chat_page.h"
#include "chat/composer.h"
#include "chat/conversation_list.h"
#include "chat/empty_page.h"
#include "chat/pasted_text.h"
#include "chat/segment_view.h"
#include "chat/transcript_view.h"
#include "main_window.h"
#include "settings/language.h"
#include "settings/settings.h"
#include "shell_support.h"
#include "store_support.h"

using namespace rookery;
using namespace rookery::app;

namespace {
constexpr int kTimeout = 60'000;
const QString kPaste = QStringLiteral("a line of a long text\n").repeated(2'000).trimmed();
}  // namespace

class ChatWindowTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_folder = std::make_unique<QTemporaryDir>();
    start();
  }
  void cleanup() { m_app.reset(); }

  void theOpenChatIsRenamedFromEverywhere() {
    addChats();
    for (QWidget* widget : places()) {
      const QByteArray name = widget->objectName().toUtf8();
      page().openChat(2);
      widget->setFocus();
      press(Qt::Key_F2);
      auto* field = list()->viewport()->findChild<QLineEdit*>();
      QVERIFY2(field != nullptr && field->hasFocus(), name.constData());
      QCOMPARE(field->text(), page().current()->record().title);
      type("By " + name);
      press(Qt::Key_Return);
      QCOMPARE(page().current()->record().title, QString::fromUtf8("By " + name));
      QVERIFY2(widget == list() ? list()->hasFocus() : input()->hasFocus(), name.constData());
      QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }
    // After a click on it, with the list away, and while it is not among what was searched for.
    click(list()->viewport(), list()->visualRect(list()->model()->index(0, 0)).center());
    QVERIFY(input()->hasFocus());
    press(Qt::Key_F9);
    QVERIFY(!list()->isVisible());
    page().findChild<QLineEdit*>(QStringLiteral("chatSearch"))->setText(QStringLiteral("nothing has this"));
    QTRY_COMPARE(list()->model()->rowCount(), 0);
    press(Qt::Key_F2);
    type("Found");
    press(Qt::Key_Return);
    QCOMPARE(page().current()->record().title, QStringLiteral("Found"));
    page().newChat();
    press(Qt::Key_F2);  // it is in no list yet
    type("not a title");
    QCOMPARE(input()->toPlainText(), QStringLiteral("not a title"));
  }

  void aDeletionIsTakenBackFromEverywhere() {
    addChats();
    for (QWidget* widget : places()) {
      const QByteArray name = widget->objectName().toUtf8();
      page().openChat(1);
      page().list().remove(2);
      widget->setFocus();
      press(Qt::Key_Z, Qt::ControlModifier);
      QVERIFY2(m_app->store().bin().empty(), name.constData());
    }
    page().list().remove(1);
    page().list().remove(2);
    page().list().remove(3);  // the list is empty now
    input()->setFocus();
    for (int i = 0; i < 3; ++i) press(Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(m_app->store().bin().empty());
    // A field with something to undo keeps the key.
    page().list().remove(1);
    input()->setFocus();
    type("words");
    press(Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(input()->toPlainText().isEmpty());
    QCOMPARE(m_app->store().bin().size(), std::size_t(1));
    auto* undo = window().findChild<QAction*>(QStringLiteral("actionUndo"));
    undo->trigger();
    QVERIFY(m_app->store().bin().empty());
    page().list().remove(1);
    page().findChild<QToolButton*>(QStringLiteral("samplingToggle"))->setFocus();
    undo->trigger();
    QVERIFY(m_app->store().bin().empty());
  }

  void theOpenChatStaysMarked() {
    addChats();
    page().openChat(2);
    const auto isMarked = [this] {
      const auto marked = list()->selectionModel()->selectedIndexes();
      return marked.size() == 1 && marked[0].data(ConversationListModel::IdRole).toLongLong() == page().current()->id();
    };
    QVERIFY(isMarked());
    QTest::mouseClick(list()->viewport(), Qt::LeftButton, {},
                      list()->viewport()->rect().bottomLeft() - QPoint(-20, 20));
    QVERIFY(isMarked());
    QTest::mouseClick(list()->viewport(), Qt::LeftButton, Qt::ControlModifier,
                      list()->visualRect(list()->currentIndex()).center());
    QVERIFY(isMarked());
    QTest::mouseClick(list()->viewport(), Qt::RightButton, Qt::ShiftModifier,
                      list()->viewport()->rect().bottomLeft() - QPoint(-20, 20));
    QVERIFY(isMarked());
  }

  void aTitleStaysInItsPlaceWhileItIsChanged() {
    addChats();
    page().openChat(2);
    for (const int row : {0, 1}) {
      list()->setCurrentIndex(list()->model()->index(row, 0));
      const QRect place = list()->visualRect(list()->currentIndex());
      list()->edit(list()->currentIndex());
      auto* field = list()->viewport()->findChild<QLineEdit*>();
      QVERIFY(field);
      field->setCursorPosition(0);
      const QRect caret = field->inputMethodQuery(Qt::ImCursorRectangle).toRect();
      const QPoint text = field->mapTo(list()->viewport(), QPoint(caret.center().x(), field->rect().center().y()));
      const int height = list()->fontMetrics().height();
      QVERIFY2(qAbs(text.x() - (place.left() + 12)) <= 2,
               qPrintable(QStringLiteral("%1 and %2").arg(text.x()).arg(place.left() + 12)));
      QVERIFY2(qAbs(text.y() - (place.top() + 6 + height / 2)) <= 1,
               qPrintable(QStringLiteral("%1 and %2").arg(text.y()).arg(place.top() + 6 + height / 2)));
      QVERIFY(place.contains(field->geometry()));
      press(Qt::Key_Escape);
      QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }
  }

  // What is written before a long text is pasted comes before it, and gives the chat its title.
  void wordsAndLongTextsKeepTheirOrder() {
    addChats();
    page().newChat();
    type("Find the error in this:");
    paste(kPaste);
    QCOMPARE(page().findChildren<PastedText*>().size(), 1);
    QVERIFY(pastedLabel().endsWith(QStringLiteral("after “Find the error in this:”")));
    type(" and then in this:");
    paste(kPaste + QStringLiteral(" 2"));
    type(" Thanks!");
    page().openChat(1);
    QVERIFY(page().findChild<Composer*>()->draft().isEmpty());
    page().newChat();  // whose draft kept all of it
    const Composer::Draft draft = page().findChild<Composer*>()->draft();
    QCOMPARE(draft.typed, QStringLiteral("Find the error in this: and then in this: Thanks!"));
    QCOMPARE(draft.pasted.size(), 2);
    QCOMPARE(draft.pasted[0].at, qsizetype(23));
    QCOMPARE(draft.pasted[1].at, qsizetype(41));
    QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);  // those of before
    page().findChild<QToolButton*>(QStringLiteral("removePasted"))->click();
    QTRY_COMPARE(page().findChildren<PastedText*>().size(), 1);
    QVERIFY2(pastedLabel().contains(QStringLiteral("after “…")) &&
                 pastedLabel().endsWith(QStringLiteral("and then in this:”")),
             qPrintable(pastedLabel()));
  }

  void aLongTextIsSentFromWhereItWasPasted() {
    page().current()->setGenerateLimits(2, false);
    type("Find the error in this:");
    paste(kPaste);
    type(" and then in this:");
    paste(kPaste + QStringLiteral(" 2"));
    type(" Thanks!");
    press(Qt::Key_Return);
    const QString wanted = QStringLiteral("Find the error in this:\n") + kPaste +
                           QStringLiteral("\nand then in this:\n") + kPaste + QStringLiteral(" 2\nThanks!");
    QVERIFY(page().current()->transcript().rowCount() > 0);
    QVERIFY(page().current()->transcript().message(0).text == wanted);
    QCOMPARE(page().current()->record().title, QStringLiteral("Find the error in this: and then in this:…"));
    QVERIFY(page().current()->isBusy());
    page().stop();
    waitForAnswer();
  }

  // A question that is taken back stands there as it was written, before what was written meanwhile.
  void aLongQuestionIsTakenBackAsItWasWritten() {
    m_app->inference().load(m_app->inference().lastRequest());  // so that the question waits
    QVERIFY(m_app->inference().isLoading());
    type("Before.");
    paste(kPaste);
    type("After.");
    press(Qt::Key_Return);
    type("And more.");
    QVERIFY(page().current()->isBusy());
    page().stop();
    waitForAnswer();
    const Composer::Draft draft = page().findChild<Composer*>()->draft();
    QCOMPARE(draft.pasted.size(), 1);
    QCOMPARE(draft.pasted[0].at, qsizetype(7));
    QCOMPARE(draft.typed, QStringLiteral("Before.After.\n\nAnd more."));
  }

  void aSearchThatFindsNothingSaysWhatIsSearched() {
    addChats();
    auto* search = page().findChild<QLineEdit*>(QStringLiteral("chatSearch"));
    auto* empty = page().findChild<QLabel*>(QStringLiteral("chatListEmpty"));
    search->setText(QStringLiteral("++"));
    QTRY_VERIFY2(empty->isVisible() && empty->text().contains(QStringLiteral("signs")), qPrintable(empty->text()));
    search->setText(QStringLiteral("zebra"));
    QTRY_VERIFY2(empty->isVisible() && empty->text().contains(QStringLiteral("200,000 characters")),
                 qPrintable(empty->text()));
  }

  // Hits that are shown follow what is written meanwhile.
  void aHitLeadsToTheNewestVersion() {
    const qint64 chat = test::newChat(m_app->store(), QStringLiteral("versions")).id;
    const qint64 old =
        test::addMessage(m_app->store(), chat, 0, MessageRole::User, QStringLiteral("the walrus, first version")).id;
    QVERIFY(m_app->store().flush(5000));
    page().reloadList();
    page().findChild<QLineEdit*>(QStringLiteral("chatSearch"))->setText(QStringLiteral("walrus"));
    const auto hit = [this] {
      return list()->model()->index(0, 0).data(ConversationListModel::HitMessageRole).toLongLong();
    };
    QTRY_COMPARE_WITH_TIMEOUT(hit(), old, 10'000);
    page().openChat(chat);
    page().current()->setGenerateLimits(2, false);
    QVERIFY(page().current()->editMessage(old, QStringLiteral("the walrus, second version")));
    const qint64 edited = page().current()->transcript().message(0).id;
    QVERIFY(edited != old);
    waitForAnswer();
    QTRY_COMPARE_WITH_TIMEOUT(hit(), edited, 10'000);
    page().newChat();
    click(list()->viewport(), list()->visualRect(list()->model()->index(0, 0)).center());
    QCOMPARE(page().current()->transcript().message(0).text, QStringLiteral("the walrus, second version"));
  }

  void whatWasSaidFollowsTheLanguage() {
    page().current()->setGenerateLimits(8, false);
    QVERIFY(page().current()->send(QStringLiteral("Hello")));
    waitForAnswer();
    const qint64 chat = page().current()->id();
    // As the Chinese version kept it.
    MessageRecord older;
    older.id = m_app->store().newMessageId();
    older.conversation = chat;
    older.parent = page().current()->transcript().message(1).id;
    older.role = MessageRole::Assistant;
    older.created = QDateTime::currentDateTime();
    older.text = QStringLiteral("old");
    older.modelName = QStringLiteral("向导模型");
    m_app->store().addMessage(older);
    page().newChat();
    page().openChat(chat);
    QTest::qWait(20);
    const auto shown = [this](const char* name) {
      QStringList texts;
      for (const auto* label : page().findChildren<QLabel*>(QLatin1String(name))) {
        if (label->isVisible() && !label->text().isEmpty()) texts << label->text();
      }
      return texts.join(u'|');
    };
    QCOMPARE(shown("author").count(QStringLiteral("Guide model")), 2);
    page().current()->setGenerateLimits(4, false);
    QVERIFY(page().current()->regenerate(older.parent));
    waitForAnswer();
    QVERIFY2(shown("chatStatus").contains(QStringLiteral("tokens remembered")), qPrintable(shown("chatStatus")));
    page().setLoadProblem([] { return EmptyPage::tr("Choose a model"); });
    Language language;
    language.apply(QStringLiteral("zh_CN"));
    QCoreApplication::processEvents();
    const QString status = shown("chatStatus"), author = shown("author"), notice = shown("chatNotice");
    language.apply(QStringLiteral("en"));
    QCoreApplication::processEvents();
    QVERIFY2(!status.isEmpty() && !status.contains(QStringLiteral("tokens")), qPrintable(status));
    QVERIFY2(!author.contains(QStringLiteral("Guide")), qPrintable(author));
    QVERIFY2(!notice.isEmpty() && !notice.contains(QStringLiteral("model")), qPrintable(notice));
    QVERIFY2(shown("chatStatus").contains(QStringLiteral("tokens remembered")), qPrintable(shown("chatStatus")));
  }

  // Only what was read before is read again, not the rest of a question that was stopped.
  void aStoppedQuestionWasNotReadBefore() {
    auto& inference = m_app->inference();
    const auto stopper = connect(
        &inference, &InferenceService::answerPrefillProgress, &inference,
        [&](quint64 job, quint64 done, quint64 total) {
          if (done * 2 >= total) inference.stop(job);
        },
        Qt::DirectConnection);
    QVERIFY(page().current()->send(QStringLiteral("some words, and more of them. ").repeated(500)));
    waitForAnswer();
    disconnect(stopper);
    const quint64 read = inference.rowsSubmitted();
    page().current()->setGenerateLimits(4, false);
    QVERIFY(page().current()->send(QStringLiteral("Hello")));
    waitForAnswer();
    QVERIFY(inference.rowsSubmitted() > read + 500);
    QVERIFY2(status().endsWith(QStringLiteral(" 0 read again")), qPrintable(status()));
    // When it has to be read again, all of it was read before, but for the new question.
    m_app.reset();
    change("DELETE FROM snapshots");
    start();
    QTRY_VERIFY(page().current()->id() != 0);
    const Tokens first = promptOf(1), second = promptOf(3);
    page().current()->setGenerateLimits(4, false);
    const std::size_t answered = page().current()->transcript().message(3).tokens.size();
    QVERIFY(page().current()->send(QStringLiteral("And?")));
    waitForAnswer();
    const QString again = QLocale().toString(quint64(first.size() + second.size() + answered - 1));
    QVERIFY2(status().endsWith(QStringLiteral(" %1 read again").arg(again)), qPrintable(status() + u' ' + again));
  }

  void aChangedSystemPromptIsReadWithTheNextQuestion() {
    page().current()->setGenerateLimits(6, false);
    QVERIFY(page().current()->send(QStringLiteral("What is Rookery?")));
    waitForAnswer();
    page().findChild<QToolButton*>(QStringLiteral("samplingToggle"))->setChecked(true);
    auto* field = page().findChild<QPlainTextEdit*>(QStringLiteral("systemPrompt"));
    auto* hint = page().findChild<QLabel*>(QStringLiteral("systemPromptHint"));
    QVERIFY(!field->isReadOnly());
    QVERIFY(hint->isVisible() && hint->text().contains(QStringLiteral("next message")));
    const QString first = page().current()->transcript().message(1).text;
    field->setFocus();
    type("Be brief.");
    quint64 before = m_app->inference().rowsSubmitted();
    QVERIFY(page().current()->send(QStringLiteral("And what is a model?")));
    waitForAnswer();
    const MessageRecord answer = page().current()->transcript().message(3);
    QVERIFY(answer.promptFromStart);
    const QString prompt = textOf(promptOf(3));
    const auto system = prompt.indexOf(QStringLiteral("Be brief."));
    QVERIFY2(system >= 0 && prompt.indexOf(QStringLiteral("What is Rookery?")) > system &&
                 prompt.contains(first.trimmed()) && prompt.contains(QStringLiteral("And what is a model?")),
             qPrintable(prompt));
    QCOMPARE(m_app->inference().rowsSubmitted() - before, quint64(promptOf(3).size() + answer.tokens.size() - 1));
    QVERIFY2(!status().endsWith(QStringLiteral(" 0 read again")), qPrintable(status()));
    // From there it goes on as ever, after a restart too.
    start();
    QTRY_VERIFY(page().current()->id() != 0);
    QCOMPARE(page().current()->record().systemPrompt, QStringLiteral("Be brief."));
    page().current()->setGenerateLimits(6, false);
    QVERIFY(page().current()->send(QStringLiteral("Third")));
    waitForAnswer();
    QVERIFY(!page().current()->transcript().message(5).promptFromStart);
    QVERIFY2(status().endsWith(QStringLiteral(" 0 read again")), qPrintable(status()));
    // What is written back as it was is no change.
    page().current()->setSystemPrompt(QStringLiteral("Be"));
    page().current()->setSystemPrompt(QStringLiteral("Be brief."));
    QVERIFY(page().current()->send(QStringLiteral("Fourth")));
    waitForAnswer();
    QVERIFY(!page().current()->transcript().message(7).promptFromStart);
    // An answer of before goes on with what it has read.
    before = m_app->inference().rowsSubmitted();
    page().current()->setSystemPrompt(QStringLiteral("Be long."));
    page().current()->setGenerateLimits(12, false);
    QVERIFY(page().current()->continueAnswer(page().current()->transcript().message(7).id));
    waitForAnswer();
    QVERIFY(!textOf(promptOf(7)).contains(QStringLiteral("Be long.")));
  }

  void newChatsBeginWithAllAnswerSettings() {
    AnswerRules rules;
    rules.maxTokens = 77;
    rules.roles = {"Bob", "Alice"};
    rules.stopTexts = {QStringLiteral("\n\nQ:")};
    m_app->settings().setAnswerRules(rules);
    m_app->settings().setThinking(engine::Thinking::On);
    QCOMPARE(page().current()->record().rules, rules);
    QCOMPARE(page().current()->record().thinking, std::optional(engine::Thinking::On));
    page().newChat();
    QCOMPARE(page().current()->record().rules, rules);
    page().current()->setRules({});
    page().findChild<QPushButton*>(QStringLiteral("resetAnswerSettings"))->click();
    QCOMPARE(page().current()->record().rules, rules);
    QCOMPARE(page().current()->record().thinking, std::optional(engine::Thinking::On));
    m_app.reset();
    start();
    QCOMPARE(page().current()->record().rules, rules);
    QCOMPARE(page().findChild<QSpinBox*>(QStringLiteral("longestAnswer"))->value(), 77);
  }

  void aLongSystemPromptIsNotLaidOut() {
    page().findChild<QToolButton*>(QStringLiteral("samplingToggle"))->setChecked(true);
    auto* field = page().findChild<QPlainTextEdit*>(QStringLiteral("systemPrompt"));
    const QString text = QStringLiteral("a line of a long text\n").repeated(50'000);
    QGuiApplication::clipboard()->setText(text);
    field->setFocus();
    field->paste();
    QVERIFY(field->document()->characterCount() < 100);
    QVERIFY(page().current()->record().systemPrompt == text);
    QVERIFY(!field->isVisible());
    auto* pasted = page().findChild<PastedText*>();
    QVERIFY(pasted != nullptr && pasted->isVisible());
    pasted->findChild<QToolButton*>(QStringLiteral("removePasted"))->click();
    QVERIFY(field->isVisible());
    QVERIFY(page().current()->record().systemPrompt.isEmpty());
    auto* stop = page().findChild<QPlainTextEdit*>(QStringLiteral("stopTexts"));
    stop->setFocus();
    stop->paste();
    QVERIFY(stop->document()->characterCount() < 100);
    QCOMPARE(page().current()->record().rules.stopTexts.size(), qsizetype(AnswerRules::kMaxStopTexts));
    QVERIFY(page().findChild<QLabel*>(QStringLiteral("rulesProblem"))->isVisible());
  }

  void aLongMessageIsOneTabStop() {
    const qint64 chat = test::newChat(m_app->store(), QStringLiteral("long")).id;
    test::addMessage(m_app->store(), chat, 0, MessageRole::User,
                     QStringLiteral("A paragraph of a long message.\n\n").repeated(600));
    QVERIFY(m_app->store().flush(5000));
    page().openChat(chat);
    const auto views = [this] {
      QList<SegmentView*> all;
      for (auto* view : page().findChildren<SegmentView*>()) {
        if (view->isVisible()) all << view;
      }
      return all;
    };
    auto* transcript = page().findChild<TranscriptView*>();
    QTRY_VERIFY(views().size() > 1);
    transcript->verticalScrollBar()->setValue(transcript->verticalScrollBar()->maximum() / 2);
    QTRY_VERIFY(views().size() > 1);
    const auto stops = [&views] {
      QList<SegmentView*> all;
      for (auto* view : views()) {
        if (view->focusPolicy() & Qt::TabFocus) all << view;
      }
      return all;
    };
    QCOMPARE(stops().size(), 1);
    QVERIFY(transcript->viewport()->rect().intersects(
        QRect(stops()[0]->mapTo(transcript->viewport(), QPoint()), stops()[0]->size())));
    // The arrow keys lead on; what has the keys is the stop.
    views().last()->setFocus();
    QCOMPARE(stops(), QList<SegmentView*>{views().last()});
    int met = 0;
    transcript->setFocus();
    for (int i = 0; i < 12; ++i) {
      press(Qt::Key_Tab);
      met += qobject_cast<SegmentView*>(QApplication::focusWidget()) != nullptr ? 1 : 0;
      if (!transcript->isAncestorOf(QApplication::focusWidget())) break;
    }
    QCOMPARE(met, 1);
  }

 private:
  void start() {
    m_app.reset();
    const Paths paths = Paths::inside(m_folder->path());
    QVERIFY(paths.create());
    m_app = std::move(Application::create(paths).value());
    window().resize(1180, 780);
    m_app->showWindow();
    window().activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(&window()));
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->loadFirstModel();
    QVERIFY(loaded.wait(kTimeout));
  }

  void addChats() {
    for (const char* title : {"One", "Two", "Three"}) {
      const qint64 chat = test::addChat(m_app->store(), QLatin1String(title));
      test::addMessage(m_app->store(), chat, 0, MessageRole::User,
                       QStringLiteral("question of %1").arg(QLatin1String(title)));
    }
    QVERIFY(m_app->store().flush(5000));
    page().reloadList();
  }

  /// Everything on the page that takes the keys by Tab and is no field for text.
  QList<QWidget*> places() {
    page().openChat(1);
    QTest::qWait(20);
    QList<QWidget*> all;
    for (auto* widget : page().findChildren<QWidget*>()) {
      const bool takesTab = widget->isVisible() && widget->isEnabled() && (widget->focusPolicy() & Qt::TabFocus) &&
                            widget->focusProxy() == nullptr;
      if (takesTab && !qobject_cast<QLineEdit*>(widget) && !widget->inherits("QAbstractSpinBox")) all << widget;
    }
    all.removeIf([](const QWidget* widget) {
      return widget->objectName() == u"edit" || widget->objectName() == u"copy" ||
             widget->objectName() == u"messageText";
    });
    if (all.size() < 5) qFatal("too few places");
    return all;
  }

  MainWindow& window() { return m_app->window(); }
  ChatPage& page() { return m_app->chatPage(); }
  QPlainTextEdit* input() { return page().findChild<QPlainTextEdit*>(QStringLiteral("composerInput")); }
  QListView* list() { return page().findChild<QListView*>(QStringLiteral("chatList")); }
  QString status() { return page().findChild<QLabel*>(QStringLiteral("chatStatus"))->text(); }
  QString pastedLabel() { return page().findChild<PastedText*>()->accessibleName(); }

  void press(Qt::Key key, Qt::KeyboardModifiers modifiers = {}) {
    QTest::keyClick(window().windowHandle(), key, modifiers);
  }
  void type(const QByteArray& text) {
    for (const char c : text) QTest::keyClick(window().windowHandle(), c);
  }
  void paste(const QString& text) {
    QGuiApplication::clipboard()->setText(text);
    input()->paste();
  }
  void click(QWidget* widget, QPoint at) {
    QTest::mouseClick(window().windowHandle(), Qt::LeftButton, {}, widget->mapTo(&window(), at));
  }
  void waitForAnswer() { QTRY_COMPARE_WITH_TIMEOUT(page().current()->state(), Conversation::State::Idle, kTimeout); }

  void change(const char* statement) {
    auto database = Connection::open(Paths::inside(m_folder->path()).database(), Connection::Mode::ReadWrite);
    QVERIFY(runSql(database->database(), QLatin1String(statement)));
  }
  Tokens promptOf(int row) {
    m_app->store().flush(5000);
    auto stored = m_app->store().promptOf(page().current()->transcript().message(row).id, {});
    return stored ? stored->tokens : Tokens();
  }
  QString textOf(const Tokens& tokens) {
    std::string text;
    for (const auto token : tokens) text += m_app->inference().tokenizer()->bytesOf(token);
    return QString::fromStdString(text);
  }

  std::unique_ptr<QTemporaryDir> m_folder;
  std::unique_ptr<Application> m_app;
};

QTEST_MAIN(ChatWindowTest)
#include "chat_window_test.moc"
