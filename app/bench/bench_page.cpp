// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/bench_page.h"

#include <QDir>
#include <QEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "bench/bench_setup.h"
#include "bench/charts.h"
#include "bench/history_view.h"
#include "bench/progress_card.h"
#include "bench/result_view.h"
#include "inference/engine_text.h"
#include "inference/inference_service.h"
#include "settings/device_picker.h"
#include "settings/settings.h"
#include "support/dialogs.h"
#include "support/plain_text.h"
#include "theme/card.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {

namespace {
constexpr int kContentWidth = 1180;
constexpr int kLoadInterval = 1500;  ///< ms
}  // namespace

QWidget* BenchPage::firstField() const { return m_setup->firstField(); }

void BenchPage::Saying::say(const QString& iconName, std::function<QString()> what) {
  icon->setIconName(iconName);
  text = std::move(what);
  label->setText(text());
  label->setToolTip(plainToolTip({}));
  card->show();
}

void BenchPage::Saying::repeat() {
  if (text) {
    label->setText(text());
  }
}

BenchPage::Saying BenchPage::makeSaying(const char* objectName) {
  Saying saying{new Card, new IconLabel(QStringLiteral("bench"), 24), new Label, {}};
  saying.label->setObjectName(QLatin1String(objectName));
  saying.label->setWordWrap(true);
  saying.label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  auto* row = new QHBoxLayout(saying.card);
  row->setContentsMargins(16, 12, 16, 12);
  row->setSpacing(12);
  row->addWidget(saying.icon);
  row->addWidget(saying.label, 1);
  saying.card->hide();
  return saying;
}

BenchPage::BenchPage(const QString& reportsFolder, QWidget* parent)
    : PageWidget(parent),
      m_heading(makeHeading(HeadingLevel::Page)),
      m_setup(new BenchSetup),
      m_message(makeSaying("benchMessage")),
      m_progress(new ProgressCard),
      m_result(new ResultView),
      m_history(new HistoryView(reportsFolder)),
      m_notice(makeSaying("benchNotice")),
      m_noticeClose(new QPushButton) {
  setObjectName(QStringLiteral("benchPage"));
  auto* content = new QWidget;
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(16);
  for (QWidget* part : {static_cast<QWidget*>(m_heading), static_cast<QWidget*>(m_setup), static_cast<QWidget*>(m_message.card),
                        static_cast<QWidget*>(m_progress), static_cast<QWidget*>(m_result), static_cast<QWidget*>(m_history)}) {
    column->addWidget(part);
  }
  column->addStretch();
  m_progress->hide();
  m_result->hide();
  m_noticeClose->setIcon(lineIcon(QStringLiteral("close")));
  m_noticeClose->setFlat(true);
  m_notice.card->layout()->addWidget(m_noticeClose);

  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  outer->setSpacing(0);
  outer->addWidget(makePageScroll(content, kContentWidth, this), 1);
  outer->addWidget(m_notice.card);

  connect(m_setup, &BenchSetup::runRequested, this, &BenchPage::runRequested);
  connect(m_setup, &BenchSetup::cancelRequested, this, &BenchPage::cancelRequested);
  connect(m_setup, &BenchSetup::deviceChanged, this, &BenchPage::updateEarlier);
  connect(m_result, &ResultView::exportRequested, this, &BenchPage::exportReport);
  connect(m_noticeClose, &QPushButton::clicked, m_notice.card, &QWidget::hide);
  connect(m_history, &HistoryView::chosen, this, [this](int index) {
    if (!m_running) {
      showReport(m_history->reports()[index].report);
    }
  });
  m_loadTimer.setInterval(kLoadInterval);
  connect(&m_loadTimer, &QTimer::timeout, this, &BenchPage::watchLoad);
  retranslate();
}

BenchPage::~BenchPage() = default;

void BenchPage::attach(DeviceList* devices) { m_setup->picker()->attach(devices); }

void BenchPage::attach(InferenceService* service, Settings* settings) {
  m_settings = settings;
  m_setup->picker()->setChoice(settings->device());
  connect(settings, &Settings::deviceChanged, m_setup, [this, settings] { m_setup->picker()->setChoice(settings->device()); });
  m_setup->setThreads(settings->threads());
  connect(settings, &Settings::threadsChanged, m_setup, [this](int threads) { m_setup->setThreads(threads); });
  auto job = std::make_shared<JobId>(0);
  connect(this, &BenchPage::runRequested, service, [this, service, job](const engine::BenchRequest& request) {
    showStarted(service->runningWork());
    *job = service->bench(request);
  });
  connect(this, &BenchPage::cancelRequested, service, [service, job] { service->stop(*job); });
  connect(service, &InferenceService::benchProgress, this, [this, job](quint64 id, const engine::BenchProgress& progress) {
    if (id == *job) showProgress(progress);
  });
  connect(service, &InferenceService::benchFinished, this, [this, job](quint64 id, const engine::BenchReport& report) {
    if (id == *job) storeReport(report);
  });
  connect(service, &InferenceService::benchFailed, this, [this, job](quint64 id, const engine::Error& error) {
    if (id == *job) showError(error);
  });
  const auto loaded = [this](const LoadedModel& model) { m_setup->setLoadedModel(model.isGuide ? QString() : model.name, model.path); };
  connect(service, &InferenceService::modelLoaded, this, [loaded](quint64, const LoadedModel& model) { loaded(model); });
  if (service->model()) {
    loaded(*service->model());
  }
}

