// SPDX-License-Identifier: GPL-3.0-or-later
// Text from a file, a driver or a stranger's report on its way into an export: it stays text there.
#pragma once

#include <string>
#include <string_view>

namespace rookery::engine {

/// One line of Markdown that shows exactly `text`: nothing of it is taken for a cell border, a tag, a link, a formula, code
/// or emphasis. Line breaks and tabs become blanks; bytes that are no UTF-8 and characters that act without being seen,
/// U+FFFD.
std::string markdownText(std::string_view text);

/// One CSV field (RFC 4180), quoted where needed. What a spreadsheet would compute (it begins with = + - @) gets an
/// apostrophe before it, as spreadsheets advise; the rest as in markdownText().
std::string csvText(std::string_view text);

}  // namespace rookery::engine
