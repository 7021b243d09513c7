// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/bench_page.h"

#include <QBuffer>
#include <QDir>
#include <QEvent>
#include <QGridLayout>
#include <QHeaderView>
#include <QLocale>
#include <QMenu>
#include <QPainter>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QTableWidget>
#include <QVBoxLayout>
#include <cmath>

#include "bench/bench_setup.h"
#include "bench/bench_text.h"
#include "bench/charts.h"
#include "bench/steps_view.h"
#include "inference/inference_service.h"
#include "settings/device_picker.h"
#include "settings/settings.h"
#include "support/dialogs.h"
#include "inference/engine_text.h"
#include "support/format.h"
#include "support/plain_text.h"
#include "theme/card.h"
#include "theme/icons.h"
#include "theme/label.h"
#include "theme/theme.h"

namespace rookery::app {

namespace {

constexpr int kContentWidth = 1180;
constexpr qsizetype kMostInCell = 300;  ///< characters of one figure of the environment
constexpr int kPictureWidth = 1200, kPictureMargin = 24;
constexpr double kSteadyShare = 0.25;  ///< two estimates in a row that differ by less count as settled
constexpr int kSteadyNeeded = 2;

QTableWidget* plainTable(const char* name, QWidget* parent) {
  auto* table = new QTableWidget(parent);
  table->setObjectName(QLatin1String(name));
  table->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table->setSelectionBehavior(QAbstractItemView::SelectRows);
  table->setSelectionMode(QAbstractItemView::SingleSelection);
  table->setTabKeyNavigation(false);
  table->setShowGrid(false);
  table->setFrameShape(QFrame::NoFrame);
  table->verticalHeader()->hide();
  table->verticalHeader()->setDefaultSectionSize(28);
  table->horizontalHeader()->setHighlightSections(false);
  table->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  table->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);  // fitHeight() decides; the page has the rest
  return table;
}

/// As high as its rows: the page scrolls, not the table.
void fitHeight(QTableWidget* table) {
  int height = table->horizontalHeader()->isHidden() ? 0 : table->horizontalHeader()->sizeHint().height();
  for (int row = 0; row < table->rowCount(); ++row) {
    height += table->rowHeight(row);
  }
  table->setFixedHeight(height + 2);
}

}  // namespace

BenchPage::BenchPage(const QString& reportsFolder, QWidget* parent)
    : QWidget(parent),
      m_history(reportsFolder),
      m_heading(makeHeading(HeadingLevel::Page)),
      m_setup(new BenchSetup),
      m_messageCard(new Card),
      m_messageIcon(new IconLabel(QStringLiteral("bench"), 24)),
      m_message(new Label),
      m_historyHeading(makeHeading(HeadingLevel::Section)),
      m_historyEmpty(new MutedLabel),
      m_historyTable(plainTable("benchHistory", nullptr)),
      m_openFolder(new QPushButton) {
  setObjectName(QStringLiteral("benchPage"));
  auto* content = new QWidget;
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(16);
  column->addWidget(m_heading);
  column->addWidget(m_setup);

  auto* messageRow = new QHBoxLayout(m_messageCard);
  messageRow->setContentsMargins(16, 16, 16, 16);
  messageRow->setSpacing(12);
  m_message->setObjectName(QStringLiteral("benchMessage"));
  m_message->setWordWrap(true);
  m_message->setTextInteractionFlags(Qt::TextSelectableByMouse);
  messageRow->addWidget(m_messageIcon);
  messageRow->addWidget(m_message, 1);
  column->addWidget(m_messageCard);
  column->addWidget(buildProgress());
  m_result = buildResult();
  column->addWidget(m_result);
  m_result->hide();

  auto* historyCard = new Card;
  auto* historyColumn = new QVBoxLayout(historyCard);
  historyColumn->setContentsMargins(16, 12, 16, 12);
  auto* historyRow = new QHBoxLayout;
  historyRow->addWidget(m_historyHeading);
  historyRow->addStretch();
  historyRow->addWidget(m_openFolder);
  m_openFolder->setObjectName(QStringLiteral("benchOpenFolder"));
  m_openFolder->setIcon(lineIcon(QStringLiteral("folder-open")));
  historyColumn->addLayout(historyRow);
  historyColumn->addWidget(m_historyEmpty);
  historyColumn->addWidget(m_historyTable);
  column->addWidget(historyCard);
  column->addStretch();

  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  outer->addWidget(makePageScroll(content, kContentWidth, this));

  setFocusProxy(m_setup);
  connect(m_setup, &BenchSetup::runRequested, this, &BenchPage::runRequested);
  connect(m_setup, &BenchSetup::cancelRequested, this, &BenchPage::cancelRequested);
  connect(m_openFolder, &QPushButton::clicked, this, [this] {
    QDir().mkpath(m_history.folder());
    Dialogs::instance().openUrl(m_history.folder());
  });
  connect(m_historyTable, &QTableWidget::itemSelectionChanged, this, [this] {
    const int row = m_historyTable->currentRow();
    if (!m_running && row >= 0 && row < m_stored.size() && !m_historyTable->selectedItems().isEmpty()) {
      showReport(m_stored[row].report);
    }
  });
  retranslate();
}

