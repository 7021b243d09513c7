// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

namespace rookery::app {

/// What files with models and states are called, without the first dot. What a file is, its content tells.
QStringList modelSuffixes();
bool hasModelSuffix(const QString& path);  ///< in any case of the letters
QString modelFilePatterns();               ///< for a file dialog: "*.pth *.pt ..."

}  // namespace rookery::app
