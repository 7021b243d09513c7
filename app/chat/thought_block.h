// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QToolButton>
#include <QWidget>

#include "chat/message_body.h"

namespace rookery::app {

/// What a model thought before it answered: one quiet line that opens. The text is rendered only while it is open.
class ThoughtBlock : public QWidget {
  Q_OBJECT

 public:
  explicit ThoughtBlock(QWidget* parent);

  void setLabel(const QString& label);  ///< "Thought for 4 s"
  void setThought(const QString& text, bool open);
  /// The part of `text` from `begin` to `end`; taken out of it when it is opened.
  void setThought(const QString& text, qsizetype begin, qsizetype end, bool open);
  void setText(const QString& text) { setThought(text, m_open); }
  void append(const QString& piece);
  QString text() const { return m_source.isEmpty() ? m_text : m_source.sliced(m_begin, m_end - m_begin); }
  int heightFor(int width);
  QWidget* button() const;
  MessageBody* body() const noexcept { return m_open ? m_body : nullptr; }  ///< while it is open
  /// The widget stands this far to the left of the text around it, so that the icon of its button lines up with that.
  int outset() const;

 Q_SIGNALS:
  void toggled(bool open);  ///< by the user
  void bodyMade(MessageBody* body);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void retranslate();
  void recolor();
  void layOut();
  int bodyLeft() const;

  QToolButton* m_button;
  MessageBody* m_body = nullptr;  ///< made when it is opened first
  QString m_text;
  QString m_source;             ///< not empty: the text stands in it
  qsizetype m_begin = 0, m_end = 0;
  bool m_open = false;
};

}  // namespace rookery::app
