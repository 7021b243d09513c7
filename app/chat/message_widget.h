// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <optional>

#include "chat/message_body.h"
#include "chat/thought.h"
#include "chat/transcript_model.h"

class QToolButton;

namespace rookery::app {

class Label;
class ThoughtBlock;

struct ThoughtView {
  bool open = false;              ///< the user wants to read it
  std::optional<double> seconds;  ///< measured while it streamed
};

/// One message with its header, its buttons and its figures. Reused for other messages while the view scrolls.
class MessageWidget : public QWidget {
  Q_OBJECT

 public:
  enum class Activity { None, Waiting, Answering };

  explicit MessageWidget(QWidget* parent);

  /// `isLast`: only the last answer can be continued.
  void setMessage(const MessageRecord& message, TranscriptModel::Siblings siblings, const QString& author, bool isLast,
                  Activity activity, const QString& doing = {}, const ThoughtView& thought = {});
  void clear();  ///< to be used for another message later
  void setLoading(bool loading) { m_loading = loading; }  ///< before setMessage(): the text is still being read from the disk
  void setActivity(Activity activity, const QString& doing = {});
  void setDoing(const QString& doing);  ///< what is done before it begins, a line
  void appendText(const QString& piece);
  void setThoughtSeconds(std::optional<double> seconds);
  qint64 messageId() const { return m_message; }
  int heightFor(int width);
  /// What of it is in sight, in its own pixels. True: its height may have changed.
  bool setSight(int top, int bottom, const QDeadlineTimer& deadline = QDeadlineTimer(MessageBody::kAtOnceMs));
  void setShowsAll(bool all);  ///< of a long text

  /// A place that stays where it is while heights above it become known.
  struct Place {
    const MessageBody* body = nullptr;  ///< nullptr: pixels below the upper edge
    MessageBody::Place place;
  };
  Place placeAt(int y) const;
  int yOf(const Place& place) const;

  /// What is shown, in the order in which it is read; and what of it can have the focus.
  QList<QWidget*> parts() const;
  QList<QWidget*> focusOrder() const;

 Q_SIGNALS:
  void heightChanged();                   ///< by itself
  void revealRequested(QWidget* in, const QRect& rect);
  void showAllRequested(qint64 message);  ///< by the user
  void regenerateRequested(qint64 message);
  void continueRequested(qint64 message);
  void editRequested(qint64 message);
  void copyRequested(qint64 message);
  void siblingRequested(qint64 message, int steps);
  void thoughtToggled(qint64 message, bool open);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void changeEvent(QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  QToolButton* makeButton(const QString& name, const QString& icon);
  void retranslate();
  void updateButtons();
  void layOut();
  void connectBody(MessageBody* body);
  void updateThought();
  void showHeld();
  QString thoughtLabel() const;
  static QString cutNote(const MessageRecord& message);  ///< why an answer that can be gone on with is not whole
  int buttonsWidth() const;
  bool figuresBelow(int inner) const;
  int footerHeight(int inner) const;

  qint64 m_message = 0;
  MessageRole m_role = MessageRole::User;
  bool m_cut = false, m_loading = false;
  bool m_isUnanswered = false;  ///< nothing of it was written
  QString m_cutNote;
  Activity m_activity = Activity::None;
  TranscriptModel::Siblings m_siblings;
  Label *m_author, *m_time, *m_note, *m_figures, *m_siblingText;
  QToolButton *m_previous, *m_next, *m_edit, *m_regenerate, *m_continue, *m_copy;
  ThoughtBlock* m_thought;
  MessageBody* m_body;
  ThoughtSplitter m_splitter;
  QString m_authorName;
  QString m_heldShown;                      ///< half a tag at the end of what is shown, as the text that it is so far
  std::optional<double> m_thoughtSeconds;   ///< measured
  double m_thoughtEstimate = 0;             ///< from its share of the text; 0: unknown
  bool m_hasAnswerText = false, m_hasThoughtText = false;
};

}  // namespace rookery::app
