// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

namespace rookery::engine {

/// A mapped file that gets shorter (a download that starts again, a disk that fails) ends the process with SIGBUS at the
/// next read of a lost page. Once surviveLostFiles() was called, such a page of a registered mapping reads as zeros
/// instead, and the mapping remembers it; readers check every value anyway. All calls from any thread.
///
/// registerMapping: an index for the other two, -1 when too many are open (that one is then not protected).
int registerMapping(const void* begin, std::size_t bytes) noexcept;
bool mappingLost(int index) noexcept;
void unregisterMapping(int index) noexcept;

}  // namespace rookery::engine
