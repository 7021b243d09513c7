// SPDX-License-Identifier: GPL-3.0-or-later
// Thoughts in answers: how they are asked for, kept, shown and copied. The engine is replaced by one that says what the
// test wants.
#include <QClipboard>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QGuiApplication>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <algorithm>

#include "chat/answer_rules_form.h"
#include "chat/chat_page.h"
#include "chat/message_body.h"
#include "chat/prompt_text.h"
#include "chat/thought.h"
#include "chat/thought_block.h"
#include "chat/transcript_view.h"

using namespace rookery;
using namespace rookery::app;

namespace {

class SpokenAnswers : public InferenceService {
 public:
  explicit SpokenAnswers(const QString& name = QStringLiteral("test")) {
    LoadedModel model;
    model.name = name;
    model.fingerprint = QStringLiteral("test");
    model.info.shape.vocab = 65'536;
    setModel(model, engine::Model::guide().value()->tokenizer());
  }
  JobId answer(const AnswerRequest& request) override {
    generate = request.generate;
    m_tokens = request.generate.journal;
    m_prompt = std::make_shared<const AnswerPrompt>(request.makePrompt({}).value());
    prompt = tokenizer()->decode(m_prompt->tokens).value();
    m_job = newJob();
    QMetaObject::invokeMethod(this, &SpokenAnswers::tellPrompt, Qt::QueuedConnection);  // the caller must know the job first
    return m_job;
  }
  void stop(JobId) override { finish(engine::StopReason::Cancelled); }

  void say(const QString& text) {
    tellPrompt();
    AnswerBatch batch;
    batch.text = text;
    batch.tokens = tokenizer()->encode(text.toStdString());
    m_tokens.insert(m_tokens.end(), batch.tokens.begin(), batch.tokens.end());
    Q_EMIT answerBatch(m_job, batch);
  }
  void finish(engine::StopReason reason = engine::StopReason::EndOfText) {
    tellPrompt();
    AnswerFinished finished;
    finished.reason = reason;
    finished.tokens = m_tokens;
    finished.snapshot = {std::make_shared<engine::Snapshot>(), static_cast<qint64>(m_tokens.size())};
    finished.decodeSeconds = 10;
    Q_EMIT answerFinished(m_job, finished);
  }

  std::string prompt;
  engine::GenerateRequest generate;

 private:
  void tellPrompt() {
    if (auto made = std::exchange(m_prompt, nullptr)) Q_EMIT answerPrepared(m_job, made);
  }

  JobId m_job = 0;
  std::shared_ptr<const AnswerPrompt> m_prompt;
  std::vector<engine::TokenId> m_tokens;
};

/// What the splitter makes of a text that comes in pieces of this size.
QStringList split(const QString& text, qsizetype step) {
  ThoughtSplitter splitter;
  QString thought, answer;
  for (qsizetype at = 0; at < text.size(); at += step) {
    const auto added = splitter.push(text.mid(at, step));
    thought += added.thought;
    answer += added.answer;
  }
  return {thought, answer, splitter.isOpen() ? QStringLiteral("open") : QString(), splitter.held()};
}

MessageRecord answer(const QString& text, MessageState state = MessageState::Complete) {
  MessageRecord record;
  record.id = 1;
  record.role = MessageRole::Assistant;
  record.text = text;
  record.state = state;
  return record;
}

QString textOf(const MessageBody* body) { return body ? body->toPlainText().trimmed() : QStringLiteral("(not shown)"); }

}  // namespace

class ThinkingTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_dir = std::make_unique<QTemporaryDir>();
    m_store = ChatStore::open(m_dir->filePath(QStringLiteral("chats.sqlite"))).value();
    m_service = std::make_unique<SpokenAnswers>();
    open();
  }
  void cleanup() {
    m_page.reset();
    m_service.reset();
    m_store.reset();
  }

  void thoughtsAreFoundHoweverTheTextComes_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QStringList>("parts");
    const auto row = [](const char* name, const char* text, const QStringList& parts) { QTest::newRow(name) << QString::fromUtf8(text) << parts; };
    row("closed", " <think>\nHm, a <b>.\n</think>\nYes.", {QStringLiteral("\nHm, a <b>.\n"), QStringLiteral("\nYes."), QStringLiteral(""), QStringLiteral("")});
    row("none", "No <think>thought</think> here", {QStringLiteral(""), QStringLiteral("No <think>thought</think> here"), QStringLiteral(""), QStringLiteral("")});
    row("open", "<think>Still", {QStringLiteral("Still"), QStringLiteral(""), QStringLiteral("open"), QStringLiteral("")});
    row("half a closing tag", "<think>Still</thi", {QStringLiteral("Still"), QStringLiteral(""), QStringLiteral("open"), QStringLiteral("</thi")});
    row("half an opening tag", "<thi", {QStringLiteral(""), QStringLiteral(""), QStringLiteral(""), QStringLiteral("<thi")});
    row("another tag", "<thing>", {QStringLiteral(""), QStringLiteral("<thing>"), QStringLiteral(""), QStringLiteral("")});
    row("two", "<think>a</think>b<think>c</think>", {QStringLiteral("a"), QStringLiteral("b<think>c</think>"), QStringLiteral(""), QStringLiteral("")});
    row("nothing thought", "<think>\n</think>\nYes", {QStringLiteral("\n"), QStringLiteral("\nYes"), QStringLiteral(""), QStringLiteral("")});
  }
  void thoughtsAreFoundHoweverTheTextComes() {
    QFETCH(QString, text);
    QFETCH(QStringList, parts);
    for (const qsizetype step : {qsizetype(1), qsizetype(3), qsizetype(8), text.size()}) QCOMPARE(split(text, step), parts);
  }

  void promptsEndAsTheModelsWereTaught_data() {
    QTest::addColumn<int>("choice");
    QTest::addColumn<QString>("end");
    QTest::addColumn<QString>("begun");
    QTest::newRow("as suits the model") << 0 << QStringLiteral("User: Why?\n\nAssistant:") << QString();
    QTest::newRow("off") << 1 << QStringLiteral("User: Why?\n\nAssistant:") << QString();
    QTest::newRow("fast") << 2 << QStringLiteral("User: Why?\n\nAssistant: <think>\n</think") << QStringLiteral("<think>\n</think");
    QTest::newRow("think") << 3 << QStringLiteral("User: Why?\n\nAssistant: <think") << QStringLiteral("<think");
  }
  void promptsEndAsTheModelsWereTaught() {
    QFETCH(int, choice);
    QFETCH(QString, end);
    QFETCH(QString, begun);
    choose(choice);
    QVERIFY(m_page->current()->send(QStringLiteral("Why?")));
    QCOMPARE(QString::fromStdString(m_service->prompt), end);
    QTRY_COMPARE(message(1).text, begun);
    m_service->finish();
    QVERIFY(m_page->current()->send(QStringLiteral("Why?")));  // and in the turns after the first
    QCOMPARE(QString::fromStdString(m_service->prompt), QStringLiteral("\n\n") + end);
  }

  void officialModelsAreAskedInFastMode() {
    LoadedModel model;
    model.info.shape.vocab = 65'536;
    for (const char* name : {"rwkv7-g1h-2.9b-20260710-ctx10240.pth", "rwkv7-g0a2-7.2b.st", "rwkv7-2.9B-g1-F16.gguf", "RWKV7-G1k-1.5B"}) {
      model.name = QString::fromUtf8(name);
      QVERIFY2(thinkingFor(model) == engine::Thinking::Fast, name);
    }
    for (const char* name : {"RWKV-x070-World-2.9B-v3-20250211-ctx4096.pth", "rwkv7-pig1-0.1b.pth", "test"}) {
      model.name = QString::fromUtf8(name);
      QVERIFY2(thinkingFor(model) == engine::Thinking::Auto, name);
    }
    model.name = QStringLiteral("rwkv7-g1-0.1b.pth");
    model.isGuide = true;
    QCOMPARE(thinkingFor(model), engine::Thinking::Auto);
    model.isGuide = false;
    model.info.shape.vocab = 4096;
    QCOMPARE(thinkingFor(model), engine::Thinking::Auto);
  }

  void theChoiceBelongsToTheChat() {
    choose(3);
    ask(QStringLiteral("A"), QStringLiteral(">x</think>\ny"));
    const qint64 chat = m_page->current()->id();
    m_page->newChat();
    QCOMPARE(choices()->currentIndex(), 0);
    choose(1);
    m_page->openChat(chat);
    QCOMPARE(choices()->currentIndex(), 3);
    m_page.reset();
    QVERIFY(m_store->flush(5000));
    open();
    m_page->openChat(chat);
    QCOMPARE(choices()->currentIndex(), 3);
  }

  // Longest answer, roles and stop texts: in the request, kept with the chat and with each answer, and put back by Reset.
  void theRulesBelongToTheChat() {
    auto* longest = m_page->findChild<QSpinBox*>(QStringLiteral("longestAnswer"));
    auto* preset = m_page->findChild<QComboBox*>(QStringLiteral("rolePreset"));
    auto* stopTexts = m_page->findChild<QPlainTextEdit*>(QStringLiteral("stopTexts"));
    auto* topK = m_page->findChild<QSpinBox*>(QStringLiteral("topK"));
    QCOMPARE(longest->value(), 4096);
    QCOMPARE(preset->currentText(), QStringLiteral("User / Assistant"));
    preset->setCurrentIndex(1);
    Q_EMIT preset->activated(1);
    longest->setValue(500);
    topK->setValue(40);
    stopTexts->setPlainText(QStringLiteral("\\n\\nQ:\n\nEND\\\\n\n"));
    QVERIFY(m_page->current()->send(QStringLiteral("Why?")));
    QCOMPARE(QString::fromStdString(m_service->prompt), QStringLiteral("Bob: Why?\n\nAlice:"));
    const std::vector<std::string> expected{"\n\nBob:", "\nBob:", "\n\nSystem:", "\n\nQ:", "END\\n"};
    QCOMPARE(m_service->generate.stopTexts, expected);
    QCOMPARE(m_service->generate.maxTokens, 500);
    QCOMPARE(m_service->generate.sampling.topK, 40);
    m_service->finish();
    const qint64 chat = m_page->current()->id(), first = message(1).id;

    auto* user = m_page->findChild<QLineEdit*>(QStringLiteral("userRole"));
    auto* problem = m_page->findChild<QLabel*>(QStringLiteral("rulesProblem"));
    m_page->findChild<QToolButton*>(QStringLiteral("samplingToggle"))->click();
    user->clear();
    QTest::keyClicks(user, QStringLiteral("a:b"));
    QVERIFY(problem->isVisible());
    QCOMPARE(m_page->current()->record().rules.roles.user, std::string("a"));  // the last one that can be one
    user->clear();
    QTest::keyClicks(user, QStringLiteral("Carol"));
    QVERIFY(!problem->isVisible());
    QCOMPARE(preset->currentText(), QStringLiteral("Custom"));
    stopTexts->setPlainText(QString(300, u'x') + QStringLiteral("\nshort"));
    QVERIFY(problem->isVisible());
    QCOMPARE(m_page->current()->record().rules.stopTexts, QStringList{QStringLiteral("short")});
    QVERIFY(m_page->current()->send(QStringLiteral("And?")));
    QCOMPARE(QString::fromStdString(m_service->prompt), QStringLiteral("\n\nCarol: And?\n\nAlice:"));
    m_service->finish();

    m_page->newChat();
    QCOMPARE(longest->value(), 4096);
    QCOMPARE(stopTexts->toPlainText(), QString());
    m_page.reset();
    QVERIFY(m_store->flush(5000));
    open();
    m_page->openChat(chat);
    QCOMPARE(m_page->findChild<QSpinBox*>(QStringLiteral("longestAnswer"))->value(), 500);
    QCOMPARE(m_page->findChild<QLineEdit*>(QStringLiteral("userRole"))->text(), QStringLiteral("Carol"));
    QCOMPARE(m_page->findChild<QPlainTextEdit*>(QStringLiteral("stopTexts"))->toPlainText(), QStringLiteral("short"));
    const auto kept = m_store->message(first);
    QVERIFY(kept);
    QCOMPARE(kept->rules.roles.user, std::string("Bob"));
    QCOMPARE(kept->rules.stopTexts, (QStringList{QStringLiteral("\n\nQ:"), QStringLiteral("END\\n")}));
    m_page->findChild<QPushButton*>(QStringLiteral("resetAnswerSettings"))->click();
    QCOMPARE(m_page->current()->record().rules, AnswerRules());
    QCOMPARE(m_page->current()->record().sampling.topK, 0);
    QCOMPARE(m_page->findChild<QLineEdit*>(QStringLiteral("userRole"))->text(), QStringLiteral("User"));
  }

  void rulesOfAFileAreCheckedBeforeTheyAreUsed() {
    QCOMPARE(unpackRules(QString()), AnswerRules());
    QCOMPARE(unpackRules(QStringLiteral("{\"temperature\":1,\"later\":[1]}")), AnswerRules());
    QCOMPARE(unpackRules(QStringLiteral("{\"maxTokens\":-5,\"userRole\":\"a\\nb\",\"assistantRole\":7,\"stopTexts\":[\"\",3,\"ok\"]}")).stopTexts,
             QStringList{QStringLiteral("ok")});
    QCOMPARE(unpackRules(QStringLiteral("{\"maxTokens\":-5}")).maxTokens, 0);
    QCOMPARE(unpackRules(QStringLiteral("{\"userRole\":\"a\\nb\",\"assistantRole\":7}")).roles, engine::RoleNames());
    AnswerRules rules;
    rules.maxTokens = 0;
    rules.roles = {"Question", "Answer"};
    rules.stopTexts << QStringLiteral("\n---\n");
    QCOMPARE(unpackRules(packSampling({}, rules, engine::Thinking::Fast)), rules);
    for (const QString& text : {QStringLiteral("a\\b\n\tc\\n"), QStringLiteral("\\"), QStringLiteral("plain")}) {
      QVERIFY(!AnswerRulesForm::escaped(text).contains(u'\n'));
      QCOMPARE(AnswerRulesForm::unescaped(AnswerRulesForm::escaped(text)), text);
    }
  }

  void thoughtAndAnswerAreKeptAndCopiedWhole() {
    choose(3);
    ask(QStringLiteral("A"), QStringLiteral(">\nLet me see.\n</think>\nForty-two."));
    const QString whole = QStringLiteral("<think>\nLet me see.\n</think>\nForty-two.");
    QCOMPARE(message(1).text, whole);
    visible<QToolButton>("copy", 1)->click();
    QCOMPARE(QGuiApplication::clipboard()->text(), whole);
    QVERIFY(m_store->flush(5000));
    QCOMPARE(m_store->message(message(1).id)->text, whole);
    QCOMPARE(textToCopy(QStringLiteral("<think>\n</think>\nForty-two.")), QStringLiteral("Forty-two."));
  }

  void aStoppedThoughtGoesOnWhereItStopped() {
    choose(3);
    m_page->current()->send(QStringLiteral("A"));
    m_service->say(QStringLiteral(">Half a"));
    m_page->stop();
    QCOMPARE(message(1).text, QStringLiteral("<think>Half a"));
    QVERIFY(visible<ThoughtBlock>("thought"));
    QCOMPARE(visible<QToolButton>("thoughtToggle")->text(), QStringLiteral("Thought, not finished"));
    visible<QToolButton>("thoughtToggle")->click();
    QCOMPARE(textOf(visible<MessageBody>("thoughtBody")), QStringLiteral("Half a"));
    visible<QToolButton>("continue")->click();
    QCOMPARE(message(1).text, QStringLiteral("<think>Half a"));
    m_service->say(QStringLiteral(" thought</think>Done"));
    m_service->finish();
    QCOMPARE(message(1).text, QStringLiteral("<think>Half a thought</think>Done"));
    QCOMPARE(textOf(visible<MessageBody>("thoughtBody")), QStringLiteral("Half a thought"));
  }

  void aThoughtIsAQuietLineThatOpens() {
    choose(3);
    m_page->current()->send(QStringLiteral("A"));
    QVERIFY(!visible<ThoughtBlock>("thought"));  // nothing is thought while the question is read
    m_service->say(QStringLiteral(">\nFirst"));
    auto* toggle = visible<QToolButton>("thoughtToggle");
    QCOMPARE(toggle->text(), QStringLiteral("Thinking…"));
    QVERIFY(!visible<MessageBody>("thoughtBody"));
    QVERIFY(!visible<MessageBody>("messageBody", 1));
    toggle->setFocus();
    QTest::keyClick(toggle, Qt::Key_Space);
    QCOMPARE(textOf(visible<MessageBody>("thoughtBody")), QStringLiteral("First"));
    m_service->say(QStringLiteral(", then second.</th"));
    QCOMPARE(textOf(visible<MessageBody>("thoughtBody")), QStringLiteral("First, then second."));
    QTest::qWait(1100);
    m_service->say(QStringLiteral("ink>\nAn answer."));
    QCOMPARE(textOf(visible<MessageBody>("messageBody", 1)), QStringLiteral("An answer."));
    QVERIFY2(toggle->text().startsWith(QStringLiteral("Thought for 1 s")) || toggle->text().startsWith(QStringLiteral("Thought for 2 s")), qPrintable(toggle->text()));
    QCOMPARE(toggle->accessibleName(), toggle->text());
    QVERIFY(!toggle->accessibleDescription().isEmpty());
    const QString label = toggle->text();
    m_service->finish();
    toggle = visible<QToolButton>("thoughtToggle");
    QCOMPARE(toggle->text(), label);
    const int opened = toggle->parentWidget()->height();
    toggle->click();
    QVERIFY(!visible<MessageBody>("thoughtBody"));
    QVERIFY(toggle->parentWidget()->height() < opened);
  }

  void fastModeShowsNoThought() {
    choose(2);
    m_page->current()->send(QStringLiteral("A"));
    m_service->say(QStringLiteral(">"));
    QVERIFY(!visible<ThoughtBlock>("thought"));
    m_service->say(QStringLiteral("\nAt once."));
    m_service->finish();
    QVERIFY(!visible<ThoughtBlock>("thought"));
    QCOMPARE(textOf(visible<MessageBody>("messageBody", 1)), QStringLiteral("At once."));
  }

  void nothingOfAnAnswerIsLostWhereATagIsHalf() {
    MessageWidget widget(nullptr);
    widget.resize(500, 300);
    auto* body = widget.findChild<MessageBody*>(QStringLiteral("messageBody"));
    auto* thought = widget.findChild<ThoughtBlock*>();
    const auto show = [&](const char* text) {
      widget.setMessage(answer(QString::fromUtf8(text), MessageState::Partial), {}, QStringLiteral("x"), true, MessageWidget::Activity::None);
    };
    show("<thi");
    QCOMPARE(textOf(body), QStringLiteral("<thi"));
    widget.setActivity(MessageWidget::Activity::Waiting);
    widget.appendText(QStringLiteral("nk>deep</t"));
    QCOMPARE(textOf(body), QString());
    QCOMPARE(thought->text(), QStringLiteral("deep"));
    show("<think>deep</t");
    QCOMPARE(thought->text(), QStringLiteral("deep</t"));
    widget.setActivity(MessageWidget::Activity::Waiting);
    widget.appendText(QStringLiteral("hink>out"));
    QCOMPARE(thought->text(), QStringLiteral("deep"));
    QCOMPARE(textOf(body), QStringLiteral("out"));
  }

  void anOldThoughtSaysAboutHowLongItTook() {
    MessageWidget widget(nullptr);
    MessageRecord record = answer(QStringLiteral("<think>%1</think>%2").arg(QString(485, u'a'), QString(500, u'b')));
    record.decodeSeconds = 20;
    widget.setMessage(record, {}, QStringLiteral("x"), true, MessageWidget::Activity::None);
    QCOMPARE(widget.findChild<QToolButton*>(QStringLiteral("thoughtToggle"))->text(), QStringLiteral("Thought for about 10 s"));
    record.decodeSeconds = 0;
    widget.setMessage(record, {}, QStringLiteral("x"), true, MessageWidget::Activity::None);
    QCOMPARE(widget.findChild<QToolButton*>(QStringLiteral("thoughtToggle"))->text(), QStringLiteral("Thought"));
  }

  void anOpenThoughtStaysOpenWhileTheViewScrolls() {
    TranscriptModel model;
    TranscriptView view;
    view.resize(600, 400);
    view.show();
    std::vector<MessageNode> nodes;
    for (int i = 1; i <= 200; ++i) nodes.push_back({i, i - 1, i % 2 ? MessageRole::User : MessageRole::Assistant, 200});
    model.reset(nodes, 200, [](qint64 id) {
      MessageRecord record = answer(QStringLiteral("<think>thought %1 %2</think>answer").arg(id).arg(QStringLiteral("word ").repeated(60)));
      record.id = id;
      record.parent = id - 1;
      record.role = id % 2 ? MessageRole::User : MessageRole::Assistant;
      return record;
    });
    view.setModel(&model);
    const auto openOnes = [&view] {
      QStringList found;
      for (auto* body : view.findChildren<MessageBody*>(QStringLiteral("thoughtBody"))) {
        if (body->isVisible()) found << body->toPlainText().section(u' ', 0, 1);
      }
      return found;
    };
    QToolButton* last = nullptr;
    for (auto* button : view.findChildren<QToolButton*>(QStringLiteral("thoughtToggle"))) {
      if (button->isVisible() && (!last || button->mapTo(&view, QPoint()).y() > last->mapTo(&view, QPoint()).y())) last = button;
    }
    const int before = last->mapTo(&view, QPoint()).y();
    last->click();
    QCOMPARE(last->mapTo(&view, QPoint()).y(), before);  // opens in place
    QCOMPARE(openOnes(), QStringList{QStringLiteral("thought 200")});
    view.verticalScrollBar()->setValue(0);
    QCOMPARE(openOnes(), QStringList{});
    view.scrollToEnd();
    QCOMPARE(openOnes(), QStringList{QStringLiteral("thought 200")});
  }

 private:
  void open() {
    m_page = std::make_unique<ChatPage>(*m_store, *m_service, AnswerDefaults{});
    m_page->resize(1000, 700);
    m_page->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_page.get()));
  }
  QComboBox* choices() { return m_page->findChild<QComboBox*>(QStringLiteral("thinking")); }
  void choose(int index) {
    choices()->setCurrentIndex(index);
    Q_EMIT choices()->activated(index);
  }
  MessageRecord message(int row) { return m_page->current()->transcript().message(row); }
  void ask(const QString& question, const QString& spoken) {
    QVERIFY(m_page->current()->send(question));
    m_service->say(spoken);
    m_service->finish();
  }
  /// The first visible one from the top, or the `index`-th.
  template <class T>
  T* visible(const char* name, qsizetype index = 0) {
    QList<T*> found;
    for (T* widget : m_page->findChildren<T*>(QLatin1String(name))) {
      if (widget->isVisible()) found << widget;
    }
    std::sort(found.begin(), found.end(), [this](T* a, T* b) { return a->mapTo(m_page.get(), QPoint()).y() < b->mapTo(m_page.get(), QPoint()).y(); });
    return index < found.size() ? found[index] : nullptr;
  }

  std::unique_ptr<QTemporaryDir> m_dir;
  std::unique_ptr<ChatStore> m_store;
  std::unique_ptr<SpokenAnswers> m_service;
  std::unique_ptr<ChatPage> m_page;
};

QTEST_MAIN(ThinkingTest)
#include "thinking_test.moc"
