// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/model_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <utility>

#include "formats/contents.h"
#include "formats/file_notes.h"
#include "formats/folder.h"
#include "formats/foreign_file.h"
#include "formats/lost_pages.h"
#include "formats/names.h"
#include "formats/parts.h"
#include "formats/wrapper_prefix.h"

namespace rookery::engine {

const char* containerName(Container container) noexcept {
  switch (container) {
    case Container::Pth: return "pth";
    case Container::SafeTensors: return "safetensors";
    case Container::Gguf: return "gguf";
    case Container::Synthetic: return "synthetic";
  }
  return "?";
}

std::uint64_t TensorSource::elementCount() const noexcept {
  std::uint64_t count = 1;
  for (const std::int64_t dim : shape) count *= static_cast<std::uint64_t>(dim);
  return count;
}

Result<FileBytes> FileBytes::map(const std::filesystem::path& path) {
  const auto unreadable = [&](const char* what) {
    const int error = errno;
    const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::FileNotFound
                           : error == ENOMEM                   ? ErrorCode::OutOfMemory
                                                               : ErrorCode::FileUnreadable;
    return fail(code, fmt::format("Could not {} {}: {}.", what, path.string(), std::strerror(error)));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a named pipe must not hang us
  if (fd < 0) return unreadable("open");
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    const auto error = unreadable("examine");
    ::close(fd);
    return error;
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    return fail(ErrorCode::FileUnreadable, fmt::format("{} is not a file.", path.string()));
  }
  FileBytes file;
  if (status.st_size > 0) {
    void* memory = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) {
      const auto error = unreadable("map");
      ::close(fd);
      return error;
    }
    file.m_bytes = {static_cast<const std::byte*>(memory), static_cast<std::size_t>(status.st_size)};
    file.m_mapped = true;
    file.m_guard = registerMapping(memory, static_cast<std::size_t>(status.st_size));
  }
  ::close(fd);
  return file;
}

FileBytes FileBytes::borrow(std::span<const std::byte> bytes) {
  FileBytes file;
  file.m_bytes = bytes;
  return file;
}

FileBytes::FileBytes(FileBytes&& other) noexcept { *this = std::move(other); }

FileBytes& FileBytes::operator=(FileBytes&& other) noexcept {
  std::swap(m_bytes, other.m_bytes);
  std::swap(m_mapped, other.m_mapped);
  std::swap(m_guard, other.m_guard);
  return *this;
}

bool FileBytes::isLost() const noexcept { return mappingLost(m_guard); }

FileBytes::~FileBytes() {
  unregisterMapping(m_guard);
  if (m_mapped) ::munmap(const_cast<std::byte*>(m_bytes.data()), m_bytes.size());
}

tl::unexpected<Error> oddName(std::string_view thing, std::string_view name) {
  constexpr std::size_t kShown = 60;
  const std::string what = name.empty()                 ? "is empty"
                           : name.size() > kLongestName ? fmt::format("is longer than {} bytes", kLongestName)
                                                        : "holds control characters or is no UTF-8";
  return fail(ErrorCode::FormatUnknown,
              fmt::format("The file holds a {} whose name {}{}. Nothing in a model is called so; save the file again "
                          "under plain names.",
                          thing, what, name.empty() ? "" : fmt::format(" (\"{}\")", printable(name, kShown))));
}

tl::unexpected<Error> damagedPth(const std::string& what) {
  return fail(ErrorCode::FileDamaged, fmt::format("The .pth file is damaged: {}.", what));
}

std::optional<std::uint64_t> tensorBytes(DType dtype, std::span<const std::int64_t> shape) noexcept {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 60U;
  const DTypeTraits& type = traits(dtype);
  std::uint64_t count = 1;
  for (const std::int64_t dim : shape) {
    if (dim < 0 || static_cast<std::uint64_t>(dim) > kMost) return std::nullopt;
    if (dim != 0 && count > kMost / static_cast<std::uint64_t>(dim)) return std::nullopt;
    count *= static_cast<std::uint64_t>(dim);
  }
  constexpr std::uint32_t kPacked = 4;  // elements that share bytes, and nothing else
  if (type.blockSize > 1 &&
      (type.blockSize <= kPacked ? count % type.blockSize != 0 : shape.empty() || shape.back() % type.blockSize != 0))
    return std::nullopt;
  if (count / type.blockSize > kMost / type.blockBytes) return std::nullopt;
  return count / type.blockSize * type.blockBytes;
}

std::vector<std::span<const std::byte>> ModelFile::Contents::allBytes() const {
  std::vector<std::span<const std::byte>> all{file.bytes()};
  for (const FileBytes& part : parts) all.push_back(part.bytes());
  return all;
}

