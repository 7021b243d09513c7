// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringView>
#include <optional>

namespace rookery::app {

struct Entity {
  QString text;        ///< the character it stands for
  qsizetype size = 0;  ///< of &name; in the text
};

/// The character that the entity at the start of `text` stands for: &amp; &#38; &#x26;. Only those that people write in
/// text; all others are left as they are written.
std::optional<Entity> entityAt(QStringView text);

}  // namespace rookery::app
