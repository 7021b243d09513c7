// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QPushButton;
class QToolButton;

namespace rookery::app {

class Label;

/// Says that the chat with this title was not opened at the start, because the program did not get through it last time.
class UnopenedNotice : public QWidget {
  Q_OBJECT

 public:
  explicit UnopenedNotice(const QString& title, QWidget* parent = nullptr);

 Q_SIGNALS:
  void openRequested();
  void deleteRequested();
  void closeRequested();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void retranslate();

  QString m_title;
  Label* m_text;
  QPushButton *m_open, *m_delete;
  QToolButton* m_close;
};

}  // namespace rookery::app
