// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QWidget>

class QComboBox;

namespace rookery::app {

class Label;

/// Chooses what a chat begins from: the empty state, a state file that is known, or any other one.
class StartField : public QWidget {
  Q_OBJECT

 public:
  explicit StartField(QWidget* parent = nullptr);

  /// State files to choose from.
  void setFiles(const QStringList& paths);
  /// `name`: of the state that is chosen; empty: the empty one. `editable`: nothing was said yet.
  void setStart(const QString& name, bool editable);

 Q_SIGNALS:
  void chosen(const QString& path);
  void cleared();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void choose(int index);
  void fill();

  Label* m_label;
  QComboBox* m_box;
  QStringList m_files;
  QString m_name;
  bool m_editable = true;
};

}  // namespace rookery::app
