// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/golden.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <stdexcept>

namespace rookery::test {

Tensors readTensors(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t headerBytes = 0;
  file.read(reinterpret_cast<char*>(&headerBytes), sizeof headerBytes);
  if (!file || headerBytes > std::filesystem::file_size(path)) throw std::runtime_error("cannot read " + path.string());
  std::string text(headerBytes, ' ');
  file.read(text.data(), static_cast<std::streamsize>(headerBytes));
  const auto header = nlohmann::json::parse(text);  // outlives items()
  Tensors tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const auto begin = entry["data_offsets"][0].get<std::uint64_t>();
    const auto end = entry["data_offsets"][1].get<std::uint64_t>();
    Tensor tensor;
    tensor.shape = entry["shape"].get<std::vector<std::int64_t>>();
    tensor.values.resize((end - begin) / sizeof(float));
    file.seekg(static_cast<std::streamoff>(8 + headerBytes + begin));
    file.read(reinterpret_cast<char*>(tensor.values.data()), static_cast<std::streamsize>(end - begin));
    if (!file) throw std::runtime_error("cannot read " + name + " of " + path.string());
    if (entry["dtype"] == "I32") {
      for (float& value : tensor.values) {
        std::int32_t integer = 0;
        std::memcpy(&integer, &value, sizeof integer);
        value = static_cast<float>(integer);
      }
    } else if (entry["dtype"] != "F32") {
      throw std::runtime_error(name + " is neither F32 nor I32");
    }
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

nlohmann::json readJson(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

double maxDifference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size() || a.empty()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

std::filesystem::path testData() {
  const char* elsewhere = std::getenv("ROOKERY_TESTS_DIR");  // tests that were carried to another machine
  return elsewhere != nullptr ? elsewhere : ROOKERY_TEST_DATA;
}

std::vector<std::filesystem::path> goldenFolders() {
  std::vector<std::filesystem::path> folders{testData() / "golden"};
  if (const char* more = std::getenv("ROOKERY_GOLDEN_DIR"); more != nullptr && *more != '\0') folders.emplace_back(more);
  return folders;
}

std::vector<std::filesystem::path> modelCases() {
  std::vector<std::filesystem::path> parents{testData() / "data/rwkv5", testData() / "data/rwkv7a"};
  for (const auto& folder : goldenFolders()) parents.push_back(folder / "models");
  std::vector<std::filesystem::path> cases;
  for (const auto& parent : parents) {
    std::vector<std::filesystem::path> here;
    for (const auto& entry : std::filesystem::directory_iterator(parent))
      if (entry.is_directory()) here.push_back(entry.path());
    std::sort(here.begin(), here.end());
    cases.insert(cases.end(), here.begin(), here.end());
  }
  return cases;
}

}  // namespace rookery::test
