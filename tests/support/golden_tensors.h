// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace rookery::test {

/// The F32 tensors of a trusted .safetensors file, flat. Independent of the engine's own reader.
inline std::map<std::string, std::vector<float>> readGoldenTensors(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < 8) throw std::runtime_error("cannot read " + path);
  std::uint64_t headerLength = 0;
  std::memcpy(&headerLength, bytes.data(), 8);
  const auto header = nlohmann::json::parse(bytes.substr(8, headerLength));
  std::map<std::string, std::vector<float>> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (!entry.contains("dtype") || entry["dtype"] != "F32") continue;
    const std::size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    std::vector<float> values((end - begin) / sizeof(float));
    std::memcpy(values.data(), bytes.data() + 8 + headerLength + begin, end - begin);
    tensors.emplace(name, std::move(values));
  }
  return tensors;
}

inline nlohmann::json readJson(const std::string& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

}  // namespace rookery::test
