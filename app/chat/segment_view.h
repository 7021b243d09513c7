// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTextBrowser>
#include <QVector>

#include "chat/streaming_markdown.h"

class QToolButton;

namespace rookery::app {

/// One piece of a message's text, see TextSegmenter: selectable, as high as its text, never scrolls by itself. Code that
/// goes on from the piece above, or in the one below, is cut off there without a border, so that it looks like one block.
class SegmentView : public QTextBrowser {
  Q_OBJECT

 public:
  explicit SegmentView(QWidget* parent);

  /// `next`: what the piece below goes on with, nullptr: there is none yet.
  void setPiece(const QString& text, const TextSegment& segment, bool markdown, const SegmentStart* next);
  /// The piece may have become longer or shorter. `text` is its whole text.
  void follow(const QString& text, const TextSegment& segment, const SegmentStart* next);
  void setWidth(int width);
  int heightFor(int width);
  void setMuted(bool muted);  ///< in the colour of secondary text
  QList<QWidget*> buttons() const;  ///< those that are shown

 Q_SIGNALS:
  void selectAllRequested();
  void selectionStarted(int position);  ///< by the user, here
  void dragged(const QPoint& global);   ///< with the button held
  void focused();
  void caretMoved(const QRect& caret);  ///< by a key
  void caretLeft(bool downwards);       ///< with an arrow key, beyond the first or the last line
  void copyCodeRequested(const QString& code, bool goesOn);  ///< with the code of this piece

 protected:
  bool event(QEvent* event) override;
  QVariant loadResource(int, const QUrl&) override { return {}; }  ///< no text reads a file or the network
  void changeEvent(QEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void contextMenuEvent(QContextMenuEvent* event) override;
  QMimeData* createMimeDataFromSelection() const override;

 private:
  void applyStyle();
  void showPlain();
  void setWrap(bool unbreakable);
  void retranslate();
  void pin();
  QVector<QTextFrame*> codeFrames() const;
  void copyCode(qsizetype index);
  void placeCopyButtons();

  StreamingMarkdown m_markdown;
  QString m_plain;              ///< the text if it is not Markdown
  bool m_isMarkdown = false, m_isMuted = false, m_codeGoesOn = false;
  int m_top = 0;                ///< pixels of the document that are cut off above
  QVector<QToolButton*> m_copyButtons;
};

}  // namespace rookery::app
