// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace rookery::app {

/// Makes the transcript a list for screen readers, its messages the items, each with its parts in the order in which they
/// are read. Does its work once, however often it is called.
void installTranscriptAccessibility();

}  // namespace rookery::app
