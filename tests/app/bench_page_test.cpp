// SPDX-License-Identifier: GPL-3.0-or-later
#include <qcustomplot.h>

#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>

#include "bench/bench_page.h"
#include "bench/bench_setup.h"
#include "bench/bench_text.h"
#include "bench/charts.h"
#include "bench/progress_card.h"
#include "bench/run_time.h"
#include "bench/steps_view.h"
#include "inference/inference_service.h"
#include "settings/settings.h"
#include "shell_support.h"
#include "theme/theme.h"

using namespace rookery::app;
using rookery::engine::BenchProgress;
using rookery::engine::BenchStep;

namespace {

QStringList column(const QTableWidget* table, int index) {
  QStringList cells;
  for (int row = 0; row < table->rowCount(); ++row) cells << table->item(row, index)->text();
  return cells;
}

template <class T>
T* child(const QWidget& page, const char* name) {
  auto* found = page.findChild<T*>(QLatin1String(name));
  if (found == nullptr) qFatal("no child %s", name);
  return found;
}

QByteArray contents(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

}  // namespace

class BenchPageTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() { m_folder = std::make_unique<QTemporaryDir>(); }

  void runAsksForWhatWasChosen() {
    BenchPage page(m_folder->path());
    page.show();
    QSignalSpy asked(&page, &BenchPage::runRequested);
    auto* model = child<QComboBox>(page, "benchModel");
    model->setCurrentIndex(model->findText(QStringLiteral("RWKV-7 0.4B"), Qt::MatchContains));
    auto* precision = child<QComboBox>(page, "benchPrecision");
    precision->setCurrentIndex(precision->findText(QStringLiteral("q8_0")));
    child<QPushButton>(page, "benchRun")->click();
    QCOMPARE(asked.count(), 1);
    const auto request = asked[0][0].value<rookery::engine::BenchRequest>();
    QCOMPARE(request.syntheticShape, std::string("rwkv7-0.4b"));
    QVERIFY(request.precision == rookery::engine::DType::Q8_0);
    QVERIFY(request.modelPath.empty());
    QVERIFY(!request.guide);
  }

  void aChosenFileIsMeasured() {
    BenchPage page(m_folder->path());
    test::PreparedDialogs dialogs;
    dialogs.answer = QStringLiteral("/models/some model.pth");
    auto* model = child<QComboBox>(page, "benchModel");
    child<QPushButton>(page, "benchBrowse")->click();
    QVERIFY2(dialogs.filter.contains(QStringLiteral("*.pth *.pt *.ckpt ")) && dialogs.filter.endsWith(QStringLiteral("(*)")), qPrintable(dialogs.filter));
    QCOMPARE(model->currentText(), QStringLiteral("some model.pth"));
    QCOMPARE(page.setup()->request().modelPath, std::filesystem::path("/models/some model.pth"));
    QVERIFY(!page.setup()->request().precision);
  }

  // A closed box is stepped through with arrow keys and the wheel; no step may open a dialog.
  void theKeyboardStepsThroughAllModels() {
    BenchPage page(m_folder->path());
    page.show();
    test::PreparedDialogs dialogs;
    dialogs.answer = QStringLiteral("/never asked for");
    auto* model = child<QComboBox>(page, "benchModel");
    QTest::keyClick(model, Qt::Key_Home);
    QSet<QString> seen{model->currentText()};
    for (int i = 0; i < model->count(); ++i) {
      QTest::keyClick(model, Qt::Key_Down);
      seen << model->currentText();
    }
    QCOMPARE(seen.size(), model->count() - 1);  // all but the separator
    QVERIFY(!model->currentText().contains(QStringLiteral("never")));
    QCOMPARE(page.setup()->request().syntheticShape, model->currentData(Qt::UserRole + 1).toString().toStdString());
  }

  void anEarlierRunIsNotTakenForThisOne() {
    BenchPage page(m_folder->path());
    page.show();
    page.storeReport(test::handMadeReport());
    auto* sentence = child<QLabel>(page, "benchSentence");
    QVERIFY(sentence->isVisible());
    page.showStarted();
    QVERIFY(!sentence->isVisible());
    QCOMPARE(child<QLabel>(page, "benchRunSubject")->text(), QStringLiteral("Synthetic RWKV-7 0.1B, fp16"));
    page.showError({rookery::engine::ErrorCode::Cancelled, "", ""});
    QVERIFY(!sentence->isVisible());
    child<QTableWidget>(page, "benchHistory")->selectRow(0);
    QVERIFY(sentence->isVisible());
    QVERIFY(child<QLabel>(page, "benchSubject")->y() < sentence->y());  // what was measured stands first
  }

