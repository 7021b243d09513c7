// SPDX-License-Identifier: GPL-3.0-or-later
#include <QElapsedTimer>
#include <QFontDatabase>
#include <QTest>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextFrame>
#include <QTextList>
#include <QTextTable>

#include "chat/markdown.h"

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
    if (block.textList()) out += block.textList()->itemText(block) + u' ';
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

}  // namespace

class MarkdownTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void blocksAreRendered() {
    const QString text = rendered(kSample);
    for (const char* part : {"h1 Title\n", "A paragraph with bold, code and a soft break.\n", "` int main() {\n` \n`   return 0;\n` }\n",
                             "After the code.\n", "| a\n| b\n| 1\n| 2\n", "quoted\n", "The end.\n", "1. first\n2. second\n"}) {
      QVERIFY2(text.contains(QString::fromUtf8(part)), qPrintable(text));
    }
  }

  // The point of the streaming renderer: cutting the text anywhere must not change what it becomes.
  void anyCutGivesTheSameDocument() {
    const QString whole = rendered(kSample);
    for (const int step : {1, 3, 7, 20, 100}) {
      QTextDocument document;
      StreamingMarkdown streaming(document);
      streaming.setStyle(style());
      for (qsizetype at = 0; at < kSample.size(); at += step) streaming.append(kSample.mid(at, step));
      QCOMPARE(describe(document), whole);
    }
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

  void aFenceIsOneBlockWhateverIsInIt() {
    const QString text = QStringLiteral("```\n# no title\n\n- no list\n\n```\nEnd\n");
    QCOMPARE(stableMarkdownEnd(text.left(20), 0), qsizetype(0));
    QCOMPARE(stableMarkdownEnd(text, 0), text.indexOf(QStringLiteral("End")));
  }

  void aLooseListIsNotCut() {
    const QString text = QStringLiteral("Intro\n\n1. one\n\n2. two\n\n3. three\n");
    QCOMPARE(stableMarkdownEnd(text, 0), qsizetype(0));
  }
};

QTEST_MAIN(MarkdownTest)
#include "markdown_test.moc"
