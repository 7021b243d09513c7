// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace rookery::app {

/// What a model's file name says, a line for each part; empty where it follows no convention (rookery/file_name.h).
QString fileNameText(const QString& fileName);

}  // namespace rookery::app