  // Run, pressed, with the built-in model and a protocol of a second.
  void runMeasuresWithTheRealEngine() {
    RealBench bench(m_folder->path());
    BenchPage& page = bench.page;
    QSignalSpy progress(&bench.service, &InferenceService::benchProgress);
    child<QPushButton>(page, "benchRun")->click();
    QVERIFY(page.isRunning());
    QTRY_VERIFY_WITH_TIMEOUT(!page.isRunning(), kRunTimeout);
    QVERIFY(progress.count() > 5);
    QVERIFY(page.report());
    QCOMPARE(page.report()->weights, std::string("guide"));
    QVERIFY(page.report()->find("pp8") != nullptr && page.report()->find("tg4") != nullptr);
    QVERIFY(page.report()->find("tg4")->median > 0);
    QVERIFY(page.report()->find("tg4")->cpuShare > 0);
    QVERIFY(child<QLabel>(page, "benchSentence")->text().startsWith(QStringLiteral("Answers at")));
    QVERIFY(child<QLabel>(page, "benchSubject")->text().startsWith(QStringLiteral("Guide model")));
    QCOMPARE(child<QTableWidget>(page, "benchHistory")->rowCount(), 1);
    QCOMPARE(QDir(bench.settings.reportsFolder()).entryList(QDir::Files).size(), 1);
  }

  // The chat's model stays loaded and is not counted; what the run itself takes is explained.
  void theChatsModelIsNotCounted() {
    RealBench bench(m_folder->path());
    QSignalSpy loaded(&bench.service, &InferenceService::modelLoaded);
    bench.service.load({});
    QVERIFY(loaded.wait(kRunTimeout));
    auto protocol = shortProtocol();
    protocol.promptTokens = 600;  // every buffer is used
    bench.page.setup()->setProtocol(protocol);
    child<QPushButton>(bench.page, "benchRun")->click();
    QTRY_VERIFY_WITH_TIMEOUT(!bench.page.isRunning(), kRunTimeout);
    const auto& report = bench.page.report();
    QVERIFY(report);
    std::uint64_t chat = 0, planned = 0, measured = 0;
    for (const auto& entry : bench.service.model()->memory) chat += entry.bytes;
    for (const auto& row : report->planned) planned += row.bytes;
    for (const auto& entry : report->measured) measured += entry.bytes;
    QVERIFY(chat > 0);
    QVERIFY(report->keptBytes >= chat);
    QVERIFY(report->residentBefore > report->keptBytes);
    QCOMPARE(planned, measured);
    const double unexplained = static_cast<double>(report->unexplainedBytes()) / 1e6;
    qInfo("unexplained: %.2f MB of %.2f MB, in the program before: %.2f MB", unexplained, static_cast<double>(measured) / 1e6,
          static_cast<double>(report->residentBefore) / 1e6);
    QVERIFY2(std::abs(unexplained) < 8, qPrintable(QString::number(unexplained)));

    const auto* table = child<QTableWidget>(bench.page, "memoryChartTable");
    const auto names = column(table, 0);
    double sum = 0;
    for (const char* name : {"all parts", "not explained", "the chat's model, which stayed loaded", "the program itself"}) {
      const auto row = static_cast<int>(names.indexOf(QLatin1String(name)));
      QVERIFY2(row >= 0, name);
      sum += QLocale().toDouble(table->item(row, 2)->text());
    }
    const double whole = QLocale().toDouble(table->item(table->rowCount() - 1, 2)->text());
    QVERIFY2(std::abs(sum - whole) < 0.01, qPrintable(QStringLiteral("%1 and %2").arg(sum).arg(whole)));
    QVERIFY(QString::fromStdString(rookery::engine::reportMarkdown(*report)).contains(QStringLiteral("| other models, which stayed loaded |")));
  }

  void cancelStopsTheRealEngine() {
    RealBench bench(m_folder->path());
    BenchPage& page = bench.page;
    auto endless = shortProtocol();
    endless.generateTokens = 10'000'000;
    page.setup()->setProtocol(endless);
    QSignalSpy progress(&bench.service, &InferenceService::benchProgress);
    child<QPushButton>(page, "benchRun")->click();
    QVERIFY(progress.wait(kRunTimeout));
    child<QPushButton>(page, "benchCancel")->click();
    QTRY_VERIFY_WITH_TIMEOUT(!page.isRunning(), kRunTimeout);
    QVERIFY(child<QPushButton>(page, "benchRun")->isVisible());
  }

  // The engine does one thing after the other; a second request says what it waits for.
  void aRunThatMustWaitSaysForWhat() {
    RealBench bench(m_folder->path());
    BenchPage& page = bench.page;
    auto endless = shortProtocol();
    endless.generateTokens = 10'000'000;
    endless.guide = true;
    QSignalSpy progress(&bench.service, &InferenceService::benchProgress);
    const JobId other = bench.service.bench(endless);
    QVERIFY(progress.wait(kRunTimeout));
    child<QPushButton>(page, "benchRun")->click();
    QCOMPARE(child<QLabel>(page, "benchProgressText")->text(), QStringLiteral("Waiting for the benchmark to end…"));
    QTest::qWait(100);
    QVERIFY(page.isRunning());
    bench.service.stop(other);
    QTRY_VERIFY_WITH_TIMEOUT(!page.isRunning(), kRunTimeout);
    QVERIFY(page.report());
  }

