// SPDX-License-Identifier: GPL-3.0-or-later
// torch.save files: a zip of one pickle and one entry per storage, or (before torch 1.6) pickles and
// storages one after the other.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "formats/byte_reader.h"
#include "formats/contents.h"
#include "formats/foreign_file.h"
#include "formats/names.h"
#include "formats/pickle.h"
#include "formats/pickled_tensors.h"
#include "formats/zip_archive.h"

namespace rookery::engine {
namespace {

using Kind = PickleNode::Kind;
using Storages = std::map<std::string, std::span<const std::byte>, std::less<>>;

constexpr std::uint64_t kLargestPickle = 16u << 20;  // 2000 tensors need 0.3 MB
// Checksums of storages cost one pass over the file, which would make looking at a 28 GB file slow. Small files are
// checked when they are opened; of large ones the directory, the list of tensors and all sizes are, and the storages
// when the model is loaded.
constexpr std::uint64_t kCheckStoragesBelow = 64u << 20;

std::vector<std::int64_t> integers(const PickleGraph& graph, std::uint32_t tuple) {
  std::vector<std::int64_t> values;
  for (const std::uint32_t item : graph.at(tuple).items) {
    values.push_back(graph.at(item).number);
  }
  return values;
}

bool isContiguous(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides) {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) {
      return false;
    }
    expected *= shape[i];
  }
  return true;
}

/// Copies a strided view to row-major order. The last dimension is the inner loop; the others count like an odometer.
void gather(std::span<const std::byte> storage, std::size_t elementBytes, std::span<const std::int64_t> shape,
            std::span<const std::int64_t> strides, std::byte* out) {
  const std::size_t last = shape.size() - 1;
  std::vector<std::int64_t> index(shape.size(), 0);
  std::int64_t row = 0;
  for (;;) {
    for (std::int64_t i = 0; i < shape[last]; ++i) {
      const auto at = static_cast<std::size_t>(row + i * strides[last]) * elementBytes;
      std::memcpy(out, storage.data() + at, elementBytes);
      out += elementBytes;
    }
    std::size_t d = last;
    while (d-- > 0) {
      row += strides[d];
      if (++index[d] < shape[d]) {
        break;
      }
      row -= strides[d] * shape[d];
      index[d] = 0;
    }
    if (d == std::numeric_limits<std::size_t>::max()) {
      return;
    }
  }
}

/// One tensor of the state dict: the view is checked against its storage, then taken in place or gathered.
class TensorBuilder {
 public:
  TensorBuilder(ModelFile::Contents& contents, const PickleGraph& graph, const Storages& storages)
      : m_contents(contents), m_graph(graph), m_storages(storages) {}

  Result<void> add(std::string_view name, const PickleNode& tensor) {
    if (!isPlainName(name)) return oddName("tensor", name);
    if (tensor.kind == Kind::OddTensor) return m_contents.addUnread(name, fmt::format("kind \"{}\"", kindOf(tensor.text)));
    const PickleNode& storage = m_graph.at(tensor.items[0]);
    const auto shape = integers(m_graph, tensor.items[1]);
    const auto strides = integers(m_graph, tensor.items[2]);
    const auto found = m_storages.find(storage.text);
    if (found == m_storages.end()) {
      return damagedPth(fmt::format("the data of {} is missing", name));
    }
    const std::uint64_t elementBytes = tensor.type->elementBytes, available = found->second.size();
    if (static_cast<std::uint64_t>(storage.number) > available / storage.type->elementBytes) {
      return damagedPth(fmt::format("the data of {} is shorter than stated", name));
    }
    // An untyped storage states bytes.
    const std::uint64_t stated = static_cast<std::uint64_t>(storage.number) * storage.type->elementBytes;
    const std::uint64_t elements = stated / elementBytes;
    const auto count = elementCount(shape, strides, tensor.number, elements);
    if (!count) {
      return damagedPth(fmt::format("the shape of {} does not fit its data", name));
    }
    std::uint64_t bytes = 0;
    if (!multiply(*count, elementBytes, bytes)) {
      return damagedPth(fmt::format("{} is impossibly large", name));
    }
    const auto begin = static_cast<std::size_t>(static_cast<std::uint64_t>(tensor.number) * elementBytes);
    if (!tensor.type->dtype) return m_contents.addUnread(name, fmt::format("type {}", tensor.type->name));
    TensorSource source{std::string(name), shape, *tensor.type->dtype, {}};
    if (bytes == 0 || isContiguous(shape, strides)) {
      source.bytes = found->second.subspan(bytes == 0 ? 0 : begin, bytes);
    } else {
      // An expanded tensor repeats what it has; all that is gathered can be as large as the file.
      if (bytes > m_contents.file.bytes().size() - m_gathered) {
        return damagedPth(fmt::format("{} repeats more data than the file holds", name));
      }
      m_gathered += bytes;
      auto copy = std::make_unique_for_overwrite<std::byte[]>(bytes);
      gather(found->second.subspan(begin), static_cast<std::size_t>(elementBytes), shape, strides, copy.get());
      source.bytes = {copy.get(), bytes};
      m_contents.owned.push_back(std::move(copy));
    }
    return m_contents.add(std::move(source));
  }

