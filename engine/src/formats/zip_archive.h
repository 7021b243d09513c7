// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rookery/result.h"

namespace rookery::engine {

struct ZipEntry {
  std::span<const std::byte> bytes;  ///< as stored in the archive, in place
  std::uint64_t size = 0;            ///< when unpacked
  std::optional<std::uint32_t> crc32;  ///< of the unpacked bytes; nullopt in archives whose writer computed none
  bool deflated = false;
};

/// The directory of a zip (zip64 too) in memory, by entry name. Refused: encryption, methods other than
/// "stored" and deflate, names that come twice, entries outside the file or on top of each other.
Result<std::map<std::string, ZipEntry, std::less<>>> readZipDirectory(std::span<const std::byte> archive);

/// The bytes of a small entry, unpacked if need be and compared with its CRC.
Result<std::vector<std::byte>> unpackSmall(const ZipEntry& entry, std::uint64_t largest);

/// FileDamaged, naming the entry, if there is a CRC-32 and that of `bytes` is another. Costs about one read of them.
Result<void> verifyChecksum(std::span<const std::byte> bytes, std::optional<std::uint32_t> expected, const std::string& name);

}  // namespace rookery::engine