  void theRunIsShownLiveAndCanBeCancelled() {
    BenchPage page(m_folder->path());
    page.show();
    page.showStarted();
    auto* cancel = child<QPushButton>(page, "benchCancel");
    QVERIFY(cancel->isVisible());
    QVERIFY(!child<QPushButton>(page, "benchRun")->isVisible());
    BenchProgress progress;
    progress.step = BenchStep::Decode;
    progress.test = "tg128";
    progress.run = 3;
    progress.plannedRuns = 5;
    progress.lastValue = 61.2;
    progress.spread = 0.011;
    progress.fraction = 0.6;
    progress.secondsLeft = 62;
    progress.secondsLeftAtMost = 80;
    page.showProgress(progress);
    const auto* text = child<QLabel>(page, "benchProgressText");
    QVERIFY2(text->text().contains(QStringLiteral("run 3 of 5")), qPrintable(text->text()));
    QVERIFY(text->text().contains(QStringLiteral("1.1 %")));
    const auto* left = child<QLabel>(page, "benchTimeLeft");
    QCOMPARE(left->text(), QStringLiteral("about 1:00 left"));
    progress.result = test::handMadeReport().series[0];
    page.showProgress(progress);
    const auto* soFar = child<QLabel>(page, "benchSoFar");
    QVERIFY2(soFar->isVisible() && soFar->text().contains(QStringLiteral("Prompt, 512 tokens: 1,000 tokens/s ± 1.0 %")), qPrintable(soFar->text()));
    QCOMPARE(child<StepsView>(page, "benchSteps")->currentStep(), 3);

    QSignalSpy cancelled(&page, &BenchPage::cancelRequested);
    cancel->click();
    QCOMPARE(cancelled.count(), 1);
    page.showError({rookery::engine::ErrorCode::Cancelled, "cancelled", ""});
    QVERIFY(!page.isRunning());
    QVERIFY(child<QPushButton>(page, "benchRun")->isVisible());
    QVERIFY(child<QLabel>(page, "benchMessage")->text().startsWith(QStringLiteral("Cancelled")));
  }

  void aRunCancelledBeforeAnySpeedLeavesNothing() {
    BenchPage page(m_folder->path());
    page.show();
    page.showStarted();
    auto report = test::handMadeReport();
    report.partial = true;
    report.series.resize(1);
    report.series[0].test = "first-token";
    report.series[0].unit = "ms";
    report.series[0].noisy = true;
    page.storeReport(report);
    QVERIFY(!page.isRunning());
    const auto* message = child<QLabel>(page, "benchMessage");
    QVERIFY(message->isVisible());
    QCOMPARE(message->text(), QStringLiteral("Cancelled before the first result."));
    for (const char* name : {"speedChartPlot", "samplesChartPlot", "memoryChartPlot"}) QVERIFY2(!child<QWidget>(page, name)->isVisible(), name);
    QVERIFY(QDir(m_folder->path()).entryList(QDir::Files).isEmpty());
    QCOMPARE(child<QTableWidget>(page, "benchHistory")->rowCount(), 0);
  }

  void aChartWithoutDataIsHidden() {
    BenchPage page(m_folder->path());
    page.show();
    auto report = test::handMadeReport();
    report.planned.clear();
    report.measured.clear();
    page.showReport(report);
    QVERIFY(child<QWidget>(page, "speedChartPlot")->isVisible());
    QVERIFY(!child<QWidget>(page, "memoryChartPlot")->isVisible());
    report = test::handMadeReport();
    report.series.clear();
    page.showReport(report);
    QVERIFY(!child<QWidget>(page, "speedChartPlot")->isVisible());
    QVERIFY(!child<QWidget>(page, "samplesChartPlot")->isVisible());
    QVERIFY(child<QWidget>(page, "memoryChartPlot")->isVisible());
  }

  void onlyShownTestsMakeTheComputerBusy() {
    BenchPage page(m_folder->path());
    auto report = test::handMadeReport();
    auto hidden = report.series[0];
    hidden.test = "first-token";
    hidden.unit = "ms";
    hidden.noisy = true;
    report.series.push_back(hidden);
    page.showReport(report);
    const auto* caution = child<QLabel>(page, "benchCaution");
    page.show();
    QVERIFY(!caution->isVisible());
    QVERIFY(reportNotes(report).isEmpty());
    report.series[1].noisy = true;
    page.showReport(report);
    QVERIFY(caution->isVisible());
    QVERIFY(caution->text().contains(QStringLiteral("the runs differ more than they should")));
    QCOMPARE(reportNotes(report), QStringList(QStringLiteral("noisy")));
    report.series[1].noisy = false;
    report.series[1].busy = true;  // disturbed evenly: the runs agree all the same
    page.showReport(report);
    QVERIFY(caution->text().contains(QStringLiteral("other programs took part of the processor")));
    page.storeReport(report);  // and the history says it
    QCOMPARE(column(child<QTableWidget>(page, "benchHistory"), 6), QStringList(QStringLiteral("busy")));
    report.partial = true;
    report.series[0].samples.resize(1);
    QCOMPARE(reportNotes(report), QStringList({QStringLiteral("busy"), QStringLiteral("cancelled"), QStringLiteral("1 run(s)")}));
  }

