// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractScrollArea>
#include <QDialog>

#include "chat/message_body.h"

namespace rookery::app {

/// Scrolls through one text of any length.
class TextScroll : public QAbstractScrollArea {
  Q_OBJECT

 public:
  TextScroll(const QString& text, const QString& name, QWidget* parent);

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void scrollContentsBy(int dx, int dy) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void layOut();

  MessageBody* m_body;
  MessageBody::Place m_place;  ///< what stands at the upper edge
  bool m_layingOut = false;
};

/// A window that shows a plain text to read; deletes itself when it is closed.
class TextViewer : public QDialog {
  Q_OBJECT

 public:
  TextViewer(const QString& title, const QString& text, QWidget* parent);
};

}  // namespace rookery::app
