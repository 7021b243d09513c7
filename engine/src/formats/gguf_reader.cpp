// SPDX-License-Identifier: GPL-3.0-or-later
// GGUF versions 2 and 3, little-endian (ggml's docs/gguf.md).
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>

#include "formats/contents.h"
#include "formats/names.h"

namespace rookery::engine {

namespace {

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(ErrorCode::FileDamaged, fmt::format("The GGUF file is damaged: {}.", what));
}

tl::unexpected<Error> cutShort(const std::string& what) { return damaged(what + "; the download may not be complete"); }

enum ValueType : std::uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

constexpr std::array<std::uint64_t, 13> kValueBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

constexpr std::uint64_t kMostKeyBytes = 65535;
constexpr std::uint64_t kMostDims = 4;
constexpr std::uint64_t kMostKeys = 4096;                // llama.cpp's own files have some forty
constexpr std::uint64_t kMostTexts = 4'194'304;           // in an array; vocabularies have 2^18, their merges twice that

// Reads forward; every take checks what is left first.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : m_bytes(bytes) {}

  std::uint64_t left() const { return m_bytes.size() - m_at; }
  std::uint64_t at() const { return m_at; }

  template <class T>
  bool take(T& out) {
    if (left() < sizeof(T)) return false;
    std::memcpy(&out, m_bytes.data() + m_at, sizeof(T));
    m_at += sizeof(T);
    return true;
  }
  template <class T>
  bool peek(T& out) const {
    return Reader(*this).take(out);
  }
  bool skip(std::uint64_t bytes) {
    if (bytes > left()) return false;
    m_at += bytes;
    return true;
  }
  std::span<const std::byte> since(std::uint64_t begin) const { return m_bytes.subspan(begin, m_at - begin); }
  bool takeString(std::string& out, std::uint64_t most) {
    std::uint64_t length = 0;
    if (!take(length) || length > left() || length > most) return false;
    out.assign(reinterpret_cast<const char*>(m_bytes.data() + m_at), length);
    m_at += length;
    return true;
  }

 private:
  std::span<const std::byte> m_bytes;
  std::uint64_t m_at = 0;
};

template <class T, class Out>
bool takeAs(Reader& reader, Out& out) {
  T value{};
  if (!reader.take(value)) return false;
  out = static_cast<Out>(value);
  return true;
}

bool takeInteger(Reader& reader, std::uint32_t type, std::int64_t& out) {
  switch (type) {
    case U8: case Bool: return takeAs<std::uint8_t>(reader, out);
    case I8: return takeAs<std::int8_t>(reader, out);
    case U16: return takeAs<std::uint16_t>(reader, out);
    case I16: return takeAs<std::int16_t>(reader, out);
    case U32: return takeAs<std::uint32_t>(reader, out);
    case I32: return takeAs<std::int32_t>(reader, out);
    case U64: case I64: return takeAs<std::int64_t>(reader, out);
    default: return false;
  }
}

Result<MetaValue> takeArray(Reader& reader, const std::string& key) {
  std::uint32_t type = 0;
  std::uint64_t count = 0;
  if (!reader.take(type) || !reader.take(count)) return cutShort(fmt::format("it ends inside the array {}", key));
  if (type >= kValueBytes.size() || type == Array) return damaged(fmt::format("the array {} has elements of an impossible type", key));
  const std::uint64_t least = type == String ? 8 : kValueBytes[type];
  if (count > reader.left() / least) return cutShort(fmt::format("the array {} is said to have {} elements, more than the file can hold", key, count));
  const std::uint64_t begin = reader.at();
  if (type == String) {
    if (count > kMostTexts) return tooMany("GGUF file", fmt::format("texts in {}", key), kMostTexts);
    for (std::uint64_t i = 0; i < count; ++i)
      if (std::uint64_t length = 0; !reader.take(length) || !reader.skip(length))
        return cutShort(fmt::format("it ends inside the array {}", key));
  } else {
    reader.skip(count * least);
  }
  return MetaValue(MetaArray(type, count, reader.since(begin)));
}

Result<MetaValue> takeValue(Reader& reader, std::uint32_t type, const std::string& key) {
  const auto cut = [&] { return cutShort(fmt::format("it ends inside the value of {}", key)); };
  switch (type) {
    case String: {
      std::string value;
      if (std::uint64_t length = 0; reader.peek(length) && length <= reader.left() && length > kMostTextBytes)
        return fail(
            ErrorCode::FormatUnknown,
            fmt::format("The GGUF file has a text of {} bytes as {}; no model needs one of that size.", length, key));
      if (!reader.takeString(value, reader.left())) return cut();
      return MetaValue(std::move(value));
    }
    case Array: return takeArray(reader, key);
    case F32: case F64: {
      double value = 0;
      if (!(type == F32 ? takeAs<float>(reader, value) : takeAs<double>(reader, value))) return cut();
      return MetaValue(value);
    }
    case Bool: {
      std::uint8_t value = 0;
      if (!reader.take(value)) return cut();
      return MetaValue(value != 0);
    }
    case U8: case U16: case U32: case U64: case I8: case I16: case I32: case I64: {
      std::int64_t value = 0;
      if (!takeInteger(reader, type, value)) return cut();
      if (type == U64) return MetaValue(static_cast<std::uint64_t>(value));
      return MetaValue(value);
    }
    default: return damaged(fmt::format("the value of {} has the unknown type {}", key, type));
  }
}

