// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rookery/dtype.h"
#include "rookery/result.h"

namespace rookery::engine {

enum class Container { Pth, SafeTensors, Gguf, Synthetic };
const char* containerName(Container container) noexcept;  ///< "pth", "safetensors", "gguf", "synthetic"

/// One tensor as the file holds it: row-major, outermost dimension first (GGUF's reversed order is
/// turned round on reading). `bytes` is contiguous and lives as long as the ModelFile.
struct TensorSource {
  std::string name;
  std::vector<std::int64_t> shape;
  DType dtype{};
  std::span<const std::byte> bytes;

  std::uint64_t elementCount() const noexcept;
};

/// Metadata of GGUF (all types) and safetensors (`__metadata__`, strings only).
using MetaValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string,
                               std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

/// A model file, mapped read-only. Every length, offset and count is checked before use; a hostile
/// file gives an Error, never a crash, never an allocation that the file's size does not justify.
/// .pth is read by a restricted unpickler: only the globals that rebuild tensors, nothing is executed.
/// Immutable after open(), so it may be shared between threads.
class ModelFile {
 public:
  /// Container by content, not by file name. A part of a safetensors model whose list is beside it, and the list itself,
  /// open all parts as one file (listOfParts()). Errors: FileNotFound, FileUnreadable, FileDamaged, FormatUnknown.
  static Result<std::shared_ptr<const ModelFile>> open(const std::filesystem::path& path);

  /// The same for bytes in memory (the built-in guide model). `bytes` must outlive the result.
  static Result<std::shared_ptr<const ModelFile>> fromMemory(std::span<const std::byte> bytes, std::string name);

  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;
  ~ModelFile();

  Container container() const noexcept;
  const std::string& name() const noexcept;      ///< file name without folders; of a model in parts, that of its list
  const std::filesystem::path& path() const noexcept;  ///< as given to open(); empty for fromMemory()
  std::uint64_t sizeBytes() const noexcept;
  /// After surviveLostFiles(): a page that was there at open() was gone when it was read, and read as zeros.
  bool isLost() const noexcept;
  std::span<const TensorSource> tensors() const noexcept;  ///< in file order
  const TensorSource* find(std::string_view name) const noexcept;
  const std::map<std::string, MetaValue, std::less<>>& metadata() const noexcept;
  /// Of a GGUF: keys in file order, with type and value as stored; for copying them.
  std::span<const std::pair<std::string, std::span<const std::byte>>> rawMetadata() const noexcept;

  /// The CRC-32 that the file states for exactly these bytes of it, if open() has not compared it: the storages of
  /// .pth files of 64 MiB and more, which would have to be read whole. Whoever reads them all (bindWeights'
  /// fingerprint) compares. nullopt: nothing to compare (also for views into a storage that tensors share).
  std::optional<std::uint32_t> statedCrc32(std::span<const std::byte> bytes) const noexcept;

  /// SHA-256 of the whole file (parts one after the other, by name), lower-case hex. Reads everything: seconds for big files. Cancelled if `stop` asks for it.
  Result<std::string> sha256(std::stop_token stop = {}) const;

  struct Contents;  // defined beside the readers
  explicit ModelFile(std::unique_ptr<Contents> contents);

 private:
  std::unique_ptr<Contents> m_contents;
};

/// The list that tells where the tensors of a model in several files are: `path` itself if it is called
/// NAME.safetensors.index.json, or the one beside it if it is called NAME-00001-of-00003.safetensors. nullopt: neither.
std::optional<std::filesystem::path> listOfParts(const std::filesystem::path& path);

/// Installs a SIGBUS handler for the whole process: a mapped model file that becomes shorter reads as zeros from there
/// on, isLost() tells, and open() and Model::load() end with FileUnreadable. Without it the process ends.
void surviveLostFiles();

}  // namespace rookery::engine
