// SPDX-License-Identifier: GPL-3.0-or-later
// One big message holds nobody up: whatever its text, no event handler takes 50 ms of the GUI thread's CPU time.
#include <QClipboard>
#include <QGuiApplication>
#include <QLabel>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QTextDocument>
#include <QToolButton>

#include "chat/chat_page.h"
#include "chat/composer.h"
#include "chat/composer_input.h"
#include "chat/pasted_text.h"
#include "chat/segment_view.h"
#include "chat/text_viewer.h"
#include "chat/transcript_view.h"
#include "measuring_application.h"
#include "store_support.h"

using namespace rookery;
using namespace rookery::app;

namespace {

MessageRecord record(qint64 id, MessageRole role, const QString& text) {
  MessageRecord r;
  r.id = id;
  r.parent = id - 1;
  r.conversation = 1;
  r.role = role;
  r.text = text;
  r.created = QDateTime::currentDateTime();
  return r;
}

QString repeated(const char* piece, qsizetype size) {
  const QString text = QString::fromUtf8(piece);
  return text.repeated(size / text.size() + 1).left(size);
}

/// What no blank ever breaks, as base64.
QString word(qsizetype size) { return repeated("aGVsbG8gd29ybGQsIHRoaXMgaXMgbm90IGEgc2VjcmV0", size); }
QString lines(qsizetype size) { return repeated("A line of a log with some words in it, 4711 of them.\n", size); }

QString fences(int count) {
  QString text;
  for (int i = 0; i < count; ++i) text += QStringLiteral("```\nx%1\n```\n\n").arg(i);
  return text;
}

/// A model that says one word and no more.
class SilentModel : public InferenceService {
 public:
  SilentModel() {
    LoadedModel model;
    model.name = model.fingerprint = QStringLiteral("silent");
    setModel(model, engine::Model::guide().value()->tokenizer());
  }
  JobId answer(const AnswerRequest&) override {
    const JobId job = newJob();
    QMetaObject::invokeMethod(this, [this, job] { Q_EMIT answerBatch(job, {QStringLiteral("Well"), {1}}); }, Qt::QueuedConnection);
    return job;
  }
  void stop(JobId job) override {
    AnswerFinished finished;
    finished.reason = engine::StopReason::Cancelled;
    finished.promptTokens = 1;  // something was read, so the question stays
    Q_EMIT answerFinished(job, finished);
  }
};

QString numbered(const char* line, int count) {
  QString text;
  for (int i = 1; i <= count; ++i) text += QString::fromUtf8(line).arg(i);
  return text;
}

/// Every kind of block, longer than a piece.
QString longBlocks() {
  return numbered("%1. Item with **bold** words and more of them\n", 300) + QStringLiteral("\n```make\n") +
         numbered("all%1:\n\t$(CC) -c\n\n", 600) + QStringLiteral("```\n\n| a | b |\n|---|--:|\n") + numbered("| cell %1 | `2` |\n", 400) +
         QStringLiteral("\n") + numbered("Sentence %1 of a paragraph that never ends. ", 800) + QStringLiteral("\n\n") +
         numbered("Paragraph %1 has some words in it.\n\n", 300) + QStringLiteral("~~~\n") + QString(30'000, u'x') + QStringLiteral("\n~~~\nEnd\n");
}

test::MeasuringApplication& gui() { return *static_cast<test::MeasuringApplication*>(qApp); }

}  // namespace

class BigTextTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  // Fonts, icons and styles are loaded once, on first use.
  void initTestCase() {
    TranscriptModel model;
    TranscriptView view;
    show(view, model, {record(1, MessageRole::User, QStringLiteral("A question? 中文 \u05d0\u05b8")),
                       record(2, MessageRole::Assistant, QStringLiteral("**Words**, `code` 中文\n\n```\ncode 中文\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n1. one\n- two\n\n> quoted"))});
    QVERIFY(!view.grab().isNull());
  }

