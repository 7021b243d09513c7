// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/safetensors_writer.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/file_writer.h"

namespace rookery::engine {

Result<void> writeSafetensors(const std::filesystem::path& path, std::span<const OutputTensor> tensors) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::uint64_t offset = 0;
  for (const OutputTensor& tensor : tensors) {
    const std::uint64_t end = offset + tensor.data.size_bytes();
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts aligned
  const std::uint64_t length = text.size();

  std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(&length, 1)), std::as_bytes(std::span(text))};
  for (const OutputTensor& tensor : tensors) parts.push_back(std::as_bytes(tensor.data));
  return writeWholeFile(path, parts);
}

}  // namespace rookery::engine