// nullopt: a block format that is not read.
std::optional<DType> dtypeOf(std::uint32_t type) {
  switch (type) {
    case 0: return DType::F32;
    case 1: return DType::F16;
    case 2: return DType::Q4_0;
    case 3: return DType::Q4_1;
    case 6: return DType::Q5_0;
    case 7: return DType::Q5_1;
    case 8: return DType::Q8_0;
    case 10: return DType::Q2_K;
    case 11: return DType::Q3_K;
    case 12: return DType::Q4_K;
    case 13: return DType::Q5_K;
    case 14: return DType::Q6_K;
    case 20: return DType::IQ4_NL;
    case 24: return DType::I8;
    case 25: return DType::I16;
    case 26: return DType::I32;
    case 27: return DType::I64;
    case 28: return DType::F64;
    case 30: return DType::BF16;
    default: return std::nullopt;
  }
}

std::string formatName(std::uint32_t type) {
  static const std::map<std::uint32_t, const char*> kKnown{
      {9, "Q8_1"}, {15, "Q8_K"}, {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"}, {21, "IQ3_S"}, {22, "IQ2_S"},
      {23, "IQ4_XS"}, {29, "IQ1_M"}, {31, "Q4_0_4_4"}, {32, "Q4_0_4_8"}, {33, "Q4_0_8_8"}, {34, "TQ1_0"}, {35, "TQ2_0"},
      {36, "IQ4_NL_4_4"}, {37, "IQ4_NL_4_8"}, {38, "IQ4_NL_8_8"}, {39, "MXFP4"}, {40, "NVFP4"}, {4, "Q4_2"}, {5, "Q4_3"}};
  const auto known = kKnown.find(type);
  return known != kKnown.end() ? fmt::format("block format {}", known->second) : fmt::format("block format number {}", type);
}

// Keys that everything else relies on: their type and range, before anybody computes with them.
Result<void> checkKeys(const ModelFile::Contents& contents) {
  const auto integer = [&](const std::string& key, std::int64_t least, std::int64_t most) -> Result<void> {
    const auto found = contents.metadata.find(key);
    if (found == contents.metadata.end()) return {};
    const auto* value = std::get_if<std::int64_t>(&found->second);
    if (value == nullptr || *value < least || *value > most) return damaged(fmt::format("the value of {} is impossible", key));
    return {};
  };
  const auto architecture = contents.metadata.find("general.architecture");
  if (architecture == contents.metadata.end()) return {};
  const auto* name = std::get_if<std::string>(&architecture->second);
  if (name == nullptr) return damaged("the value of general.architecture is no text");
  for (const auto& [key, least, most] : {std::tuple<const char*, std::int64_t, std::int64_t>{"block_count", 1, 4096},
                                         {"embedding_length", 1, 1 << 20}, {"wkv.head_size", 1, 4096}})
    if (auto good = integer(*name + "." + key, least, most); !good) return good;
  return {};
}

}  // namespace

bool MetaArray::holdsTexts() const noexcept { return m_type == String; }
bool MetaArray::holdsIntegers() const noexcept { return m_type != String && m_type != F32 && m_type != F64; }

std::vector<std::string_view> MetaArray::texts() const {
  std::vector<std::string_view> values;
  Reader reader(m_bytes);
  if (!holdsTexts()) return values;
  values.reserve(m_count);
  for (std::uint64_t i = 0; i < m_count; ++i) {
    std::uint64_t length = 0, begin = 0;
    if (!reader.take(length) || (begin = reader.at(), !reader.skip(length))) break;
    const auto text = reader.since(begin);
    values.emplace_back(reinterpret_cast<const char*>(text.data()), text.size());
  }
  return values;
}

std::vector<std::int64_t> MetaArray::integers() const {
  if (!holdsIntegers()) return {};
  std::vector<std::int64_t> values(m_count);
  Reader reader(m_bytes);
  for (std::int64_t& value : values) takeInteger(reader, m_type, value);
  return values;
}

std::vector<double> MetaArray::numbers() const {
  if (holdsTexts() || holdsIntegers()) return {};
  std::vector<double> values(m_count);
  Reader reader(m_bytes);
  for (double& value : values) m_type == F32 ? takeAs<float>(reader, value) : takeAs<double>(reader, value);
  return values;
}

