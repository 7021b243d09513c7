// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace rookery::app::test {

/// Letters, digits and signs, without what only keeps them apart.
QString signs(const QString& text);

/// Whether `shown` (as signs() gives it) holds every letter, digit and sign of `said`, apart from what the table in
/// markdown_signs.cpp allows to become a look. Empty if so; else the place in `said` up to which it does.
QString unexplainedLoss(const QString& said, const QString& shown);

}  // namespace rookery::app::test
