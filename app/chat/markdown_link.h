// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringView>
#include <optional>

namespace rookery::app {

/// The length of the web address at the start of `text` behind the character `before`; 0 if there is none. Signs that end
/// the sentence, and Chinese text behind the address, are not part of it.
qsizetype addressLength(QStringView text, QChar before);

/// An address as it is opened: entities and escaped signs are turned into what they stand for.
QString decodedAddress(QStringView written);

struct LinkTarget {
  QString address, title;
  qsizetype size = 0;  ///< of (address "title") in the text
};

/// The target behind the text of a link, if it is one that can be opened: http, https or mailto.
std::optional<LinkTarget> targetAt(QStringView text);

}  // namespace rookery::app
