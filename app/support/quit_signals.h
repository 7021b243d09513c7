// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

namespace rookery::app {

/// SIGTERM, SIGINT and SIGHUP close the windows as the user would, questions included: the answer that runs is kept and
/// the database is closed. A second one ends the event loop without asking. One instance, on the GUI thread; a signal that
/// was ignored at the start (nohup) stays ignored. Does nothing on Windows.
class QuitSignals : public QObject {
  Q_OBJECT

 public:
  explicit QuitSignals(QObject* parent = nullptr);
  ~QuitSignals() override;

 Q_SIGNALS:
  void asked();  ///< for what has no window yet

 private:
  void obey();

  bool m_asked = false;
};

}  // namespace rookery::app