  // Warned, not refused, before anything is measured; nothing below moves when that changes.
  void aBusyComputerIsWarnedAbout() {
    BenchPage page(m_folder->path());
    page.resize(1000, 800);
    page.show();
    page.setup()->setThreads(2);
    const auto* text = child<QLabel>(page, "benchOthersText");
    page.setup()->setOthers(0.02, 2);
    QVERIFY(text->isVisible());
    QVERIFY2(text->text().contains(QStringLiteral("good moment")), qPrintable(text->text()));
    QCoreApplication::processEvents();
    const int below = child<QWidget>(page, "benchHistory")->parentWidget()->y();
    page.setup()->setOthers(1.6, 2);
    QCoreApplication::processEvents();
    QVERIFY2(text->text().contains(QStringLiteral("Other programs use 80 % of the processor now")), qPrintable(text->text()));
    QCOMPARE(child<QWidget>(page, "benchHistory")->parentWidget()->y(), below);
    QVERIFY(child<QPushButton>(page, "benchRun")->isEnabled());
  }

  // What the report holds beside the speeds is on the page, with the same figures.
  void theOtherTimesAreShown() {
    BenchPage page(m_folder->path());
    auto report = test::handMadeReport();
    const auto add = [&](const char* test, std::vector<double> samples, double median, double mad) {
      rookery::engine::BenchSeries s;
      s.test = test;
      s.unit = "ms";
      s.samples = std::move(samples);
      s.median = median;
      s.mad = mad;
      s.min = s.max = median;
      report.series.push_back(s);
    };
    add("load", {1234.5}, 1234.5, 0);
    add("first-token", {57.1, 57.25, 57.4}, 57.25, 0.15);
    add("state-save", {1.5, 1.625}, 1.5626, 0.0626);
    add("state-restore", {0.75, 0.75, 0.75}, 0.75, 0);
    add("state-fork", {0.0424, 0.0424, 0.05}, 0.0424, 0.001);
    page.showReport(report);
    const auto* times = child<QTableWidget>(page, "benchTimes");
    QCOMPARE(column(times, 0), QStringList({QStringLiteral("Loading the model"), QStringLiteral("First token after a short question"),
                                            QStringLiteral("Saving the state"), QStringLiteral("Restoring the state"), QStringLiteral("Copying the state")}));
    QCOMPARE(column(times, 2)[0], QStringLiteral("–"));
    const QString markdown = QString::fromStdString(rookery::engine::reportMarkdown(report));
    const char* tests[] = {"load", "first-token", "state-save", "state-restore", "state-fork"};
    for (int row = 0; row < 5; ++row) {
      const QString median = times->item(row, 1)->text();
      QVERIFY2(median.endsWith(QStringLiteral(" ms")), qPrintable(median));
      const QString figure = median.chopped(3).remove(QLocale().groupSeparator());
      QVERIFY2(markdown.contains(QStringLiteral("| %1 | %2 |").arg(QLatin1String(tests[row]), figure)), qPrintable(figure + u'\n' + markdown));
      QVERIFY(times->item(row, 0)->toolTip().contains(QLatin1String(tests[row])));
    }
    report.series.resize(3);
    page.showReport(report);
    QVERIFY(!times->parentWidget()->isVisibleTo(&page));
  }

  void chartsHoldTheReportsValues() {
    BenchPage page(m_folder->path());
    page.showReport(test::handMadeReport());
    auto* speed = child<QCustomPlot>(page, "speedChartPlot");
    QList<double> medians, errors;
    for (int i = 0; i < speed->plottableCount(); ++i) {
      if (auto* bars = qobject_cast<QCPBars*>(speed->plottable(i))) {
        for (const auto& bar : *bars->data()) medians << bar.value;
      } else if (auto* whiskers = qobject_cast<QCPErrorBars*>(speed->plottable(i))) {
        for (const auto& error : *whiskers->data()) errors << error.errorPlus;
      }
    }
    QCOMPARE(medians, QList<double>({1000, 50, 40}));
    QCOMPARE(errors, QList<double>({10, 0.5, 1}));

    auto* samples = child<QCustomPlot>(page, "samplesChartPlot");
    QCOMPARE(samples->graphCount(), 3);
    QCOMPARE(samples->graph(1)->dataCount(), 4);
    QCOMPARE(samples->graph(1)->data()->at(0)->value, 98.0);
    QSet<int> shapes;
    for (int i = 0; i < 3; ++i) shapes << samples->graph(i)->scatterStyle().shape();
    QCOMPARE(shapes.size(), 3);  // told apart without colour

    for (const char* name : {"speedChartPlot", "samplesChartPlot", "memoryChartPlot"}) {
      auto* plot = child<QCustomPlot>(page, name);
      const bool horizontal = QLatin1String(name) == QLatin1String("memoryChartPlot");
      QVERIFY2(!(horizontal ? plot->xAxis : plot->yAxis)->label().isEmpty(), name);
    }
  }

