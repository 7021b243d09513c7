// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAccessible>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSignalSpy>
#include <QStackedWidget>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "about_dialogs.h"
#include "bench/bench_page.h"
#include "inference/inference_service.h"
#include "main_window.h"
#include "models/models_page.h"
#include "settings/settings.h"
#include "settings/settings_page.h"
#include "shell_support.h"

using namespace rookery::app;

class WindowTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_folder = std::make_unique<QTemporaryDir>();
    const Paths paths = Paths::inside(m_folder->path());
    QVERIFY(paths.create());
    m_settings = std::make_unique<Settings>(paths);
    m_bench = new BenchPage(m_settings->reportsFolder());
    auto* chat = new QLabel(QStringLiteral("chat"));
    m_window = std::make_unique<MainWindow>(chat, m_bench, new ModelsPage(m_settings.get()), new SettingsPage(m_settings.get()));
    m_window->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
  }
  void cleanup() {
    m_window.reset();
    m_settings.reset();
  }

  void theKeyboardChangesPages() {
    for (const auto& [key, page] : {std::pair{Qt::Key_2, MainWindow::Benchmark}, {Qt::Key_3, MainWindow::Models},
                                    {Qt::Key_4, MainWindow::SettingsPage}, {Qt::Key_1, MainWindow::Chat}}) {
      QTest::keyClick(m_window.get(), key, Qt::ControlModifier);
      QCOMPARE(m_window->page(), page);
    }
    auto* rail = m_window->findChild<QToolButton*>(QStringLiteral("railBench"));
    QTest::mouseClick(rail, Qt::LeftButton);
    QCOMPARE(m_window->page(), MainWindow::Benchmark);
    QVERIFY(rail->isChecked());
  }

  void theStatusBarTellsModelSpeedAndLoads() {
    LoadedModel model;
    model.name = QStringLiteral("some.pth");
    model.deviceSummary = QStringLiteral("CPU scalar, 2 threads, exact");
    m_window->setModel(model);
    m_window->setSpeed(61.23);
    QCOMPARE(text("statusModel"), QStringLiteral("some.pth"));
    QCOMPARE(text("statusDevice"), model.deviceSummary);
    QCOMPARE(text("statusSpeed"), QStringLiteral("61.2 tokens/s"));
    QVERIFY(text("statusMemory").contains(QStringLiteral(" of ")));

    QSignalSpy cancelled(m_window.get(), &MainWindow::cancelLoadRequested);
    m_window->showLoadStarted(7, QStringLiteral("big.pth"));
    m_window->showLoadProgress(7, {rookery::engine::LoadStage::Reading, 500, 1000});
    m_window->showLoadProgress(6, {rookery::engine::LoadStage::Reading, 1, 1000});  // stale: another job
    auto* bar = m_window->findChild<QProgressBar*>(QStringLiteral("loadBar"));
    QVERIFY(bar->isVisible());
    QCOMPARE(bar->value(), 500);
    m_window->findChild<QToolButton*>(QStringLiteral("loadCancel"))->click();
    QCOMPARE(cancelled.count(), 1);
    QCOMPARE(cancelled[0][0].toULongLong(), 7ULL);
    m_window->showLoadEnded(7);
    QVERIFY(!bar->isVisible());
  }

  void theWindowComesBackWhereItWas() {
    m_window->attach(m_settings.get());
    m_window->resize(901, 602);
    m_window->close();
    MainWindow again(new QWidget, new QWidget, new QWidget, new QWidget);
    again.attach(m_settings.get());
    QCOMPARE(again.size(), QSize(901, 602));
  }

  void theShortcutListShowsTheRealKeys() {
    ShortcutsDialog dialog(m_window->findChildren<QAction*>(), m_window.get());
    auto* table = dialog.findChild<QTableWidget*>(QStringLiteral("shortcutsTable"));
    QStringList keys;
    for (int row = 0; row < table->rowCount(); ++row) keys << table->item(row, 1)->text();
    for (const auto* key : {"Ctrl+1", "Ctrl+4", "Ctrl+N", "F1", "Ctrl+Q"}) QVERIFY2(keys.contains(QLatin1String(key)), key);
  }

  void everyControlHasAName() {
    m_bench->showReport(test::handMadeReport());
    QStringList nameless;
    for (int page = 0; page < 4; ++page) {
      m_window->showPage(static_cast<MainWindow::Page>(page));
      for (auto* widget : m_window->findChildren<QWidget*>()) {
        if (!widget->isVisible() || !(widget->focusPolicy() & Qt::TabFocus)) continue;
        const auto* face = QAccessible::queryAccessibleInterface(widget);
        const bool editorOfANamedBox = widget->parentWidget()->inherits("QAbstractSpinBox");
        if (!editorOfANamedBox && (face == nullptr || face->text(QAccessible::Name).isEmpty())) {
          nameless << QStringLiteral("%1 %2").arg(QLatin1String(widget->metaObject()->className()), widget->objectName());
        }
      }
    }
    QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(QStringLiteral(", "))));
  }

  void longerWordsAreNotClipped() {
    test::PseudoLocale pseudo;
    QCoreApplication::installTranslator(&pseudo);
    m_bench->showReport(test::handMadeReport());
    m_window->resize(1180, 780);
    QCoreApplication::processEvents();
    QStringList problems;
    for (int page = 1; page < 4; ++page) {
      m_window->showPage(static_cast<MainWindow::Page>(page));
      QTest::qWait(50);  // nested layouts settle in several rounds
      for (auto* widget : m_window->findChildren<QWidget*>()) {
        if (!widget->isVisible()) continue;
        const auto* label = qobject_cast<QLabel*>(widget);
        const auto* button = qobject_cast<QAbstractButton*>(widget);
        const QString words = label != nullptr ? label->text() : button != nullptr ? button->text() : QString();
        if (words.isEmpty()) continue;
        const QSize need = label != nullptr && label->wordWrap() ? QSize(0, label->heightForWidth(label->width())) : widget->minimumSizeHint();
        if (widget->width() < need.width() || widget->height() < need.height()) problems << QStringLiteral("clipped: ") + words;
        if (button != nullptr && !words.startsWith(u'[')) problems << QStringLiteral("not translated: ") + words;
      }
    }
    QCoreApplication::removeTranslator(&pseudo);
    QVERIFY2(problems.isEmpty(), qPrintable(problems.join(u'\n')));
  }

 private:
  QString text(const char* name) { return m_window->findChild<QLabel*>(QLatin1String(name))->text(); }

  std::unique_ptr<QTemporaryDir> m_folder;
  std::unique_ptr<Settings> m_settings;
  std::unique_ptr<MainWindow> m_window;
  BenchPage* m_bench = nullptr;
};

QTEST_MAIN(WindowTest)
#include "window_test.moc"
