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
#include <string_view>
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

/// An array of a GGUF, left where it lies: `bytes` are its elements as stored, all inside the file when it was opened.
/// Lives as long as the ModelFile.
class MetaArray {
 public:
  MetaArray(std::uint32_t type, std::uint64_t count, std::span<const std::byte> bytes) noexcept
      : m_type(type), m_count(count), m_bytes(bytes) {}

  std::uint64_t size() const noexcept { return m_count; }
  bool holdsTexts() const noexcept;
  bool holdsIntegers() const noexcept;  ///< or truth values; neither texts nor these: floating point
  /// All elements, converted: empty for an array of another kind; fewer if the file has changed since it was opened.
  std::vector<std::string_view> texts() const;
  std::vector<std::int64_t> integers() const;
  std::vector<double> numbers() const;

 private:
  std::uint32_t m_type;  ///< GGUF's number
  std::uint64_t m_count;
  std::span<const std::byte> m_bytes;
};

/// Metadata of GGUF (all types), safetensors (`__metadata__`, strings) and .pth (plain values beside the tensors).
using MetaValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string, MetaArray>;

/// What the config.json beside a .safetensors or .pth says, as far as it decides the arithmetic. It may be another
/// model's: whoever uses it compares `width` and `layers`.
struct FolderConfig {
  std::optional<std::int64_t> layers, width, headSize;  ///< num_hidden_layers, hidden_size, head_dim
  std::optional<double> normEps;                        ///< norm_eps
  bool tiedEmbeddings = false;                          ///< tie_word_embeddings: the embedding is the head as well
};

/// A model file, mapped read-only. Every length, offset and count is checked before use; a hostile
/// file gives an Error, never a crash, never an allocation that the file's size does not justify: its table of contents
/// is read as a stream and costs at most three times its own bytes.
/// .pth is read by a restricted unpickler, nothing is executed; of a checkpoint come the tensors of its model.
/// Immutable after open(), so it may be shared between threads.
class ModelFile {
 public:
  /// Container by content, not by file name. A part of a safetensors model whose list is beside it, and the list itself,
  /// open all parts as one file (listOfParts()); a folder as Hugging Face has them opens its model (fileInFolder()).
  /// Errors: FileNotFound, FileUnreadable, FileDamaged, FormatUnknown.
  static Result<std::shared_ptr<const ModelFile>> open(const std::filesystem::path& path);

  /// The same for bytes in memory (the built-in guide model). `bytes` must outlive the result.
  static Result<std::shared_ptr<const ModelFile>> fromMemory(std::span<const std::byte> bytes, std::string name);

  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;
  ~ModelFile();

  Container container() const noexcept;
  const std::string& name() const noexcept;      ///< file name without folders; of a model in parts, that of its list
  const std::filesystem::path& path()
      const noexcept;  ///< as given to open(), of a folder the file in it; empty for fromMemory()
  std::uint64_t sizeBytes() const noexcept;
  /// After surviveLostFiles(): a page that was there at open() was gone when it was read, and read as zeros.
  bool isLost() const noexcept;
  std::span<const TensorSource> tensors() const noexcept;  ///< in file order
  const TensorSource* find(std::string_view name) const noexcept;
  const std::map<std::string, MetaValue, std::less<>>& metadata() const noexcept;
  /// Of a GGUF: keys in file order, with type and value as stored; for copying them.
  std::span<const std::pair<std::string, std::span<const std::byte>>> rawMetadata() const noexcept;

  /// nullptr: a GGUF, or no config.json of such a form beside it.
  const FolderConfig* config() const noexcept;

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

/// What open() opens for `path`: of a folder the model.safetensors or model.safetensors.index.json in it, else `path`.
std::filesystem::path fileInFolder(const std::filesystem::path& path);

/// Installs a SIGBUS handler for the whole process: a mapped model file that becomes shorter reads as zeros from there
/// on, isLost() tells, and open() and Model::load() end with FileUnreadable. Without it the process ends.
void surviveLostFiles();

}  // namespace rookery::engine