  void oneRunHasNoSpread() {
    BenchPage page(m_folder->path());
    auto report = test::handMadeReport();
    const auto keep = [&](std::size_t runs) {
      for (auto& s : report.series) s.samples.resize(runs);
      for (auto& s : report.series) s.mad = runs == 1 ? 0 : s.mad;
    };
    const auto whiskers = [&] {
      int count = 0;
      auto* speed = child<QCustomPlot>(page, "speedChartPlot");
      for (int i = 0; i < speed->plottableCount(); ++i) count += qobject_cast<QCPErrorBars*>(speed->plottable(i)) != nullptr ? 1 : 0;
      return count;
    };
    const auto* sentence = child<QLabel>(page, "benchSentence");
    auto* table = child<QTableWidget>(page, "speedChartTable");
    page.showReport(report);
    QCOMPARE(whiskers(), 3);
    QVERIFY(!sentence->text().contains(QStringLiteral("spread")));
    keep(2);
    page.showReport(report);
    QCOMPARE(whiskers(), 3);
    QVERIFY2(sentence->text().contains(QStringLiteral("2 runs: the spread is only indicative.")), qPrintable(sentence->text()));
    QCOMPARE(column(table, 5), QStringList(3, QStringLiteral("2")));
    keep(1);
    page.showReport(report);
    QCOMPARE(whiskers(), 0);
    QVERIFY2(sentence->text().contains(QStringLiteral("One run only, so there is no spread.")), qPrintable(sentence->text()));
    QCOMPARE(column(table, 2), QStringList(3, QStringLiteral("–")));
    QCOMPARE(column(table, 5), QStringList(3, QStringLiteral("1")));
  }

  void theTableTwinHoldsTheChartsNumbers() {
    BenchPage page(m_folder->path());
    page.show();
    page.showReport(test::handMadeReport());
    auto* memory = page.findChild<MemoryChart*>();
    double stackedPlanned = 0, stackedMeasured = 0;
    for (int i = 0; i < memory->plot()->plottableCount(); ++i) {
      if (auto* bars = qobject_cast<QCPBars*>(memory->plot()->plottable(i))) {
        stackedMeasured += bars->data()->at(0)->value;
        stackedPlanned += bars->data()->at(1)->value;
      }
    }
    const auto names = column(memory->table(), 0);
    const auto total = static_cast<int>(names.indexOf(QStringLiteral("all parts")));
    QCOMPARE(memory->table()->item(total, 1)->text(), QString::number(stackedPlanned, 'f', 3));
    QCOMPARE(memory->table()->item(total, 2)->text(), QString::number(stackedMeasured, 'f', 3));
    QVERIFY(names.contains(QStringLiteral("block1")));  // the table does not join the blocks
    QCOMPARE(column(child<QTableWidget>(page, "speedChartTable"), 1), QStringList({QStringLiteral("1,000"), QStringLiteral("50.0"), QStringLiteral("40.0")}));
    QCOMPARE(child<QTableWidget>(page, "samplesChartTable")->rowCount(), 10);

    auto* table = child<QTableWidget>(page, "speedChartTable");
    QVERIFY(!table->isVisible());
    child<QPushButton>(page, "benchTableView")->click();
    QVERIFY(table->isVisible());
    QVERIFY(table->focusPolicy() & Qt::TabFocus);
  }

  void theSentenceAndTheLabelsAreThere() {
    BenchPage page(m_folder->path());
    page.showReport(test::handMadeReport());
    const QString sentence = child<QLabel>(page, "benchSentence")->text();
    QVERIFY2(sentence.contains(QStringLiteral("Answers at 50.0 tokens/s")), qPrintable(sentence));
    QVERIFY(sentence.contains(QStringLiteral("80 % of the measured memory bandwidth")));
    QVERIFY(child<QLabel>(page, "benchSubject")->text().contains(QStringLiteral("weights: synthetic")));
    auto partial = test::handMadeReport();
    partial.partial = true;
    page.showReport(partial);
    QVERIFY(child<QLabel>(page, "benchCaution")->text().contains(QStringLiteral("cancelled")));
    auto cached = test::handMadeReport();
    cached.percentOfBandwidth = 131;  // a model of a few MB
    page.showReport(cached);
    QVERIFY(child<QLabel>(page, "benchSentence")->text().contains(QStringLiteral("faster than memory was measured at")));
    QVERIFY(!child<QLabel>(page, "benchSentence")->text().contains(u'%'));
  }

  void exportsAreWritten() {
    BenchPage page(m_folder->path());
    page.resize(1000, 800);
    page.show();
    test::PreparedDialogs dialogs;
    const auto report = test::handMadeReport();
    page.showReport(report);
    dialogs.answer = m_folder->filePath(QStringLiteral("r.json"));
    page.exportReport(BenchPage::Format::Json);
    QCOMPARE(contents(dialogs.answer).toStdString(), rookery::engine::reportJson(report));
    dialogs.answer = m_folder->filePath(QStringLiteral("r.csv"));
    page.exportReport(BenchPage::Format::Csv);
    QCOMPARE(contents(dialogs.answer).toStdString(), rookery::engine::reportCsv(report));
    dialogs.answer = m_folder->filePath(QStringLiteral("r.md"));
    page.exportReport(BenchPage::Format::Markdown);
    QCOMPARE(contents(dialogs.answer).toStdString(), rookery::engine::reportMarkdown(report));
    dialogs.answer = m_folder->filePath(QStringLiteral("r.png"));
    page.exportReport(BenchPage::Format::Png);
    QVERIFY(QImage(dialogs.answer).width() >= 1000);
    const int height = QImage(dialogs.answer).height();
    auto wordy = report;  // a long name needs more lines, and the picture grows with them
    wordy.environment.cpu = std::string(600, 'x');
    for (int i = 0; i < 60; ++i) wordy.environment.cpu[static_cast<std::size_t>(i) * 10] = ' ';
    page.showReport(wordy);
    page.exportReport(BenchPage::Format::Png);
    QVERIFY(QImage(dialogs.answer).height() > height + 2 * page.fontMetrics().height());
    page.showReport(report);
    const auto* notice = child<QLabel>(page, "benchNotice");
    QVERIFY(notice->text().contains(QStringLiteral("Saved as ")));
    dialogs.answer = m_folder->filePath(QStringLiteral("no/such/folder/r"));
    for (const auto& [format, name] : {std::pair{BenchPage::Format::Json, "r.json"}, std::pair{BenchPage::Format::Png, "r.png"}}) {
      page.exportReport(format);
      for (const QString& part : {QString::fromLatin1(name), m_folder->filePath(QStringLiteral("no/such/folder")), QStringLiteral("No such file or directory"),
                                  QStringLiteral("Choose another folder")})
        QVERIFY2(notice->text().contains(part), qPrintable(notice->text() + u'\n' + part));
    }
  }

