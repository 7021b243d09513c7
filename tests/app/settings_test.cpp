// SPDX-License-Identifier: GPL-3.0-or-later
#include <QComboBox>
#include <QDateTime>
#include <QDir>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>

#include "settings/language.h"
#include "settings/settings.h"
#include "settings/settings_page.h"
#include "shell_support.h"
#include "storage/chat_store.h"

using namespace rookery::app;

class SettingsTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void everythingSurvivesARestart() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    rookery::engine::SamplerSettings sampler;
    sampler.temperature = 0.7F;
    sampler.topP = 0.55F;
    sampler.topK = 40;
    sampler.penaltyDecay = 0.99F;
    {
      Settings settings(paths);
      settings.setLanguage(QStringLiteral("zh_CN"));
      settings.setTheme(ThemeChoice::Dark);
      settings.setThreads(3);
      settings.setModelFolders({QStringLiteral("/a b"), QStringLiteral("/c")});
      settings.addModelFile(QStringLiteral("/m/one.pth"));
      settings.addModelFile(QStringLiteral("/m/one.pth"));
      settings.setLastModel(QStringLiteral("/m/one.pth"));
      settings.setSampler(sampler);
      settings.setWindowGeometry("geometry");
      settings.setMemoryBudget(5'500'000'000);
      settings.setVocabularyFor(QStringLiteral("/m/one.pth"), QStringLiteral("/v, with comma.txt"));
      settings.setVocabularyFor(QStringLiteral("/m/two.pth"), QStringLiteral("/v2.txt"));
      settings.setVocabularyFor(QStringLiteral("/m/two.pth"), {});
    }
    const Settings settings(paths);
    QCOMPARE(settings.language(), QStringLiteral("zh_CN"));
    QCOMPARE(settings.theme(), ThemeChoice::Dark);
    QCOMPARE(settings.threads(), 3);
    QCOMPARE(settings.modelFolders(), QStringList({QStringLiteral("/a b"), QStringLiteral("/c")}));
    QCOMPARE(settings.modelFiles(), QStringList{QStringLiteral("/m/one.pth")});
    QCOMPARE(settings.lastModel(), QStringLiteral("/m/one.pth"));
    QVERIFY(settings.sampler() == sampler);
    QCOMPARE(settings.windowGeometry(), QByteArray("geometry"));
    QCOMPARE(settings.memoryBudget(), 5'500'000'000);
    QCOMPARE(settings.vocabularyFor(QStringLiteral("/m/one.pth")), QStringLiteral("/v, with comma.txt"));
    QCOMPARE(settings.vocabularies().size(), 1);
  }

  void nonsenseInTheFileIsIgnored() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    QFile file(paths.settingsFile());
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("[ui]\ntheme=plaid\n[compute]\nthreads=-7\ndevice=vulkan:0 fp16 -> cpu\n[sampler]\ntemperature=900\ntopP=oops\n[chat]\nmemoryBudget=-3\n[models]\nvocabularies=alone\n[other]\nkept=yes\n");
    file.close();
    {
      Settings settings(paths);
      QCOMPARE(settings.theme(), ThemeChoice::System);
      QCOMPARE(settings.threads(), 0);
      QCOMPARE(settings.device().id, QStringLiteral("cpu"));
      QVERIFY(settings.sampler().temperature <= 5.0F);
      QVERIFY(settings.memoryBudget() >= 100'000'000);
      QVERIFY(settings.vocabularies().isEmpty());
      settings.setThreads(2);
    }
    QVERIFY(file.open(QIODevice::ReadOnly));
    QVERIFY(file.readAll().contains("kept=yes"));
  }

  void thePageChangesTheSettings() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    Settings settings(paths);
    test::PreparedDialogs dialogs;
    SettingsPage page(&settings);
    page.show();
    page.findChild<QSpinBox*>(QStringLiteral("settingThreads"))->setValue(5);
    QCOMPARE(settings.threads(), 5);
    auto* theme = page.findChild<QComboBox*>(QStringLiteral("settingTheme"));
    QSignalSpy themed(&settings, &Settings::themeChanged);
    theme->setFocus();
    QTest::keyClick(theme, Qt::Key_End);
    QCOMPARE(themed.count(), 1);
    QCOMPARE(settings.theme(), ThemeChoice::Dark);
    dialogs.answer = QStringLiteral("/models of mine");
    page.findChild<QPushButton*>(QStringLiteral("settingAddFolder"))->click();
    QCOMPARE(settings.modelFolders(), QStringList{QStringLiteral("/models of mine")});
    auto* folders = page.findChild<QListWidget*>(QStringLiteral("settingModelFolders"));
    folders->setCurrentRow(0);
    page.findChild<QPushButton*>(QStringLiteral("settingRemoveFolder"))->click();
    QVERIFY(settings.modelFolders().isEmpty());
    page.findChild<QPushButton*>(QStringLiteral("openReports"))->click();
    QCOMPARE(dialogs.opened, QStringList{settings.reportsFolder()});
    QVERIFY(QDir(settings.reportsFolder()).exists());
  }

  void newChatsBeginWithTheChosenSampling() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    Settings settings(paths);
    SettingsPage page(&settings);
    page.show();
    QSignalSpy changed(&settings, &Settings::answerDefaultsChanged);
    page.findChild<QDoubleSpinBox*>(QStringLiteral("temperature"))->setValue(0.45);
    QCOMPARE(changed.count(), 1);
    QCOMPARE(settings.sampler().temperature, 0.45F);
    QVERIFY(!page.findChild<QWidget*>(QStringLiteral("systemPrompt"))->isVisible());  // belongs to a chat
    page.findChild<QSpinBox*>(QStringLiteral("longestAnswer"))->setValue(300);
    auto* user = page.findChild<QLineEdit*>(QStringLiteral("userRole"));
    user->clear();
    QTest::keyClicks(user, QStringLiteral("Bob"));
    page.findChild<QPlainTextEdit*>(QStringLiteral("stopTexts"))
        ->setPlainText(QStringLiteral("\\n\\nQ:\nsecond, with \"quotes\""));
    auto* thinking = page.findChild<QComboBox*>(QStringLiteral("thinking"));
    thinking->setCurrentIndex(2);
    Q_EMIT thinking->activated(2);
    const Settings again(paths);
    QCOMPARE(again.answerRules().maxTokens, 300);
    QCOMPARE(again.answerRules().roles.user, std::string("Bob"));
    QCOMPARE(again.answerRules().stopTexts,
             (QStringList{QStringLiteral("\n\nQ:"), QStringLiteral("second, with \"quotes\"")}));
    QCOMPARE(again.thinking(), std::optional(rookery::engine::Thinking::Fast));
    SettingsPage next(&settings);
    QCOMPARE(next.findChild<QSpinBox*>(QStringLiteral("longestAnswer"))->value(), 300);
    QCOMPARE(next.findChild<QComboBox*>(QStringLiteral("thinking"))->currentIndex(), 2);
    page.findChild<QPushButton*>(QStringLiteral("settingResetSampling"))->click();
    QCOMPARE(settings.answerRules(), AnswerRules{});
    QVERIFY(!settings.thinking());
    QVERIFY(settings.sampler() == rookery::engine::SamplerSettings{});
    QCOMPARE(page.findChild<QDoubleSpinBox*>(QStringLiteral("temperature"))->value(), 1.0);
  }

  void theBinIsShownAndEmptied() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    Settings settings(paths);
    auto store = ChatStore::open(paths.database()).value();
    for (const char* title : {"first", "second", "third"}) test::addChat(*store, QLatin1String(title));
    store->moveToBin(1);
    store->moveToBin(2);
    SettingsPage page(&settings);
    page.attach(store.get());
    page.show();
    test::PreparedDialogs dialogs;
    auto* bin = page.findChild<QListWidget*>(QStringLiteral("settingBin"));
    auto* restore = page.findChild<QPushButton*>(QStringLiteral("settingRestore"));
    QCOMPARE(bin->count(), 2);
    QVERIFY(!restore->isEnabled());
    const auto select = [bin](const char* title) {
      bin->clearSelection();
      bin->findItems(QLatin1String(title), Qt::MatchStartsWith).value(0)->setSelected(true);
    };
    QSignalSpy changed(&page, &SettingsPage::chatsChanged);
    select("first");
    restore->click();
    QCOMPARE(changed.count(), 1);
    QCOMPARE(bin->count(), 1);
    QCOMPARE(store->conversations({}, 10, 0).size(), std::size_t(2));
    select("second");
    page.findChild<QPushButton*>(QStringLiteral("settingDeleteForGood"))->click();
    QCOMPARE(bin->count(), 0);
    QVERIFY(page.findChild<QLabel*>(QStringLiteral("settingBinEmpty"))->isVisible());
    QVERIFY(store->bin().empty());
    store->deleteFromBin(3);  // not in the bin: stays
    QCOMPARE(store->conversations({}, 10, 0).size(), std::size_t(2));
  }

  void theMemoryOfChatsIsLimitedAndTold() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    Settings settings(paths);
    auto store = ChatStore::open(paths.database()).value();
    QObject::connect(&settings, &Settings::memoryBudgetChanged, store.get(), &ChatStore::setMemoryBudget);
    const qint64 chat = test::addChat(*store, QStringLiteral("chat"));
    for (int i = 0; i < 3; ++i) addSnapshot(paths.database(), chat, 60'000'000);
    SettingsPage page(&settings);
    page.attach(store.get());
    page.show();
    auto* used = page.findChild<QLabel*>(QStringLiteral("settingMemoryUsed"));
    QCOMPARE(used->text(), QStringLiteral("Used 180 MB of 2.00 GB"));
    QSignalSpy dropped(store.get(), &ChatStore::memoriesDropped);
    auto* limit = page.findChild<QDoubleSpinBox*>(QStringLiteral("settingMemoryBudget"));
    test::PreparedDialogs dialogs;
    limit->setValue(1.5);  // nothing has to go
    QVERIFY(dialogs.confirmed.isEmpty());
    dialogs.agrees = false;
    limit->setValue(0.1);
    QCOMPARE(dialogs.confirmed.size(), 1);
    QVERIFY2(dialogs.confirmed[0].contains(QStringLiteral("80.0 MB")), qPrintable(dialogs.confirmed[0]));
    QCOMPARE(limit->value(), 1.5);
    QCOMPARE(settings.memoryBudget(), 1'500'000'000);
    QVERIFY(store->flush(5000));
    QCOMPARE(store->snapshotBytes(), 180'000'000);
    dialogs.agrees = true;
    limit->setValue(0.1);
    QCOMPARE(dialogs.confirmed.size(), 2);
    QCOMPARE(settings.memoryBudget(), 100'000'000);
    QTRY_COMPARE(dropped.count(), 1);
    QCOMPARE(dropped[0][0].toInt(), 2);
    QTRY_VERIFY2(used->text().startsWith(QStringLiteral("Used 60.0 MB of 100 MB")), qPrintable(used->text()));
    QTRY_VERIFY2(used->text().contains(QStringLiteral("2 old memories")), qPrintable(used->text()));
  }

  void theLanguageChangesWhileThePageIsOpen() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    Settings settings(paths);
    Language language;
    QObject::connect(&settings, &Settings::languageChanged, &language, &Language::apply);
    language.apply(QStringLiteral("en"));
    SettingsPage page(&settings);
    page.show();
    auto* remove = page.findChild<QPushButton*>(QStringLiteral("settingRemoveFolder"));
    const QString english = remove->text();
    settings.setLanguage(QStringLiteral("zh_CN"));
    QCoreApplication::processEvents();
    QCOMPARE(language.current(), QStringLiteral("zh_CN"));
    QVERIFY(remove->text() != english);
    settings.setLanguage(QStringLiteral("en"));
    QCoreApplication::processEvents();
    QCOMPARE(remove->text(), english);
  }

 private:
  /// A row that claims a size; what is in it does not matter here.
  static void addSnapshot(const QString& database, qint64 chat, qint64 bytes) {
    auto connection = Connection::open(database, Connection::Mode::ReadWrite).value();
    auto transaction = Transaction::begin(connection.database()).value();
    QVERIFY(runSql(connection.database(), QStringLiteral("INSERT INTO messages(conversation_id, role, state, created, text_length, text)"
                                                         " VALUES(?, 2, 0, 0, 0, '')"), {chat}));
    QVERIFY(runSql(connection.database(), QStringLiteral("INSERT INTO snapshots(message_id, answer_tokens, position, model_fingerprint,"
                                                         " prefix_hash, created, bytes, state, logits)"
                                                         " VALUES(last_insert_rowid(), 1, 1, '', 0, last_insert_rowid(), ?, x'', x'')"), {bytes}));
    QVERIFY(transaction.commit());
  }
};

QTEST_MAIN(SettingsTest)
#include "settings_test.moc"
