// SPDX-License-Identifier: GPL-3.0-or-later
// The directory is read here and not by minizip: Debian 12's minizip does not resolve zip64 sizes and offsets where
// `unsigned long` has 64 bits, so it finds no entry beyond 4 GB; and it takes a file without its last byte.
#include "formats/zip_archive.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <libdeflate.h>

#include "formats/byte_reader.h"
#include "formats/contents.h"
#include "formats/names.h"

namespace rookery::engine {
namespace {

constexpr std::uint64_t kMostEntries = 1u << 18;
constexpr std::uint64_t kHighestRatio = 200;  // a pickle of a state dict deflates to a tenth

constexpr std::uint32_t kEndRecord = 0x06054b50, kEnd64Record = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr std::uint32_t kDirectoryRecord = 0x02014b50, kLocalRecord = 0x04034b50;
constexpr std::size_t kEndRecordBytes = 22, kEnd64LocatorBytes = 20;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  // the number stands in the zip64 form of the record

ByteReader readerAt(std::span<const std::byte> bytes, std::uint64_t at) {
  return ByteReader(at <= bytes.size() ? bytes.subspan(static_cast<std::size_t>(at)) : std::span<const std::byte>{});
}

struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t end = 0;  ///< where the records after it begin
};

/// Offset of the record at the very end; its comment must fill the rest of the file.
std::optional<std::size_t> findEndRecord(std::span<const std::byte> archive) {
  const std::size_t furthest = std::min<std::size_t>(archive.size(), kEndRecordBytes + 0xFFFF);
  for (std::size_t back = kEndRecordBytes; back <= furthest; ++back) {
    ByteReader reader = readerAt(archive, archive.size() - back);
    if (reader.read<std::uint32_t>() != kEndRecord) continue;
    reader.take(16);
    if (reader.read<std::uint16_t>() == back - kEndRecordBytes) return archive.size() - back;
  }
  return {};
}

std::optional<Directory> findDirectory(std::span<const std::byte> archive) {
  const auto at = findEndRecord(archive);
  if (!at) return {};
  ByteReader reader = readerAt(archive, *at + 8);
  reader.take(2);
  Directory directory;
  directory.entries = reader.read<std::uint16_t>();
  directory.size = reader.read<std::uint32_t>();
  directory.offset = reader.read<std::uint32_t>();
  directory.end = *at;
  if (directory.entries == 0xFFFF || directory.size == kIn64 || directory.offset == kIn64) {
    if (*at < kEnd64LocatorBytes) return {};
    ByteReader locator = readerAt(archive, *at - kEnd64LocatorBytes);
    const bool found = locator.read<std::uint32_t>() == kEnd64Locator;
    locator.take(4);
    directory.end = locator.read<std::uint64_t>();
    ByteReader record = readerAt(archive, directory.end);
    if (!found || record.read<std::uint32_t>() != kEnd64Record) return {};
    record.take(28);
    directory.entries = record.read<std::uint64_t>();
    directory.size = record.read<std::uint64_t>();
    directory.offset = record.read<std::uint64_t>();
    if (record.failed()) return {};
  }
  const bool inside = directory.offset <= directory.end && directory.size <= directory.end - directory.offset && directory.end <= *at;
  return inside ? std::optional(directory) : std::nullopt;
}

struct Record {
  std::string_view name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, size = 0, offset = 0;
};

std::optional<Record> readRecord(ByteReader& reader) {
  Record record;
  if (reader.read<std::uint32_t>() != kDirectoryRecord) return {};
  reader.take(4);
  record.flags = reader.read<std::uint16_t>();
  record.method = reader.read<std::uint16_t>();
  reader.take(4);
  record.crc = reader.read<std::uint32_t>();
  record.packed = reader.read<std::uint32_t>();
  record.size = reader.read<std::uint32_t>();
  const auto nameBytes = reader.read<std::uint16_t>();
  const auto extraBytes = reader.read<std::uint16_t>();
  const auto commentBytes = reader.read<std::uint16_t>();
  reader.take(8);
  record.offset = reader.read<std::uint32_t>();
  record.name = reader.text(nameBytes);
  ByteReader extra(reader.take(extraBytes));
  reader.take(commentBytes);
  while (extra.remaining() >= 4) {
    const auto id = extra.read<std::uint16_t>();
    ByteReader field(extra.take(extra.read<std::uint16_t>()));
    if (id != 1) continue;
    for (std::uint64_t* number : {&record.size, &record.packed, &record.offset})
      if (*number == kIn64) *number = field.read<std::uint64_t>();
    if (field.failed()) return {};
  }
  return reader.failed() ? std::nullopt : std::optional(record);
}

/// Where the entry's data begin: behind a local record that agrees with the directory's.
std::optional<std::uint64_t> dataOffset(std::span<const std::byte> archive, const Record& record) {
  ByteReader local = readerAt(archive, record.offset);
  const bool found = local.read<std::uint32_t>() == kLocalRecord;
  local.take(4);
  const auto method = local.read<std::uint16_t>();
  local.take(16);
  const auto nameBytes = local.read<std::uint16_t>();
  const auto extraBytes = local.read<std::uint16_t>();
  const std::string_view name = local.text(nameBytes);
  local.take(extraBytes);
  if (!found || local.failed() || method != record.method || name != record.name) return {};
  return record.offset + local.position();
}

Result<ZipEntry> locate(std::span<const std::byte> archive, const Directory& directory, const Record& record) {
  const bool stored = record.method == 0;
  if ((record.flags & 1u) != 0 || (!stored && record.method != 8))
    return fail(ErrorCode::FormatUnknown, fmt::format("Entry {} of the .pth file is packed or encrypted in a way that torch never does.", record.name));
  const auto begin = dataOffset(archive, record);
  if (!begin) return damagedPth(fmt::format("entry {} is not where the directory says", record.name));
  if (*begin > directory.offset || record.packed > directory.offset - *begin) return damagedPth(fmt::format("entry {} lies outside the file", record.name));
  if (stored && record.packed != record.size) return damagedPth(fmt::format("entry {} states two sizes", record.name));
  return ZipEntry{archive.subspan(static_cast<std::size_t>(*begin), static_cast<std::size_t>(record.packed)), record.size, record.crc, !stored};
}

}  // namespace

