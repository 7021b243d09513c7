// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

class QToolButton;
class QWidget;

namespace rookery::app {

/// Lets a screen reader say what happens somewhere else than where the focus is. `where` is any widget of the window.
void announce(QWidget* where, const QString& text);

/// A check mark on a button that copies, for a moment, and an announcement.
void showCopied(QToolButton* button);

}  // namespace rookery::app
