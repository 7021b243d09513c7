// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>

#include "theme/label.h"

class QScrollArea;

namespace rookery::app {

/// A group of things that belong together: base colour, hairline border, 16-px margins by its own layout.
class Card : public QFrame {
  Q_OBJECT

 public:
  explicit Card(QWidget* parent = nullptr);

 protected:
  void paintEvent(QPaintEvent* event) override;
};

/// An icon of the line set that follows the theme, as a decoration beside a text.
class IconLabel : public Label {
  Q_OBJECT

 public:
  explicit IconLabel(const QString& iconName, int size = 20, QWidget* parent = nullptr);
  void setIconName(const QString& iconName);
  void setTone(Tone tone);
  QSize sizeHint() const override { return {m_size, m_size}; }
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QString m_iconName;
  int m_size;
  Tone m_tone = Tone::Plain;
};

enum class HeadingLevel { Page, Section };
Label* makeHeading(HeadingLevel level, QWidget* parent = nullptr);

/// A scroll area without frame around a page's content, at most `maxWidth` wide and centred.
QScrollArea* makePageScroll(QWidget* content, int maxWidth, QWidget* parent);

}  // namespace rookery::app