Result<std::map<std::string, ZipEntry, std::less<>>> readZipDirectory(std::span<const std::byte> archive) {
  const auto directory = findDirectory(archive);
  if (!directory) return damagedPth("its table of contents, at its end, is missing or broken; the download may not be complete");
  if (directory->entries == 0 || directory->entries > kMostEntries)
    return damagedPth(fmt::format("its table of contents claims {} entries", directory->entries));
  std::map<std::string, ZipEntry, std::less<>> entries;
  ByteReader reader(archive.subspan(static_cast<std::size_t>(directory->offset), static_cast<std::size_t>(directory->size)));
  for (std::uint64_t i = 0; i < directory->entries; ++i) {
    const auto record = readRecord(reader);
    if (!record) return damagedPth("its table of contents is broken");
    if (!isPlainName(record->name)) return oddName("zip entry", record->name);
    auto entry = locate(archive, *directory, *record);
    if (!entry) return tl::unexpected<Error>(entry.error());
    if (!entries.emplace(record->name, *entry).second) return damagedPth(fmt::format("it holds {} twice", record->name));
  }
  // torch.serialization.set_crc32_options(False) leaves zeros everywhere; in a single entry a zero is a checksum.
  if (std::all_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.second.crc32 == 0U; }))
    for (auto& [name, entry] : entries) entry.crc32.reset();
  // Entries on top of each other would let a small file cost any amount of checking.
  std::vector<std::span<const std::byte>> spans;
  for (const auto& [name, entry] : entries) {
    spans.push_back(entry.bytes);
  }
  std::sort(spans.begin(), spans.end(), [](auto a, auto b) { return a.data() < b.data(); });
  for (std::size_t i = 1; i < spans.size(); ++i) {
    if (spans[i - 1].data() + spans[i - 1].size() > spans[i].data()) {
      return damagedPth("two entries of the archive overlap");
    }
  }
  return entries;
}

Result<std::vector<std::byte>> unpackSmall(const ZipEntry& entry, std::uint64_t largest) {
  if (entry.size > largest || (entry.deflated && entry.size / kHighestRatio > entry.bytes.size())) {
    return damagedPth("its list of tensors is implausibly large");
  }
  std::vector<std::byte> out(static_cast<std::size_t>(entry.size));
  if (entry.deflated) {
    const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflate(
        libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    // Without a place for the actual size, anything but exactly out.size() bytes is an error.
    if (!inflate || libdeflate_deflate_decompress(inflate.get(), entry.bytes.data(), entry.bytes.size(), out.data(),
                                                  out.size(), nullptr) != LIBDEFLATE_SUCCESS) {
      return damagedPth("its list of tensors cannot be unpacked");
    }
  } else {
    std::copy(entry.bytes.begin(), entry.bytes.end(), out.begin());
  }
  if (auto sound = verifyChecksum(out, entry.crc32, "data.pkl"); !sound) {
    return tl::unexpected<Error>(sound.error());
  }
  return out;
}

Result<void> verifyChecksum(std::span<const std::byte> bytes, std::optional<std::uint32_t> expected, const std::string& name) {
  if (expected && libdeflate_crc32(0, bytes.data(), bytes.size()) != *expected) {
    return damagedPth(fmt::format("the checksum of {} is wrong", name));
  }
  return {};
}

}  // namespace rookery::engine
