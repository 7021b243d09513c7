// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTableWidget>

namespace rookery::app {

/// A table that is read, not edited, without grid and frame, as high as its rows after fitHeight().
QTableWidget* makePlainTable(const char* objectName);
/// As high as its rows: the page scrolls, not the table.
void fitHeight(QTableWidget* table);
/// A cell, its text made harmless; numbers stand on the right. `hint`: tooltip.
void setCell(QTableWidget* table, int row, int column, const QString& text, bool number = false, const QString& hint = {});

}  // namespace rookery::app