BenchPage::~BenchPage() = default;

QWidget* BenchPage::buildProgress() {
  m_progressCard = new Card;
  m_progressCard->setObjectName(QStringLiteral("benchProgress"));
  m_steps = new StepsView(m_progressCard);
  m_bar = new QProgressBar(m_progressCard);
  m_bar->setObjectName(QStringLiteral("benchBar"));
  m_bar->setRange(0, 1000);
  m_bar->setTextVisible(false);
  m_runSubject = new Label(m_progressCard);
  m_runSubject->setObjectName(QStringLiteral("benchRunSubject"));
  QFont bold = m_runSubject->font();
  bold.setWeight(QFont::DemiBold);
  m_runSubject->setFont(bold);
  m_progressLabel = new Label(m_progressCard);
  m_progressLabel->setObjectName(QStringLiteral("benchProgressText"));
  m_timeLeft = new MutedLabel(m_progressCard);
  m_timeLeft->setObjectName(QStringLiteral("benchTimeLeft"));
  auto* row = new QHBoxLayout;
  row->addWidget(m_progressLabel, 1);
  row->addWidget(m_timeLeft);
  auto* column = new QVBoxLayout(m_progressCard);
  column->setContentsMargins(16, 12, 16, 12);
  column->addWidget(m_runSubject);
  column->addWidget(m_steps);
  column->addWidget(m_bar);
  column->addLayout(row);
  m_progressCard->hide();
  return m_progressCard;
}

