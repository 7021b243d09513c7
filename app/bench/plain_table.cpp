// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/plain_table.h"

#include <QHeaderView>

#include "support/plain_text.h"

namespace rookery::app {

namespace {
constexpr int kRowHeight = 28;
constexpr qsizetype kMostInCell = 300;  ///< characters
}  // namespace

QTableWidget* makePlainTable(const char* objectName) {
  auto* table = new QTableWidget;
  table->setObjectName(QLatin1String(objectName));
  table->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table->setSelectionBehavior(QAbstractItemView::SelectRows);
  table->setSelectionMode(QAbstractItemView::SingleSelection);
  table->setTabKeyNavigation(false);
  table->setShowGrid(false);
  table->setFrameShape(QFrame::NoFrame);
  table->setWordWrap(false);
  table->verticalHeader()->hide();
  table->verticalHeader()->setDefaultSectionSize(kRowHeight);
  table->horizontalHeader()->setHighlightSections(false);
  table->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  table->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);  // fitHeight() decides; the page has the rest
  return table;
}

void fitHeight(QTableWidget* table) {
  int height = table->horizontalHeader()->isHidden() ? 0 : table->horizontalHeader()->sizeHint().height();
  for (int row = 0; row < table->rowCount(); ++row) {
    height += table->rowHeight(row);
  }
  table->setFixedHeight(height + 2);
}

void setCell(QTableWidget* table, int row, int column, const QString& text, bool number, const QString& hint) {
  auto* item = new QTableWidgetItem(displayName(text, kMostInCell));
  item->setTextAlignment((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  if (!hint.isEmpty()) {
    item->setToolTip(plainToolTip(hint));
  }
  table->setItem(row, column, item);
}

}  // namespace rookery::app
