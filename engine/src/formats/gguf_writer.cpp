// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/gguf_writer.h"

#include <array>

namespace rookery::engine {

namespace {

constexpr std::uint32_t kU32 = 4, kI32 = 5, kF32 = 6, kText = 8, kArray = 9;
constexpr std::uint64_t kAlignment = 32;

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

void GgufKeys::append(std::string_view text) {
  put<std::uint64_t>(text.size());
  m_bytes.append(text);
}

void GgufKeys::start(std::string_view key, std::uint32_t type) {
  append(key);
  put(type);
  ++m_count;
}

void GgufKeys::text(std::string_view key, std::string_view value) {
  start(key, kText);
  append(value);
}

void GgufKeys::u32(std::string_view key, std::uint32_t value) {
  start(key, kU32);
  put(value);
}

void GgufKeys::f32(std::string_view key, float value) {
  start(key, kF32);
  put(value);
}

void GgufKeys::texts(std::string_view key, std::span<const std::string> values) {
  start(key, kArray);
  put(kText);
  put<std::uint64_t>(values.size());
  for (const std::string& value : values) append(value);
}

void GgufKeys::i32s(std::string_view key, std::span<const std::int32_t> values) {
  start(key, kArray);
  put(kI32);
  put<std::uint64_t>(values.size());
  for (const std::int32_t value : values) put(value);
}

void GgufKeys::raw(std::string_view key, std::span<const std::byte> typeAndValue) {
  append(key);
  m_bytes.append(reinterpret_cast<const char*>(typeAndValue.data()), typeAndValue.size());
  ++m_count;
}

std::optional<std::uint32_t> ggufType(DType type) noexcept {
  switch (type) {
    case DType::F32: return 0;
    case DType::F16: return 1;
    case DType::Q4_0: return 2;
    case DType::Q4_1: return 3;
    case DType::Q5_0: return 6;
    case DType::Q5_1: return 7;
    case DType::Q8_0: return 8;
    case DType::Q2_K: return 10;
    case DType::Q3_K: return 11;
    case DType::Q4_K: return 12;
    case DType::Q5_K: return 13;
    case DType::Q6_K: return 14;
    case DType::IQ4_NL: return 20;
    case DType::BF16: return 30;
    default: return std::nullopt;
  }
}

Result<void> writeGguf(const std::filesystem::path& path, const GgufKeys& keys, std::span<const OutputEntry> tensors) {
  std::string head = "GGUF";
  const auto put = [&](auto value) { head.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(std::uint32_t{3});
  put(static_cast<std::uint64_t>(tensors.size()));
  put(keys.count());
  head += keys.bytes();
  std::uint64_t offset = 0;
  for (const OutputEntry& tensor : tensors) {
    put(static_cast<std::uint64_t>(tensor.name.size()));
    head += tensor.name;
    put(static_cast<std::uint32_t>(tensor.shape.size()));
    for (auto dim = tensor.shape.rbegin(); dim != tensor.shape.rend(); ++dim) put(static_cast<std::uint64_t>(*dim));  // innermost first
    put(*ggufType(tensor.type));
    put(offset);
    offset += aligned(tensor.bytes());
  }
  head.resize(aligned(head.size()), '\0');

  return writeWholeFile(path, [&](const PutBytes& putBytes) -> Result<void> {
    if (auto good = putBytes(std::as_bytes(std::span(head))); !good) return good;
    for (const OutputEntry& tensor : tensors) {
      if (auto good = tensor.make(putBytes); !good) return good;
      constexpr std::array<std::byte, kAlignment> kZeros{};
      if (auto good = putBytes(std::span(kZeros).first(aligned(tensor.bytes()) - tensor.bytes())); !good) return good;
    }
    return {};
  });
}

}  // namespace rookery::engine
