// SPDX-License-Identifier: GPL-3.0-or-later
// A chat that begins from a state: from the Models page to the database, with the built-in guide model. What it answers is
// compared with what the engine alone answers from that state.
#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QTest>
#include <QTranslator>
#include <cmath>

#include "chat/empty_page.h"
#include "chat/start_state.h"
#include "inference/model_title.h"
#include "models/model_catalog.h"
#include "models/model_details.h"
#include "models/model_list.h"
#include "models/models_page.h"
#include "rookery/convert.h"
#include "rookery/state_file.h"
#include "whole_app_test.h"

using namespace rookery;
using namespace rookery::app;

namespace {

constexpr int kTokens = 24;

QString golden(const char* name) { return QStringLiteral(ROOKERY_TEST_DATA "/golden/models/") + QLatin1String(name); }

}  // namespace

class StartStateTest : public test::WholeAppTest {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() { m_model = engine::Model::guide().value(); }
  void init() { startInNewFolder(); }
  void cleanup() { m_app.reset(); }

  void aChatBeginsFromAState_data() {
    QTest::addColumn<bool>("isChat");
    QTest::newRow("a start") << false;
    QTest::newRow("a saved chat") << true;
  }
  void aChatBeginsFromAState() {
    QFETCH(bool, isChat);
    const QString file = saveState(isChat);
    const Tokens plain = expected({}, QStringLiteral("\n\nUser: Hello\n\nAssistant:").mid(2));
    const QString system = isChat ? QString() : QStringLiteral("Be brief.");
    // A chat goes on after an empty line; anything else begins with the system text.
    const QString first = isChat ? QStringLiteral("\n\nUser: Hello\n\nAssistant:") : QStringLiteral("System: Be brief.\n\nUser: Hello\n\nAssistant:");
    const Tokens wanted = expected(file, first);
    QVERIFY(wanted != plain);

    page().current()->setSystemPrompt(QStringLiteral("Be brief."));
    choose(file);
    QCOMPARE(page().current()->record().start.name, QStringLiteral("mine.st"));
    QCOMPARE(page().current()->record().systemPrompt, system);
    QVERIFY2(label("chatEmptyText")->text().contains(QStringLiteral("begins from the state mine.st")), qPrintable(label("chatEmptyText")->text()));
    ask(QStringLiteral("Hello"));
    QCOMPARE(message(1).tokens, wanted);
    QVERIFY(!box()->isEnabled());  // fixed since the first message
    QCOMPARE(box()->currentText(), QStringLiteral("mine.st"));

    // The file is not needed any more: not after a restart, not when all is read again from the start.
    QVERIFY(QFile::remove(file));
    const qint64 chat = page().current()->id();
    for (const bool memories : {true, false}) {
      m_app.reset();
      if (!memories) change({"DELETE FROM snapshots"});
      start();
      page().openChat(chat);
      QCOMPARE(page().current()->record().start.name, QStringLiteral("mine.st"));
      page().current()->setGenerateLimits(kTokens, false);
      QVERIFY(page().current()->regenerate(message(1).id));
      waitForAnswer();
      QCOMPARE(message(1).tokens, wanted);
      QVERIFY(message(1).promptFromStart);
    }
    // Going on reads the whole way again where no memory is left.
    ask(QStringLiteral("And then?"));
    const Tokens second = message(3).tokens;
    m_app.reset();
    change({"DELETE FROM snapshots"});
    start();
    page().openChat(chat);
    page().current()->setGenerateLimits(kTokens, false);
    QVERIFY(page().current()->regenerate(message(3).id));
    waitForAnswer();
    QCOMPARE(message(3).tokens, second);
  }

