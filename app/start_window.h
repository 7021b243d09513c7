// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "storage/opening_progress.h"

class QProgressBar;
class QPushButton;

namespace rookery::app {

class Label;
class Opening;

/// What a start shows while the chats are brought up to date or rescued: what is going on, how far it is, a way to leave.
class StartWindow : public QWidget {
  Q_OBJECT

 public:
  explicit StartWindow(QWidget* parent = nullptr);

  /// Returns when the opening has ended. The window is shown only if that takes longer than a moment.
  void attend(Opening& opening);

 public Q_SLOTS:
  void leave();  ///< stops the opening: nothing is changed by it then

 protected:
  void closeEvent(QCloseEvent* event) override;

 private:
  void show(const OpeningProgress& progress);

  Label *m_title, *m_text, *m_count;
  QProgressBar* m_bar;
  QPushButton* m_leave;
  bool m_isLeaving = false;
};

}  // namespace rookery::app
