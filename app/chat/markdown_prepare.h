// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringView>

namespace rookery::app {

// CommonMark takes more for markup than a reader of a chat wants. So md4c is used for what blocks there are, and only
// where it is certain that one is meant; what stands inside them is read by markdown_inline.h. For that, md4c gets a
// text in which the signs of spans are replaced by characters that no text has (Unicode's noncharacters), and what it
// says about the text is turned back: a sign can not get lost on the way, even where both disagree.

/// The text of one part, for md4c. Also
/// - writes the rulers of tables so that md4c knows them, with as many cells as the longest row,
/// - hides the lines of displayed formulas and of what only looks like a block,
/// - notes for every item of a list the number or sign as it was written.
/// Linear in the length of the part.
QString prepareMarkdown(QStringView part);

/// A text as md4c gives it back, as it was written.
QString restoreMarkdown(QStringView text);

/// A text, as md4c gives it back, may begin with the marks of the items that it belongs to, the outermost first. A mark is
/// empty if the item has no number and no sign that says something.
bool hasItemMark(QStringView text);
QString takeItemMark(QStringView& text);

}  // namespace rookery::app