  void anotherModelsTokensAreReadAgainFromTheSameState() {
    const QString file = saveState(false);
    choose(file);
    ask(QStringLiteral("Hello"));
    const QString said = message(1).text.trimmed();
    const qint64 chat = page().current()->id();
    m_app.reset();
    change({"UPDATE messages SET model_fingerprint = 'another' WHERE role = 2", "UPDATE conversations SET model_fingerprint = 'another'", "DELETE FROM snapshots"});
    start();
    page().openChat(chat);
    QVERIFY(page().current()->needsReading());
    ask(QStringLiteral("More"));
    QVERIFY(message(3).promptFromStart);
    QCOMPARE(message(3).tokens, expected(file, QStringLiteral("User: Hello\n\nAssistant: %1\n\nUser: More\n\nAssistant:").arg(said)));
  }

  // Never an answer that silently starts from nothing.
  void aStateThatIsGoneOrDoesNotFitIsSaid() {
    choose(saveState(false));
    ask(QStringLiteral("Hello"));
    const qint64 chat = page().current()->id();
    m_app.reset();
    change({"DELETE FROM start_states", "DELETE FROM snapshots"});
    start();
    page().openChat(chat);
    QVERIFY(page().current()->regenerate(message(1).id));
    waitForAnswer();
    QVERIFY2(status().contains(QStringLiteral("mine.st that this chat begins from is no longer in the database")), qPrintable(status()));
    QVERIFY(message(1).tokens.empty());

    // Another model of other dimensions.
    page().newChat();
    choose(saveState(false));
    ask(QStringLiteral("Hello"));
    load(golden("v7_quant/model.Q8_0.gguf"));
    ask(QStringLiteral("More"));
    QVERIFY2(status().contains(QStringLiteral("begins from the state mine.st, which does not fit model.Q8_0.gguf")), qPrintable(status()));
    QVERIFY(message(3).tokens.empty());
  }

