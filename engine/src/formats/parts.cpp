// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/parts.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <system_error>

#include "formats/names.h"

namespace rookery::engine {

namespace {

constexpr std::string_view kIndexEnd = ".safetensors.index.json", kPartEnd = ".safetensors";
constexpr std::size_t kMostIndexBytes = 16'000'000, kMostParts = 1000;

/// Tensor to part.
using WeightMap = std::map<std::string, std::string>;

// No folder, no drive, nothing hidden: a file beside the list.
bool isPartName(std::string_view name) {
  return isPlainName(name) && name.find_first_of("/\\:") == std::string_view::npos && !name.starts_with('.') && name.ends_with(kPartEnd);
}

// Takes weight_map as the parser meets it; `problem` is set where there is more to say than that it is no JSON object.
class IndexReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  WeightMap parts;
  std::string problem;
  bool isObject = false;

  bool start_object(std::size_t) override {
    if (m_depth == 0) isObject = true;
    if (m_depth == 1 && m_key == kMap) m_inMap = true;
    else if (m_inMap) return noName();
    return deeper();
  }
  bool end_object() override {
    if (--m_depth == 1) m_inMap = false;
    return true;
  }
  bool start_array(std::size_t) override { return m_inMap ? noName() : deeper(); }
  bool end_array() override {
    --m_depth;
    return true;
  }
  bool key(std::string& name) override {
    m_key = name;
    return true;
  }
  bool string(std::string& part) override {
    if (!m_inMap) return true;
    if (!isPartName(part))
      return stop(fmt::format("\"{}\" is not the plain name of a .safetensors file beside it", part));
    if (parts.size() == kMostTensors) return stop(fmt::format("it names more than {} tensors", kMostTensors));
    return parts.emplace(m_key, part).second;
  }
  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(std::int64_t) override { return other(); }
  bool number_unsigned(std::uint64_t) override { return other(); }
  bool number_float(double, const std::string&) override { return other(); }
  bool binary(nlohmann::json::binary_t&) override { return other(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  static constexpr std::string_view kMap = "weight_map";
  static constexpr int kDeepest = 4;
  bool stop(std::string what) {
    problem = std::move(what);
    return false;
  }
  bool noName() { return stop(fmt::format("the file of tensor {} is no name", m_key)); }
  bool other() { return m_inMap ? noName() : true; }
  bool deeper() { return ++m_depth <= kDeepest; }

  std::string m_key;
  int m_depth = 0;
  bool m_inMap = false;
};

Result<WeightMap> readIndex(const FileBytes& file, const std::string& name) {
  const auto bytes = file.bytes();
  const auto bad = [&](std::string_view what) { return fail(ErrorCode::FormatUnknown, fmt::format("{} is no list of a model's parts: {}.", name, what)); };
  if (bytes.size() > kMostIndexBytes) return bad("it is larger than 16 MB");
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  IndexReader reader;
  const bool whole = nlohmann::json::sax_parse(text, text + bytes.size(), &reader);
  if (!reader.problem.empty()) return bad(reader.problem);
  if (!whole || !reader.isObject) return bad("it is not the JSON object it should be");
  if (reader.parts.empty()) return bad("it has no weight_map");
  return std::move(reader.parts);
}

}  // namespace

std::optional<std::filesystem::path> listOfParts(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  if (name.ends_with(kIndexEnd)) return path;
  static const std::regex kPart(R"((.*)-[0-9]{1,5}-of-[0-9]{1,5}\.safetensors)");
  std::smatch match;
  if (name.size() > 255 || !std::regex_match(name, match, kPart)) return std::nullopt;
  auto index = path;
  index.replace_filename(match[1].str() + std::string(kIndexEnd));
  std::error_code ignored;
  return std::filesystem::exists(index, ignored) ? std::optional(index) : std::nullopt;
}

Result<void> readParts(ModelFile::Contents& contents, const std::filesystem::path& index, const std::filesystem::path& asked, const OpenPart& open) {
  const std::string name = index.filename().string();
  auto file = FileBytes::map(index);
  if (!file) return tl::unexpected(file.error());
  const auto map = readIndex(*file, name);
  if (!map) return tl::unexpected(map.error());
  std::map<std::string, std::vector<std::string>> parts;  // each with the tensors that it should hold
  for (const auto& [tensor, part] : *map) parts[part].push_back(tensor);
  if (parts.size() > kMostParts) return fail(ErrorCode::FormatUnknown, fmt::format("{} names {} files; no model has that many parts.", name, parts.size()));

  // Another model's part beside this list must not open this model.
  const std::string askedName = asked.filename().string();
  if (askedName != name && !parts.contains(askedName))
    return fail(ErrorCode::FileDamaged, fmt::format("{} is not one of the {} parts that {} names, so the two belong to different models. Keep each model's files "
                                                    "in a folder of their own.", askedName, parts.size(), name));

  contents.container = Container::SafeTensors;
  for (const auto& [part, tensors] : parts) {
    auto path = index;
    auto opened = open(path.replace_filename(part));
    if (!opened && opened.error().code == ErrorCode::FileNotFound)
      return fail(ErrorCode::FileNotFound, fmt::format("A part of the model is missing: {}. {} lists {} parts; all of them must lie beside it.", part, name, parts.size()));
    if (!opened) return fail(opened.error().code, fmt::format("The part {} cannot be used: {}", part, opened.error().message), opened.error().details);
    ModelFile::Contents& from = **opened;
    if (from.container != Container::SafeTensors) return fail(ErrorCode::FormatUnknown, fmt::format("The part {} is no safetensors file.", part));
    for (const std::string& tensor : tensors)
      if (from.find(tensor) == nullptr)
        return fail(ErrorCode::FileDamaged, fmt::format("{} says that tensor {} is in {}, but it is not: the files do not belong together, or one is of "
                                                        "another version. Download them again.", name, tensor, part));
    contents.parts.push_back(std::move(from.file));
    for (TensorSource& tensor : from.tensors)
      if (auto good = contents.add(std::move(tensor)); !good) return good;
    for (auto& [key, value] : from.metadata) contents.metadata.emplace(key, std::move(value));
  }
  return {};
}

}  // namespace rookery::engine
