// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rookery::engine {

// What was found out about a device at some cost: what its driver compiled, which tuning is fastest. One file each in
// the cache folder: $ROOKERY_CACHE_DIR, else $XDG_CACHE_HOME/rookery, else ~/.cache/rookery. A cache is a convenience:
// what cannot be read is as if it were not there, what cannot be written is left.

/// `kind`: of device, a folder; `key`: names the device and its driver. Empty where there is none, or where its hash
/// does not fit its bytes: drivers have crashed over damaged ones.
std::vector<std::byte> readCached(std::string_view kind, const std::string& key);
void writeCached(std::string_view kind, const std::string& key, std::span<const std::byte> bytes);

}  // namespace rookery::engine