  void exportsGetTheirSuffixAndTheirName() {
    auto report = test::handMadeReport();
    report.model = "rwkv7-0.1b";
    report.environment.date = "2026-11-20T12:00:00Z";
    QCOMPARE(exportName(report, ExportFormat::Json), QStringLiteral("rookery-rwkv7-0.1b-fp16-cpu-2026-11-20.json"));
    report.environment.device = "vulkan:0";
    report.environment.gpu = rookery::engine::BenchGpu{"../Card / 7\n<b>", 1, false, {}};
    report.model = "../../x";
    QCOMPARE(exportName(report, ExportFormat::Png), QStringLiteral("rookery-x-fp16-card-7-b-2026-11-20.png"));
    const QList<std::tuple<QString, ExportFormat, QString>> paths{
        {QStringLiteral("/a/r1"), ExportFormat::Json, QStringLiteral("/a/r1.json")},       {QStringLiteral("/a/r1.json"), ExportFormat::Json, QStringLiteral("/a/r1.json")},
        {QStringLiteral("/a/r.JSON"), ExportFormat::Json, QStringLiteral("/a/r.JSON")},    {QStringLiteral("/a/rwkv7-0.1b"), ExportFormat::Csv, QStringLiteral("/a/rwkv7-0.1b.csv")},
        {QStringLiteral("/a/r.txt"), ExportFormat::Markdown, QStringLiteral("/a/r.txt")},  {QStringLiteral("/a.b/r"), ExportFormat::Png, QStringLiteral("/a.b/r.png")}};
    for (const auto& [chosen, format, path] : paths) QCOMPARE(withSuffix(chosen, format), path);
  }

  // The folder is remembered; the notice comes below the page, where it moves nothing.
  void exportingMovesNothing() {
    RealBench bench(m_folder->path());
    BenchPage& page = bench.page;
    page.resize(900, 600);
    page.showReport(test::handMadeReport());
    QCoreApplication::processEvents();
    test::PreparedDialogs dialogs;
    const auto* button = child<QPushButton>(page, "benchExport");
    const QPoint before = button->mapTo(&page, QPoint());
    dialogs.answer = m_folder->filePath(QStringLiteral("r1"));
    page.exportReport(BenchPage::Format::Csv);
    QCoreApplication::processEvents();
    QVERIFY(child<QLabel>(page, "benchNotice")->isVisible());
    QCOMPARE(button->mapTo(&page, QPoint()), before);
    QVERIFY(QFile::exists(m_folder->filePath(QStringLiteral("r1.csv"))));
    QCOMPARE(bench.settings.exportFolder(), m_folder->path());
    page.exportReport(BenchPage::Format::Csv);  // r1.csv is there now, which the dialog could not know
    QCOMPARE(dialogs.confirmed.size(), 1);
    QFile kept(m_folder->filePath(QStringLiteral("r1.csv")));
    QVERIFY(kept.open(QIODevice::WriteOnly));
    kept.write("mine");
    kept.close();
    dialogs.agrees = false;
    page.exportReport(BenchPage::Format::Csv);
    QCOMPARE(dialogs.confirmed.size(), 2);
    QCOMPARE(kept.size(), 4);
    QVERIFY(dialogs.suggested.startsWith(m_folder->path() + QStringLiteral("/rookery-hand-made-fp16-cpu-")));
  }

