// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringView>
#include <vector>

namespace rookery::app {

/// A piece of a paragraph, heading or cell in one look.
struct InlinePiece {
  QString text;  ///< a line break is QChar::LineSeparator
  bool strong = false, emphasis = false, strike = false, code = false, formula = false;
  QString address, title;  ///< of a link; the address is http, https or mailto
};

/// Reads the spans of a block: bold, italics, struck out, code, links, images, formulas, entities. Signs become a look
/// only where that is certain; everything else is shown as it was written (docs/markdown.md has the rules).
/// Linear in the length, apart from the nesting of links.
std::vector<InlinePiece> readInline(QStringView text, bool inTable);

}  // namespace rookery::app
