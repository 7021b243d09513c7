// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTextBrowser>
#include <QVector>

#include "chat/streaming_markdown.h"

class QToolButton;

namespace rookery::app {

/// The text of a message: selectable, as high as its text, never scrolls by itself.
class MessageBody : public QTextBrowser {
  Q_OBJECT

 public:
  explicit MessageBody(QWidget* parent);
  void setContent(const QString& text, bool markdown);
  void append(const QString& piece);
  int heightFor(int width);
  void setMuted(bool muted);  ///< in the colour of secondary text

 protected:
  QVariant loadResource(int, const QUrl&) override { return {}; }  ///< no text reads a file or the network
  void changeEvent(QEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void applyStyle();
  void showPlain();
  void retranslate();
  QVector<QTextFrame*> codeFrames() const;
  void copyCode(qsizetype index);
  void placeCopyButtons();

  StreamingMarkdown m_markdown;
  QString m_plain;            ///< the text if it is not Markdown
  bool m_isMarkdown = false, m_isMuted = false;
  bool m_hasLeadingSpace = true;  ///< nothing but white space so far: models begin answers with a blank
  QVector<QToolButton*> m_copyButtons;
};

}  // namespace rookery::app
