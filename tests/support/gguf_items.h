// SPDX-License-Identifier: GPL-3.0-or-later
// A GGUF taken apart and put together again in another layout.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "formats/gguf_writer.h"
#include "rookery/model_file.h"

namespace rookery::test {

struct GgufItems {
  struct Tensor {
    std::string name;
    std::vector<std::int64_t> shape;  ///< row-major
    engine::DType dtype{};
    std::vector<std::byte> bytes;
  };
  std::vector<std::pair<std::string, std::string>> keys;  ///< type and value as stored
  std::vector<Tensor> tensors;

  explicit GgufItems(const std::filesystem::path& path) {
    const auto file = engine::ModelFile::open(path);
    REQUIRE_MESSAGE(file.has_value(), file.error().message);
    for (const auto& [key, value] : (*file)->rawMetadata())
      keys.emplace_back(key, std::string(reinterpret_cast<const char*>(value.data()), value.size()));
    for (const auto& t : (*file)->tensors())
      tensors.push_back({t.name, t.shape, t.dtype, {t.bytes.begin(), t.bytes.end()}});
  }

  void dropKey(const std::string& name) {
    REQUIRE(std::erase_if(keys, [&](const auto& key) { return key.first == name; }) == 1);
  }
  /// All tensors whose names end so.
  std::vector<Tensor*> ending(const std::string& end) {
    std::vector<Tensor*> found;
    for (Tensor& tensor : tensors)
      if (tensor.name.ends_with(end)) found.push_back(&tensor);
    REQUIRE_FALSE(found.empty());
    return found;
  }

  /// With a number of one key set anew (of the type that it has: a u32 or an f32).
  template <class T>
  void setKey(const std::string& name, T value) {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.first == name; });
    REQUIRE(found != keys.end());
    REQUIRE(found->second.size() == 4 + sizeof value);
    found->second.replace(4, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
  }

  void write(const std::filesystem::path& path) const {
    engine::GgufKeys out;
    for (const auto& [key, value] : keys) out.raw(key, std::as_bytes(std::span(value)));
    std::vector<engine::OutputEntry> entries;
    for (const Tensor& t : tensors)
      entries.push_back({t.name, t.shape, t.dtype, [&t](const engine::PutBytes& put) { return put(t.bytes); }});
    const auto written = engine::writeGguf(path, out, entries);
    REQUIRE_MESSAGE(written.has_value(), written.error().message);
  }
};

}  // namespace rookery::test