  void whatIsNoStartIsRefusedInASentence() {
    const auto refused = [&](const QString& path, const QString& words) {
      page().current()->setStart(path);
      QTRY_VERIFY2_WITH_TIMEOUT(status().contains(words), qPrintable(status()), 10'000);
      QCOMPARE(page().current()->record().start.hash, std::uint64_t(0));
    };
    refused(golden("v7_small/state_tuned.pth"), QStringLiteral("does not fit the model that is loaded"));
    refused(golden("v7_small/model.pth"), QStringLiteral("holds no state"));
    refused(golden("v7_small/absent.pth"), QStringLiteral("no longer there"));
    // Another model's: asked first.
    test::PreparedDialogs dialogs;
    dialogs.agrees = false;
    const QString theirs = saveState(false, QStringLiteral("another"));
    page().current()->setStart(theirs);
    QTRY_COMPARE(dialogs.confirmed.size(), 1);
    QVERIFY2(dialogs.confirmed[0].contains(QStringLiteral("was saved by another model")), qPrintable(dialogs.confirmed[0]));
    QCOMPARE(page().current()->record().start.hash, std::uint64_t(0));
    dialogs.agrees = true;
    choose(theirs);
    // And back to nothing.
    box()->setCurrentIndex(0);
    Q_EMIT box()->activated(0);
    QCOMPARE(page().current()->record().start.hash, std::uint64_t(0));
    ask(QStringLiteral("Hello"));
    QCOMPARE(message(1).tokens, expected({}, QStringLiteral("User: Hello\n\nAssistant:")));
  }

  void theStateGoesWithItsLastChat() {
    const QString file = saveState(false);
    for (int i = 0; i < 2; ++i) {
      page().newChat();
      choose(file);
      ask(QStringLiteral("Hello"));
    }
    QCOMPARE(count(), 1);  // one copy for both
    const qint64 last = page().current()->id();
    page().newChat();
    for (const qint64 chat : {last - 1, last}) {
      m_app->store().moveToBin(chat);
      m_app->store().deleteFromBin(chat);
      QVERIFY(m_app->store().flush(5000));
      QCOMPARE(count(), chat == last ? 0 : 1);
    }
  }

  void theModelsPageKnowsStates() {
    const QString folder = m_dir->filePath(QStringLiteral("models"));
    QVERIFY(QDir().mkpath(folder));
    const QString tuned = folder + QStringLiteral("/tuned.pth"), saved = folder + QStringLiteral("/saved.state");
    QVERIFY(QFile::copy(golden("v7_small/state_tuned.pth"), tuned));
    QVERIFY(QFile::rename(saveState(true), saved));
    const ModelEntry entry = ModelCatalog::readEntry(tuned);
    QVERIFY(entry.state && !entry.error && !entry.canLoad());
    QCOMPARE(fitText(fitOf(entry, 1'000'000)), QStringLiteral("state"));
    QVERIFY2(entrySummary(entry).startsWith(QStringLiteral("Tuned state for RWKV-5, 6 or 7, 3 layers, width 128 · ")), qPrintable(entrySummary(entry)));
    QVERIFY2(entrySummary(ModelCatalog::readEntry(saved)).startsWith(QStringLiteral("Saved chat of RWKV-7, 4 layers, width 256 · ")), qPrintable(entrySummary(ModelCatalog::readEntry(saved))));

    auto* models = m_app->window().findChild<ModelsPage*>();
    models->addFile(tuned);
    QTRY_COMPARE(models->findChild<QLabel*>(QStringLiteral("modelTitle"))->text(), QStringLiteral("tuned.pth"));
    auto* verdict = models->findChild<QLabel*>(QStringLiteral("modelVerdict"));
    auto* begin = models->findChild<QPushButton*>(QStringLiteral("modelLoad"));
    QVERIFY2(verdict->text().startsWith(QStringLiteral("None of the models here fits it")), qPrintable(verdict->text()));
    QVERIFY(!begin->isEnabled());
    models->addFile(golden("v7_small/model.pth"));
    QTRY_COMPARE(models->findChild<QLabel*>(QStringLiteral("modelTitle"))->text(), QStringLiteral("model.pth"));
    models->select(tuned);
    QCOMPARE(verdict->text(), QStringLiteral("Fits model.pth. Load that model, then begin a chat from this state."));
    QVERIFY(!begin->isEnabled());

    models->addFile(saved);
    QTRY_COMPARE(models->findChild<QLabel*>(QStringLiteral("modelTitle"))->text(), QStringLiteral("saved.state"));
    QCOMPARE(verdict->text(), QStringLiteral("Fits Guide model. A new chat can begin from it."));
    QVERIFY(begin->isEnabled());
    QCOMPARE(begin->text(), QStringLiteral("&Begin a chat from it"));
    begin->click();
    QTRY_COMPARE(page().current()->record().start.name, QStringLiteral("saved.state"));
    QVERIFY(page().current()->record().start.isChat);
    // The panel offers what fits, and nothing else.
    QCOMPARE(box()->count(), 3);
    QCOMPARE(box()->itemText(1), QStringLiteral("saved.state"));
    QCOMPARE(box()->currentIndex(), 1);
  }

  // A state that says whose it is fits that model, not every one of its shape.
  void theModelsPageSaysWhoseAStateIs() {
    const QString twin = m_dir->filePath(QStringLiteral("twin.gguf")), own = m_dir->filePath(QStringLiteral("own.st")),
                  theirs = m_dir->filePath(QStringLiteral("theirs.st"));
    QVERIFY(QFile::rename(saveState(false), own));
    QVERIFY(QFile::rename(saveState(false, QStringLiteral("another")), theirs));
    makeTwin(twin);
    auto* models = m_app->window().findChild<ModelsPage*>();
    auto* verdict = models->findChild<QLabel*>(QStringLiteral("modelVerdict"));
    auto* begin = models->findChild<QPushButton*>(QStringLiteral("modelLoad"));
    const auto show = [&](const QString& path) {
      models->addFile(path);
      QTRY_COMPARE(models->findChild<QLabel*>(QStringLiteral("modelTitle"))->text(), QFileInfo(path).fileName());
    };
    const QString saver = QString::fromStdString(m_model->info().name);
    show(theirs);
    QCOMPARE(verdict->text(), QStringLiteral("Saved by another model than the one that is loaded, by %1. It means little to this one.").arg(saver));
    QVERIFY(begin->isEnabled());  // it is asked then
    show(twin);
    show(theirs);
    QCOMPARE(verdict->text(), QStringLiteral("Saved by %1, and means little to any other model. Of that shape here: twin.gguf. Whether that is the model "
                                             "shows when it is loaded.").arg(saver));
    show(own);
    QCOMPARE(verdict->text(), QStringLiteral("Fits Guide model. A new chat can begin from it."));
    load(twin);
    QCOMPARE(verdict->text(), QStringLiteral("Fits Guide model. Load that model, then begin a chat from this state."));
    QVERIFY(!begin->isEnabled());
    show(theirs);
    QVERIFY2(verdict->text().startsWith(QStringLiteral("Saved by another model than the one that is loaded")), qPrintable(verdict->text()));
    // Its own state, and one that says nothing: any model of the shape will do.
    const QString twins = m_dir->filePath(QStringLiteral("twins.st")), nobodys = m_dir->filePath(QStringLiteral("nobodys.st"));
    QVERIFY(QFile::rename(saveState(false, m_app->inference().model()->fingerprint), twins));
    show(twins);
    QCOMPARE(verdict->text(), QStringLiteral("Fits twin.gguf. A new chat can begin from it."));
    if (!engine::State(m_model->info().shape).save(nobodys.toStdString(), {})) qFatal("not saved");
    show(nobodys);
    const QString both = QLocale().createSeparatedList({QStringLiteral("Guide model"), QStringLiteral("twin.gguf")});
    QCOMPARE(verdict->text(), QStringLiteral("Fits %1. A new chat can begin from it.").arg(both));
  }

  void aStateOfNoNumbersIsNoStart() {
    engine::State state(m_model->info().shape);
    state.tensor("att_kv", 2)[5] = std::nanf("");
    const QString path = m_dir->filePath(QStringLiteral("nan.st"));
    if (!state.save(path.toStdString(), {})) qFatal("not saved");
    const ModelEntry entry = ModelCatalog::readEntry(path);
    QVERIFY(!entry.state);
    QVERIFY(entry.error && entry.error->code == engine::ErrorCode::FileDamaged);
    QVERIFY2(entry.error->message.find("no numbers (NaN") != std::string::npos, entry.error->message.c_str());
  }

  // The database has the guide's name in English, whatever the language of the window.
  void theEmptyPageCallsTheGuideAsTheWindowDoes() {
    QTranslator chinese;
    QVERIFY(chinese.load(QStringLiteral(":/i18n/rookery_zh_CN.qm")));
    QVERIFY(QCoreApplication::installTranslator(&chinese));
    EmptyPage page;
    page.setFacts({.isLoaded = true, .isGuide = true, .model = storedGuideName(), .start = QStringLiteral("x.st")});
    const QString text = page.findChild<QLabel*>(QStringLiteral("chatEmptyText"))->text();
    const QString guide = guideName();
    QCoreApplication::removeTranslator(&chinese);
    QVERIFY(guide != storedGuideName());
    QVERIFY2(text.startsWith(guide), qPrintable(text));
  }

  void thePanelOffersStatesBeforeTheModelsPageWasSeen() {
    const QString folder = m_app->settings().modelsFolder();
    QVERIFY(QDir().mkpath(folder) && QFile::rename(saveState(false), folder + QStringLiteral("/found.state")));
    QCOMPARE(box()->count(), 2);  // nothing, and "Choose a file"
    m_app->window().findChild<QToolButton*>(QStringLiteral("samplingToggle"))->click();
    QTRY_COMPARE(box()->count(), 3);
    QCOMPARE(box()->itemText(1), QStringLiteral("found.state"));
  }

 private:
  void load(const QString& path) {
    ModelRequest request;
    request.kind = ModelRequest::Kind::File;
    request.path = path;
    QSignalSpy loaded(&m_app->inference(), &InferenceService::modelLoaded);
    m_app->inference().load(request);
    QVERIFY(loaded.wait(test::kAnswerTimeout));
  }

  /// The guide with other weights.
  static void makeTwin(const QString& path) {
    if (!engine::convertModel(engine::Model::guideFile().value(), path.toStdString(), {.precision = engine::DType::Q8_0})) qFatal("not written");
  }

  /// The state of the guide after some words.
  QString saveState(bool isChat, const QString& fingerprint = {}) {
    engine::Session session(m_model);
    const auto text = m_model->tokenizer()->encode("User: My name is Anna.\n\nAssistant: Hello Anna, here is a very long and friendly answer.");
    if (!session.prefill(text)) qFatal("not read");
    engine::StateLabel label = engine::labelFor(*m_model, session.tokensRead(), isChat);
    if (!fingerprint.isEmpty()) label.fingerprint = fingerprint.toStdString();
    const QString path = m_dir->filePath(QStringLiteral("mine.st"));
    // The guide says the same after most words; this it cannot pass over.
    engine::State state = session.snapshot()->state;
    for (int layer = 0; layer < m_model->info().shape.layers; ++layer) {
      const auto kv = state.tensor("att_kv", layer);
      for (std::size_t i = 0; i < kv.size(); ++i) kv[i] += 1000 * std::sin(static_cast<float>(i));
    }
    if (!state.save(path.toStdString(), label)) qFatal("not saved");
    return path;
  }

  /// What the engine writes after that text, read on top of a state (none: the empty one).
  Tokens expected(const QString& file, const QString& text) {
    engine::Session session(m_model);
    if (!file.isEmpty()) {
      auto loaded = engine::loadState(file.toStdString(), m_model->info().shape);
      if (!loaded || !session.restore({std::move(loaded->state), {}, 0})) qFatal("no state");
    }
    if (!session.prefill(m_model->tokenizer()->encode(text.toStdString()))) qFatal("not read");
    engine::GenerateRequest request;
    request.sampling.temperature = 0;
    request.maxTokens = kTokens;
    request.stopAtEndOfText = false;
    const auto result = session.generate(request, [](const engine::GeneratedToken&) { return true; });
    return result->tokens;
  }

  void choose(const QString& file) {
    page().current()->setStart(file);
    QTRY_VERIFY_WITH_TIMEOUT(page().current()->record().start.hash != 0, 10'000);
  }
  void ask(const QString& question) {
    page().current()->setGenerateLimits(kTokens, false);
    QVERIFY(page().current()->send(question));
    waitForAnswer();
  }
  int count() {
    m_app->store().flush(5000);
    auto database = Connection::open(Paths::inside(m_dir->path()).database(), Connection::Mode::ReadOnly);
    auto query = runSql(database->database(), QStringLiteral("SELECT count(*) FROM start_states"));
    return query && query->next() ? query->value(0).toInt() : -1;
  }
  void change(std::initializer_list<const char*> statements) {
    auto database = Connection::open(Paths::inside(m_dir->path()).database(), Connection::Mode::ReadWrite);
    for (const char* statement : statements) QVERIFY(runSql(database->database(), QLatin1String(statement)));
  }
  QComboBox* box() { return page().findChild<QComboBox*>(QStringLiteral("chatStart")); }
  QLabel* label(const char* name) { return page().findChild<QLabel*>(QLatin1String(name)); }

  std::shared_ptr<const engine::Model> m_model;
};

QTEST_MAIN(StartStateTest)
#include "start_state_test.moc"