  void shapesAreSortedAndSpelledAlike() {
    QCOMPARE(shapeTitle(QStringLiteral("rwkv7-0.1b")), QStringLiteral("RWKV-7 0.1B"));
    QCOMPARE(shapeTitle(QStringLiteral("rwkv6-1b6")), QStringLiteral("RWKV-6 1.6B"));
    QCOMPARE(shapeTitle(QStringLiteral("rwkv4-169m")), QStringLiteral("RWKV-4 169M"));
    QCOMPARE(shapeTitle(QStringLiteral("rwkv4-14b")), QStringLiteral("RWKV-4 14B"));
    QCOMPARE(shapeTitle(QStringLiteral("hand-made")), QStringLiteral("hand-made"));
    BenchPage page(m_folder->path());
    const auto* model = child<QComboBox>(page, "benchModel");
    QStringList shapes;
    for (int i = 0; i < model->count(); ++i)
      if (const QString name = model->itemText(i).section(QStringLiteral("Synthetic "), 1); !name.isEmpty()) shapes << name;
    QCOMPARE(shapes.mid(0, 3), QStringList({QStringLiteral("RWKV-7 0.1B"), QStringLiteral("RWKV-7 0.4B"), QStringLiteral("RWKV-7 1.5B")}));
    QCOMPARE(shapes.mid(6, 4), QStringList({QStringLiteral("RWKV-6 1.6B"), QStringLiteral("RWKV-6 3B"), QStringLiteral("RWKV-6 7B"), QStringLiteral("RWKV-6 14B")}));
    QCOMPARE(shapes.mid(10, 3), QStringList({QStringLiteral("RWKV-5 0.1B"), QStringLiteral("RWKV-5 0.4B"), QStringLiteral("RWKV-5 1.5B")}));
    QCOMPARE(shapes.last(), QStringLiteral("RWKV-4 14B"));
  }

  void timeLeftCountsDown() {
    BenchProgress progress;
    progress.step = BenchStep::Decode;
    progress.test = "tg128";
    progress.secondsLeft = 100;
    progress.secondsLeftAtMost = 260;
    QCOMPARE(timeLeftText(progress, 0), QStringLiteral("about 1:40 left, at most 4:20"));
    QCOMPARE(timeLeftText(progress, 60), QStringLiteral("about 40 s left, at most 3:20"));
    QCOMPARE(timeLeftText(progress, 130), QStringLiteral("at most 2:10 left"));
    progress.secondsLeftAtMost = 100;
    QCOMPARE(timeLeftText(progress, 0), QStringLiteral("about 1:40 left"));
    QCOMPARE(timeLeftText(progress, 200), QStringLiteral("almost done"));
    progress.secondsLeft = -1;
    QVERIFY(timeLeftText(progress, 0).isEmpty());
    progress.secondsLeft = 100;
    progress.step = BenchStep::Load;
    QVERIFY(timeLeftText(progress, 0).isEmpty());  // no speed was measured yet
  }

  void theTimeOfARunIsToldBeforeIt() {
    rookery::engine::BenchRequest request;
    const auto blind = expectedTime(request, 289e6, 191e6, nullptr);
    QVERIFY(blind.least < 60 && blind.most > 120);
    auto earlier = test::handMadeReport();  // 1,000 and 50 tokens/s with 1 M parameters and 2 MB for each token
    const auto known = expectedTime(request, 20e6, 10e6, &earlier);
    // 7..26 runs of 5.12 s, 17..42 of 25.6 s, and what loading and the read limit take.
    QVERIFY2(known.least > 0.8 * (7 * 5.12 + 17 * 25.6) && known.least < 7 * 5.12 + 17 * 25.6, qPrintable(QString::number(known.least)));
    QVERIFY2(known.most > 26 * 5.12 + 42 * 25.6 && known.most < 1.4 * (26 * 5.12 + 42 * 25.6), qPrintable(QString::number(known.most)));
    QCOMPARE(timeRangeText({5, 40}), QStringLiteral("Takes less than a minute."));
    QCOMPARE(timeRangeText({30, 300}), QStringLiteral("Takes up to 5 minute(s)."));
    QCOMPARE(timeRangeText({70, 250}), QStringLiteral("Takes 1 to 4 minutes."));
    QCOMPARE(timeRangeText({170, 190}), QStringLiteral("Takes about 3 minute(s)."));
  }

  void theWheelScrollsThePageOverAChart() {
    BenchPage page(m_folder->path());
    page.resize(700, 600);
    page.showReport(test::handMadeReport());
    page.show();
    QCoreApplication::processEvents();
    auto* scroll = page.findChild<QScrollArea*>();
    const auto* plot = child<QCustomPlot>(page, "speedChartPlot");
    scroll->ensureWidgetVisible(const_cast<QCustomPlot*>(plot), 0, 0);
    const QPoint at = plot->mapTo(&page, plot->rect().center());
    QVERIFY(page.rect().contains(at));
    QVERIFY(page.childAt(at) != nullptr && page.childAt(at) != plot);  // else the plot would keep the wheel
  }

  // From 640 px on nothing of the page is wider than the window, at any length of text.
  void everythingFitsANarrowWindow() {
    BenchPage page(m_folder->path());
    for (const int width : {560, 870, 1310}) {  // of the page: the window less its rail
      page.resize(width, 700);
      page.show();
      page.storeReport(test::handMadeReport());
      QCoreApplication::processEvents();
      const auto* scroll = page.findChild<QScrollArea*>();
      QVERIFY2(scroll->horizontalScrollBar()->maximum() == 0, qPrintable(QStringLiteral("%1: %2 too wide").arg(width).arg(scroll->horizontalScrollBar()->maximum())));
      const auto* run = child<QPushButton>(page, "benchRun");
      QVERIFY(QRect(QPoint(), page.size()).contains(QRect(run->mapTo(&page, QPoint()), run->size())));
      const auto* history = child<QTableWidget>(page, "benchHistory");
      int used = 0;
      for (int c = 0; c < history->columnCount(); ++c) used += history->isColumnHidden(c) ? 0 : history->columnWidth(c);
      QVERIFY2(used <= history->viewport()->width(), qPrintable(QStringLiteral("%1: %2 of %3").arg(width).arg(used).arg(history->viewport()->width())));
      page.showStarted();
      QCoreApplication::processEvents();
      QVERIFY(scroll->horizontalScrollBar()->maximum() == 0);
      const auto* steps = child<StepsView>(page, "benchSteps");
      QTRY_VERIFY2(steps->height() >= steps->heightForWidth(steps->width()), qPrintable(QStringLiteral("%1: %2 of %3").arg(steps->width()).arg(steps->height()).arg(steps->heightForWidth(steps->width()))));
      page.showError({rookery::engine::ErrorCode::Cancelled, {}, {}});
    }
  }

