// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "chat/message_body.h"
#include "chat/transcript_model.h"

class QLabel;
class QToolButton;

namespace rookery::app {

/// One message with its header, its buttons and its figures. Reused for other messages while the view scrolls.
class MessageWidget : public QWidget {
  Q_OBJECT

 public:
  enum class Activity { None, Waiting, Answering };

  explicit MessageWidget(QWidget* parent);

  /// `isLast`: only the last answer can be continued.
  void setMessage(const MessageRecord& message, TranscriptModel::Siblings siblings, const QString& author, bool isLast,
                  Activity activity);
  void setActivity(Activity activity);
  void appendText(const QString& piece);
  qint64 messageId() const { return m_message; }
  int heightFor(int width);

 Q_SIGNALS:
  void regenerateRequested(qint64 message);
  void continueRequested(qint64 message);
  void editRequested(qint64 message);
  void copyRequested(qint64 message);
  void siblingRequested(qint64 message, int steps);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void changeEvent(QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  QToolButton* makeButton(const QString& name, const QString& icon);
  void retranslate();
  void updateButtons();
  void layOut();
  int footerHeight() const;

  qint64 m_message = 0;
  MessageRole m_role = MessageRole::User;
  bool m_cut = false;
  Activity m_activity = Activity::None;
  TranscriptModel::Siblings m_siblings;
  QLabel *m_author, *m_time, *m_note, *m_figures, *m_siblingText;
  QToolButton *m_previous, *m_next, *m_edit, *m_regenerate, *m_continue, *m_copy;
  MessageBody* m_body;
};

}  // namespace rookery::app
