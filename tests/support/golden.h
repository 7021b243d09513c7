// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace rookery::test {

struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  ///< I32 is converted

  std::size_t rows() const { return shape.size() < 2 ? 1 : static_cast<std::size_t>(shape[0]); }
  std::size_t rowSize() const { return values.size() / rows(); }
  std::span<const float> row(std::size_t index) const { return std::span(values).subspan(index * rowSize(), rowSize()); }
};
using Tensors = std::map<std::string, Tensor>;

/// A plain reader of F32 and I32 safetensors, so that the tests do not judge the engine by its own parser.
Tensors readTensors(const std::filesystem::path& path);
nlohmann::json readJson(const std::filesystem::path& path);

/// Largest absolute difference; infinity when the sizes differ or something is not finite.
double maxDifference(std::span<const float> a, std::span<const float> b);

/// tests/golden, and the folder in ROOKERY_GOLDEN_DIR when it is set.
std::vector<std::filesystem::path> goldenFolders();
/// The folders of all cases: those below goldenFolders()/models, and those of versions 5.0, 5.1 and 7a in tests/data.
std::vector<std::filesystem::path> modelCases();

}  // namespace rookery::test