QWidget* BenchPage::buildResult() {
  auto* result = new QWidget;
  m_sentence = new Label(result);
  m_sentence->setObjectName(QStringLiteral("benchSentence"));
  m_sentence->setWordWrap(true);
  m_sentence->setTextInteractionFlags(Qt::TextSelectableByMouse);
  QFont large = m_sentence->font();
  large.setPointSizeF(large.pointSizeF() * 1.2);
  m_sentence->setFont(large);
  m_subject = new MutedLabel(result);
  m_subject->setObjectName(QStringLiteral("benchSubject"));
  m_subject->setWordWrap(true);
  m_subject->setTextInteractionFlags(Qt::TextSelectableByMouse);

  m_tableView = new QPushButton(result);
  m_tableView->setObjectName(QStringLiteral("benchTableView"));
  m_tableView->setCheckable(true);
  m_tableView->setIcon(lineIcon(QStringLiteral("table")));
  m_export = new QPushButton(result);
  m_export->setObjectName(QStringLiteral("benchExport"));
  m_export->setIcon(lineIcon(QStringLiteral("export")));
  m_exportMenu = new QMenu(m_export);
  m_export->setMenu(m_exportMenu);
  for (const auto format : {Format::Json, Format::Csv, Format::Markdown, Format::Png}) {
    connect(m_exportMenu->addAction(QString()), &QAction::triggered, this, [this, format] { exportReport(format); });
  }

  m_speed = new SpeedChart;
  m_samples = new SamplesChart;
  m_memory = new MemoryChart;
  m_charts = new QWidget(result);
  auto* grid = new QGridLayout(m_charts);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setSpacing(16);
  grid->addWidget(m_speed, 0, 0);
  grid->addWidget(m_samples, 0, 1);
  grid->addWidget(m_memory, 1, 0, 1, 2);
  grid->setColumnStretch(0, 1);
  grid->setColumnStretch(1, 1);
  m_speed->setMinimumHeight(300);
  m_memory->setMinimumHeight(270);
  connect(m_tableView, &QPushButton::toggled, this, [this](bool on) {
    for (ChartPanel* panel : {static_cast<ChartPanel*>(m_speed), static_cast<ChartPanel*>(m_samples), static_cast<ChartPanel*>(m_memory)}) {
      panel->setTableVisible(on);
    }
  });

  auto* environmentCard = new Card;
  auto* environmentColumn = new QVBoxLayout(environmentCard);
  environmentColumn->setContentsMargins(16, 12, 16, 12);
  m_environmentHeading = makeHeading(HeadingLevel::Section);
  m_environment = plainTable("benchEnvironment", nullptr);
  m_environment->setColumnCount(2);
  m_environment->horizontalHeader()->hide();
  m_environment->horizontalHeader()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
  m_environment->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
  environmentColumn->addWidget(m_environmentHeading);
  environmentColumn->addWidget(m_environment);

  auto* words = new QVBoxLayout;
  words->setSpacing(4);
  words->addWidget(m_subject);  // first what, then how fast
  words->addWidget(m_sentence);
  auto* row = new QHBoxLayout;
  row->addLayout(words, 1);
  row->addWidget(m_tableView, 0, Qt::AlignTop);
  row->addWidget(m_export, 0, Qt::AlignTop);
  auto* column = new QVBoxLayout(result);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(16);
  column->addLayout(row);
  column->addWidget(m_charts);
  column->addWidget(environmentCard);
  return result;
}

void BenchPage::attach(DeviceList* devices) { m_setup->picker()->attach(devices); }

void BenchPage::attach(InferenceService* service, Settings* settings) {
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
  m_waitsFor = waitsFor;
  m_progress.reset();
  m_lastEstimate = -1;
  m_steadyEstimates = 0;
  m_setup->setRunning(true);
  m_messageCard->hide();
  m_result->hide();  // nobody may take an earlier run for this one
  m_report.reset();
  m_historyTable->clearSelection();
  m_runSubject->setText(m_setup->subject());
  m_steps->reset();
  fillProgress();
  m_progressCard->show();
}

void BenchPage::showProgress(const engine::BenchProgress& progress) {
  m_progress = progress;
  m_steps->setProgress(progress);
  // A first guess that jumps about is worse than none.
  const bool measuring = progress.step == engine::BenchStep::Prefill || progress.step == engine::BenchStep::Decode ||
                         progress.step == engine::BenchStep::State;
  const double left = measuring ? progress.secondsLeft : -1;
  const bool steady = left >= 0 && m_lastEstimate >= 0 && std::abs(left - m_lastEstimate) <= kSteadyShare * std::max(m_lastEstimate, 2.0);
  m_steadyEstimates = left < 0 ? 0 : steady ? m_steadyEstimates + 1 : 0;
  m_lastEstimate = left;
  fillProgress();
}

void BenchPage::fillProgress() {
  const QString waits = waitingText(m_waitsFor);
  const QString text = m_progress ? progressText(*m_progress) : waits.isEmpty() ? tr("Loading the model") : waits;
  m_bar->setValue(m_progress ? static_cast<int>(std::lround(1000 * m_progress->fraction)) : 0);
  if (!text.isEmpty()) {
    m_progressLabel->setText(text);
  }
  m_timeLeft->setText(m_steadyEstimates >= kSteadyNeeded ? tr("about %1 left").arg(formatDuration(m_lastEstimate)) : QString());
}

void BenchPage::finish() {
  m_running = false;
  m_setup->setRunning(false);
  m_progressCard->hide();
}

