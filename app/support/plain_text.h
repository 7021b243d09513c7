// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

class QMessageBox;

namespace rookery::app {

/// Text from files, reports, drivers and people for the places that show it. None of it may act: not as HTML, not by
/// control characters, not by turning the direction of the text around it, not by its length.

/// A name in one line: control and direction characters become U+FFFD, line breaks blanks, the middle of a long one "…".
QString displayName(const QString& name, qsizetype most = 120);
/// The same for text of several lines; those stay. Past `most` characters it ends with "…".
QString displayText(const QString& text, qsizetype most = 4000);
/// Invisible; a line may break there. breakable() alone puts it into text.
inline constexpr QChar kBreak(0x200B);
/// Text whose long words (names of tensors and files, paths) have places to break at, for labels that wrap: a label is
/// never narrower than its longest word.
QString breakable(const QString& text);
/// Whether a character turns the direction of what follows it: embeddings, overrides, isolates and their ends.
bool turnsDirection(char32_t character);
/// Text of a message: such characters are shown as U+FFFD, one for one, so that a line reads in the order in which it is
/// written. Right-to-left letters and marks of direction need none of them and stay.
QString withoutTurns(const QString& text);
/// What QWidget, QAction and item views may take as a tooltip: never rich text, lines of at most 100 characters.
QString plainToolTip(const QString& text);
/// For texts of buttons, menus and tabs, where a single "&" marks a key.
QString withoutMnemonic(const QString& text);
/// Makes all words of a box plain and bounded text, the informative ones included. Call when all are set.
void makePlain(QMessageBox& box);

}  // namespace rookery::app
