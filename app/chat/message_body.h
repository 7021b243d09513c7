// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDeadlineTimer>
#include <QTimer>
#include <QVector>
#include <QWidget>

#include "chat/text_segments.h"

class QMimeData;
class QPushButton;

namespace rookery::app {

class Label;
class SegmentView;

/// The text of a message, of any length: as high as its text, never scrolls by itself. Only the pieces in sight (see
/// TextSegmenter) exist as widgets; the heights of the others are estimated, or known from when they were in sight.
/// Of a long text the beginning is shown, with a button that shows all.
class MessageBody : public QWidget {
  Q_OBJECT

 public:
  static constexpr int kAtOnceMs = 10;  ///< for laying out in one event

  explicit MessageBody(QWidget* parent);

  void setContent(const QString& text, bool markdown);
  void append(const QString& piece);
  const QString& text() const noexcept { return m_text; }
  void setShowsAll(bool all);  ///< of a long text
  bool showsAll() const noexcept { return m_showsAll; }
  void setMuted(bool muted);   ///< in the colour of secondary text
  /// The name of the text for screen readers.
  void setName(const QString& name);

  int heightFor(int width);
  /// What of it is in sight, in its own pixels. True: its height has changed. Where the text takes long to lay out, the
  /// rest of what is in sight follows after `deadline`, with heightChanged().
  bool setSight(int top, int bottom, const QDeadlineTimer& deadline = QDeadlineTimer(kAtOnceMs));

  /// A place in the text that stays where it is while heights above it become known.
  struct Place {
    qsizetype segment = 0;
    int shift = 0;  ///< pixels below the segment's upper edge
  };
  Place placeAt(int y) const;
  int yOf(const Place& place) const;

  QString toPlainText() const;  ///< as it is shown; only what is in sight
  const QVector<SegmentView*>& views() const { return m_views; }
  /// What is shown, in the order in which it is read; and what of it can have the focus.
  QList<QWidget*> parts() const;
  QList<QWidget*> focusOrder() const;
  /// What the selection is if it is more than one piece; nullptr: it is not. The caller owns it.
  QMimeData* selection() const;

 Q_SIGNALS:
  void heightChanged();     ///< by itself: more of the text was read, or is to be laid out by setSight()
  void revealRequested(QWidget* in, const QRect& rect);  ///< the caret went there
  void showAllRequested();  ///< by the user; setShowsAll() was called

 protected:
  void changeEvent(QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  struct Entry {
    int height = 0;
    bool measured = false;
    SegmentView* view = nullptr;
  };
  void readOn(qsizetype budget);
  void readSlice();
  bool mayReadOn() const;
  void syncEntries();
  int estimate(const TextSegment& segment) const;
  int estimateRest() const;
  void updateOffsets();
  void adoptWidth();
  bool realise(const QDeadlineTimer& deadline = QDeadlineTimer(kAtOnceMs));
  SegmentView* viewFor(qsizetype index);
  SegmentView* makeView();
  void release(Entry& entry);
  void fill(SegmentView* view, qsizetype index, bool follow);
  QString pieceOf(qsizetype index) const;
  void layOut();
  void setTabStop(const QWidget* stop);
  void selectAll(bool all);
  void beginSelection(const SegmentView* view, int position);
  void dragSelection(const QPoint& global);
  QString selectedIn(qsizetype index) const;
  void moveCaret(const SegmentView* from, bool downwards);
  void copyCode(const SegmentView* view, const QString& code, bool goesOn);
  void retranslate();

  QString m_text, m_name;
  bool m_isMarkdown = false, m_isMuted = false, m_showsAll = false, m_allSelected = false;
  bool m_hasLeadingSpace = false;  ///< nothing but white space so far: models begin answers with a blank
  bool m_isRead = true;            ///< the segmenter has come to the end of the text
  TextSegmenter m_segmenter;
  std::vector<Entry> m_entries;    ///< one per segment
  std::vector<int> m_offsets;      ///< one more
  QVector<SegmentView*> m_views;   ///< in use, from above
  QVector<SegmentView*> m_spare;
  int m_sightTop = 0, m_sightBottom = 0;
  int m_width = 0;                 ///< for which the heights are; a hidden widget hears of its size when it is shown
  QTimer m_slices, m_later;
  struct Selection {            ///< over several pieces; of those between, all
    qsizetype first = 0, last = -1;
  };
  Selection m_selection;
  Place m_dragFrom;             ///< a piece, and the position in its document
  QPushButton* m_more;
  Label* m_rest;
};

}  // namespace rookery::app