void BenchPage::showReport(const engine::BenchReport& report) {
  finish();
  m_report = report;
  m_messageCard->hide();
  m_result->show();
  m_speed->setReport(report);
  m_samples->setReport(report);
  m_memory->setReport(report);
  const bool speeds = !speedSeries(report).empty();
  m_speed->setVisible(speeds);
  m_samples->setVisible(speeds);
  m_memory->setVisible(!report.planned.empty() || !report.measured.empty());
  fillResult();
}

void BenchPage::storeReport(const engine::BenchReport& report) {
  if (report.partial && speedSeries(report).empty()) {  // the time to a first token alone is no result
    showError({engine::ErrorCode::Cancelled, {}, {}});
    return;
  }
  showReport(report);
  if (const auto saved = m_history.save(report); !saved) {
    showMessage(QStringLiteral("warning"), [error = saved.error()] { return errorText(error); });
  }
  reloadHistory();
}

void BenchPage::showError(const engine::Error& error) {
  finish();
  if (error.code == engine::ErrorCode::Cancelled) {
    showMessage(QStringLiteral("info"), [] { return tr("Cancelled before the first result."); });
    return;
  }
  showMessage(QStringLiteral("error"), [error] { return errorText(error); });
  m_message->setToolTip(plainToolTip(errorDetails(error)));
}

void BenchPage::showMessage(const QString& icon, std::function<QString()> text) {
  m_messageIcon->setIconName(icon);
  m_messageText = std::move(text);
  m_message->setText(m_messageText());
  m_message->setToolTip(plainToolTip({}));
  m_messageCard->show();
}

void BenchPage::exportReport(Format format) {
  if (!m_report) {
    return;
  }
  struct Kind {
    QString suffix, filter;
  };
  const Kind kinds[] = {{QStringLiteral("json"), tr("Report (*.json)")}, {QStringLiteral("csv"), tr("Table of every run (*.csv)")},
                        {QStringLiteral("md"), tr("Markdown (*.md)")}, {QStringLiteral("png"), tr("Picture of the charts (*.png)")}};
  const auto& kind = kinds[static_cast<int>(format)];
  const QString name = QStringLiteral("rookery-%1.%2").arg(QString::fromStdString(m_report->model), kind.suffix);
  const QString path = Dialogs::instance().saveFile(this, tr("Export the report"), QDir::home().filePath(name), kind.filter);
  if (path.isEmpty()) {
    return;
  }
  engine::Result<void> written;
  switch (format) {
    case Format::Json: written = writeFile(path, QByteArray::fromStdString(engine::reportJson(*m_report))); break;
    case Format::Csv: written = writeFile(path, QByteArray::fromStdString(engine::reportCsv(*m_report))); break;
    case Format::Markdown: written = writeFile(path, QByteArray::fromStdString(engine::reportMarkdown(*m_report))); break;
    case Format::Png: {
      QByteArray bytes;
      QBuffer buffer(&bytes);
      picture().save(&buffer, "PNG");
      written = writeFile(path, bytes);
      break;
    }
  }
  if (written) {
    showMessage(QStringLiteral("ok"), [path] { return tr("Saved as %1.").arg(QDir::toNativeSeparators(path)); });
  } else {
    showMessage(QStringLiteral("error"), [error = written.error()] { return errorText(error); });
  }
}

