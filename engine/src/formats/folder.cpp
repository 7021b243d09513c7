// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>
#include <system_error>
#include <vector>

#include "formats/contents.h"
#include "formats/names.h"
#include "formats/strict_json.h"

namespace rookery::engine {
namespace {

// In the order in which transformers looks.
constexpr std::array<const char*, 2> kModelNames{"model.safetensors", "model.safetensors.index.json"};

}  // namespace

std::optional<FolderConfig> readFolderConfig(const std::filesystem::path& folder) {
  constexpr std::size_t kMostBytes = 256'000;
  constexpr int kDeepest = 16;
  const auto file = FileBytes::map(folder / "config.json");
  if (!file || file->bytes().size() > kMostBytes) return std::nullopt;
  const auto json =
      parseStrictJson({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()}, kDeepest);
  if (!json || !json->is_object()) return std::nullopt;
  const auto whole = [&](const char* key) -> std::optional<std::int64_t> {
    const auto found = json->find(key);
    if (found == json->end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > 1U << 20U)
      return std::nullopt;
    return found->get<std::int64_t>();
  };
  const auto family = json->find("model_type");
  if (family != json->end() && family->is_string() && !family->get_ref<const std::string&>().starts_with("rwkv"))
    return std::nullopt;  // the folder's other model is none of RWKV
  FolderConfig config;
  config.layers = whole("num_hidden_layers");
  config.width = whole("hidden_size");
  config.headSize = whole("head_dim");
  if (const auto eps = json->find("norm_eps"); eps != json->end() && eps->is_number())
    config.normEps = eps->get<double>();
  const auto tied = json->find("tie_word_embeddings");
  config.tiedEmbeddings = tied != json->end() && tied->is_boolean() && tied->get<bool>();
  return config;
}

std::filesystem::path fileInFolder(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return path;
  for (const char* name : kModelNames)
    if (std::filesystem::exists(path / name, ignored)) return path / name;
  return path;
}

Error noModelInFolder(const std::filesystem::path& folder) {
  constexpr std::size_t kMostNamed = 3, kMostLooked = 10'000;
  constexpr std::array<std::string_view, 5> kSuffixes{".pth", ".safetensors", ".st", ".gguf", ".bin"};
  std::vector<std::string> models;
  std::error_code ignored;
  std::size_t looked = 0;
  for (auto it = std::filesystem::directory_iterator(folder, ignored);
       !ignored && it != std::filesystem::directory_iterator(); it.increment(ignored)) {
    if (++looked > kMostLooked) break;
    const std::string suffix = it->path().extension().string();
    if (std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end())
      models.push_back(printable(it->path().filename().string()));
  }
  std::sort(models.begin(), models.end());
  std::string holds = "no model file";
  if (!models.empty()) {
    const std::size_t more = models.size() - std::min(models.size(), kMostNamed);
    models.resize(models.size() - more);
    holds = fmt::format("{}{}; name the one to open", fmt::join(models, ", "),
                        more == 0 ? "" : fmt::format(" and {} more", more));
  }
  return Error{
      ErrorCode::FormatUnknown,
      fmt::format("{} is a folder, and none with a model.safetensors as Hugging Face's tools write it. It holds {}.",
                  printable(folder.string()), holds),
      {}};
}

}  // namespace rookery::engine