void BenchPage::showStarted(EngineWork waitsFor) {
  m_running = true;
  m_loadTimer.stop();  // the run itself is what keeps the processors busy
  m_setup->setRunning(true);
  m_message.card->hide();
  m_notice.card->hide();
  m_result->hide();  // nobody may take an earlier run for this one
  m_report.reset();
  m_history->clearSelection();
  m_progress->show();
  m_progress->start(m_setup->subject(), m_setup->expectedTime(), waitsFor);
}

void BenchPage::showProgress(const engine::BenchProgress& progress) { m_progress->setProgress(progress); }

void BenchPage::finish() {
  m_running = false;
  m_setup->setRunning(false);
  m_progress->hide();
  if (isVisible()) {
    m_loadTimer.start();
  }
}

void BenchPage::showReport(const engine::BenchReport& report) {
  finish();
  m_report = report;
  m_message.card->hide();
  m_result->setReport(report);
  m_result->show();
}

void BenchPage::storeReport(const engine::BenchReport& report) {
  if (report.partial && speedSeries(report).empty()) {  // the time to a first token alone is no result
    showError({engine::ErrorCode::Cancelled, {}, {}});
    return;
  }
  showReport(report);
  if (const auto saved = m_history->save(report); !saved) {
    m_notice.say(QStringLiteral("warning"), [this, error = saved.error()] { return exportFailure(m_history->folder() + QStringLiteral("/report.json"), error); });
  }
  m_history->reload();
  updateEarlier();
}

void BenchPage::showError(const engine::Error& error) {
  finish();
  if (error.code == engine::ErrorCode::Cancelled) {
    m_message.say(QStringLiteral("info"), [] { return tr("Cancelled before the first result."); });
    return;
  }
  m_message.say(QStringLiteral("error"), [error] { return errorText(error); });
  m_message.label->setToolTip(plainToolTip(errorDetails(error)));
}

void BenchPage::exportReport(Format format) {
  if (!m_report) {
    return;
  }
  QString folder = m_settings != nullptr ? m_settings->exportFolder() : m_exportFolder;
  if (folder.isEmpty() || !QFileInfo(folder).isDir()) {
    folder = QDir::homePath();
  }
  const QString chosen = Dialogs::instance().saveFile(this, tr("Export the report"), QDir(folder).filePath(exportName(*m_report, format)), exportFilter(format));
  if (chosen.isEmpty()) {
    return;
  }
  const QString path = withSuffix(chosen, format);
  // The dialog asked about the name without the suffix.
  if (path != chosen && QFileInfo::exists(path) &&
      !Dialogs::instance().confirm(this, tr("Replace the file?"), tr("%1 is there already.").arg(QDir::toNativeSeparators(path)), tr("Replace"))) {
    return;
  }
  m_exportFolder = QFileInfo(path).path();
  if (m_settings != nullptr) {
    m_settings->setExportFolder(m_exportFolder);
  }
  if (const auto written = writeFile(path, exportBytes(*m_report, format, this))) {
    m_notice.say(QStringLiteral("ok"), [path] { return tr("Saved as %1.").arg(QDir::toNativeSeparators(path)); });
  } else {
    m_notice.say(QStringLiteral("error"), [path, error = written.error()] { return exportFailure(path, error); });
  }
}

void BenchPage::watchLoad() {
  const auto others = m_load.others();
  if (others) {
    m_setup->setOthers(*others, m_load.machineProcessors());
  }
}

/// The newest run on the device that is chosen now tells how long the next one will take.
void BenchPage::updateEarlier() {
  const bool onCpu = engine::namesCpu(m_setup->request().strategy);
  const StoredReport* found = nullptr;
  for (const auto& stored : m_history->reports()) {
    if (stored.report.ranOnCpu() == onCpu && !stored.report.onSeveralDevices() && !stored.report.partial && speedSeries(stored.report).size() > 1) {
      found = &stored;
      break;
    }
  }
  m_setup->setEarlier(found != nullptr ? std::optional(found->report) : std::nullopt);
}

void BenchPage::retranslate() {
  m_heading->setText(tr("Benchmark"));
  m_noticeClose->setAccessibleName(tr("Close the notice"));
  m_noticeClose->setToolTip(plainToolTip(tr("Close the notice")));
  m_result->retranslate();
  m_progress->retranslate();
  m_history->retranslate();
  if (!m_report && !m_running && !m_message.text) {
    m_message.say(QStringLiteral("bench"), [] {
      return tr("No result yet. Run measures how fast this computer reads and answers, without any download.");
    });
  }
  m_message.repeat();
  m_notice.repeat();
}

void BenchPage::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) {
    retranslate();
    // The setup is told after this page; what it calls its choice is known then.
    QMetaObject::invokeMethod(this, [this] { m_progress->setSubject(m_setup->subject(), m_setup->expectedTime()); }, Qt::QueuedConnection);
  }
  QWidget::changeEvent(event);
}

void BenchPage::showEvent(QShowEvent* event) {
  if (!m_historyRead) {
    m_historyRead = true;
    m_history->reload();  // reads and checks every report: not before somebody looks
    updateEarlier();
  }
  if (!m_report && !m_running) {
    m_history->selectNewest();  // the newest run is what one comes back for
  }
  if (!m_running) {
    m_setup->setPowerSource(QString::fromStdString(engine::describeEnvironment(0).powerSource));
    watchLoad();
    m_loadTimer.start();
  }
  QWidget::showEvent(event);
}

void BenchPage::hideEvent(QHideEvent* event) {
  m_loadTimer.stop();
  QWidget::hideEvent(event);
}

}  // namespace rookery::app