std::uint64_t ModelFile::Contents::sizeBytes() const noexcept {
  std::uint64_t size = file.bytes().size();
  for (const FileBytes& part : parts) size += part.bytes().size();
  return size;
}

bool ModelFile::Contents::isLost() const noexcept {
  return file.isLost() || std::any_of(parts.begin(), parts.end(), [](const FileBytes& part) { return part.isLost(); });
}

Result<void> ModelFile::Contents::add(TensorSource tensor) {
  if (!isPlainName(tensor.name)) return oddName("tensor", tensor.name);
  // Every weight is somewhere in the file; a little slack is for tied tensors. Otherwise a small file could claim a
  // model of any size by naming the same bytes again and again.
  tensorBytes += tensor.bytes.size();
  if (tensorBytes > 2 * sizeBytes()) return fail(ErrorCode::FileDamaged, "The file is damaged: its tensors are larger than the file.");
  if (tensors.size() == kMostTensors) return tooMany("file", "tensors", kMostTensors);
  tensors.push_back(std::move(tensor));
  return {};
}

Result<void> ModelFile::Contents::addUnread(std::string_view tensorName, std::string form) {
  if (!isPlainName(tensorName)) return oddName("tensor", tensorName);
  metadata.emplace(fmt::format("{}{}", kNotReadNote, tensorName), std::move(form));
  return {};
}

Result<void> ModelFile::Contents::notOnlyUnread(std::string_view of) const {
  const auto note = metadata.lower_bound(kNotReadNote);
  if (!tensors.empty() || note == metadata.end() || !note->first.starts_with(kNotReadNote)) return {};
  const auto* form = std::get_if<std::string>(&note->second);  // a GGUF may have a key of that name
  return fail(ErrorCode::FormatUnknown,
              fmt::format("The {} holds tensors of the {} only, which is not read (tensor {}).", of,
                          form == nullptr ? "unknown kind" : *form, note->first.substr(kNotReadNote.size())));
}

Result<void> ModelFile::Contents::index() {
  byName.resize(tensors.size());
  std::iota(byName.begin(), byName.end(), std::uint32_t{0});
  const auto nameOf = [this](std::uint32_t i) -> const std::string& { return tensors[i].name; };
  std::ranges::sort(byName, {}, nameOf);
  const auto twice = std::ranges::adjacent_find(byName, {}, nameOf);
  if (twice == byName.end()) return {};
  return fail(ErrorCode::FileDamaged,
              fmt::format("The file is damaged: it holds two tensors named {}.", nameOf(*twice)));
}

const TensorSource* ModelFile::Contents::find(std::string_view tensorName) const noexcept {
  const auto nameOf = [this](std::uint32_t i) -> std::string_view { return tensors[i].name; };
  const auto found = std::ranges::lower_bound(byName, tensorName, {}, nameOf);
  return found != byName.end() && nameOf(*found) == tensorName ? &tensors[*found] : nullptr;
}

tl::unexpected<Error> tooMany(std::string_view file, std::string_view things, std::uint64_t most) {
  return fail(ErrorCode::FormatUnknown,
              fmt::format("The {} lists more than {} {}; no model has that many.", file, most, things));
}

namespace {

using OwnedContents = std::unique_ptr<ModelFile::Contents>;

/// What is the same however it was read: the order by name, the last words on failures.
Result<OwnedContents> finished(OwnedContents contents, Result<void> done) {
  if (done) done = contents->index();
  if (contents->isLost())
    done = fail(ErrorCode::FileUnreadable, fmt::format("{} became shorter while it was being read, or its disk failed.", contents->name));
  if (!done) return tl::unexpected(Error{done.error().code, printable(done.error().message), done.error().details});
  return contents;
}

Result<OwnedContents> read(FileBytes file, std::string name, const std::filesystem::path& path) {
  auto contents = std::make_unique<ModelFile::Contents>();
  contents->file = std::move(file);
  contents->name = std::move(name);
  contents->path = path;
  const auto bytes = contents->file.bytes();
  Result<void> done;
  if (bytes.empty()) {
    done = fail(ErrorCode::FileDamaged, fmt::format("{} is empty.", contents->name));
  } else if (looksLikeGguf(bytes)) {
    contents->container = Container::Gguf;
    done = readGguf(*contents);
  } else if (looksLikePth(bytes)) {
    contents->container = Container::Pth;
    done = readPth(*contents);
  } else if (auto foreign = hasSafetensorsHeader(bytes) ? std::nullopt : foreignFile(bytes, contents->name)) {
    done = tl::unexpected(std::move(*foreign));
  } else if (looksLikeSafetensors(bytes)) {
    contents->container = Container::SafeTensors;
    done = readSafetensors(*contents);
  } else {
    done = fail(ErrorCode::FormatUnknown,
                fmt::format("{} is none of the model files that can be read: .pth, .safetensors, .st, .gguf.", contents->name));
  }
  if (!done && isUnfinishedName(contents->name))
    done = fail(ErrorCode::FileIncomplete, fmt::format("{} is a download that is not complete. Let it end, then open the file that it leaves.", contents->name),
                done.error().message);
  return finished(std::move(contents), std::move(done));
}

Result<OwnedContents> openOne(const std::filesystem::path& path) {
  // aria2 gives a file its full size at once; this one says that it is not filled yet.
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::path(path) += ".aria2", ignored))
    return fail(ErrorCode::FileIncomplete, fmt::format("{} is still being downloaded: {}.aria2 is beside it. Let the download end.",
                                                    path.string(), path.filename().string()));
  auto file = FileBytes::map(path);
  if (!file) return tl::unexpected(file.error());
  return read(std::move(*file), path.filename().string(), path);
}

