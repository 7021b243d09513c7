// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/result_view.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLocale>
#include <QMenu>
#include <QPushButton>
#include <QRegularExpression>
#include <QVBoxLayout>

#include "bench/bench_text.h"
#include "bench/charts_view.h"
#include "bench/plain_table.h"
#include "support/format.h"
#include "theme/card.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {

ResultView::ResultView(QWidget* parent)
    : QWidget(parent),
      m_subject(new MutedLabel(this)),
      m_sentence(new Label(this)),
      m_caution(new Label),
      m_cautionBox(new QWidget(this)),
      m_tableView(new QPushButton(this)),
      m_export(new QPushButton(this)),
      m_exportMenu(new QMenu(m_export)),
      m_charts(new ChartsView(this)),
      m_timesCard(new Card(this)),
      m_timesHeading(makeHeading(HeadingLevel::Section)),
      m_environmentHeading(makeHeading(HeadingLevel::Section)),
      m_times(makePlainTable("benchTimes")),
      m_environment(makePlainTable("benchEnvironment")) {
  m_sentence->setObjectName(QStringLiteral("benchSentence"));
  m_subject->setObjectName(QStringLiteral("benchSubject"));
  m_caution->setObjectName(QStringLiteral("benchCaution"));
  QFont large = m_sentence->font();
  large.setPointSizeF(large.pointSizeF() * 1.2);
  m_sentence->setFont(large);
  for (Label* label : {m_subject, m_sentence, m_caution}) {
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  }
  auto* cautionRow = new QHBoxLayout(m_cautionBox);
  cautionRow->setContentsMargins(0, 4, 0, 0);
  cautionRow->addWidget(new IconLabel(QStringLiteral("warning"), 20), 0, Qt::AlignTop);
  cautionRow->addWidget(m_caution, 1);

  m_tableView->setObjectName(QStringLiteral("benchTableView"));
  m_tableView->setCheckable(true);
  m_tableView->setIcon(lineIcon(QStringLiteral("table")));
  m_export->setObjectName(QStringLiteral("benchExport"));
  m_export->setIcon(lineIcon(QStringLiteral("export")));
  m_export->setMenu(m_exportMenu);
  for (const auto format : {ExportFormat::Json, ExportFormat::Csv, ExportFormat::Markdown, ExportFormat::Png}) {
    connect(m_exportMenu->addAction(QString()), &QAction::triggered, this, [this, format] { Q_EMIT exportRequested(format); });
  }
  connect(m_tableView, &QPushButton::toggled, m_charts, &ChartsView::setTablesVisible);

  m_times->setColumnCount(4);
  m_times->horizontalHeader()->setMinimumSectionSize(80);
  m_environment->setColumnCount(2);
  m_environment->horizontalHeader()->hide();
  m_environment->horizontalHeader()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
  m_environment->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
  m_environment->setWordWrap(true);  // a device's features need more than a line
  connect(m_environment->horizontalHeader(), &QHeaderView::sectionResized, this, [this](int section) {
    if (section == 1) {
      m_environment->resizeRowsToContents();
      fitHeight(m_environment);
    }
  });
  auto* environmentCard = new Card(this);
  const auto put = [](Card* card, Label* heading, QTableWidget* table) {
    auto* column = new QVBoxLayout(card);
    column->setContentsMargins(16, 12, 16, 12);
    column->addWidget(heading);
    column->addWidget(table);
  };
  put(m_timesCard, m_timesHeading, m_times);
  put(environmentCard, m_environmentHeading, m_environment);

  auto* words = new QVBoxLayout;
  words->setSpacing(4);
  words->addWidget(m_subject);  // first what, then how fast
  words->addWidget(m_sentence);
  words->addWidget(m_cautionBox);
  auto* row = new QHBoxLayout;
  row->addLayout(words, 1);
  row->addWidget(m_tableView, 0, Qt::AlignTop);
  row->addWidget(m_export, 0, Qt::AlignTop);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(16);
  column->addLayout(row);
  column->addWidget(m_charts);
  column->addWidget(m_timesCard);
  column->addWidget(environmentCard);
  retranslate();
}

