// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAccessible>

class QWidget;

namespace rookery::app {

/// Gives a plain widget or a button another role for screen readers than its class has: a button that is a page tab, a
/// box that is an alert. A checkable button with the role PageTab is told as selected. GUI thread.
void setAccessibleRole(QWidget* widget, QAccessible::Role role);

/// Lets screen readers say the accessible name of a widget with the role AlertMessage or Notification now.
void announce(QWidget* widget);

}  // namespace rookery::app