Result<OwnedContents> openParts(const std::filesystem::path& index, const std::filesystem::path& path) {
  auto contents = std::make_unique<ModelFile::Contents>();
  contents->name = index.filename().string();
  contents->path = path;
  auto done = readParts(*contents, index, path, openOne);
  return finished(std::move(contents), std::move(done));
}

template <class Open>
Result<std::shared_ptr<const ModelFile>> whole(const Open& open) try {
  Result<OwnedContents> contents = open();
  if (!contents) return tl::unexpected(contents.error());
  stripPrefix(**contents);
  return std::make_shared<const ModelFile>(std::move(*contents));
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "Memory ran out while the file's table of contents was being read.");
}

}  // namespace

Result<std::shared_ptr<const ModelFile>> ModelFile::open(const std::filesystem::path& path) {
  if (path.empty()) return fail(ErrorCode::FileNotFound, "No file was named: the name is empty.");
  return whole([&]() -> Result<OwnedContents> {
    const auto file = fileInFolder(path);
    if (std::error_code ignored; std::filesystem::is_directory(file, ignored))
      return tl::unexpected(noModelInFolder(file));
    const auto index = listOfParts(file);
    auto contents = index ? openParts(*index, file) : openOne(file);
    if (contents && (*contents)->container != Container::Gguf)  // which says all of that itself
      (*contents)->config = readFolderConfig(file.parent_path());
    return contents;
  });
}

Result<std::shared_ptr<const ModelFile>> ModelFile::fromMemory(std::span<const std::byte> bytes, std::string name) {
  return whole([&] { return read(FileBytes::borrow(bytes), std::move(name), {}); });
}

ModelFile::ModelFile(std::unique_ptr<Contents> contents) : m_contents(std::move(contents)) {}
ModelFile::~ModelFile() = default;

Container ModelFile::container() const noexcept { return m_contents->container; }
const std::filesystem::path& ModelFile::path() const noexcept { return m_contents->path; }
const std::string& ModelFile::name() const noexcept { return m_contents->name; }
std::uint64_t ModelFile::sizeBytes() const noexcept { return m_contents->sizeBytes(); }
bool ModelFile::isLost() const noexcept { return m_contents->isLost(); }
std::span<const TensorSource> ModelFile::tensors() const noexcept { return m_contents->tensors; }
const std::map<std::string, MetaValue, std::less<>>& ModelFile::metadata() const noexcept { return m_contents->metadata; }
std::span<const std::pair<std::string, std::span<const std::byte>>> ModelFile::rawMetadata() const noexcept { return m_contents->rawMetadata; }

const FolderConfig* ModelFile::config() const noexcept { return m_contents->config ? &*m_contents->config : nullptr; }

const TensorSource* ModelFile::find(std::string_view name) const noexcept { return m_contents->find(name); }

std::optional<std::uint32_t> ModelFile::statedCrc32(std::span<const std::byte> bytes) const noexcept {
  const auto found = m_contents->unverified.find(bytes.data());
  if (found == m_contents->unverified.end() || found->second.bytes != bytes.size()) return std::nullopt;
  return found->second.crc32;
}

Result<std::string> ModelFile::sha256(std::stop_token stop) const {
  constexpr std::size_t kSlice = std::size_t{8} << 20U;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool good = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (auto rest : m_contents->allBytes()) {
    while (good && !rest.empty()) {
      if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "Computing the file's SHA-256 was stopped.");
      const auto slice = rest.first(std::min(kSlice, rest.size()));
      good = EVP_DigestUpdate(context.get(), slice.data(), slice.size()) == 1;
      rest = rest.subspan(slice.size());
    }
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (!good || EVP_DigestFinal_ex(context.get(), digest, &length) != 1)
    return fail(ErrorCode::FileUnreadable, "The file's SHA-256 could not be computed.");
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace rookery::engine
