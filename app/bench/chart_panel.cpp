// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/chart_panel.h"

#include <qcustomplot.h>

#include <QEvent>
#include <QFontInfo>
#include <QHeaderView>
#include <QStackedWidget>
#include <QTableWidget>
#include <QVBoxLayout>

#include "support/plain_text.h"
#include "theme/theme.h"

namespace rookery::app {

ChartPanel::ChartPanel(const QString& objectName, QWidget* parent)
    : Card(parent),
      m_title(makeHeading(HeadingLevel::Section, this)),
      m_stack(new QStackedWidget(this)),
      m_plot(new QCustomPlot),
      m_table(new QTableWidget) {
  setObjectName(objectName);
  m_plot->setObjectName(objectName + u"Plot");
  m_plot->setFocusPolicy(Qt::NoFocus);  // its table twin is the one for the keyboard
  m_plot->setMinimumSize(200, 200);
  m_plot->setAttribute(Qt::WA_TransparentForMouseEvents);  // it would keep the wheel, and the page stop scrolling there
  m_plot->installEventFilter(this);
  m_table->setObjectName(objectName + u"Table");
  m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
  m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_table->setTabKeyNavigation(false);
  m_table->setShowGrid(false);
  m_table->setWordWrap(false);
  m_table->setAlternatingRowColors(true);
  m_table->setFrameShape(QFrame::NoFrame);
  m_table->verticalHeader()->hide();
  m_table->horizontalHeader()->setHighlightSections(false);
  m_stack->addWidget(m_plot);
  m_stack->addWidget(m_table);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 12, 16, 12);
  column->addWidget(m_title);
  column->addWidget(m_stack, 1);
}

void ChartPanel::setTitle(const QString& title) {
  m_title->setText(title);
  m_plot->setAccessibleName(title);
  m_table->setAccessibleName(tr("%1, as a table").arg(title));
}

void ChartPanel::setTableVisible(bool visible) { m_stack->setCurrentIndex(visible ? 1 : 0); }

void ChartPanel::refresh() {
  m_plot->clearPlottables();
  m_plot->clearItems();
  draw();
  m_plot->setBackground(palette().color(QPalette::Base));
  m_plot->legend->setFont(chartFont());
  m_plot->legend->setTextColor(palette().color(QPalette::Text));
  m_plot->legend->setBrush(Qt::NoBrush);
  m_plot->legend->setBorderPen(Qt::NoPen);
  fitLegend();
  m_plot->replot(QCustomPlot::rpQueuedReplot);
  fillTable();
}

bool ChartPanel::eventFilter(QObject* watched, QEvent* event) {
  if (watched == m_plot && event->type() == QEvent::Resize) {
    fitLegend();
    fitRange();
  }
  return Card::eventFilter(watched, event);
}

void ChartPanel::fitLegend() {
  auto* legend = m_plot->legend;
  int widest = 1;
  for (int i = 0; i < legend->itemCount(); ++i) {
    if (const auto* item = legend->item(i)) {  // a row that is not full has empty places
      widest = qMax(widest, item->minimumOuterSizeHint().width());
    }
  }
  legend->setWrap(qMax(1, (m_plot->width() - 24) / (widest + legend->columnSpacing())));
  legend->setFillOrder(QCPLayoutGrid::foColumnsFirst, true);
}

QFont ChartPanel::chartFont() const {
  QFont font = this->font();
  // By its real name: "Sans Serif" is an alias that only this toolkit resolves, and pictures travel.
  font.setFamily(QFontInfo(font).family());
  font.setPointSizeF(font.pointSizeF() * 0.9);
  return font;
}

QFont ChartPanel::valueFont() const {
  QFont font = chartFont();
  font.setPointSizeF(this->font().pointSizeF());
  font.setWeight(QFont::DemiBold);
  return font;
}

void ChartPanel::styleAxis(QCPAxis* axis, bool grid) const {
  const auto& colors = Theme::colors();
  const QColor text = palette().color(QPalette::Text);
  const QFont font = chartFont();
  axis->setBasePen(QPen(colors.line, 1));
  axis->setTickPen(Qt::NoPen);
  axis->setSubTickPen(Qt::NoPen);
  axis->setTickLabelColor(text);
  axis->setTickLabelFont(font);
  axis->setLabelFont(font);
  axis->setLabelColor(colors.mutedText);
  axis->setTickLabelPadding(6);
  axis->setLabelPadding(4);
  axis->grid()->setVisible(grid);
  axis->grid()->setPen(QPen(colors.grid, 1));
  axis->grid()->setZeroLinePen(QPen(colors.grid, 1));
  axis->grid()->setSubGridVisible(false);
}

void ChartPanel::fillTable() {
  const auto numbers = tableData();
  m_table->clear();
  m_table->setColumnCount(static_cast<int>(numbers.headers.size()));
  m_table->setRowCount(static_cast<int>(numbers.rows.size()));
  m_table->setHorizontalHeaderLabels(numbers.headers);
  for (int r = 0; r < numbers.rows.size(); ++r) {
    for (int c = 0; c < numbers.rows[r].size(); ++c) {
      auto* item = new QTableWidgetItem(displayName(numbers.rows[r][c]));
      item->setTextAlignment((c == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
      m_table->setItem(r, c, item);
    }
  }
  for (int c = 0; c < m_table->columnCount(); ++c) {
    m_table->horizontalHeaderItem(c)->setTextAlignment((c == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  }
  m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  m_table->horizontalHeader()->setMinimumSectionSize(56);
}

void ChartPanel::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
    refresh();
  }
  Card::changeEvent(event);
}

}  // namespace rookery::app
