// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QIcon>
#include <QString>

namespace rookery::app {

/// An icon of our own line set (`:/icons/<name>.svg`), drawn in the palette's text colour of the moment, so it
/// follows a change of theme without being set again. A given colour overrides the palette.
QIcon lineIcon(const QString& name, const QColor& color = {});

/// The raven on its ink tile, in full colour.
QIcon appIcon();

}  // namespace rookery::app
