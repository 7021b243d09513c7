// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/history_view.h"

#include <QDir>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QPushButton>
#include <QVBoxLayout>

#include "bench/bench_text.h"
#include "bench/plain_table.h"
#include "support/dialogs.h"
#include "support/format.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {

namespace {
enum Column { Date, Model, Device, Prompt, Answer, Memory, Note, kColumns };
constexpr int kGap = 20;         ///< between two columns
constexpr int kModelWidth = 150; ///< at least
/// Also the note: behind a number it would touch it.
bool onTheRight(int column) { return column >= Prompt; }
}  // namespace

HistoryView::HistoryView(const QString& folder, QWidget* parent)
    : Card(parent),
      m_history(folder),
      m_heading(makeHeading(HeadingLevel::Section, this)),
      m_empty(new MutedLabel(this)),
      m_table(makePlainTable("benchHistory")),
      m_openFolder(new QPushButton(this)) {
  m_openFolder->setObjectName(QStringLiteral("benchOpenFolder"));
  m_openFolder->setIcon(lineIcon(QStringLiteral("folder-open")));
  m_empty->setWordWrap(true);
  auto* row = new QHBoxLayout;
  row->addWidget(m_heading);
  row->addStretch();
  row->addWidget(m_openFolder);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 12, 16, 12);
  column->addLayout(row);
  column->addWidget(m_empty);
  column->addWidget(m_table);
  connect(m_openFolder, &QPushButton::clicked, this, [this] {
    QDir().mkpath(m_history.folder());
    Dialogs::instance().openUrl(m_history.folder());
  });
  connect(m_table, &QTableWidget::itemSelectionChanged, this, [this] {
    const int chosenRow = m_table->currentRow();
    if (chosenRow >= 0 && chosenRow < m_stored.size() && !m_table->selectedItems().isEmpty()) {
      Q_EMIT chosen(chosenRow);
    }
  });
  retranslate();
}

void HistoryView::reload() {
  m_stored = m_history.load();
  fill();
}

void HistoryView::clearSelection() { m_table->clearSelection(); }

void HistoryView::selectNewest() {
  if (!m_stored.isEmpty()) {
    m_table->selectRow(0);
  }
}

void HistoryView::fill() {
  const QSignalBlocker block(m_table);
  m_table->setColumnCount(kColumns);
  m_table->setHorizontalHeaderLabels({tr("Date"), tr("Model"), tr("Device"), tr("Prompt,\ntokens/s"), tr("Answer,\ntokens/s"), tr("Memory"), tr("Note")});
  m_table->setRowCount(static_cast<int>(m_stored.size()));
  for (int row = 0; row < m_stored.size(); ++row) {
    const auto& r = m_stored[row].report;
    std::uint64_t memory = 0;
    for (const auto& entry : r.measured) {
      memory += entry.bytes;
    }
    const QString model = reportTitle(r);
    const QString device = r.ranOnCpu() ? tr("CPU, %n thread(s)", nullptr, r.environment.threads) : reportDevice(r);
    setCell(m_table, row, Date, reportDate(r));
    setCell(m_table, row, Model, model, false, model);
    setCell(m_table, row, Device, device);
    setCell(m_table, row, Prompt, formatRate(speedOf(r, "pp")), true);
    setCell(m_table, row, Answer, formatRate(speedOf(r, "tg")), true);
    setCell(m_table, row, Memory, formatBytes(memory), true);
    setCell(m_table, row, Note, reportNotes(r).join(QStringLiteral(", ")), true, reportCaution(r));
  }
  for (int c = 0; c < kColumns; ++c) {
    m_table->horizontalHeaderItem(c)->setTextAlignment((onTheRight(c) ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  }
  m_table->clearSelection();
  m_table->setVisible(!m_stored.isEmpty());
  m_empty->setVisible(m_stored.isEmpty());
  fitColumns();
  fitHeight(m_table);
}

void HistoryView::fitColumns() {
  if (m_table->columnCount() < kColumns) {
    return;
  }
  auto* header = m_table->horizontalHeader();
  int widths[kColumns], sum = kModelWidth;
  for (int c = 0; c < kColumns; ++c) {
    m_table->setColumnHidden(c, false);
    header->setSectionResizeMode(c, c == Model ? QHeaderView::Stretch : QHeaderView::Fixed);
    int widest = header->sectionSizeHint(c);
    for (int row = 0; row < m_table->rowCount(); ++row) {
      widest = qMax(widest, m_table->fontMetrics().horizontalAdvance(m_table->item(row, c)->text()));
    }
    widths[c] = widest + kGap;
    sum += c == Model ? 0 : widths[c];
  }
  for (const int c : {Memory, Device}) {  // the chosen run shows them above
    if (sum > m_table->width()) {
      m_table->setColumnHidden(c, true);
      sum -= widths[c];
    }
  }
  for (int c = 0; c < kColumns; ++c) {
    if (c != Model) {
      m_table->setColumnWidth(c, widths[c]);
    }
  }
}

void HistoryView::retranslate() {
  m_heading->setText(tr("Your runs"));
  m_table->setAccessibleName(tr("Your runs"));
  m_empty->setText(tr("Your runs appear here. They stay on this computer."));
  m_openFolder->setText(tr("Ope&n folder"));
  fill();
}

void HistoryView::resizeEvent(QResizeEvent* event) {
  Card::resizeEvent(event);
  fitColumns();
}

}  // namespace rookery::app
