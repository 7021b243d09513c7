// SPDX-License-Identifier: GPL-3.0-or-later
// One big message holds nobody up: whatever its text, no event handler takes 50 ms of the GUI thread's CPU time.
#include <QClipboard>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>
#include <QTextDocument>
#include <QToolButton>

#include "chat/segment_view.h"
#include "chat/transcript_view.h"
#include "measuring_application.h"

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
  void everyTextIsShownAtOnce() {
    QFETCH(MessageRole, role);
    QFETCH(QString, text);
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

 private:
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
