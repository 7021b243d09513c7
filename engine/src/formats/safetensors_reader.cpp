// SPDX-License-Identifier: GPL-3.0-or-later
// safetensors: 8 bytes little-endian header length, JSON header, data. Rules as its own library checks them: names
// unique, offsets in range, shapes fit their bytes, tensors cover the data without holes or overlap.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "formats/contents.h"
#include "formats/safetensors_writer.h"
#include "formats/strict_json.h"

namespace rookery::engine {

namespace {

using nlohmann::json;

constexpr std::uint64_t kMostHeader = 100'000'000;  // the format's own limit

std::uint64_t headerLength(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length;
}

std::optional<DType> dtypeOf(const std::string& name) {
  static const std::map<std::string, DType, std::less<>> kTypes{
      {"F64", DType::F64}, {"F32", DType::F32}, {"F16", DType::F16}, {"BF16", DType::BF16}, {"I64", DType::I64}, {"I32", DType::I32},
      {"I16", DType::I16}, {"I8", DType::I8},   {"U8", DType::U8},   {"BOOL", DType::Bool}};
  const auto found = kTypes.find(name);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(ErrorCode::FileDamaged, fmt::format("The safetensors file is damaged: {}.", what));
}

// One entry of the header, checked on its own.
Result<TensorSource> readEntry(const std::string& name, const json& entry, std::span<const std::byte> data) {
  const auto bad = [&](const char* what) { return damaged(fmt::format("tensor {} {}", name, what)); };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets"))
    return bad("lacks its dtype, shape or offsets");
  if (!entry["dtype"].is_string()) return bad("has a dtype that is no text");
  const auto dtype = dtypeOf(entry["dtype"].get<std::string>());
  if (!dtype) return bad("has an unknown dtype");
  TensorSource tensor;
  tensor.name = name;
  tensor.dtype = *dtype;
  if (!entry["shape"].is_array() || entry["shape"].size() > kMostDimensions) return bad("has an impossible shape");
  for (const json& dim : entry["shape"]) {
    if (!dim.is_number_unsigned() || dim.get<std::uint64_t>() > (std::uint64_t{1} << 60U)) return bad("has an impossible shape");
    tensor.shape.push_back(static_cast<std::int64_t>(dim.get<std::uint64_t>()));
  }
  const json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    return bad("has offsets that are no two numbers");
  const std::uint64_t begin = offsets[0].get<std::uint64_t>(), end = offsets[1].get<std::uint64_t>();
  if (begin > end) return bad("ends before it begins");
  if (end > data.size())
    return damaged(fmt::format("tensor {} lies outside the file, which ends {} bytes too early; the download may not be complete", name, end - data.size()));
  const auto bytes = tensorBytes(tensor.dtype, tensor.shape);
  if (!bytes || *bytes != end - begin) return bad("has a shape that does not fit its bytes");
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

// Our own files keep block types as bytes, the type in the name (safetensors_writer.h).
Result<void> unwrapBlocks(TensorSource& tensor) {
  const std::size_t dot = tensor.name.rfind('.');
  if (tensor.dtype != DType::U8 || dot == std::string::npos || tensor.shape.empty()) return {};
  for (std::size_t i = 0; i < kDTypes; ++i) {
    const auto type = static_cast<DType>(i);
    const DTypeTraits& t = traits(type);
    if (t.blockSize == 1 || !isWeightType(type) || std::string_view(tensor.name).substr(dot + 1) != t.name) continue;
    const std::int64_t rowBytes = tensor.shape.back();
    if (rowBytes % t.blockBytes != 0) return damaged(fmt::format("rows of tensor {} are no whole number of blocks", tensor.name));
    tensor.name.resize(dot);
    tensor.dtype = type;
    tensor.shape.back() = rowBytes / t.blockBytes * t.blockSize;
    return {};
  }
  return {};
}

}  // namespace

bool hasSafetensorsHeader(std::span<const std::byte> bytes) noexcept {
  return bytes.size() > 8 && bytes[8] == std::byte{'{'} && headerLength(bytes) <= bytes.size() - 8;
}

bool looksLikeSafetensors(std::span<const std::byte> bytes) noexcept {
  // A header starts with '{'. Short files too, so that a cut one is called damaged rather than unknown.
  if (bytes.size() <= 8) return true;
  return bytes[8] == std::byte{'{'} || bytes[8] == std::byte{'['} || headerLength(bytes) == 0;
}

Result<void> readSafetensors(ModelFile::Contents& contents) {
  const auto file = contents.file.bytes();
  if (file.size() < 8) return damaged("it ends before the length of its header");
  const std::uint64_t length = headerLength(file);
  if (length < 2 || length > kMostHeader || length > file.size() - 8)
    return damaged(fmt::format("its header is said to have {} bytes, the file has {}; the download may not be complete", length, file.size()));
  constexpr int kDeepest = 8;
  const auto header = parseStrictJson({reinterpret_cast<const char*>(file.data() + 8), length}, kDeepest);
  if (!header || !header->is_object()) return damaged("its header is not the JSON object it should be");
  const auto data = file.subspan(8 + length);

  const auto metadata = header->find("__metadata__");
  const bool blocks = metadata != header->end() && metadata->is_object() && metadata->value(kBlockLayoutKey, json()) == kBlockLayout;
  for (const auto& [name, entry] : header->items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) return damaged("its metadata is no object");
      for (const auto& [key, value] : entry.items())
        if (value.is_string()) contents.metadata.emplace(key, value.get<std::string>());
      continue;
    }
    auto tensor = readEntry(name, entry, data);
    if (!tensor) return tl::unexpected(tensor.error());
    if (blocks)
      if (auto good = unwrapBlocks(*tensor); !good) return good;
    if (auto good = contents.add(std::move(*tensor)); !good) return good;
  }

  // In file order; one after the other without overlap.
  std::sort(contents.tensors.begin(), contents.tensors.end(), [](const TensorSource& a, const TensorSource& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  const std::byte* end = data.data();
  for (std::size_t i = 0; i < contents.tensors.size(); ++i) {
    const TensorSource& tensor = contents.tensors[i];
    if (tensor.bytes.data() < end) return damaged(fmt::format("tensor {} overlaps another one", tensor.name));
    end = tensor.bytes.data() + tensor.bytes.size();
    contents.byName[tensor.name] = i;
  }
  return {};
}

}  // namespace rookery::engine
