// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>

#include "bench/report_history.h"
#include "theme/card.h"

class QPushButton;
class QTableWidget;

namespace rookery::app {

class Label;

/// Own runs, newest first; choosing one shows it. Columns that there is no room for are left out, the least telling first.
class HistoryView : public Card {
  Q_OBJECT

 public:
  explicit HistoryView(const QString& folder, QWidget* parent = nullptr);

  engine::Result<QString> save(const engine::BenchReport& report) { return m_history.save(report); }
  const QString& folder() const { return m_history.folder(); }
  void reload();  ///< reads and checks every report
  const QList<StoredReport>& reports() const { return m_stored; }
  void clearSelection();
  void selectNewest();
  void retranslate();

 Q_SIGNALS:
  void chosen(int index);  ///< in reports()

 protected:
  void resizeEvent(QResizeEvent* event) override;

 private:
  void fill();
  void fitColumns();

  ReportHistory m_history;
  QList<StoredReport> m_stored;
  Label *m_heading, *m_empty;
  QTableWidget* m_table;
  QPushButton* m_openFolder;
};

}  // namespace rookery::app
