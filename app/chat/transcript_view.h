// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractScrollArea>
#include <QMap>
#include <QSet>
#include <functional>
#include <vector>

#include "chat/message_widget.h"

namespace rookery::app {

/// A column of messages of which only those in sight (and some around them) exist as widgets. Heights of the others are
/// estimated from the lengths of their texts, so a chat of 10,000 messages opens as fast as one of ten.
/// Follows the end while it is shown; holds still once the user has scrolled up.
class TranscriptView : public QAbstractScrollArea {
  Q_OBJECT

 public:
  explicit TranscriptView(QWidget* parent = nullptr);

  void setModel(TranscriptModel* model);
  /// What the message is doing just now; everything else is idle.
  void setActivity(qint64 message, MessageWidget::Activity activity, const QString& doing = {});  ///< `doing`: a line while it waits
  /// Who is named above an answer.
  void setAuthor(std::function<QString(const MessageRecord&)> author) { m_authorOf = std::move(author); }
  void scrollToEnd();
  void scrollToMessage(qint64 message);  ///< to the upper edge
  /// The design's 46 em, in the font of `widget`: what stands in the column with the messages is as wide.
  static int widestColumn(const QWidget& widget);
  QList<QWidget*> messages() const;  ///< those that are shown, from above
  int widgetCount() const { return static_cast<int>(m_widgets.size()); }

 Q_SIGNALS:
  void regenerateRequested(qint64 message);
  void continueRequested(qint64 message);
  void editRequested(qint64 message);
  void copyRequested(qint64 message);
  void siblingRequested(qint64 message, int steps);

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void scrollContentsBy(int dx, int dy) override;
  void changeEvent(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void rebuild();
  void layOut();
  void measure(int row, MessageWidget* widget);
  MessageWidget* widgetFor(int row);
  void fill(MessageWidget* widget, int row);
  void release(MessageWidget* widget);
  void toggleThought(qint64 message, bool open);
  int estimate(int row) const;
  int columnWidth() const;
  int rowAt(int y) const;
  void updateOffsets();
  void anchor();
  void reveal(const QWidget* in, const QRect& rect);
  int shiftTo(const QWidget* in, const QRect& rect) const;
  void orderFocus();
  void announceEnd(qint64 message);
  bool isAtEnd() const;

  TranscriptModel* m_model = nullptr;
  std::function<QString(const MessageRecord&)> m_authorOf;
  std::vector<int> m_heights, m_offsets;  ///< per row; offsets has one more
  std::vector<bool> m_measured;
  QMap<int, MessageWidget*> m_widgets;    ///< by row
  QVector<MessageWidget*> m_spare;
  QSet<qint64> m_openThoughts, m_shownWhole;  ///< ids of messages
  struct Anchor {
    int row = 0;
    MessageWidget::Place place;
  };
  Anchor m_anchor;  ///< what stands at the upper edge
  qint64 m_activeMessage = 0;
  QString m_doing;
  MessageWidget::Activity m_activity = MessageWidget::Activity::None;
  QList<QWidget*> m_focusOrder;
  bool m_followEnd = true, m_layingOut = false;
};

}  // namespace rookery::app
