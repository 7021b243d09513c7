// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QTextCursor>
#include <optional>

class QToolButton;

namespace rookery::app {

class Label;

/// A text that is too long for the input: one line that stands for it, with buttons to look at it and to take it out.
class PastedText : public QFrame {
  Q_OBJECT

 public:
  PastedText(const QString& text, QWidget* parent);

  const QString& text() const noexcept { return m_text; }
  void setBefore(const QString& words);  ///< after which it will be sent
  std::optional<int> tokens;             ///< once they are counted
  QTextCursor place;                     ///< in what is typed

 Q_SIGNALS:
  void removeRequested();

 protected:
  void paintEvent(QPaintEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void retranslate();

  QString m_text, m_before;
  Label* m_label;
  QToolButton *m_show, *m_remove;
};

}  // namespace rookery::app
