// SPDX-License-Identifier: GPL-3.0-or-later
// What is shown is what was said: the letters, digits and signs on the screen are those of the answer, and an answer that
// came in pieces looks like the stored one.
#include <QFile>
#include <QTest>

#include "markdown_support.h"
#include "markdown_writer.h"

using namespace rookery::app;
using namespace rookery::app::test;

namespace {

constexpr unsigned kTexts = 2'400;

/// Letters, digits and signs, without what only keeps them apart.
QString signs(const QString& text) {
  QString out;
  for (const QChar c : text) {
    if (!c.isSpace() && c != QChar::ObjectReplacementCharacter) out += c;
  }
  return out;
}

QString shownSigns(const QTextDocument& document) {
  QString out;
  for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) out += signs(block.text());
  return out;
}

/// The same text in pieces, as an answer comes.
QString streamedLooks(const QString& text, std::mt19937& random) {
  QTextDocument document;
  StreamingMarkdown streaming(document);
  streaming.setStyle(style());
  const auto longest = static_cast<unsigned>(std::max<qsizetype>(text.size() / 4, 2));
  for (qsizetype at = 0; at < text.size();) {
    const auto size = static_cast<qsizetype>(1 + random() % longest);
    streaming.append(text.mid(at, size));
    at += size;
  }
  return looks(document);
}

QString aroundDifference(const QString& a, const QString& b) {
  qsizetype at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  return QStringLiteral("shown ...%1\nright ...%2").arg(a.mid(std::max<qsizetype>(at - 30, 0), 70), b.mid(std::max<qsizetype>(at - 30, 0), 70));
}

}  // namespace

class MarkdownPropertyTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void writtenTextsAreShown() {
    std::mt19937 random(7);
    int wrong = 0;
    for (unsigned seed = 0; seed < kTexts; ++seed) {
      const Written text = MarkdownWriter(seed).answer();
      const Stored stored(text.said);
      const QString shown = shownSigns(stored.document), right = signs(text.shown);
      if (shown != right && ++wrong <= 5) {
        qWarning("seed %u: %s\n--- said:\n%s\n---", seed, qUtf8Printable(aroundDifference(shown, right)), qUtf8Printable(text.said));
      }
      const QString streamed = streamedLooks(text.said, random);
      QVERIFY2(streamed == looks(stored.document), qPrintable(QStringLiteral("seed %1, streamed: %2\n--- said:\n%3").arg(seed).arg(aroundDifference(streamed, looks(stored.document)), text.said)));
    }
    QCOMPARE(wrong, 0);
  }
};

QTEST_MAIN(MarkdownPropertyTest)
#include "markdown_property_test.moc"
