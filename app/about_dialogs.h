// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QKeySequence>
#include <QList>

class QAction;

namespace rookery::app {

class AboutDialog : public QDialog {
  Q_OBJECT
 public:
  explicit AboutDialog(QWidget* parent);
};

/// Lists the shortcuts of the given actions, so that it can never differ from what the keys do, and the keys that
/// widgets handle themselves.
class ShortcutsDialog : public QDialog {
  Q_OBJECT
 public:
  struct Key {
    QString action;
    QKeySequence keys;
  };
  ShortcutsDialog(const QList<QAction*>& actions, const QList<Key>& others, QWidget* parent);
};

}  // namespace rookery::app
