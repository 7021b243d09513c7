// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QAccessible>
#include <QApplication>
#include <QElapsedTimer>
#include <QLabel>
#include <QLineEdit>
#include <QScrollBar>
#include <QSignalSpy>
#include <QStackedWidget>
#include <QTest>
#include <QTextBlock>
#include <QTextBrowser>
#include <QTextDocument>
#include <QTextLayout>
#include <QToolButton>
#include <QVBoxLayout>

#include "chat/segment_view.h"
#include "chat/transcript_model.h"
#include "chat/transcript_view.h"
#include "shell_support.h"
#include "theme/theme.h"

using namespace rookery;
using namespace rookery::app;

namespace {

MessageRecord record(qint64 id, qint64 parent, MessageRole role, const QString& text) {
  MessageRecord r;
  r.id = id;
  r.parent = parent;
  r.role = role;
  r.text = text;
  r.created = QDateTime::currentDateTime();
  return r;
}

/// A straight chat of `count` messages whose texts are made when they are asked for.
struct LongChat {
  std::vector<MessageNode> nodes;
  int loads = 0;

  explicit LongChat(int count) {
    for (int i = 1; i <= count; ++i) nodes.push_back({i, i - 1, i % 2 ? MessageRole::User : MessageRole::Assistant, 300});
  }
  TranscriptModel::Loader loader() {
    return [this](qint64 id) {
      ++loads;
      return record(id, id - 1, id % 2 ? MessageRole::User : MessageRole::Assistant,
                    QStringLiteral("Message %1. ").arg(id) + QStringLiteral("Some words to fill a line or two. ").repeated(8));
    };
  }
};

}  // namespace

class TranscriptTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void theModelKeepsItsPromises() {
    TranscriptModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    LongChat chat(6);
    model.reset(chat.nodes, 6, chat.loader());
    QCOMPARE(model.rowCount(), 6);
    model.add(record(7, 5, MessageRole::Assistant, QStringLiteral("sibling")));
    QCOMPARE(model.rowCount(), 6);
    QCOMPARE(model.leaf(), 7);
    QCOMPARE(model.siblings(5).count, 2);
    QCOMPARE(model.siblings(5).index, 1);
    model.add(record(8, 7, MessageRole::User, QStringLiteral("below")));
    QCOMPARE(model.switchSibling(5, -1), 6);
    QCOMPARE(model.rowCount(), 6);
    QCOMPARE(model.switchSibling(5, 1), 8);  // with what is below it
    QCOMPARE(model.rowCount(), 7);
    model.add(record(9, 0, MessageRole::User, QStringLiteral("edited first question")));
    QCOMPARE(model.rowCount(), 1);
    QCOMPARE(model.siblings(0).count, 2);
  }

  // A chat is opened while another page of the stack is shown, so its view has another size then.
  void aLongTextOpenedOutOfSightIsShownAtItsHeight() {
    TranscriptModel model;
    QStackedWidget stack;
    auto* view = new TranscriptView(&stack);
    stack.addWidget(view);
    stack.addWidget(new QWidget);
    stack.setCurrentIndex(1);
    stack.resize(1000, 600);
    stack.show();
    view->setModel(&model);
    const QString text = QStringLiteral("A line of words that is about as long as a line of text may well become.\n").repeated(1000);
    model.reset({{1, 0, MessageRole::User, 1}, {2, 1, MessageRole::Assistant, static_cast<int>(text.size())}}, 2, [&](qint64 id) {
      return id == 1 ? record(1, 0, MessageRole::User, QStringLiteral("?")) : record(2, 1, MessageRole::Assistant, text);
    });
    stack.setCurrentIndex(0);
    QTest::qWait(50);
    for (auto* message : view->findChildren<MessageWidget*>()) QCOMPARE(message->height(), message->heightFor(message->width()));
    const auto bodies = view->findChildren<QTextBrowser*>();
    QVERIFY(std::any_of(bodies.begin(), bodies.end(), [&](const QTextBrowser* body) {
      const QRect shown(body->mapTo(view->viewport(), QPoint()), body->size());
      return !body->isHidden() && shown.intersects(view->viewport()->rect());
    }));
  }

  void streamingTextReachesAHiddenSibling() {
    TranscriptModel model;
    LongChat chat(2);
    model.reset(chat.nodes, 2, chat.loader());
    model.add(record(3, 1, MessageRole::Assistant, {}));
    model.appendText(3, QStringLiteral("one "));
    model.switchSibling(1, -1);
    QSignalSpy appended(&model, &TranscriptModel::textAppended);
    model.appendText(3, QStringLiteral("two"));
    QCOMPARE(appended.count(), 0);
    model.switchSibling(1, 1);
    QCOMPARE(model.message(1).text, QStringLiteral("one two"));
  }

  void tenThousandMessagesOpenInATenthOfASecond() {
    LongChat chat(10'000);
    TranscriptModel model;
    TranscriptView view;
    view.resize(900, 700);
    view.show();
    QVERIFY(QTest::qWaitForWindowExposed(&view));
    view.setModel(&model);
    QElapsedTimer timer;
    timer.start();
    model.reset(chat.nodes, 10'000, chat.loader());
    QCoreApplication::processEvents();
    QVERIFY2(timer.elapsed() < 100, qPrintable(QStringLiteral("%1 ms").arg(timer.elapsed())));
    QVERIFY2(view.widgetCount() < 30, qPrintable(QString::number(view.widgetCount())));
    QVERIFY(chat.loads < 50);
    QCOMPARE(view.verticalScrollBar()->value(), view.verticalScrollBar()->maximum());
    timer.restart();
    view.verticalScrollBar()->setValue(view.verticalScrollBar()->maximum() / 2);
    QVERIFY2(timer.elapsed() < 100, qPrintable(QStringLiteral("%1 ms").arg(timer.elapsed())));
    QVERIFY(view.widgetCount() < 30);
  }

  void theViewHoldsStillOnceTheUserScrolledUp() {
    LongChat chat(40);
    TranscriptModel model;
    TranscriptView view;
    view.resize(700, 400);
    view.show();
    view.setModel(&model);
    model.reset(chat.nodes, 40, chat.loader());
    model.add(record(41, 40, MessageRole::User, QStringLiteral("q")));
    model.add(record(42, 41, MessageRole::Assistant, {}));
    QScrollBar* bar = view.verticalScrollBar();
    for (int i = 0; i < 100; ++i) model.appendText(42, QStringLiteral("Line\n\n"));
    QCOMPARE(bar->value(), bar->maximum());  // follows
    bar->setValue(bar->maximum() - 300);
    const int held = bar->value();
    for (int i = 0; i < 20; ++i) model.appendText(42, QStringLiteral("More\n\n"));
    QCOMPARE(bar->value(), held);
    QVERIFY(bar->maximum() > held + 300);
  }

  // Widgets are reused, so a question may come after an answer in the same one.
  void questionsAreSetInTheNormalFont() {
    MessageWidget widget(nullptr);
    widget.resize(500, 300);
    auto* body = widget.findChild<MessageBody*>();
    for (const MessageRole role : {MessageRole::User, MessageRole::Assistant, MessageRole::User}) {
      widget.setMessage(record(1, 0, role, QStringLiteral("One\nTwo\nThree")), {}, QStringLiteral("x"), true, MessageWidget::Activity::None);
      if (role == MessageRole::Assistant) continue;
      QCOMPARE(body->toPlainText(), QStringLiteral("One\nTwo\nThree"));
      QVERIFY(body->heightFor(400) >= 3 * body->fontMetrics().height());
    }
  }

  void theEndOfAnAnswerRendersNothingAgain() {
    MessageWidget widget(nullptr);
    widget.resize(500, 300);
    const auto* body = widget.findChild<MessageBody*>(QStringLiteral("messageBody"));
    const auto set = [&widget](const char* text) {
      widget.setMessage(record(1, 0, MessageRole::Assistant, QString::fromUtf8(text)), {}, QStringLiteral("x"), true, MessageWidget::Activity::None);
    };
    set(" ");
    widget.appendText(QStringLiteral("One\n\nTwo"));
    const QTextDocument* document = body->views().front()->document();
    const int revision = document->revision();
    set(" One\n\nTwo");
    QCOMPARE(body->views().front()->document(), document);
    QCOMPARE(document->revision(), revision);
    set(" One\n\nTwo, three");
    QVERIFY(body->toPlainText().contains(QStringLiteral("Two, three")));
    set("Other");
    QCOMPARE(body->toPlainText().trimmed(), QStringLiteral("Other"));
  }

  // A widget that shows a question while the theme changes shows answers later.
  void aWidgetFollowsTheThemeWhateverItShows() {
    const QPalette before = QApplication::palette();
    QApplication::setPalette(lightPalette());
    MessageWidget widget(nullptr);
    widget.resize(500, 300);
    widget.show();
    auto* body = widget.findChild<MessageBody*>(QStringLiteral("messageBody"));
    const auto show = [&widget](MessageRole role) {
      widget.setMessage(record(1, 0, role, QStringLiteral("Words and `code`")), {}, QStringLiteral("x"), true, MessageWidget::Activity::None);
    };
    const auto colors = [body] {
      const QTextBlock block = body->views().front()->document()->firstBlock();
      QList<QColor> found{block.begin().fragment().charFormat().foreground().color()};
      for (auto it = block.begin(); !it.atEnd(); ++it) found << it.fragment().charFormat().background().color();
      return found;
    };
    show(MessageRole::Assistant);
    const QList<QColor> light = colors();
    show(MessageRole::User);
    QApplication::setPalette(darkPalette());
    QCoreApplication::processEvents();
    QCOMPARE(body->toPlainText(), QStringLiteral("Words and `code`"));
    show(MessageRole::Assistant);
    const QList<QColor> dark = colors();
    QCOMPARE(dark.front(), darkPalette().color(QPalette::Text));
    QCOMPARE(dark.back(), darkPalette().color(QPalette::AlternateBase));
    QVERIFY(dark != light);
    QApplication::setPalette(before);
  }

  void everythingInAMessageFollowsTheLanguage() {
    TranscriptModel model;
    TranscriptView view;
    view.setAuthor([](const MessageRecord&) { return QCoreApplication::translate("ChatPage", "You"); });
    view.resize(700, 700);
    view.show();
    view.setModel(&model);
    MessageRecord cut = record(2, 1, MessageRole::Assistant, QStringLiteral("<think>so</think>Code:\n```\nx\n```\nhalf an"));
    cut.state = MessageState::Partial;
    cut.tokens = {1, 2, 3};
    cut.decodeSeconds = 1;
    cut.decodeTokens = 3;
    model.add(record(1, 0, MessageRole::User, QStringLiteral("q")));
    model.add(cut);
    test::PseudoLocale translator;
    QCoreApplication::installTranslator(&translator);
    QCoreApplication::processEvents();
    QStringList old;
    const auto check = [&old](const QWidget* widget, const QString& text) {
      if (widget->isVisible() && !text.isEmpty() && !text.startsWith(u'[')) old << widget->objectName() + u": " + text;
    };
    int seen = 0;
    for (const auto* button : view.findChildren<QToolButton*>()) {
      if (!button->isVisible()) continue;
      check(button, button->toolTip());
      check(button, button->accessibleName());
      ++seen;
    }
    for (const char* name : {"author", "note", "figures"}) {
      for (const auto* label : view.findChildren<QLabel*>(QLatin1String(name))) {
        check(label, label->text());
        seen += label->isVisible() && !label->text().isEmpty() ? 1 : 0;
      }
    }
    for (const auto* body : view.findChildren<MessageBody*>(QStringLiteral("messageBody"))) check(body, body->accessibleName());
    QCoreApplication::removeTranslator(&translator);
    QVERIFY2(old.isEmpty(), qPrintable(old.join(u'\n')));
    QVERIFY2(seen >= 11, qPrintable(QString::number(seen)));  // edit, copy, copy, again, continue, thought, code; 4 labels
  }

  void theColumnIs46EmWide() {
    TranscriptModel model;
    TranscriptView view;
    view.resize(2400, 700);
    view.show();
    view.setModel(&model);
    model.add(record(1, 0, MessageRole::User, QStringLiteral("q")));
    QCOMPARE(view.findChild<MessageWidget*>()->width(), 46 * view.fontMetrics().height());
  }

  void onlyTheLastCutAnswerCanBeContinued() {
    TranscriptModel model;
    TranscriptView view;
    view.resize(700, 700);
    view.show();
    view.setModel(&model);
    MessageRecord cut = record(2, 1, MessageRole::Assistant, QStringLiteral("half an"));
    cut.state = MessageState::Partial;
    model.add(record(1, 0, MessageRole::User, QStringLiteral("q")));
    model.add(cut);
    const auto visible = [&view] {
      int count = 0;
      for (auto* button : view.findChildren<QToolButton*>(QStringLiteral("continue"))) count += button->isVisible() ? 1 : 0;
      return count;
    };
    QCOMPARE(visible(), 1);
    QSignalSpy asked(&view, &TranscriptView::continueRequested);
    for (auto* button : view.findChildren<QToolButton*>(QStringLiteral("continue"))) {
      if (button->isVisible()) button->click();
    }
    QCOMPARE(asked.count(), 1);
    QCOMPARE(asked[0][0].toLongLong(), 2);
    model.add(record(3, 2, MessageRole::User, QStringLiteral("next")));
    QCOMPARE(visible(), 0);
  }

  void linesOfChineseAreAsHighAsOthers() {
    MessageWidget widget(nullptr);
    widget.resize(500, 300);
    const QString text = QStringLiteral("Words\n中文和英文\nWords\nmixed 中文\nWords");
    for (const MessageRole role : {MessageRole::User, MessageRole::Assistant}) {
      widget.setMessage(record(1, 0, role, text), {}, QStringLiteral("x"), true, MessageWidget::Activity::None);
      const QTextDocument& document = *widget.findChild<MessageBody*>(QStringLiteral("messageBody"))->views().front()->document();
      QList<int> baselines;
      for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
        for (int line = 0; line < block.layout()->lineCount() && !block.text().isEmpty(); ++line) {
          const QTextLine at = block.layout()->lineAt(line);
          baselines << qRound(block.layout()->position().y() + at.y() + at.ascent());
        }
      }
      QCOMPARE(baselines.size(), 5);
      for (qsizetype i = 1; i < baselines.size(); ++i) {
        const int distance = baselines[i] - baselines[i - 1], usual = (baselines[4] - baselines[0]) / 4;
        QVERIFY2(qAbs(distance - usual) <= 1, qPrintable(QStringLiteral("line %1: %2, not %3").arg(i).arg(distance).arg(usual)));
      }
    }
  }

  // Question before answer, all of the chat, then what stands below it; and what has the focus is in sight.
  void tabGoesThroughTheMessagesAsTheyAreRead() {
    QWidget window;
    auto* view = new TranscriptView(&window);
    auto* below = new QLineEdit(&window);
    auto* column = new QVBoxLayout(&window);
    column->addWidget(view);
    column->addWidget(below);
    window.resize(600, 420);
    window.show();
    window.activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(&window));
    LongChat chat(24);
    TranscriptModel model;
    view->setModel(&model);
    model.reset(chat.nodes, 24, chat.loader());
    const auto walk = [&](const char* name, bool back) {
      QList<qint64> ids;
      for (int i = 0; i < 200; ++i) {
        const QWidget* focus = QApplication::focusWidget();
        if (!focus || focus == below) break;
        for (const QWidget* at = focus; at; at = at->parentWidget()) {
          const auto* message = qobject_cast<const MessageWidget*>(at);
          if (!message) continue;
          if (ids.isEmpty() || ids.last() != message->messageId()) ids << message->messageId();
          const QRect place(focus->mapTo(view->viewport(), QPoint()), focus->size());
          if (!view->viewport()->rect().contains(place)) QFAIL(qPrintable(QStringLiteral("%1: %2 of message %3 is out of sight").arg(QLatin1String(name), focus->objectName()).arg(message->messageId())));
        }
        QTest::keyClick(QApplication::focusWidget(), back ? Qt::Key_Backtab : Qt::Key_Tab);
      }
      QList<qint64> all;
      for (qint64 id = 1; id <= 24; ++id) all << (back ? 25 - id : id);
      QCOMPARE(ids, all);
    };
    view->verticalScrollBar()->setValue(0);
    view->setFocus();
    walk("forwards", false);
    QCOMPARE(QApplication::focusWidget(), below);
    QTest::keyClick(below, Qt::Key_Backtab);
    walk("backwards", true);
  }

  void aScreenReaderSeesAListOfMessages() {
    TranscriptModel model;
    TranscriptView view;
    view.setAuthor([](const MessageRecord& message) { return message.role == MessageRole::User ? QStringLiteral("You") : QStringLiteral("guide"); });
    view.resize(700, 900);
    view.show();
    view.setModel(&model);
    for (int id = 1; id <= 4; ++id) {
      model.add(record(id, id - 1, id % 2 ? MessageRole::User : MessageRole::Assistant, QStringLiteral("Text %1").arg(id)));
    }
    QAccessibleInterface* list = QAccessible::queryAccessibleInterface(&view);
    QVERIFY(list);
    QCOMPARE(list->role(), QAccessible::List);
    QCOMPARE(list->childCount(), 4);
    QStringList names, texts;
    for (int i = 0; i < 4; ++i) {
      QAccessibleInterface* item = list->child(i);
      QCOMPARE(item->role(), QAccessible::ListItem);
      QCOMPARE(item->parent(), list);
      QCOMPARE(list->indexOfChild(item), i);
      names << item->text(QAccessible::Name);
      for (int part = 0; part < item->childCount(); ++part) {
        QAccessibleInterface* body = item->child(part);
        QCOMPARE(body->parent(), item);
        if (body->object()->objectName() == u"messageBody") texts << body->child(0)->text(QAccessible::Value).trimmed();
      }
    }
    QCOMPARE(names, (QStringList{QStringLiteral("Your message"), QStringLiteral("Answer by guide"), QStringLiteral("Your message"), QStringLiteral("Answer by guide")}));
    QCOMPARE(texts, (QStringList{QStringLiteral("Text 1"), QStringLiteral("Text 2"), QStringLiteral("Text 3"), QStringLiteral("Text 4")}));
  }

  void beginningEndAndFailureAreAnnounced() {
    TranscriptModel model;
    TranscriptView view;
    view.resize(700, 700);
    view.show();
    view.setModel(&model);
    model.add(record(1, 0, MessageRole::User, QStringLiteral("q")));
    MessageRecord answer = record(2, 1, MessageRole::Assistant, {});
    answer.state = MessageState::Partial;
    model.add(answer);
    QStringList announced;
    const auto listen = [&] {
      const auto* announcer = view.findChild<QWidget*>(QStringLiteral("announcer"));
      if (announcer && (announced.isEmpty() || announced.last() != announcer->accessibleName())) announced << announcer->accessibleName();
    };
    for (const MessageState end : {MessageState::Complete, MessageState::Partial}) {
      view.setActivity(2, MessageWidget::Activity::Waiting);
      view.setActivity(2, MessageWidget::Activity::Answering);
      listen();
      view.setActivity(0, MessageWidget::Activity::None);
      answer.state = end;
      model.update(answer);
      QCoreApplication::processEvents();
      listen();
    }
    auto* copy = view.findChild<QToolButton*>(QStringLiteral("copy"));
    const qint64 icon = copy->icon().cacheKey();
    copy->click();
    QVERIFY(copy->icon().cacheKey() != icon);
    listen();
    QCOMPARE(QAccessible::queryAccessibleInterface(view.findChild<QWidget*>(QStringLiteral("announcer")))->role(), QAccessible::AlertMessage);
    QCOMPARE(announced, (QStringList{QStringLiteral("The answer begins."), QStringLiteral("The answer is complete."), QStringLiteral("The answer begins."),
                                     QStringLiteral("The answer was cut off."), QStringLiteral("Copied")}));
  }

  void anEditedQuestionSaysSo() {
    MessageWidget widget(nullptr);
    widget.resize(500, 300);
    const auto time = [&](int index) {
      widget.setMessage(record(1, 0, MessageRole::User, QStringLiteral("x")), {index, 2}, QStringLiteral("You"), true, MessageWidget::Activity::None);
      for (auto* label : widget.findChildren<QLabel*>()) {
        if (label->text().contains(QStringLiteral("edited"))) return label->text();
      }
      return QString();
    };
    QCOMPARE(time(0), QString());
    QVERIFY(time(1).endsWith(QStringLiteral("edited")));
  }

  void nothingIsCutInANarrowMessage() {
    MessageWidget widget(nullptr);
    MessageRecord answer = record(2, 1, MessageRole::Assistant, QStringLiteral("Answer"));
    answer.tokens.assign(15'055, 1);
    answer.decodeTokens = 15'055;
    answer.decodeSeconds = 1000;
    answer.stop = engine::StopReason::MaxTokens;  // with a button to continue
    widget.setMessage(answer, {1, 3}, QString(80, u'm'), true, MessageWidget::Activity::None);
    widget.show();
    auto* figures = widget.findChild<QLabel*>(QStringLiteral("figures"));
    QVERIFY2(figures->text().contains(QStringLiteral("15,055")), qPrintable(figures->text()));
    for (const int width : {250, 320, 450, 700}) {
      widget.resize(width, widget.heightFor(width));
      QList<QRect> taken;
      for (auto* part : widget.findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly)) {
        if (part->isHidden()) continue;
        const QRect place = part->geometry();
        QVERIFY2(widget.rect().adjusted(-12, 0, 12, 0).contains(place), qPrintable(QStringLiteral("%1 at %2: %3, %4 to %5").arg(part->objectName()).arg(width).arg(place.y()).arg(place.left()).arg(place.right())));
        for (const QRect& other : std::as_const(taken)) {
          QVERIFY2(!other.intersects(place), qPrintable(QStringLiteral("%1 at %2").arg(part->objectName()).arg(width)));
        }
        taken << place;
      }
      QVERIFY(figures->height() >= figures->heightForWidth(figures->width()) || figures->fontMetrics().horizontalAdvance(figures->text()) <= figures->width());
    }
  }
};

QTEST_MAIN(TranscriptTest)
#include "transcript_test.moc"
