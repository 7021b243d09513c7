// SPDX-License-Identifier: GPL-3.0-or-later
#include <QComboBox>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>

#include "settings/language.h"
#include "settings/settings.h"
#include "settings/settings_page.h"
#include "shell_support.h"

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
  }

  void nonsenseInTheFileIsIgnored() {
    const QTemporaryDir folder;
    const Paths paths = Paths::inside(folder.path());
    QVERIFY(paths.create());
    QFile file(paths.settingsFile());
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("[ui]\ntheme=plaid\n[compute]\nthreads=-7\n[sampler]\ntemperature=900\ntopP=oops\n[other]\nkept=yes\n");
    file.close();
    {
      Settings settings(paths);
      QCOMPARE(settings.theme(), ThemeChoice::System);
      QCOMPARE(settings.threads(), 0);
      QVERIFY(settings.sampler().temperature <= 5.0F);
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
};

QTEST_MAIN(SettingsTest)
#include "settings_test.moc"