 private:
  /// By torch's function for it.
  static std::string_view kindOf(std::string_view rebuild) {
    for (const std::string_view kind : {"sparse", "nested", "meta"})
      if (rebuild.find(kind) != std::string_view::npos) return kind;
    return rebuild == "_rebuild_qtensor" ? "quantised by torch" : "not plain";
  }

  /// Elements of the view; nothing if it leaves the storage.
  static std::optional<std::uint64_t> elementCount(std::span<const std::int64_t> shape,
                                                   std::span<const std::int64_t> strides, std::int64_t offset,
                                                   std::uint64_t available) {
    if (shape.size() != strides.size() || offset < 0) {
      return {};
    }
    std::uint64_t count = 1;
    auto last = static_cast<std::uint64_t>(offset);
    bool fits = true;
    bool empty = false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] < 0 || strides[i] < 0) {
        return {};
      }
      if (shape[i] == 0) {
        empty = true;
        continue;
      }
      const auto size = static_cast<std::uint64_t>(shape[i]);
      std::uint64_t reach = 0;
      fits = fits && multiply(count, size, count) && multiply(size - 1, static_cast<std::uint64_t>(strides[i]), reach) &&
             !__builtin_add_overflow(last, reach, &last);
    }
    if (empty) {
      return 0;
    }
    return fits && last < available ? std::optional(count) : std::nullopt;
  }

  ModelFile::Contents& m_contents;
  const PickleGraph& m_graph;
  const Storages& m_storages;
  std::uint64_t m_gathered = 0;
};

Result<void> takeTensors(ModelFile::Contents& contents, const PickleGraph& graph, const Storages& storages) {
  auto found = pickledTensors(graph);
  if (!found) return tl::unexpected<Error>(found.error());
  for (auto& [key, value] : found->values) contents.metadata.emplace(std::move(key), std::move(value));
  TensorBuilder builder(contents, graph, storages);
  for (const auto& [name, node] : found->tensors) {
    if (auto added = builder.add(name, graph.at(node)); !added) {
      return added;
    }
  }
  return contents.notOnlyUnread(".pth file");
}

