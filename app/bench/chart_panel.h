// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QStringList>
#include <QVector>
#include <QWidget>

#include "theme/card.h"

class QCPAxis;
class QCPAxisRect;
class QCustomPlot;
class QStackedWidget;
class QTableWidget;

namespace rookery::app {

class Label;

/// The numbers of a chart, for its table twin.
struct ChartTable {
  QStringList headers;
  QVector<QStringList> rows;
};

/// A titled chart and, behind one switch, the same numbers as a table for keyboard and screen reader. Subclasses draw
/// from values that they keep, so that a change of theme, language or screen only draws again.
class ChartPanel : public Card {
  Q_OBJECT

 public:
  explicit ChartPanel(const QString& objectName, QWidget* parent = nullptr);

  void setTitle(const QString& title);
  void setTableVisible(bool visible);
  QCustomPlot* plot() const { return m_plot; }
  QTableWidget* table() const { return m_table; }
  /// Draws again from the values at hand.
  void refresh();

 protected:
  /// Fill the cleared plot; colours and fonts of the axes are set afterwards by the base class.
  virtual void draw() = 0;
  virtual ChartTable tableData() const = 0;
  /// After a change of the plot's size: for ranges that leave room for words.
  virtual void fitRange() {}
  void changeEvent(QEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;
  void styleAxis(QCPAxis* axis, bool grid) const;
  /// Of everything written in the plot: a family that exists, a little smaller than the page's.
  QFont chartFont() const;
  QFont valueFont() const;  ///< of a value written beside its bar

 private:
  void fillTable();
  void fitLegend();  ///< as many entries in a row as there is room for

  Label* m_title;
  QStackedWidget* m_stack;
  QCustomPlot* m_plot;
  QTableWidget* m_table;
};

}  // namespace rookery::app
