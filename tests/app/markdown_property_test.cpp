// SPDX-License-Identifier: GPL-3.0-or-later
// What is shown is what was said: the letters, digits and signs on the screen are those of the answer, and an answer that
// came in pieces looks like the stored one.
#include <QFile>
#include <QTest>

#include "markdown_signs.h"
#include "markdown_support.h"
#include "markdown_writer.h"

using namespace rookery::app;
using namespace rookery::app::test;

namespace {

constexpr unsigned kTexts = 2'400;

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

struct Collected {
  QString said, shown;
};

/// The texts of data/answers.txt, and what looks() has to say about them.
QList<Collected> collected() {
  QFile file(QStringLiteral(ROOKERY_TEST_DATA "/app/data/answers.txt"));
  QList<Collected> out;
  if (!file.open(QFile::ReadOnly)) return out;
  QStringList texts = QString::fromUtf8(file.readAll()).split(QStringLiteral("%%%% said\n"), Qt::SkipEmptyParts);
  for (const QString& text : texts) {
    const QStringList both = text.split(QStringLiteral("\n%%%% shown\n"));
    if (both.size() == 2) out.push_back({both[0], both[1].chopped(1)});
  }
  return out;
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

  void collectedTextsAreShown() {
    std::mt19937 random(11);
    const QList<Collected> texts = collected();
    QVERIFY(texts.size() > 380);
    int wrong = 0;
    for (const Collected& text : texts) {
      const Stored stored(text.said);
      const QString shown = looks(stored.document);
      if (shown != text.shown) qWarning("%s\n--- said:\n%s", qUtf8Printable(aroundDifference(shown, text.shown)), qUtf8Printable(text.said));
      const QString lost = unexplainedLoss(text.said, shownSigns(stored.document));
      if (!lost.isEmpty()) qWarning("not explained: %s\n--- said:\n%s", qUtf8Printable(lost), qUtf8Printable(text.said));
      const QString streamed = streamedLooks(text.said, random);
      if (streamed != shown) qWarning("streamed: %s\n--- said:\n%s", qUtf8Printable(aroundDifference(streamed, shown)), qUtf8Printable(text.said));
      if (shown != text.shown || !lost.isEmpty() || streamed != shown) ++wrong;
    }
    QCOMPARE(wrong, 0);
  }

  /// The check itself sees a lost sign.
  void lossesAreNoticed() {
    QCOMPARE(unexplainedLoss(QStringLiteral("**a** 2*3"), QStringLiteral("a2*3")), QString());
    for (const auto& [said, shown] : {std::pair("2*3*4", "234"), std::pair("a*b", "ab"), std::pair("2~3", "23"), std::pair("1. a", "a"), std::pair("C:\\x", "C:x"),
                                      std::pair("[1]: https://a.org", "[1]:"), std::pair("| a | b |", "ab"), std::pair("a\n- 5", "a5"), std::pair("\\(x\\)", "(x)"),
                                      std::pair("```\n*a*\n```", "a"), std::pair("a b", "b"), std::pair("a", "ab"), std::pair("#a", "a")}) {
      QVERIFY2(!unexplainedLoss(QString::fromUtf8(said), QString::fromUtf8(shown)).isEmpty(), said);
    }
  }
};

QTEST_MAIN(MarkdownPropertyTest)
#include "markdown_property_test.moc"