bool isStorageKey(std::string_view key) {
  return !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

/// A value of the dictionary that old files begin with, by its name.
const PickleNode* lookUp(const PickleGraph& graph, std::string_view name) {
  const auto& items = graph.at(graph.root).items;
  for (std::size_t i = 0; graph.at(graph.root).kind == Kind::Dict && i + 1 < items.size(); i += 2) {
    if (graph.at(items[i]).kind == Kind::Text && graph.at(items[i]).text == name) {
      return &graph.at(items[i + 1]);
    }
  }
  return nullptr;
}

Result<void> readArchive(ModelFile::Contents& contents) {
  const auto directory = readZipDirectory(contents.file.bytes());
  if (!directory) {
    return tl::unexpected<Error>(directory.error());
  }
  // "<folder>/data.pkl", "<folder>/data/<key>"; the folder's name is free.
  constexpr std::string_view kPickle = "/data.pkl";
  const ZipEntry* pickleEntry = nullptr;
  std::string folder;
  for (const auto& [name, entry] : *directory) {
    if (name.size() > kPickle.size() && name.ends_with(kPickle) && name.find('/') == name.size() - kPickle.size()) {
      if (pickleEntry != nullptr) {
        return damagedPth("the archive holds two models");
      }
      pickleEntry = &entry;
      folder = name.substr(0, name.size() - kPickle.size());
    }
  }
  if (pickleEntry == nullptr) {
    std::vector<std::string_view> names;
    for (const auto& [name, entry] : *directory) names.push_back(name);
    return tl::unexpected(foreignArchive(names, contents.name));
  }
  if (const auto order = directory->find(folder + "/byteorder"); order != directory->end()) {
    const auto text = unpackSmall(order->second, 64);
    if (!text) return tl::unexpected<Error>(text.error());
    if (std::string_view(reinterpret_cast<const char*>(text->data()), text->size()) != "little") {
      return fail(ErrorCode::VersionUnsupported, "The .pth file was saved on a big-endian machine.");
    }
  }
  const auto pickle = unpackSmall(*pickleEntry, kLargestPickle);
  if (!pickle) {
    return tl::unexpected<Error>(pickle.error());
  }
  const auto graph = readPickle(*pickle);
  if (!graph) {
    return tl::unexpected<Error>(graph.error());
  }
  Storages storages;
  const std::string prefix = folder + "/data/";
  for (auto at = directory->lower_bound(prefix); at != directory->end() && at->first.starts_with(prefix); ++at) {
    const std::string key = at->first.substr(prefix.size());
    const ZipEntry& entry = at->second;
    if (entry.deflated)
      return fail(ErrorCode::FormatUnknown,
                  fmt::format("{} was unpacked and packed again, compressed, which torch never does. Get the original file.",
                              contents.name));
    if (!isStorageKey(key)) {
      return damagedPth(fmt::format("the archive's entry {} is not a plain storage", at->first));
    }
    if (contents.file.bytes().size() < kCheckStoragesBelow) {
      if (auto sound = verifyChecksum(entry.bytes, entry.crc32, at->first); !sound) {
        return sound;
      }
    } else if (entry.crc32) {
      contents.unverified.emplace(entry.bytes.data(), ModelFile::Contents::Checksum{entry.bytes.size(), *entry.crc32});
    }
    storages.emplace(key, entry.bytes);
  }
  return takeTensors(contents, *graph, storages);
}

Result<void> readLegacy(ModelFile::Contents& contents) {
  static constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
  // Magic number, version, system, the state dict, the order of the storages.
  std::vector<PickleGraph> graphs;
  std::size_t position = 0;
  for (int i = 0; i < 5; ++i) {
    const auto rest = contents.file.bytes().subspan(position);
    auto graph = readPickle(rest.first(std::min<std::size_t>(rest.size(), kLargestPickle)));
    if (!graph) {
      return tl::unexpected<Error>(graph.error());
    }
    position += graph->consumed;
    graphs.push_back(std::move(*graph));
    if (i == 0 && graphs[0].at(graphs[0].root).text != kMagic) {
      return fail(ErrorCode::FormatUnknown, "This is a Python pickle, but not one that torch saved.");
    }
  }
  const PickleNode& version = graphs[1].at(graphs[1].root);
  if (version.kind != Kind::Int || version.number != 1001) {
    return fail(ErrorCode::VersionUnsupported, "The .pth file was saved by an unknown early torch; load it and save it again with a newer one.");
  }
  const PickleNode* little = lookUp(graphs[2], "little_endian");
  if (little == nullptr || little->kind != Kind::Bool || little->number != 1) {
    return fail(ErrorCode::VersionUnsupported, "The .pth file was saved on a big-endian machine.");
  }
  // Element sizes are only known from the state dict.
  std::map<std::string_view, std::uint32_t> elementBytes;
  for (const PickleNode& node : graphs[3].nodes) {
    if (node.kind == Kind::Storage) {
      elementBytes.emplace(node.text, node.type->elementBytes);
    }
  }
  const PickleNode& order = graphs[4].at(graphs[4].root);
  if (order.kind != Kind::List) {
    return damagedPth("the list of its storages is malformed");
  }
  Storages storages;
  ByteReader reader(contents.file.bytes().subspan(position));
  for (const std::uint32_t item : order.items) {
    const PickleNode& key = graphs[4].at(item);
    const auto size = elementBytes.find(key.text);
    if (key.kind != Kind::Text || size == elementBytes.end()) {
      return damagedPth("the list of its storages is malformed");
    }
    const auto elements = reader.read<std::uint64_t>();
    std::uint64_t bytes = 0;
    if (!multiply(elements, size->second, bytes)) {
      return damagedPth("a storage in it is impossibly large");
    }
    const auto data = reader.take(bytes);
    if (reader.failed() || !storages.emplace(key.text, data).second) {
      return damagedPth("it ends inside its storages, or repeats one");
    }
  }
  return takeTensors(contents, graphs[3], storages);
}

}  // namespace

bool looksLikePth(std::span<const std::byte> bytes) noexcept {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 32));
  if (head.starts_with("PK\x03\x04") || head.starts_with("PK\x05\x06")) return true;
  // A pickle (protocols 2 and 3, or with a frame 4 and 5) of torch's magic number.
  constexpr std::string_view kNumber("\x8a\x0a\x6c\xfc\x9c\x46", 6);
  if (head.size() < 2 || head[0] != '\x80' || head[1] < 2 || head[1] > 5) return false;
  const std::size_t frame = head.size() > 2 && head[2] == '\x95' ? 9 : 0;
  return head.substr(std::min(head.size(), 2 + frame)).starts_with(kNumber);
}

Result<void> readPth(ModelFile::Contents& contents) {
  return contents.file.bytes()[0] == std::byte{0x80} ? readLegacy(contents) : readArchive(contents);
}

}  // namespace rookery::engine