QImage BenchPage::picture() const {
  const bool tables = m_tableView->isChecked();
  m_tableView->setChecked(false);
  const QPixmap charts = m_charts->grab();
  m_tableView->setChecked(tables);
  const qreal ratio = charts.devicePixelRatio();
  const int width = std::max(kPictureWidth, static_cast<int>(charts.width() / ratio) + 2 * kPictureMargin);

  // As high as the words need: a long processor name or a translation takes more lines.
  struct Words {
    QString text;
    QFont font;
    QColor color;
    int height;
  };
  QList<Words> words{{m_subject->text(), font(), Theme::colors().mutedText, 0}, {m_sentence->text(), m_sentence->font(), palette().color(QPalette::WindowText), 0}};
  int head = kPictureMargin;
  for (auto& part : words) {
    part.height = QFontMetrics(part.font).boundingRect(QRect(0, 0, width - 2 * kPictureMargin, 10'000), Qt::TextWordWrap, part.text).height();
    head += part.height + kPictureMargin / 2;
  }
  QImage image(QSize(static_cast<int>(width * ratio), static_cast<int>(std::ceil((charts.height() / ratio + head + kPictureMargin) * ratio))), QImage::Format_RGB32);
  image.setDevicePixelRatio(ratio);
  image.fill(palette().color(QPalette::Window));
  QPainter painter(&image);
  int top = kPictureMargin;
  for (const auto& part : words) {
    painter.setPen(part.color);
    painter.setFont(part.font);
    painter.drawText(QRect(kPictureMargin, top, width - 2 * kPictureMargin, part.height), Qt::TextWordWrap, part.text);
    top += part.height + kPictureMargin / 2;
  }
  painter.drawPixmap(QPointF((width - charts.width() / ratio) / 2, head), charts);
  return image;
}

void BenchPage::fillResult() {
  m_sentence->setText(reportSentence(*m_report));
  m_subject->setText(reportSubject(*m_report));
  fillEnvironment();
}

void BenchPage::fillEnvironment() {
  const auto& env = m_report->environment;
  const auto text = [](const std::string& value) { return QString::fromStdString(value); };
  QStringList tokens;
  for (const auto token : m_report->greedyTokens) {
    tokens << QString::number(token);
  }
  QStringList features;
  if (env.gpu) {
    for (const auto& feature : env.gpu->features) {
      features << text(feature);
    }
  }
  const QList<std::pair<QString, QString>> rows{
      {tr("Date"), reportDate(*m_report)},
      {tr("Processor"), text(env.cpu)},
      {tr("Instruction set"), text(env.isa)},
      {tr("Threads"), m_report->cpuTookPart() ? tr("%1 of %2 cores").arg(env.threads).arg(env.physicalCores) : QString()},
      {tr("Memory"), env.memoryTotal > 0 ? formatBytes(env.memoryTotal) : QString()},
      {tr("Device"), reportDevice(*m_report)},
      {tr("Driver"), text(env.driver)},
      {tr("Interface"), m_report->ranOnCpu() ? QString() : text(env.api)},
      {tr("Device memory"), env.gpu && env.gpu->memory > 0 ? formatBytes(env.gpu->memory) : QString()},
      {tr("Features used"), features.join(QStringLiteral(", "))},
      {tr("System"), QStringList{text(env.os), text(env.kernel)}.filter(QRegularExpression(QStringLiteral("."))).join(QStringLiteral(", "))},
      {tr("Power"), text(env.powerSource)},
      {tr("Clock governor"), text(env.governor)},
      {tr("Build"), QStringList{text(env.build), text(env.compiler)}.filter(QRegularExpression(QStringLiteral("."))).join(QStringLiteral(", "))},
      {tr("Read for each token"), m_report->bytesPerToken > 0 ? formatBytes(m_report->bytesPerToken) : QString()},
      {tr("Share of the read limit"), m_report->ranOnCpu() || m_report->hasLimit() ? QString()
                                         : m_report->onSeveralDevices()                      ? tr("not measured: several devices share the work, and each has a limit of its own")
                                                                                             : tr("not measured")},
      {tr("Model SHA-256"), text(m_report->modelSha256)},
      {tr("First answer tokens"), tokens.mid(0, 16).join(u' ')}};
  m_environment->setRowCount(0);
  for (const auto& [name, value] : rows) {
    if (value.isEmpty()) {
      continue;
    }
    const int row = m_environment->rowCount();
    m_environment->insertRow(row);
    m_environment->setItem(row, 0, new QTableWidgetItem(displayName(name)));
    m_environment->setItem(row, 1, new QTableWidgetItem(displayName(value, kMostInCell)));
  }
  fitHeight(m_environment);
}

void BenchPage::reloadHistory() {
  m_stored = m_history.load();
  fillHistory();
}

void BenchPage::fillHistory() {
  const QSignalBlocker block(m_historyTable);
  const QStringList headers{tr("Date"), tr("Model"), tr("Device"), tr("Weights"), tr("Precision"), tr("Prompt, tokens/s"), tr("Answer, tokens/s"), tr("Memory")};
  m_historyTable->setColumnCount(static_cast<int>(headers.size()));
  m_historyTable->setHorizontalHeaderLabels(headers);
  m_historyTable->setRowCount(static_cast<int>(m_stored.size()));
  for (int row = 0; row < m_stored.size(); ++row) {
    const auto& r = m_stored[row].report;
    std::uint64_t memory = 0;
    for (const auto& entry : r.measured) {
      memory += entry.bytes;
    }
    const QStringList cells{reportDate(r), reportModel(r),
                            r.ranOnCpu() ? tr("CPU, %n thread(s)", nullptr, r.environment.threads) : reportDevice(r), QString::fromStdString(r.weights) + (r.partial ? tr(" (partial)") : QString()),
                            QString::fromStdString(r.precision), formatRate(speedOf(r, "pp")), formatRate(speedOf(r, "tg")),
                            formatBytes(memory)};
    for (int c = 0; c < cells.size(); ++c) {
      auto* item = new QTableWidgetItem(displayName(cells[c]));
      item->setTextAlignment((c >= 5 ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
      m_historyTable->setItem(row, c, item);
    }
  }
  for (int c = 0; c < headers.size(); ++c) {
    m_historyTable->horizontalHeaderItem(c)->setTextAlignment((c >= 5 ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  }
  m_historyTable->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
  m_historyTable->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
  m_historyTable->clearSelection();
  m_historyTable->setVisible(!m_stored.isEmpty());
  m_historyEmpty->setVisible(m_stored.isEmpty());
  fitHeight(m_historyTable);
}

void BenchPage::retranslate() {
  m_heading->setText(tr("Benchmark"));
  m_bar->setAccessibleName(tr("Progress of the benchmark"));
  m_tableView->setText(tr("Table view"));
  m_tableView->setAccessibleName(tr("Show the charts as tables"));
  m_export->setText(tr("Export"));
  m_export->setAccessibleName(tr("Export the report"));
  const QString formats[] = {tr("Report, &JSON…"), tr("Every run, &CSV…"), tr("Tables, &Markdown…"), tr("Charts, &PNG…")};
  for (int i = 0; i < 4; ++i) {
    m_exportMenu->actions().at(i)->setText(formats[i]);
  }
  m_speed->setTitle(tr("Speed"));
  m_samples->setTitle(tr("Every run"));
  m_memory->setTitle(tr("Memory by part"));
  m_environmentHeading->setText(tr("Measured on"));
  m_environment->setAccessibleName(tr("Measured on"));
  m_historyHeading->setText(tr("Your runs"));
  m_historyTable->setAccessibleName(tr("Your runs"));
  m_historyEmpty->setText(tr("Your runs appear here. They stay on this computer."));
  m_openFolder->setText(tr("Ope&n folder"));
  if (m_report) {
    m_speed->refresh();
    m_samples->refresh();
    m_memory->refresh();
    fillResult();
  } else if (!m_running && !m_messageText) {
    showMessage(QStringLiteral("bench"), [] {
      return tr("No result yet. Run measures how fast this computer reads and answers, in about one minute for a small model and "
                "without any download.");
    });
  }
  if (m_messageText) {
    m_message->setText(m_messageText());
  }
  fillProgress();
  fillHistory();
}

void BenchPage::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) {
    retranslate();
    // The setup is told after this page; what it calls its choice is known then.
    QMetaObject::invokeMethod(this, [this] { m_runSubject->setText(m_setup->subject()); }, Qt::QueuedConnection);
  }
  QWidget::changeEvent(event);
}

void BenchPage::showEvent(QShowEvent* event) {
  if (!m_historyRead) {
    m_historyRead = true;
    reloadHistory();  // reads and checks every report: not before somebody looks
  }
  if (!m_report && !m_running && !m_stored.isEmpty()) {
    m_historyTable->selectRow(0);  // the newest run is what one comes back for
  }
  if (!m_running) {
    m_setup->setPowerSource(QString::fromStdString(engine::describeEnvironment(0).powerSource));
  }
  QWidget::showEvent(event);
}

}  // namespace rookery::app