  void ownRunsAreKept() {
    {
      BenchPage page(m_folder->path());
      page.storeReport(test::handMadeReport());
      auto later = test::handMadeReport();
      later.model = "later";
      later.environment.date = "2026-11-21T10:00:00Z";
      page.storeReport(later);
    }
    QFile damaged(m_folder->filePath(QStringLiteral("damaged.json")));
    QVERIFY(damaged.open(QIODevice::WriteOnly));
    damaged.write("{\"schema\": 1}");
    damaged.close();
    BenchPage page(m_folder->path());
    page.show();
    auto* history = child<QTableWidget>(page, "benchHistory");
    QCOMPARE(column(history, 1), QStringList({QStringLiteral("later, fp16, synthetic"), QStringLiteral("hand-made, fp16, synthetic")}));
    QVERIFY(page.report());
    QCOMPARE(page.report()->model, std::string("later"));  // the newest run is shown at once
    history->selectRow(1);
    QCOMPARE(page.report()->model, std::string("hand-made"));
    QCOMPARE(page.report()->find("pp512")->samples.size(), std::size_t{3});
  }

  void batteryPowerIsWarnedAbout() {
    BenchPage page(m_folder->path());
    page.show();
    page.setup()->setPowerSource(QStringLiteral("battery"));
    QVERIFY(child<QWidget>(page, "benchWarning")->isVisible());
    QVERIFY(child<QPushButton>(page, "benchRun")->isEnabled());  // warned, not refused
    page.setup()->setPowerSource(QStringLiteral("AC"));
    QVERIFY(!child<QWidget>(page, "benchWarning")->isVisible());
  }

  void chartsFollowTheTheme() {
    Theme theme(*qApp);
    theme.setChoice(ThemeChoice::Light);
    BenchPage page(m_folder->path());
    page.resize(900, 700);
    page.show();
    page.showReport(test::handMadeReport());
    auto* plot = child<QCustomPlot>(page, "speedChartPlot");
    QCoreApplication::processEvents();
    const int light = plot->toPixmap(200, 150).toImage().pixelColor(1, 1).lightness();
    theme.setChoice(ThemeChoice::Dark);
    QCoreApplication::processEvents();
    const int dark = plot->toPixmap(200, 150).toImage().pixelColor(1, 1).lightness();
    QVERIFY(light > 240);
    QVERIFY(dark < 70);
  }

  void theLanguageChangesInTheMiddle() {
    BenchPage page(m_folder->path());
    page.show();
    page.showStarted();
    BenchProgress progress;
    progress.step = BenchStep::Load;
    page.showProgress(progress);
    test::PseudoLocale pseudo;
    QCoreApplication::installTranslator(&pseudo);
    QCoreApplication::processEvents();
    QVERIFY(child<QLabel>(page, "benchProgressText")->text().startsWith(u'['));
    QTRY_VERIFY2(child<QLabel>(page, "benchRunSubject")->text().startsWith(u'['), qPrintable(child<QLabel>(page, "benchRunSubject")->text()));
    page.showError({rookery::engine::ErrorCode::OutOfMemory, "", ""});
    QCoreApplication::removeTranslator(&pseudo);
    QCoreApplication::processEvents();
    QVERIFY(child<QLabel>(page, "benchMessage")->text().startsWith(QStringLiteral("There is too little")));
  }

 private:
  static constexpr int kRunTimeout = 60'000;

  static rookery::engine::BenchRequest shortProtocol() {
    rookery::engine::BenchRequest protocol;
    protocol.promptTokens = 8;
    protocol.generateTokens = 4;
    protocol.minReps = protocol.maxReps = 1;
    protocol.measureBandwidth = false;
    return protocol;
  }

  /// The page on a real engine, the guide chosen and the short protocol set.
  struct RealBench {
    explicit RealBench(const QString& folder) : settings(Paths::inside(folder)), page(settings.reportsFolder()) {
      settings.setThreads(1);
      page.attach(&service, &settings);
      page.setup()->setProtocol(shortProtocol());
      page.show();
      auto* model = child<QComboBox>(page, "benchModel");
      model->setCurrentIndex(model->findText(QStringLiteral("Guide model"), Qt::MatchStartsWith));
    }
    Settings settings;
    InferenceService service;
    BenchPage page;
  };

  std::unique_ptr<QTemporaryDir> m_folder;
};

QTEST_MAIN(BenchPageTest)
#include "bench_page_test.moc"