bool looksLikeGguf(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0;
}

Result<void> readGguf(ModelFile::Contents& contents) {
  const auto file = contents.file.bytes();
  Reader reader(file);
  std::uint32_t magic = 0, version = 0;
  std::uint64_t tensorCount = 0, keyCount = 0;
  if (!reader.take(magic) || !reader.take(version) || !reader.take(tensorCount) || !reader.take(keyCount)) return cutShort("it ends inside its header");
  if (version == 0x02000000U || version == 0x03000000U)
    return fail(ErrorCode::FormatUnknown, "This GGUF file is big-endian; only little-endian files can be read.");
  if (version < 2 || version > 3) return fail(ErrorCode::FormatUnknown, fmt::format("This GGUF file has version {}; versions 2 and 3 can be read.", version));
  // The smallest key takes 8 + 4 + 1 bytes, the smallest tensor entry 8 + 4 + 8 + 4 + 8.
  if (keyCount > reader.left() / 13 || tensorCount > reader.left() / 32)
    return cutShort(fmt::format("it claims {} keys and {} tensors, more than it can hold", keyCount, tensorCount));

  if (keyCount > kMostKeys) return tooMany("GGUF file", "keys", kMostKeys);
  if (tensorCount > kMostTensors) return tooMany("GGUF file", "tensors", kMostTensors);

  for (std::uint64_t i = 0; i < keyCount; ++i) {
    std::string key;
    std::uint32_t type = 0;
    const auto cut = [&] { return cutShort(fmt::format("it ends inside key {} of {}", i + 1, keyCount)); };
    if (!reader.takeString(key, kMostKeyBytes)) return cut();
    const std::uint64_t begin = reader.at();
    if (!reader.take(type)) return cut();
    if (!isPlainName(key)) return oddName("key", key);
    auto value = takeValue(reader, type, key);
    if (!value) return tl::unexpected(value.error());
    contents.rawMetadata.emplace_back(key, file.subspan(begin, reader.at() - begin));
    if (!contents.metadata.emplace(key, std::move(*value)).second) return damaged(fmt::format("the key {} stands there twice", key));
  }
  if (auto good = checkKeys(contents); !good) return good;

  std::uint64_t alignment = 32;
  if (const auto found = contents.metadata.find("general.alignment"); found != contents.metadata.end()) {
    const auto* value = std::get_if<std::int64_t>(&found->second);
    if (value == nullptr || *value < 1 || *value > (1 << 20) || !std::has_single_bit(static_cast<std::uint64_t>(*value)))
      return damaged("its alignment is no power of two");
    alignment = static_cast<std::uint64_t>(*value);
  }

  std::vector<TensorSource> tensors;
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t i = 0; i < tensorCount; ++i) {
    TensorSource tensor;
    std::uint32_t dims = 0, type = 0;
    std::uint64_t offset = 0;
    const auto cut = [&] { return cutShort(fmt::format("it ends inside tensor entry {} of {}", i + 1, tensorCount)); };
    if (!reader.takeString(tensor.name, kMostKeyBytes) || !reader.take(dims)) return cut();
    if (dims > kMostDims) return damaged(fmt::format("tensor {} has {} dimensions", tensor.name, dims));
    tensor.shape.resize(dims);
    for (std::uint32_t d = 0; d < dims; ++d)  // innermost first in the file
      if (!reader.take(tensor.shape[dims - 1 - d])) return cut();
    if (!reader.take(type) || !reader.take(offset)) return cut();
    const auto dtype = dtypeOf(type);
    if (!dtype) {  // its size is not known, either
      if (auto noted = contents.addUnread(tensor.name, formatName(type)); !noted) return noted;
      continue;
    }
    tensor.dtype = *dtype;
    tensors.push_back(std::move(tensor));
    offsets.push_back(offset);
  }

  const std::uint64_t dataStart = (reader.at() + alignment - 1) / alignment * alignment;
  const std::uint64_t dataBytes = dataStart <= file.size() ? file.size() - dataStart : 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    TensorSource& tensor = tensors[i];
    const auto bytes = tensorBytes(tensor.dtype, tensor.shape);
    if (!bytes) return damaged(fmt::format("tensor {} has an impossible shape", tensor.name));
    if (offsets[i] % alignment != 0) return damaged(fmt::format("tensor {} is not aligned", tensor.name));
    if (offsets[i] > dataBytes || *bytes > dataBytes - offsets[i])
      return cutShort(fmt::format("tensor {} lies outside the file", tensor.name));
    tensor.bytes = file.subspan(dataStart + offsets[i], *bytes);
    if (auto good = contents.add(std::move(tensor)); !good) return good;
  }
  return contents.notOnlyUnread("GGUF file");
}

}  // namespace rookery::engine
