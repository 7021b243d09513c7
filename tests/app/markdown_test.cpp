// SPDX-License-Identifier: GPL-3.0-or-later
#include <QElapsedTimer>
#include <QFontDatabase>
#include <QTest>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextFrame>
#include <QTextTable>

#include "chat/streaming_markdown.h"

using namespace rookery::app;

namespace {

MarkdownStyle style() {
  MarkdownStyle s;
  s.font = QFont(QStringLiteral("Sans"), 10);
  s.monospace = QFontDatabase::systemFont(QFontDatabase::FixedFont);
  s.text = Qt::black;
  s.muted = Qt::darkGray;
  s.link = Qt::blue;
  s.codeBackground = Qt::lightGray;
  s.line = Qt::gray;
  return s;
}

/// What the document says, block by block: list marks, code frames and headings made visible.
QString describe(const QTextDocument& document) {
  QString out;
  for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
    const bool shrunk = block.blockFormat().lineHeightType() == QTextBlockFormat::FixedHeight;
    if (shrunk && block.text().isEmpty()) continue;
    QTextCursor cursor(block);
    if (cursor.currentTable()) out += u"| ";
    else if (cursor.currentFrame()->frameFormat().boolProperty(kCodeFrameProperty)) out += u"` ";
    if (block.blockFormat().headingLevel() > 0) out += QStringLiteral("h%1 ").arg(block.blockFormat().headingLevel());
    out += block.text() + u'\n';
  }
  return out;
}

QString rendered(const QString& markdown) {
  QTextDocument document;
  StreamingMarkdown streaming(document);
  streaming.setStyle(style());
  streaming.setText(markdown);
  return describe(document);
}

const QString kSample = QStringLiteral(
    "# Title\n\nA paragraph with **bold**, `code` and a\nsoft break.\n\n- one\n- two\n  - inner\n\n1. first\n2. second\n\n"
    "```cpp\nint main() {\n\n  return 0;\n}\n```\n\nAfter the code.\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n> quoted\n\nThe end.\n");

QTextFrame* onlyCode(const QTextDocument& document) {
  QTextFrame* found = nullptr;
  for (QTextFrame* frame : document.rootFrame()->childFrames()) {
    if (!frame->frameFormat().boolProperty(kCodeFrameProperty)) continue;
    if (found) return nullptr;
    found = frame;
  }
  return found;
}

QString numbered(const char* line, int count) {
  QString text;
  for (int i = 1; i <= count; ++i) text += QString::fromUtf8(line).arg(i);
  return text;
}

/// Every kind of block that has no end for long, and what comes after it.
QString longBlocks() {
  return QStringLiteral("Steps:\n- first\n\n") + numbered("%1. Item with **bold** words\n", 130) + QStringLiteral("\n```make\n") +
         numbered("all%1:\n\t$(CC) -c\n\n", 400) + QStringLiteral("````\n\n| a | b |\n|---|--:|\n") + numbered("| cell %1 | `2` |\n", 400) +
         QStringLiteral("\n1. Do:\n\n   ```sh\n") + numbered("   echo %1 # a comment\n", 300) + QStringLiteral("   ```\n2. Done\n\n") +
         numbered("Sentence %1 of a paragraph that never ends. ", 400) + QStringLiteral("\n\n> ") + numbered("quoted %1 ", 20) +
         QStringLiteral("\n\n~~~\n") + QString(20'000, u'x') + QStringLiteral("\n~~~\nEnd\n");
}

}  // namespace

class MarkdownTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void blocksAreRendered() {
    const QString text = rendered(kSample);
    for (const char* part : {"h1 Title\n", "A paragraph with bold, code and a soft break.\n", "` int main() {\n` \n`   return 0;\n` }\n",
                             "After the code.\n", "| a\n| b\n| 1\n| 2\n", "quoted\n", "The end.\n", "•\tone\n•\ttwo\n◦\tinner\n", "1.\tfirst\n2.\tsecond\n"}) {
      QVERIFY2(text.contains(QString::fromUtf8(part)), qPrintable(text));
    }
  }

  // The point of the streaming renderer: cutting the text anywhere must not change what it becomes.
  void anyCutGivesTheSameDocument_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QList<int>>("steps");
    QTest::newRow("every block") << kSample << QList<int>{1, 3, 7, 20, 100};
    QTest::newRow("long blocks") << longBlocks() << QList<int>{97, 1000, 9001};
  }
  void anyCutGivesTheSameDocument() {
    QFETCH(QString, text);
    QFETCH(QList<int>, steps);
    const QString whole = rendered(text);
    for (const int step : steps) {
      QTextDocument document;
      StreamingMarkdown streaming(document);
      streaming.setStyle(style());
      for (qsizetype at = 0; at < text.size(); at += step) streaming.append(text.mid(at, step));
      QVERIFY2(describe(document) == whole, qPrintable(QStringLiteral("step %1").arg(step)));
    }
  }

  void nothingStaysUnfinishedForLong() {
    QTextDocument document;
    StreamingMarkdown streaming(document);
    streaming.setStyle(style());
    const QString text = longBlocks();
    qsizetype most = 0;
    for (qsizetype at = 0; at < text.size(); at += 50) {
      streaming.append(text.mid(at, 50));
      most = std::max(most, streaming.unfinishedSize());
    }
    QVERIFY2(most <= 2 * kMaxUnfinished, qPrintable(QString::number(most)));
    for (const QString& goesOn : {QString(QStringLiteral("```\n") + numbered("line %1;\n", 3000)), numbered("- item %1\n", 3000)}) {
      streaming.setText(goesOn);
      QVERIFY2(streaming.unfinishedSize() < 20, qPrintable(QString::number(streaming.unfinishedSize())));
    }
  }

  void codeStaysOneBlockWhateverItsLength() {
    const QString code = numbered("# no title %1\n\n- no list\n\tTab\n```js\n\n", 2000).chopped(1);
    for (const qsizetype step : {qsizetype(30'000), code.size() + 20}) {
      QTextDocument document;
      StreamingMarkdown streaming(document);
      streaming.setStyle(style());
      const QString text = QStringLiteral("````\n") + code + QStringLiteral("\n````\nAfter\n");
      for (qsizetype at = 0; at < text.size(); at += step) streaming.append(text.mid(at, step));
      QTextFrame* frame = onlyCode(document);
      QVERIFY(frame);
      QVERIFY(codeOf(*frame) == code);
      QVERIFY(frame->firstCursorPosition().blockFormat().rightMargin() > 0);  // room for the button that copies
      QVERIFY(describe(document).endsWith(QStringLiteral("` \nAfter\n")));
    }
  }

  void codeInAListStaysCode() {
    QTextDocument document;
    StreamingMarkdown streaming(document);
    streaming.setStyle(style());
    const QString text = QStringLiteral("1. Run\n\n   ```\n") + numbered("     indented %1\n\n", 900) + QStringLiteral("   ```\n\n2. Done\n");
    for (qsizetype at = 0; at < text.size(); at += 100) streaming.append(text.mid(at, 100));
    QTextFrame* frame = onlyCode(document);
    QVERIFY(frame);
    QCOMPARE(codeOf(*frame), numbered("  indented %1\n\n", 900).chopped(1));
    QVERIFY(describe(document).startsWith(QStringLiteral("1.\tRun\n")));
    QVERIFY(describe(document).endsWith(QStringLiteral("2.\tDone\n")));
  }

  void aVeryLongLineOfCodeIsCopiedInOnePiece() {
    QTextDocument document;
    StreamingMarkdown streaming(document);
    streaming.setStyle(style());
    const QString line = numbered("word%1 ", 9000);
    streaming.setText(QStringLiteral("```\n") + line + QStringLiteral("\nshort\n```\n"));
    QVERIFY(onlyCode(document));
    QVERIFY(codeOf(*onlyCode(document)) == line + QStringLiteral("\nshort"));
    QVERIFY(document.blockCount() > 5);
  }

  void listsKeepTheirNumbers() {
    QCOMPARE(rendered(QStringLiteral("1. one\n\nText between.\n\n2. two\n3. three\n")), QStringLiteral("1.\tone\nText between.\n2.\ttwo\n3.\tthree\n"));
    QCOMPARE(rendered(QStringLiteral("7) seven\n7) counts on\n\n- x\n* y\n")), QStringLiteral("7)\tseven\n8)\tcounts on\n•\tx\n•\ty\n"));
    const QString list = rendered(numbered("1. item %1\n", 200));
    QVERIFY(list.endsWith(QStringLiteral("200.\titem 200\n")));
  }

  void aLongTableGoesOnUnderItsHead() {
    QTextDocument document;
    StreamingMarkdown streaming(document);
    streaming.setStyle(style());
    streaming.setText(QStringLiteral("| name | value |\n|---|---|\n") + numbered("| row %1 | with some words in it |\n", 300) + QStringLiteral("\nEnd\n"));
    int tables = 0, rows = 0;
    for (QTextFrame* frame : document.rootFrame()->childFrames()) {
      auto* table = qobject_cast<QTextTable*>(frame);
      if (!table) continue;
      ++tables;
      rows += table->rows() - 1;
      QCOMPARE(table->cellAt(0, 1).firstCursorPosition().block().text(), QStringLiteral("value"));
      QCOMPARE(table->columns(), 2);
    }
    QVERIFY(tables > 1);
    QCOMPARE(rows, 300);
  }

  void finishedBlocksAreNotRenderedAgain() {
    QTextDocument document;
    StreamingMarkdown streaming(document);
    streaming.setStyle(style());
    for (int i = 0; i < 2000; ++i) streaming.append(QStringLiteral("Paragraph number %1 has some words in it.\n\n").arg(i));
    QVERIFY(streaming.unfinishedSize() < 200);
    QElapsedTimer timer;
    timer.start();
    for (int i = 0; i < 50; ++i) streaming.append(QStringLiteral("word "));
    QVERIFY2(timer.elapsed() < 250, qPrintable(QString::number(timer.elapsed())));  // 5 ms a batch, with 80 kB above it
  }

  void htmlStaysText() {
    QVERIFY(rendered(QStringLiteral("a <img src=\"file:///etc/passwd\"> <script>x</script> b")).contains(QStringLiteral("<img")));
  }

  void wordsInFencesDoNotCloseThem() {
    for (const QString& text : {QStringLiteral("```\na\n```cpp\nb\n~~~\n````\nEnd\n"), QStringLiteral("~~~\na\n```cpp\nb\n```\n~~~\nEnd\n")}) {
      QTextDocument document;
      StreamingMarkdown streaming(document);
      streaming.setStyle(style());
      streaming.setText(text);
      QVERIFY(onlyCode(document));
      QVERIFY2(describe(document).contains(QStringLiteral("` a\n` ```cpp\n` b\n")), qPrintable(describe(document)));
      QVERIFY2(describe(document).endsWith(QStringLiteral("\nEnd\n")), qPrintable(describe(document)));
    }
    QCOMPARE(rendered(QStringLiteral("```not code``` is a span\n\nEnd\n")), QStringLiteral("not code is a span\nEnd\n"));
  }

  void aLooseListIsOneList() {
    QCOMPARE(rendered(QStringLiteral("Intro\n\n1. one\n\n   more\n\n2. two\n\n   - inner\n\n3. three\n")),
             QStringLiteral("Intro\n1.\tone\nmore\n2.\ttwo\n◦\tinner\n3.\tthree\n"));
  }
};

QTEST_MAIN(MarkdownTest)
#include "markdown_test.moc"
