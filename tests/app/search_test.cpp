// SPDX-License-Identifier: GPL-3.0-or-later
// Searching in messages: what is found by which words, and that the index follows the chats.
#include <QElapsedTimer>
#include <QFile>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>

#include "application.h"
#include "chat/chat_page.h"
#include "chat/conversation_list.h"
#include "chat/transcript_view.h"
#include "main_window.h"
#include "shell_support.h"
#include "store_support.h"

using namespace rookery;
using namespace rookery::app;
using namespace rookery::app::test;

namespace {

struct Answer {
  std::vector<ChatHit> hits;
  bool isWhole = false;
};

Answer ask(ChatStore& store, const QString& typed) {
  Answer answer;
  bool came = false;
  QObject here;
  quint64 id = 0;
  QObject::connect(store.search(), &MessageSearch::found, &here, [&](quint64 search, const std::vector<ChatHit>& hits, bool isWhole) {
    if (search != id) return;
    answer = {hits, isWhole};
    came = true;
  });
  id = store.search()->find(typed);
  if (!QTest::qWaitFor([&came] { return came; }, 10'000)) qFatal("no answer");
  return answer;
}

/// The texts of the messages that are found in the end, newest first.
QStringList found(ChatStore& store, const QString& typed) {
  store.flush(5000);
  Answer answer;
  for (int quiet = 0; quiet < 2;) {  // the index may still be on its way
    answer = ask(store, typed);
    QTest::qWait(10);
    quiet = answer.isWhole ? quiet + 1 : 0;
  }
  QStringList texts;
  for (const ChatHit& hit : answer.hits) texts << (hit.message != 0 ? store.message(hit.message)->text : QString(u"title " + hit.chat.title));
  return texts;
}

QByteArray contents(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QString marked(const Snippet& snippet) {
  QString text = snippet.text;
  for (auto mark = snippet.marks.rbegin(); mark != snippet.marks.rend(); ++mark) {
    text.insert(mark->start + mark->length, u']');
    text.insert(mark->start, u'[');
  }
  return text;
}

}  // namespace

class SearchTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_dir = std::make_unique<QTemporaryDir>();
    m_path = m_dir->filePath(QStringLiteral("chats.sqlite"));
  }

  void cleanup() { m_store.reset(); }
  void cleanupTestCase() { m_samples.reset(); }

  void wordsFindTheirMessages_data() {
    QTest::addColumn<QString>("typed");
    QTest::addColumn<QStringList>("texts");
    const auto row = [](const char* typed, std::initializer_list<const char*> texts) {
      QStringList list;
      for (const char* text : texts) list << QString::fromUtf8(text);
      QTest::newRow(typed) << QString::fromUtf8(typed) << list;
    };
    const char *raven = "The Raven builds its nest.", *chinese = "每天2~3次，模型回答得很快", *cpp = "I write C++ and C# by day", *cplain = "plain C only",
               *dont = "Don't go there", *version = "RWKV 2.9b runs", *accents = "Café in Zürich ﬁne", *colon = "key x:ab here", *thai = "สวัสดีครับ",
               *quote = "He said \"hello world\" AND left", *tags = "<b>bold</b> words", *astral = "rare 𠀀𠀁 characters";
    row("raven", {raven});
    row("RAV", {raven});
    row("nest raven", {raven});
    row("aven", {});
    row("raven plain", {});
    row("模型", {chinese});
    row("回答得很快", {chinese});
    row("快", {chinese});
    row("型回", {chinese});
    row("快模", {});
    row("2~3", {chinese});
    row("c++", {cpp});
    row("c#", {cpp});
    row("don't", {dont});
    row("dont", {});
    row("don", {dont});
    row("2.9b", {version});
    row("x:ab", {colon});
    row("cafe zurich", {accents});
    row("FINE", {accents});
    row("สวัส", {thai});
    row("\"hello world\"", {quote});
    row("hello\" OR \"raven", {});
    row("AND", {quote, cpp});
    row("NOT", {});
    row("bold", {tags});
    row("</b>", {tags});
    row("++", {});  // no word in it: titles alone
    row("𠀁", {astral});
    row("𠀀𠀁", {astral});
    row("only", {cplain});
    row("*", {});
    row("^the", {});
    row("subject", {"title The subject"});
  }
  void wordsFindTheirMessages() {
    QFETCH(QString, typed);
    QFETCH(QStringList, texts);
    QCOMPARE(found(samples(), typed), texts);
  }

  void whatWasFoundIsMarked() {
    QCOMPARE(found(samples(), QStringLiteral("raven")).size(), 1);
    QCOMPARE(marked(ask(samples(), QStringLiteral("raven NES")).hits[0].snippet), QStringLiteral("The [Raven] builds its [nes]t."));
    QCOMPARE(marked(ask(samples(), QStringLiteral("zurich")).hits[0].snippet), QStringLiteral("Café in [Zürich] ﬁne"));
    const QString text = QString(QStringLiteral("many words\n\n before it ")).repeated(50) + QStringLiteral("the needle") + QStringLiteral(" and more").repeated(50);
    const QString around = marked(snippetOf(text, SearchQuery(QStringLiteral("needle"))));
    QVERIFY2(around.startsWith(QStringLiteral("…")) && around.contains(QStringLiteral("it the [needle] and more")) && around.endsWith(u'…') && around.size() < 180, qPrintable(around));
    QCOMPARE(snippetOf(QStringLiteral("a\u202Eb\u0007c x"), SearchQuery(QStringLiteral("x"))).text, QStringLiteral("ab c x"));
  }

  void theNewestComesFirstAndAChatOnce() {
    m_store = openStore(m_path);
    for (int i = 0; i < 3; ++i) {
      const qint64 chat = newChat(*m_store, QStringLiteral("chat %1").arg(i)).id;
      for (const char* what : {"first", "second"}) addMessage(*m_store, chat, 0, MessageRole::User, QStringLiteral("apple %1 %2").arg(QLatin1String(what)).arg(i));
      QTest::qWait(3);
    }
    QCOMPARE(found(*m_store, QStringLiteral("apple")), (QStringList{QStringLiteral("apple second 2"), QStringLiteral("apple second 1"), QStringLiteral("apple second 0")}));
  }

  void theIndexFollowsTheChats() {
    m_store = openStore(m_path);
    const qint64 chat = newChat(*m_store, QStringLiteral("one")).id, other = newChat(*m_store, QStringLiteral("two")).id;
    const MessageRecord question = addMessage(*m_store, chat, 0, MessageRole::User, QStringLiteral("about lanterns"));
    MessageRecord answer = addMessage(*m_store, chat, question.id, MessageRole::Assistant, {});
    addMessage(*m_store, other, 0, MessageRole::User, QStringLiteral("secretword kept"));
    QCOMPARE(found(*m_store, QStringLiteral("lanterns")).size(), 1);
    answer.text = QStringLiteral("they burn oil");
    m_store->finishAnswer(answer);
    QTRY_COMPARE(found(*m_store, QStringLiteral("burn oil")), QStringList{answer.text});
    answer.text = QStringLiteral("they burn gas");
    m_store->finishAnswer(answer);
    QTRY_COMPARE(found(*m_store, QStringLiteral("gas")), QStringList{answer.text});
    QCOMPARE(found(*m_store, QStringLiteral("oil")), QStringList());
    addMessage(*m_store, chat, 0, MessageRole::User, QStringLiteral("about candles"));  // an edit: both stay
    QTRY_COMPARE(found(*m_store, QStringLiteral("candles")).size(), 1);
    QCOMPARE(found(*m_store, QStringLiteral("lanterns")).size(), 1);

    m_store->moveToBin(other);
    QCOMPARE(found(*m_store, QStringLiteral("secretword")), QStringList());
    m_store->restoreFromBin(other);
    QCOMPARE(found(*m_store, QStringLiteral("secretword")).size(), 1);
    m_store->moveToBin(other);
    m_store->deleteFromBin(other);
    QVERIFY(m_store->flush(5000));
    QTest::qWait(300);
    m_store.reset();
    const QByteArray index = contents(m_path + QStringLiteral(".search"));
    QVERIFY(index.contains("lanterns"));
    QVERIFY(!index.contains("secretword"));  // its words went too
    m_store = openStore(m_path);
    QCOMPARE(found(*m_store, QStringLiteral("secretword")), QStringList());
    QCOMPARE(found(*m_store, QStringLiteral("lanterns")).size(), 1);
  }

  void anOlderDatabaseIsReadInTheBackground() {
    QVERIFY(QFile::copy(QStringLiteral(ROOKERY_TEST_DATA "/app/data/chats_v2.sqlite"), m_path));
    QVERIFY(QFile::setPermissions(m_path, QFile::ReadOwner | QFile::WriteOwner));
    m_store = openStore(m_path);
    QCOMPARE(found(*m_store, QStringLiteral("what is rookery")), QStringList{QStringLiteral("And what is Rookery?")});
  }

  void anIndexThatDoesNotFitIsMadeAnew_data() {
    QTest::addColumn<int>("fault");
    QTest::newRow("damaged") << 0;
    QTest::newRow("missing") << 1;
    QTest::newRow("chats rescued") << 2;
    QTest::newRow("older chats put back") << 3;
    QTest::newRow("no parts for the search") << 4;
  }
  void anIndexThatDoesNotFitIsMadeAnew() {
    QFETCH(int, fault);
    const QString index = m_path + QStringLiteral(".search"), copy = m_path + QStringLiteral(".copy");
    m_store = openStore(m_path);
    const qint64 chat = newChat(*m_store, QStringLiteral("one")).id;
    addMessage(*m_store, chat, 0, MessageRole::User, QStringLiteral("old violin"));
    QCOMPARE(found(*m_store, QStringLiteral("violin")).size(), 1);
    m_store.reset();
    QVERIFY(QFile::copy(m_path, copy));
    m_store = openStore(m_path);
    const qint64 later = addMessage(*m_store, chat, 0, MessageRole::User, QStringLiteral("new trumpet")).id;
    QTRY_COMPARE(found(*m_store, QStringLiteral("trumpet")).size(), 1);
    m_store.reset();
    const auto run = [this](const char* sql) {
      auto connection = Connection::open(m_path, Connection::Mode::ReadWrite);
      const auto result = runSql(connection->database(), QLatin1String(sql));
      QVERIFY2(result, result ? "" : qPrintable(result.error().details));
    };
    switch (fault) {
      case 0: {
        QFile file(index);
        QVERIFY(file.open(QIODevice::ReadWrite));
        QVERIFY(file.seek(file.size() / 4096 / 2 * 4096));
        file.write(QByteArray(static_cast<int>(file.size() / 2), 'z'));
        break;
      }
      case 1: QVERIFY(QFile::remove(index)); break;
      case 2: run("PRAGMA user_version=-1"); break;
      case 3: QVERIFY(QFile::remove(m_path) && QFile::copy(copy, m_path)); break;
      case 4:
        for (const char* sql : {"DROP TRIGGER search_insert", "DROP TABLE search_changes", "DROP TABLE search_source"}) run(sql);
        break;
      default: QFAIL("no such fault");
    }
    m_store = openStore(m_path);
    QVERIFY(m_store);
    QTRY_COMPARE(found(*m_store, QStringLiteral("violin")).size(), 1);
    QCOMPARE(found(*m_store, QStringLiteral("trumpet")).size(), fault == 3 ? 0 : 1);
    const qint64 added = addMessage(*m_store, chat, 0, MessageRole::User, QStringLiteral("third drum")).id;
    QCOMPARE(added, fault == 3 ? later : later + 1);
    QTRY_COMPARE(found(*m_store, QStringLiteral("drum")).size(), 1);
    QCOMPARE(found(*m_store, QStringLiteral("trumpet")).size(), fault == 3 ? 0 : 1);
  }

  void ofAVeryLongMessageTheBeginningIsSearched() {
    m_store = openStore(m_path);
    const QString text = QStringLiteral("begins ") + QStringLiteral("word ").repeated(50'000) + QStringLiteral("ending") + QString(300'000, u'x');
    addMessage(*m_store, newChat(*m_store, QStringLiteral("long")).id, 0, MessageRole::User, text);
    QTRY_COMPARE(found(*m_store, QStringLiteral("begins")).size(), 1);
    QCOMPARE(found(*m_store, QStringLiteral("ending")).size(), 0);
  }

  void leavingDoesNotWaitForTheIndex() {
    m_store = openStore(m_path);
    const qint64 chat = newChat(*m_store, QStringLiteral("many")).id;
    for (int i = 0; i < 3000; ++i) addMessage(*m_store, chat, 0, MessageRole::User, QStringLiteral("message number %1 with some words").arg(i).repeated(20));
    QVERIFY(m_store->flush(10'000));
    m_store->search();
    QTest::qWait(100);
    QElapsedTimer timer;
    timer.start();
    m_store.reset();
    QVERIFY2(timer.elapsed() < 200, qPrintable(QString::number(timer.elapsed())));
    QVERIFY(!QFile::exists(m_path + QStringLiteral("-wal")));
    m_store = openStore(m_path);  // and goes on where it was
    QCOMPARE(found(*m_store, QStringLiteral("number 0 with")).size(), 1);
  }

  void onlyTheLastOfSeveralSearchesIsAnswered() {
    QCOMPARE(found(samples(), QStringLiteral("raven")).size(), 1);
    qsizetype fewest = 5;
    for (int round = 0; round < 50 && fewest > 2; ++round) {  // where the system stops this thread on the way, each is the last for a while
      QSignalSpy answers(samples().search(), &MessageSearch::found);
      quint64 last = 0;
      for (const char* typed : {"r", "ra", "rav", "rave", "raven"}) last = samples().search()->find(QLatin1String(typed));
      QTRY_VERIFY(!answers.isEmpty() && answers.last()[0].toULongLong() == last);
      fewest = std::min(fewest, answers.size());
    }
    QVERIFY2(fewest <= 2, qPrintable(QString::number(fewest)));
  }

  void theListShowsWhatWasFoundAndOpensIt() {
    const Paths paths = Paths::inside(m_dir->path());
    QVERIFY(paths.create());
    qint64 chat = 0, old = 0;
    {
      auto store = openStore(paths.database());
      chat = newChat(*store, QStringLiteral("<b>with versions</b>")).id;
      const qint64 question = addMessage(*store, chat, 0, MessageRole::User, QStringLiteral("tell me")).id;
      old = addMessage(*store, chat, question, MessageRole::Assistant, QStringLiteral("the hidden walrus sings")).id;
      qint64 parent = addMessage(*store, chat, old, MessageRole::User, QStringLiteral("go on")).id;
      for (int i = 0; i < 30; ++i) parent = addMessage(*store, chat, parent, i % 2 ? MessageRole::User : MessageRole::Assistant, QStringLiteral("long text\n\n").repeated(20)).id;
      addMessage(*store, chat, question, MessageRole::Assistant, QStringLiteral("another answer"));
      QTest::qWait(3);
      newChat(*store, QStringLiteral("newest"));
    }
    const auto app = std::move(Application::create(paths).value());
    MainWindow& window = app->window();
    app->showWindow();
    auto* list = window.findChild<QListView*>(QStringLiteral("chatList"));
    auto* field = window.findChild<QLineEdit*>(QStringLiteral("chatSearch"));
    QTRY_COMPARE(list->model()->rowCount(), 2);
    field->setText(QStringLiteral("walrus"));
    QTRY_COMPARE(list->model()->rowCount(), 1);
    const QModelIndex hit = list->model()->index(0, 0);
    QCOMPARE(marked(app->chatPage().list().model().hit(hit).snippet), QStringLiteral("the hidden [walrus] sings"));
    const QString spoken = hit.data(Qt::AccessibleTextRole).toString();
    QVERIFY2(spoken.startsWith(QStringLiteral("<b>with versions</b>, ")) && spoken.contains(QStringLiteral("walrus")), qPrintable(spoken));
    QVERIFY(!Qt::mightBeRichText(hit.data(Qt::ToolTipRole).toString()));
    QVERIFY(!window.grab().isNull());
    QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, list->visualRect(hit).center());
    Conversation* current = app->chatPage().current();
    QCOMPARE(current->id(), chat);
    QVERIFY(current->transcript().rowOf(old) >= 0);  // of a version that was not shown
    const auto* transcript = window.findChild<TranscriptView*>();
    QTRY_VERIFY(transcript->verticalScrollBar()->maximum() > 0);
    QVERIFY2(transcript->verticalScrollBar()->value() < transcript->verticalScrollBar()->maximum() / 4, qPrintable(QString::number(transcript->verticalScrollBar()->value())));
    QVERIFY(app->store().flush(5000));
    QVERIFY(app->store().chat(chat)->record.activeLeaf != old + 32);
    field->clear();
    QTRY_COMPARE(list->model()->rowCount(), 2);
  }

 private:
  ChatStore& samples() {
    if (m_samples) return *m_samples;
    m_samples = openStore(m_samplesDir.filePath(QStringLiteral("chats.sqlite")));
    for (const char* text : {"The Raven builds its nest.", "每天2~3次，模型回答得很快", "I write C++ and C# by day", "plain C only", "Don't go there",
                             "RWKV 2.9b runs", "Café in Zürich ﬁne", "key x:ab here", "สวัสดีครับ", "He said \"hello world\" AND left", "<b>bold</b> words",
                             "rare 𠀀𠀁 characters"}) {
      ConversationRecord chat = newChat(*m_samples, QStringLiteral("-"));
      MessageRecord message;
      message.id = m_samples->newMessageId();
      message.conversation = chat.id;
      message.created = QDateTime::fromMSecsSinceEpoch(message.id * 1000);
      message.text = QString::fromUtf8(text);
      m_samples->addMessage(message);
    }
    newChat(*m_samples, QStringLiteral("The subject"));
    return *m_samples;
  }

  std::unique_ptr<QTemporaryDir> m_dir;
  QTemporaryDir m_samplesDir;
  std::unique_ptr<ChatStore> m_store, m_samples;
  QString m_path;
};

QTEST_MAIN(SearchTest)
#include "search_test.moc"
