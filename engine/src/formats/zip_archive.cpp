// SPDX-License-Identifier: GPL-3.0-or-later
// minizip over memory. It reads the directories (zip64 included) and inflates; what it does not check is checked here.
#include "formats/zip_archive.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <minizip/unzip.h>

#include <cstring>
#include <memory>

namespace rookery::engine {

namespace {

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(ErrorCode::FileDamaged, fmt::format("The .pth file is damaged: {}.", what));
}

// minizip asks for a file through callbacks; this one is a span.
struct MemoryFile {
  std::span<const std::byte> bytes;
  std::uint64_t at = 0;
};

voidpf openMemory(voidpf opaque, const void*, int) { return opaque; }
uLong readMemory(voidpf, voidpf stream, void* out, uLong count) {
  auto* file = static_cast<MemoryFile*>(stream);
  const std::uint64_t left = file->at < file->bytes.size() ? file->bytes.size() - file->at : 0;
  const uLong taken = count < left ? count : static_cast<uLong>(left);
  if (taken > 0) std::memcpy(out, file->bytes.data() + file->at, taken);
  file->at += taken;
  return taken;
}
uLong writeNothing(voidpf, voidpf, const void*, uLong) { return 0; }
ZPOS64_T tellMemory(voidpf, voidpf stream) { return static_cast<MemoryFile*>(stream)->at; }
long seekMemory(voidpf, voidpf stream, ZPOS64_T offset, int origin) {
  auto* file = static_cast<MemoryFile*>(stream);
  const std::uint64_t base = origin == ZLIB_FILEFUNC_SEEK_SET ? 0 : origin == ZLIB_FILEFUNC_SEEK_CUR ? file->at : file->bytes.size();
  const std::uint64_t target = base + offset;
  if (target < base || target > file->bytes.size()) return -1;
  file->at = target;
  return 0;
}
int closeMemory(voidpf, voidpf) { return 0; }
int noError(voidpf, voidpf) { return 0; }

struct Closer {
  void operator()(void* zip) const { unzClose(zip); }
};
using Zip = std::unique_ptr<void, Closer>;

Zip openZip(MemoryFile& file) {
  zlib_filefunc64_def functions{openMemory, readMemory, writeNothing, tellMemory, seekMemory, closeMemory, noError, &file};
  return Zip(unzOpen2_64("memory", &functions));
}

}  // namespace

Result<ZipArchive> ZipArchive::open(std::span<const std::byte> bytes) {
  MemoryFile file{bytes};
  const Zip zip = openZip(file);
  if (!zip) return damaged("its table of contents is missing, so it may have been cut short");
  ZipArchive archive;
  archive.m_file = bytes;
  unz_global_info64 global{};
  unzGetGlobalInfo64(zip.get(), &global);
  int step = global.number_entry > 0 ? unzGoToFirstFile(zip.get()) : UNZ_END_OF_LIST_OF_FILE;
  for (; step == UNZ_OK; step = unzGoToNextFile(zip.get())) {
    unz_file_info64 info{};
    char name[512] = {};
    if (unzGetCurrentFileInfo64(zip.get(), &info, name, sizeof name - 1, nullptr, 0, nullptr, 0) != UNZ_OK) return damaged("an entry of its table of contents is not readable");
    if (info.size_filename >= sizeof name - 1) return damaged("an entry has an impossible name");
    if ((info.flag & 1U) != 0) return damaged(fmt::format("entry {} is encrypted", name));
    Entry entry;
    entry.crc = static_cast<std::uint32_t>(info.crc);
    entry.size = info.uncompressed_size;
    entry.stored = info.compression_method == 0;
    if (entry.stored) {
      if (info.compressed_size != info.uncompressed_size) return damaged(fmt::format("entry {} contradicts itself about its size", name));
      if (unzOpenCurrentFile2(zip.get(), nullptr, nullptr, 1) != UNZ_OK) return damaged(fmt::format("entry {} has no header where it should be", name));
      const std::uint64_t at = unzGetCurrentFileZStreamPos64(zip.get());
      unzCloseCurrentFile(zip.get());
      if (at > bytes.size() || entry.size > bytes.size() - at) return damaged(fmt::format("entry {} lies outside the file", name));
      entry.data = bytes.subspan(at, entry.size);
    }
    if (!archive.m_entries.emplace(name, entry).second) return damaged(fmt::format("it holds two entries named {}", name));
  }
  if (step != UNZ_END_OF_LIST_OF_FILE || archive.m_entries.size() != global.number_entry) return damaged("its table of contents is not readable to the end");
  return archive;
}

bool ZipArchive::crcMatches(const Entry& entry) noexcept { return libdeflate_crc32(0, entry.data.data(), entry.data.size()) == entry.crc; }

Result<std::vector<std::byte>> ZipArchive::read(const std::string& name, std::uint64_t most) const {
  const auto found = m_entries.find(name);
  if (found == m_entries.end()) return damaged(fmt::format("it holds no {}", name));
  if (found->second.size > most) return damaged(fmt::format("entry {} is impossibly large", name));
  MemoryFile file{m_file};
  const Zip zip = openZip(file);
  if (!zip || unzLocateFile(zip.get(), name.c_str(), 1) != UNZ_OK || unzOpenCurrentFile(zip.get()) != UNZ_OK) return damaged(fmt::format("entry {} cannot be opened", name));
  // minizip never hands out more than the size that the directory states; a longer stream fails its CRC.
  std::vector<std::byte> out(found->second.size);
  const int taken = out.empty() ? 0 : unzReadCurrentFile(zip.get(), out.data(), static_cast<unsigned>(out.size()));
  if (taken < 0 || static_cast<std::size_t>(taken) != out.size()) return damaged(fmt::format("entry {} cannot be unpacked", name));
  if (unzCloseCurrentFile(zip.get()) != UNZ_OK || libdeflate_crc32(0, out.data(), out.size()) != found->second.crc)
    return damaged(fmt::format("entry {} does not match its checksum", name));
  return out;
}

}  // namespace rookery::engine
