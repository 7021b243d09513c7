// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "rookery/result.h"

namespace rookery::engine {

/// The entries of a zip file in memory. Names are unique; every stored entry's data lies inside the file.
class ZipArchive {
 public:
  struct Entry {
    std::uint32_t crc = 0;
    std::uint64_t size = 0;              ///< uncompressed
    bool stored = false;
    std::span<const std::byte> data;     ///< of stored entries
  };

  static Result<ZipArchive> open(std::span<const std::byte> file);
  const std::map<std::string, Entry, std::less<>>& entries() const noexcept { return m_entries; }

  /// A whole small entry, inflated if need be, its CRC checked. FileDamaged if it is larger than `most`.
  Result<std::vector<std::byte>> read(const std::string& name, std::uint64_t most) const;
  /// Checks a stored entry's CRC: about the speed of reading memory.
  static bool crcMatches(const Entry& entry) noexcept;

 private:
  std::span<const std::byte> m_file;
  std::map<std::string, Entry, std::less<>> m_entries;
};

}  // namespace rookery::engine
