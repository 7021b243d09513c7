// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rookery/model_file.h"

namespace rookery::engine {

/// A file's bytes: mapped read-only, or somebody else's memory.
class FileBytes {
 public:
  static Result<FileBytes> map(const std::filesystem::path& path);
  static FileBytes borrow(std::span<const std::byte> bytes);
  FileBytes() = default;
  FileBytes(FileBytes&& other) noexcept;
  FileBytes& operator=(FileBytes&& other) noexcept;
  ~FileBytes();

  std::span<const std::byte> bytes() const noexcept { return m_bytes; }
  bool isLost() const noexcept;  ///< see lost_pages.h

 private:
  std::span<const std::byte> m_bytes;
  bool m_mapped = false;
  int m_guard = -1;
};

/// What the readers fill in. Tensor spans point into `file`, into `parts` or into `owned`.
struct ModelFile::Contents {
  FileBytes file;
  std::vector<FileBytes> parts;  ///< of a model in several files, in the order of their names; then `file` is empty
  std::string name;
  std::filesystem::path path;  ///< empty: in memory
  Container container{};
  std::vector<TensorSource> tensors;
  std::vector<std::uint32_t> byName;  ///< positions in `tensors`, ordered by name; made by index()
  std::map<std::string, MetaValue, std::less<>> metadata;
  std::vector<std::pair<std::string, std::span<const std::byte>>> rawMetadata;  ///< GGUF: type and value as stored, in order
  std::optional<FolderConfig> config;
  std::uint64_t tensorBytes = 0;                    ///< of all tensors so far
  struct Checksum {
    std::uint64_t bytes = 0;
    std::uint32_t crc32 = 0;
  };
  /// Storages of a big .pth by their first byte: opening it does not read them, loading the model does and compares.
  std::map<const std::byte*, Checksum> unverified;
  std::vector<std::unique_ptr<std::byte[]>> owned;  ///< tensors that were not contiguous in the file

  std::vector<std::span<const std::byte>> allBytes() const;  ///< of all files
  std::uint64_t sizeBytes() const noexcept;
  bool isLost() const noexcept;
  /// FormatUnknown if the name is no proper one (oddName()) or there are more tensors than any model has.
  Result<void> add(TensorSource tensor);
  /// For a tensor that is there in a form that is not read, "type complex128": a kNotReadNote. Errors as add().
  Result<void> addUnread(std::string_view tensorName, std::string form);
  /// After the last of both. FormatUnknown if there are tensors, and none that is read; `file` as in ".pth file".
  Result<void> notOnlyUnread(std::string_view file) const;
  /// After the last add(). FileDamaged if a name is there twice.
  Result<void> index();
  const TensorSource* find(std::string_view name) const noexcept;
};

/// What no table of contents of a model comes near: 1024 layers have some 40,000 tensors.
constexpr std::size_t kMostTensors = 65'536;
/// One text of it: the longest notes of trainers have some hundred thousand bytes. Reading one takes several times its size.
constexpr std::size_t kMostTextBytes = 1'000'000;
/// "The {file} lists more than 65536 {things}; no model has that many.", FormatUnknown.
tl::unexpected<Error> tooMany(std::string_view file, std::string_view things, std::uint64_t most);

/// For a name that isPlainName() does not accept: which thing has it, and what is odd. FormatUnknown: the file is whole.
tl::unexpected<Error> oddName(std::string_view thing, std::string_view name);

/// For .pth readers: "The .pth file is damaged: {what}."
tl::unexpected<Error> damagedPth(const std::string& what);

/// Product of dimensions times the element size, or nullopt if a dimension is negative, the product passes 2^63, or a
/// row is no whole number of blocks (of packed bits: the whole tensor).
std::optional<std::uint64_t> tensorBytes(DType dtype, std::span<const std::int64_t> shape) noexcept;

constexpr std::size_t kMostDimensions = 8;

bool looksLikePth(std::span<const std::byte> bytes) noexcept;
bool looksLikeSafetensors(std::span<const std::byte> bytes) noexcept;
bool hasSafetensorsHeader(std::span<const std::byte> bytes) noexcept;  ///< its stated length is in the file as well
bool looksLikeGguf(std::span<const std::byte> bytes) noexcept;

/// Each fills `contents` from contents.file, whose first bytes fit the container. May throw std::bad_alloc only.
Result<void> readPth(ModelFile::Contents& contents);
Result<void> readSafetensors(ModelFile::Contents& contents);
Result<void> readGguf(ModelFile::Contents& contents);

}  // namespace rookery::engine
