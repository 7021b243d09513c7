// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace rookery::app {

/// A page of the window.
class PageWidget : public QWidget {
 public:
  using QWidget::QWidget;
  /// Where the keys go when the page is shown. No focus proxy: Tab would jump to it, past everything before it.
  virtual QWidget* firstField() const = 0;
};

}  // namespace rookery::app
