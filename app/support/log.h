// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace rookery::app {

/// Sends Qt's messages to stderr and to a file that is rotated at 1 MB (one older file is kept). Log lines are English
/// and never hold what was asked or answered. Of a message that comes again and again (of Qt's and drivers':
/// that begins alike) the first five are written, then the tenth, the hundredth, ... QT_LOGGING_RULES is honoured.
void startLog(const QString& file);

}  // namespace rookery::app
