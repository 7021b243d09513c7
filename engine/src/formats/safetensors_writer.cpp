// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/safetensors_writer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "rookery/version.h"

namespace rookery::engine {

namespace {

const char* safetensorsName(DType type) {
  switch (type) {
    case DType::F32: return "F32";
    case DType::F16: return "F16";
    case DType::BF16: return "BF16";
    default: return "U8";
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ownMetadata(std::string kind) {
  return {{kKindKey, std::move(kind)}, {kProgramKey, fmt::format("Rookery {}", versionString())}};
}

Result<void> writeSafetensors(const std::filesystem::path& path, std::span<const OutputTensor> tensors, std::string kind) {
  std::vector<OutputEntry> entries;
  for (const OutputTensor& tensor : tensors)
    entries.push_back({tensor.name, tensor.shape, DType::F32, [&tensor](const PutBytes& put) { return put(std::as_bytes(tensor.data)); }});
  return writeSafetensors(path, entries, ownMetadata(std::move(kind)));
}

Result<void> writeSafetensors(const std::filesystem::path& path, std::span<const OutputEntry> tensors,
                              std::vector<std::pair<std::string, std::string>> metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::uint64_t offset = 0;
  bool blocks = false;
  nlohmann::ordered_json entries = nlohmann::ordered_json::object();
  for (const OutputEntry& tensor : tensors) {
    const std::uint64_t end = offset + tensor.bytes();
    std::string name = tensor.name;
    std::vector<std::int64_t> shape = tensor.shape;
    if (traits(tensor.type).blockSize > 1) {
      name += fmt::format(".{}", traits(tensor.type).name);
      shape.back() = static_cast<std::int64_t>(byteSize(tensor.type, static_cast<std::uint64_t>(shape.back())));
      blocks = true;
    }
    entries[name] = {{"dtype", safetensorsName(tensor.type)}, {"shape", shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  if (blocks) metadata.emplace_back(kBlockLayoutKey, kBlockLayout);
  for (const auto& [key, value] : metadata) header["__metadata__"][key] = value;
  header.update(entries);
  // Names of models come from names of files, which need not be text.
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts aligned
  const std::uint64_t length = text.size();

  return writeWholeFile(path, [&](const PutBytes& put) -> Result<void> {
    if (auto good = put(std::as_bytes(std::span(&length, 1))); !good) return good;
    if (auto good = put(std::as_bytes(std::span(text))); !good) return good;
    for (const OutputEntry& tensor : tensors)
      if (auto good = tensor.make(put); !good) return good;
    return {};
  });
}

}  // namespace rookery::engine