void ResultView::setReport(const engine::BenchReport& report) {
  m_report = report;
  m_charts->setReport(report);
  fill();
}

void ResultView::fill() {
  m_sentence->setText(reportSentence(*m_report));
  m_subject->setText(reportSubject(*m_report));
  m_caution->setText(reportCaution(*m_report));
  m_cautionBox->setVisible(!m_caution->text().isEmpty());
  fillTimes();
  fillEnvironment();
}

void ResultView::fillTimes() {
  const std::pair<const char*, QString> kinds[] = {{"load", tr("Loading the model")},
                                                  {"first-token", tr("First token after a short question")},
                                                  {"state-save", tr("Saving the state")},
                                                  {"state-restore", tr("Restoring the state")},
                                                  {"state-fork", tr("Copying the state")}};
  m_times->setHorizontalHeaderLabels({tr("What"), tr("Median"), tr("± MAD"), tr("Runs")});
  m_times->setRowCount(0);
  for (const auto& [test, title] : kinds) {
    const auto* series = m_report->find(test);
    if (series == nullptr) {
      continue;
    }
    const auto time = [](double ms) { return tr("%1 ms").arg(QLocale().toString(ms, 'f', 3)); };
    const int row = m_times->rowCount();
    m_times->insertRow(row);
    setCell(m_times, row, 0, title, false, tr("\"%1\" in the report").arg(QLatin1String(test)));
    setCell(m_times, row, 1, time(series->median), true);
    setCell(m_times, row, 2, series->hasSpread() ? time(series->mad) : QStringLiteral("–"), true);
    setCell(m_times, row, 3, QLocale().toString(static_cast<int>(series->samples.size())), true);
  }
  for (int c = 1; c < m_times->columnCount(); ++c) {
    m_times->horizontalHeaderItem(c)->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    m_times->horizontalHeader()->setSectionResizeMode(c, QHeaderView::ResizeToContents);
  }
  m_times->horizontalHeaderItem(0)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
  m_times->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
  m_timesCard->setVisible(m_times->rowCount() > 0);
  fitHeight(m_times);
}

void ResultView::fillEnvironment() {
  const auto& env = m_report->environment;
  const auto text = [](const std::string& value) { return QString::fromStdString(value); };
  static const QRegularExpression something(QStringLiteral("."));
  QStringList tokens, features;
  for (const auto token : m_report->greedyTokens) {
    tokens << QString::number(token);
  }
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
      {tr("System"), QStringList{text(env.os), text(env.kernel)}.filter(something).join(QStringLiteral(", "))},
      {tr("Power"), text(env.powerSource)},
      {tr("Clock governor"), text(env.governor)},
      {tr("Build"), QStringList{text(env.build), text(env.compiler)}.filter(something).join(QStringLiteral(", "))},
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
    setCell(m_environment, row, 0, name);
    setCell(m_environment, row, 1, value);
  }
  m_environment->resizeRowsToContents();
  fitHeight(m_environment);
}

void ResultView::retranslate() {
  m_tableView->setText(tr("Table view"));
  m_tableView->setAccessibleName(tr("Show the charts as tables"));
  m_export->setText(tr("Export"));
  m_export->setAccessibleName(tr("Export the report"));
  const QString formats[] = {tr("Report, &JSON…"), tr("Every run, &CSV…"), tr("Tables, &Markdown…"), tr("Charts, &PNG…")};
  for (int i = 0; i < 4; ++i) {
    m_exportMenu->actions().at(i)->setText(formats[i]);
  }
  m_timesHeading->setText(tr("Other times"));
  m_times->setAccessibleName(tr("Other times"));
  m_environmentHeading->setText(tr("Measured on"));
  m_environment->setAccessibleName(tr("Measured on"));
  m_charts->retranslate();
  if (m_report) {
    fill();
  }
}

}  // namespace rookery::app