  void init() {
    gui().worstMs = 0;
    gui().worst.clear();
    m_slowest.clear();
    gui().measuring = true;
  }
  void cleanup() {
    gui().measuring = false;
    qInfo("worst: %.1f ms of CPU (%s)", gui().worstMs, qPrintable(m_slowest));
    QVERIFY2(gui().worstMs < test::kHandlerLimitMs, qPrintable(QStringLiteral("%1 ms in %2").arg(gui().worstMs).arg(m_slowest)));
  }

  void everyTextIsShownAtOnce_data() {
    QTest::addColumn<MessageRole>("role");
    QTest::addColumn<QString>("text");
    const auto question = [](const char* name, const QString& text) { QTest::newRow(name) << MessageRole::User << text; };
    const auto answer = [](const char* name, const QString& text) { QTest::newRow(name) << MessageRole::Assistant << text; };
    question("lines, 0.3 million characters", lines(300'000));
    question("lines, 5 million", lines(5'000'000));
    question("lines, 20 million", lines(20'000'000));
    question("line ends only, 1 million", QString(1'000'000, u'\n'));
    question("word, 10,000", word(10'000));
    question("word, 300,000", word(300'000));
    question("word, 20 million", word(20'000'000));
    question("right to left with marks, 200,000", repeated("\u05d0\u05b8\u05d1\u05b0\u05d2\u05bc", 200'000));
    question("marks on one letter, 200,000", u'a' + repeated("\u0301", 200'000));
    question("paragraph, 1 million", repeated("Words of a paragraph that never ends. ", 1'000'000));
    question("Chinese, 1 million", repeated("没有空格的中文句子，很长很长。", 1'000'000));
    answer("10,000 code fences", fences(10'000));
    answer("line of code, 2 million", QStringLiteral("```\n") + word(2'000'000));
    answer("code, 5 million", QStringLiteral("```cpp\n") + repeated("  int value = function(argument);\n", 5'000'000));
    answer("word, 1 million", word(1'000'000));
    answer("list, 20 million", repeated("- An item of a list with **bold** words\n", 20'000'000));
    answer("paragraphs, 20 million", repeated("A paragraph with `code` and more words than that.\n\n", 20'000'000));
    answer("soft breaks, 1 million", repeated("a\n", 1'000'000));
    answer("table, 1 million", QStringLiteral("| a | b | c |\n|---|---|---|\n") + repeated("| cell | another cell | 3 |\n", 1'000'000));
    answer("quotes in quotes", repeated("> ", 100'000));
    answer("emphasis, 200,000", repeated("*a* ", 200'000));
    answer("brackets, 200,000", repeated("[", 200'000));
    answer("links, 200,000", repeated("[a](b) ", 200'000));
    answer("thought, 20 million", QStringLiteral("<think>") + lines(20'000'000));
  }
  // A neighbour on the same core makes a handler's CPU time longer, never shorter: the best of three counts.
  void everyTextIsShownAtOnce() {
    QFETCH(MessageRole, role);
    QFETCH(QString, text);
    for (int attempt = 0; attempt < 3; ++attempt) {
      init();
      showText(role, text);
      if (QTest::currentTestFailed() || gui().worstMs < test::kHandlerLimitMs) return;
    }
  }

  // Streamed and stored, a text is divided and shown in the same way.
  void streamedAndStoredLookTheSame() {
    gui().measuring = false;
    const QString text = longBlocks();
    MessageBody stored(nullptr);
    fillBody(stored, text);
    QVERIFY(stored.views().size() > 8);
    for (const int step : {97, 1000, 9001}) {
      MessageBody streamed(nullptr);
      fillBody(streamed, {});
      for (qsizetype at = 0; at < text.size(); at += step) streamed.append(text.mid(at, step));
      layOutAll(streamed);
      QCOMPARE(streamed.views().size(), stored.views().size());
      for (qsizetype i = 0; i < stored.views().size(); ++i) {
        QCOMPARE(streamed.views()[i]->toPlainText(), stored.views()[i]->toPlainText());
        QCOMPARE(streamed.views()[i]->geometry(), stored.views()[i]->geometry());
      }
    }
  }

  void aLongAnswerStreams() {
    TranscriptModel model;
    TranscriptView view;
    gui().measuring = false;
    show(view, model, {record(1, MessageRole::User, QStringLiteral("go")), record(2, MessageRole::Assistant, {})});
    view.setActivity(2, MessageWidget::Activity::Answering);
    gui().measuring = true;
    const QString text = longBlocks().repeated(4);
    for (qsizetype at = 0; at < text.size(); at += 2'000) act("a piece comes", [&] { model.appendText(2, text.mid(at, 2'000)); }, 1);
    gui().measuring = false;
    QCOMPARE(view.verticalScrollBar()->value(), view.verticalScrollBar()->maximum());
    QVERIFY(!visible<QPushButton>(view, "showAll"));
    auto* body = view.findChildren<MessageBody*>(QStringLiteral("messageBody")).at(1);
    if (body->text() != text) body = view.findChildren<MessageBody*>(QStringLiteral("messageBody")).at(0);
    QVERIFY(body->text() == text);
    QTRY_VERIFY(body->toPlainText().trimmed().endsWith(QStringLiteral("End")));
  }

  void allOfATextIsSelectedAndCopied() {
    gui().measuring = false;
    const QString text = longBlocks();
    MessageBody body(nullptr);
    fillBody(body, text, 900);
    QVERIFY(body.views().size() < 8);
    QTest::keyClick(body.views().front(), Qt::Key_A, Qt::ControlModifier);
    QTest::keyClick(body.views().front(), Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QGuiApplication::clipboard()->text(), text.trimmed());
    body.setSight(5'000, 6'000);  // elsewhere
    QVERIFY(body.views().front()->textCursor().hasSelection());
    QTest::mouseClick(body.views().front()->viewport(), Qt::LeftButton, {}, QPoint(5, 5));
    QVERIFY(!body.views().front()->textCursor().hasSelection());
  }

  void aSelectionGoesOverSeveralPieces() {
    gui().measuring = false;
    const QString text = numbered("Paragraph %1 has some words in it.\n\n", 200);
    MessageBody body(nullptr);
    fillBody(body, text);
    QVERIFY(body.views().size() >= 3);
    body.show();
    SegmentView* first = body.views()[0];
    SegmentView* third = body.views()[2];
    const QPoint from(2, first->fontMetrics().height() * 7 / 2), to = first->viewport()->mapFromGlobal(third->mapToGlobal(QPoint(580, third->fontMetrics().height())));
    QTest::mousePress(first->viewport(), Qt::LeftButton, {}, from);
    QMouseEvent move(QEvent::MouseMove, to, first->viewport()->mapToGlobal(to), Qt::NoButton, Qt::LeftButton, {});
    QCoreApplication::sendEvent(first->viewport(), &move);
    QTest::mouseRelease(first->viewport(), Qt::LeftButton, {}, to);
    body.setSight(0, 10);  // what is selected may be out of sight
    QTest::keyClick(first, Qt::Key_C, Qt::ControlModifier);
    const QString copied = QGuiApplication::clipboard()->text();
    const QStringList shown = copied.split(u'\n');
    QVERIFY2(shown.size() > 40, qPrintable(QString::number(shown.size())));
    const int number = shown.front().section(u' ', 1, 1).toInt();
    QVERIFY2(number >= 2 && number <= 4, qPrintable(shown.front()));
    for (qsizetype i = 0; i < shown.size(); ++i) QCOMPARE(shown[i], QStringLiteral("Paragraph %1 has some words in it.").arg(number + i));
  }

  void codeOverManyPiecesIsCopiedWhole() {
    gui().measuring = false;
    const QString code = numbered("  call(%1);\n\n", 4'000).chopped(1);
    MessageBody body(nullptr);
    fillBody(body, QStringLiteral("Before\n\n```cpp\n") + code + QStringLiteral("\n```\n\nAfter\n\n```\nshort\n```\n"), 900);
    auto* copy = body.findChild<QToolButton*>(QStringLiteral("copyCode"));
    QVERIFY(copy);
    copy->click();
    QCOMPARE(QGuiApplication::clipboard()->text(), code);
    layOutAll(body);
    QStringList copied;
    for (auto* button : body.findChildren<QToolButton*>(QStringLiteral("copyCode"))) {
      if (!button->isVisibleTo(&body)) continue;
      button->click();
      copied << QGuiApplication::clipboard()->text();
    }
    QCOMPARE(copied, (QStringList{code, QStringLiteral("short")}));
    // It looks like one block: no space between its pieces.
    for (qsizetype i = 1; i < body.views().size(); ++i) QCOMPARE(body.views()[i]->y(), body.views()[i - 1]->geometry().bottom() + 1);
  }

  void whatIsInSightKeepsItsPlace() {
    gui().measuring = false;
    TranscriptModel model;
    TranscriptView view;
    show(view, model, {record(1, MessageRole::User, longBlocks()), record(2, MessageRole::Assistant, longBlocks())});
    QScrollBar* bar = view.verticalScrollBar();
    bar->setValue(bar->maximum() * 2 / 3);
    QCoreApplication::processEvents();
    for (int i = 0; i < 30; ++i) {
      QList<QPair<SegmentView*, int>> before;
      for (auto* piece : view.findChildren<SegmentView*>()) {
        if (const int y = piece->mapTo(&view, QPoint()).y(); piece->isVisible() && y > 0 && y < 600) before << qMakePair(piece, y);
      }
      bar->setValue(bar->value() - 60);
      for (const auto& [piece, y] : before) {
        if (piece->isVisible() && y + 60 < 600) QCOMPARE(piece->mapTo(&view, QPoint()).y(), y + 60);
      }
    }
  }

  void aStoredTextIsReadInTheBackground() {
    QTemporaryDir dir;
    auto store = test::openStore(dir.filePath(QStringLiteral("chats.sqlite")));
    QVERIFY(store);
    const qint64 chat = test::newChat(*store, QStringLiteral("big")).id;
    const QString text = lines(20'000'000);
    const qint64 question = test::addMessage(*store, chat, 0, MessageRole::User, text).id;
    QVERIFY(store->flush(60'000));
    TranscriptModel model;
    TranscriptView view;
    gui().measuring = false;
    show(view, model, {record(1, MessageRole::User, QStringLiteral("before"))});
    gui().measuring = true;
    act("the chat is opened", [&] {
      auto stored = store->chat(chat);
      model.reset(std::move(stored->tree), question, [&](qint64 id) { return store->message(id); },
                  [&](qint64 id, QObject* context, TranscriptModel::Loaded loaded) { store->loadMessage(id, context, std::move(loaded)); });
    }, 0);
    QCoreApplication::sendPostedEvents();
    QVERIFY(model.isLoading(0));
    QCOMPARE(visible<QLabel>(view, "note")->text(), QStringLiteral("Loading…"));
    QTRY_VERIFY_WITH_TIMEOUT(!model.isLoading(0), 20'000);
    QCoreApplication::processEvents();
    gui().measuring = false;
    QVERIFY(model.message(0).text == text);
    QVERIFY(!visible<QLabel>(view, "note"));
    QVERIFY(visible<QPushButton>(view, "showAll"));
  }

  void aLongPastedTextStaysOutOfTheInput_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("isLong");
    QTest::newRow("some lines") << lines(15'000) << false;
    QTest::newRow("lines") << lines(25'000) << true;
    QTest::newRow("word") << word(5'000) << true;
    QTest::newRow("word, 300,000") << word(300'000) << true;
    QTest::newRow("lines, 20 million") << lines(20'000'000) << true;
  }
  void aLongPastedTextStaysOutOfTheInput() {
    QFETCH(QString, text);
    QFETCH(bool, isLong);
    gui().measuring = false;
    Composer composer;
    composer.resize(700, 200);
    composer.setTokenizer(engine::Model::guide().value()->tokenizer());
    composer.show();
    auto* input = composer.findChild<ComposerInput*>();
    QSignalSpy submitted(&composer, &Composer::submitted);
    QGuiApplication::clipboard()->setText(text);
    QCoreApplication::processEvents();
    gui().measuring = true;
    act("it is pasted", [&] { input->paste(); });
    act("a key is pressed", [&] { QTest::keyClicks(input, QStringLiteral(" Why?")); });
    QCOMPARE(composer.findChildren<PastedText*>().size(), isLong ? 1 : 0);
    if (isLong) {
      act("it is looked at", [&] { composer.findChild<QToolButton*>(QStringLiteral("showPasted"))->click(); }, 6);
      auto* viewer = composer.findChild<TextViewer*>();
      QVERIFY(viewer);
      act("its end", [&] { QTest::keyClick(viewer->findChild<TextScroll*>(), Qt::Key_End); });
      act("it is closed", [&] { viewer->close(); });
    }
    act("it is sent", [&] { QTest::keyClick(input, Qt::Key_Return); });
    const QString sent = submitted.at(0).at(0).value<Composer::Draft>().text();
    act("it comes back", [&] { composer.setText(sent); });
    gui().measuring = false;
    QVERIFY(sent ==
            (isLong ? text + QStringLiteral("\nWhy?") : QString(text + QStringLiteral(" Why?"))));
    QVERIFY(composer.text() == submitted.at(0).at(0).value<Composer::Draft>().text());
    QVERIFY(input->toPlainText().endsWith(QStringLiteral("Why?")));
    auto* count = composer.findChild<QLabel*>(QStringLiteral("composerTokens"));
    if (text.size() <= 300'000) QTRY_VERIFY(!count->text().isEmpty());
  }

  // From the clipboard into the model's hands, and back from the disk, on the real page.
  void aBigQuestionIsSentAndOpenedAgain() {
    gui().measuring = false;
    QTemporaryDir dir;
    auto store = test::openStore(dir.filePath(QStringLiteral("chats.sqlite")));
    SilentModel service;
    ChatPage page(*store, service, {});
    page.resize(1100, 800);
    page.show();
    const QString text = lines(20'000'000);
    QGuiApplication::clipboard()->setText(text);
    QCoreApplication::processEvents();
    auto* input = page.findChild<ComposerInput*>(QStringLiteral("composerInput"));
    gui().measuring = true;
    act("it is pasted", [&] { input->paste(); });
    act("it is sent", [&] { QTest::keyClick(input, Qt::Key_Return); });
    const qint64 chat = page.current()->id();
    QVERIFY(chat != 0);
    QTRY_COMPARE(page.current()->state(), Conversation::State::Answering);
    act("it is stopped", [&] { page.stop(); });
    act("another chat", [&] { page.newChat(); });
    gui().measuring = false;
    QVERIFY(store->flush(60'000));
    gui().measuring = true;
    act("it is opened again", [&] { page.openChat(chat); });
    QCOMPARE(page.current()->transcript().rowCount(), 2);
    QTRY_VERIFY_WITH_TIMEOUT(!page.current()->transcript().isLoading(0), 20'000);
    act("its beginning", [&] { page.findChild<TranscriptView*>()->verticalScrollBar()->setValue(0); });
    QVERIFY(visible<QToolButton>(page, "edit"));
    act("it is copied", [&] { visible<QToolButton>(page, "copy")->click(); });
    act("it is edited", [&] { visible<QToolButton>(page, "edit")->click(); });
    gui().measuring = false;
    QVERIFY(page.current()->transcript().message(0).text == text.trimmed() || page.current()->transcript().message(0).text == text);
    QVERIFY(page.findChild<Composer*>()->isEditing());
  }

  void longTextsAreSentInTheirOrder() {
    gui().measuring = false;
    Composer composer;
    auto* input = composer.findChild<ComposerInput*>();
    QSignalSpy submitted(&composer, &Composer::submitted);
    const QString first = u' ' + lines(30'000) + u'\n', second = word(6'000);
    for (const QString& text : {first, second}) {
      QGuiApplication::clipboard()->setText(text);
      input->paste();
    }
    QTest::keyClicks(input, QStringLiteral("typed "));
    QTest::keyClick(input, Qt::Key_Return);
    QVERIFY(submitted.at(0).at(0).value<Composer::Draft>().text() ==
            first + u'\n' + second + QStringLiteral("\ntyped"));
    QVERIFY(composer.text().isEmpty());
    // An old message that is edited: its last lines can be changed, and what was there before comes back.
    composer.setText(QStringLiteral("draft"));
    composer.startEditing(first + QStringLiteral("last line"));
    QVERIFY(input->toPlainText().endsWith(QStringLiteral("last line")));
    QVERIFY(input->toPlainText().size() <= 4'000);
    QVERIFY(composer.text() == first + QStringLiteral("last line"));
    composer.cancelEditing();
    QCOMPARE(composer.text(), QStringLiteral("draft"));
  }

 private:
  void showText(MessageRole role, const QString& text) {
    TranscriptModel model;
    TranscriptView view;
    gui().measuring = false;
    show(view, model, {record(1, MessageRole::User, QStringLiteral("before"))});
    gui().measuring = true;
    act("a message is added", [&] { model.add(record(2, role, text)); });
    act("its beginning", [&] { view.verticalScrollBar()->setValue(0); });
    act("its end", [&] { view.scrollToEnd(); });
    if (auto* thought = visible<QToolButton>(view, "thoughtToggle")) {
      act("the thought is opened", [&] { thought->click(); });
    }
    act("another width", [&] { view.resize(700, 600); });
    auto* all = visible<QPushButton>(view, "showAll");
    if (!all) return;
    QVERIFY2(view.verticalScrollBar()->maximum() < 200'000, qPrintable(QString::number(view.verticalScrollBar()->maximum())));
    act("all of it", [&] { all->click(); });
    act("reading on", [] {}, 40);
    act("the end of all", [&] { view.verticalScrollBar()->setValue(view.verticalScrollBar()->maximum()); });
    for (int i = 1; i < 4; ++i) {
      act("somewhere", [&] { view.verticalScrollBar()->setValue(view.verticalScrollBar()->maximum() * i / 4); });
    }
    QVERIFY2(view.findChildren<SegmentView*>().size() < 80, qPrintable(QString::number(view.findChildren<SegmentView*>().size())));
  }

  static void fillBody(MessageBody& body, const QString& text, int sight = 10'000'000) {
    body.resize(600, 400);
    body.setShowsAll(true);
    body.setSight(0, 0);
    body.setContent(text, true);
    layOutAll(body, sight);
  }

  /// Without a view, nobody says again what is in sight.
  static void layOutAll(MessageBody& body, int sight = 10'000'000) {
    QSignalSpy goesOn(&body, &MessageBody::heightChanged);
    do {
      goesOn.clear();
      body.setSight(0, sight);
      for (int i = 0; i < 3; ++i) QCoreApplication::processEvents();
    } while (!goesOn.isEmpty());
  }

  /// As an event of its own, and everything that follows from it.
  template <class Action>
  void act(const char* name, Action action, int rounds = 2) {
    const double before = gui().worstMs;
    QMetaObject::invokeMethod(this, action, Qt::QueuedConnection);
    for (int i = 0; i < rounds; ++i) QCoreApplication::processEvents();
    if (gui().worstMs > before) m_slowest = QLatin1String(name) + u": " + gui().worst;
  }
  static void show(TranscriptView& view, TranscriptModel& model, const std::vector<MessageRecord>& messages) {
    view.resize(900, 700);
    view.show();
    view.setModel(&model);
    for (const MessageRecord& message : messages) model.add(message);
    QCoreApplication::processEvents();
  }
  template <class T>
  static T* visible(const QWidget& in, const char* name) {
    for (T* widget : in.findChildren<T*>(QLatin1String(name))) {
      if (widget->isVisible()) return widget;
    }
    return nullptr;
  }

  QString m_slowest;
};

int main(int argc, char** argv) {
  test::MeasuringApplication application(argc, argv);
  BigTextTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "big_text_test.moc"
