// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTextCursor>

#include "chat/markdown.h"

namespace rookery::app {

/// Makes an empty block take no room: Qt needs one before and after every frame and table.
void shrinkBlock(QTextCursor& cursor);

/// Lines of Latin and of Chinese letters, which come from a higher font, are at least this high: so they look even.
double evenLineHeight(const QFont& font);

QTextCharFormat codeFormat(const MarkdownStyle& style);

/// The first two lines leave room for the button that copies the code.
QTextBlockFormat codeLineFormat(const MarkdownStyle& style, bool underButton);

/// Leaves the cursor in its one empty block. `goesOn`: its code began in another document.
QTextFrame* insertCodeFrame(QTextCursor& cursor, const MarkdownStyle& style, double leftMargin, bool goesOn = false);

/// How far code whose fence stands `indent` columns from the left is moved to the right.
double codeMargin(const MarkdownStyle& style, qsizetype indent);

}  // namespace rookery::app
