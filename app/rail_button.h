// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QToolButton>

namespace rookery::app {

/// One page's button on the left rail: icon over a short label on ink; the chosen page has a filled tile and a bar at
/// its edge, so that the choice is not told by colour alone.
class RailButton : public QToolButton {
  Q_OBJECT

 public:
  explicit RailButton(const QString& iconName, QWidget* parent = nullptr);
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QString m_iconName;
};

}  // namespace rookery::app
