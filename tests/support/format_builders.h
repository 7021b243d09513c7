// SPDX-License-Identifier: GPL-3.0-or-later
// Writes small model files in memory, correct ones and wrong ones, for the readers' tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace rookery::test {

class Bytes {
 public:
  template <class T>
  Bytes& number(T value) {
    const auto at = m_bytes.size();
    m_bytes.resize(at + sizeof(T));
    std::memcpy(m_bytes.data() + at, &value, sizeof(T));
    return *this;
  }
  Bytes& text(std::string_view text) {
    for (const char c : text) m_bytes.push_back(static_cast<std::byte>(c));
    return *this;
  }
  /// GGUF's way: u64 length, then the bytes.
  Bytes& counted(std::string_view t) { return number<std::uint64_t>(t.size()).text(t); }
  Bytes& zeros(std::size_t count) {
    m_bytes.resize(m_bytes.size() + count);
    return *this;
  }
  Bytes& alignTo(std::size_t alignment) { return zeros((alignment - m_bytes.size() % alignment) % alignment); }
  std::size_t size() const { return m_bytes.size(); }
  std::vector<std::byte>& raw() { return m_bytes; }
  operator std::span<const std::byte>() const { return m_bytes; }  // NOLINT: a test's convenience

 private:
  std::vector<std::byte> m_bytes;
};

struct FakeTensor {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// A safetensors file of fp32 tensors; element i of every tensor is i.
inline Bytes safetensors(const std::vector<FakeTensor>& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::uint64_t at = 0;
  for (const auto& [name, shape] : tensors) {
    std::uint64_t bytes = 4;
    for (const auto dim : shape) bytes *= static_cast<std::uint64_t>(dim);
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  const std::string text = header.dump();
  Bytes out;
  out.number<std::uint64_t>(text.size()).text(text);
  for (const auto& [name, shape] : tensors) {
    std::int64_t count = 1;
    for (const auto dim : shape) count *= dim;
    for (std::int64_t i = 0; i < count; ++i) out.number(static_cast<float>(i));
  }
  return out;
}

/// A zip of stored entries, as torch writes it, with the CRC of the caller's choice.
struct ZipPart {
  std::string name;
  std::string data;
  std::uint32_t crc = 0;
};

inline void zipSizes(Bytes& to, const ZipPart& part) {
  const auto size = static_cast<std::uint32_t>(part.data.size());
  to.number<std::uint32_t>(0).number(part.crc).number(size).number(size);
}

/// One entry with its local record.
inline std::string storedZipEntry(const ZipPart& part) {
  Bytes out;
  out.text("PK\3\4").number<std::uint16_t>(20).number<std::uint32_t>(0);
  zipSizes(out, part);
  out.number(static_cast<std::uint16_t>(part.name.size())).number<std::uint16_t>(0).text(part.name).text(part.data);
  return {reinterpret_cast<const char*>(out.raw().data()), out.size()};
}

inline Bytes storedZip(const std::vector<ZipPart>& parts) {
  Bytes out;
  std::vector<std::uint32_t> offsets;
  for (const ZipPart& part : parts) {
    offsets.push_back(static_cast<std::uint32_t>(out.size()));
    out.text(storedZipEntry(part));
  }
  const auto start = static_cast<std::uint32_t>(out.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out.text("PK\1\2").number<std::uint32_t>(20 | 20U << 16).number<std::uint32_t>(0);
    zipSizes(out, parts[i]);
    out.number(static_cast<std::uint16_t>(parts[i].name.size())).zeros(12).number(offsets[i]).text(parts[i].name);
  }
  const auto length = static_cast<std::uint32_t>(out.size()) - start;
  const auto count = static_cast<std::uint16_t>(parts.size());
  out.text("PK\5\6").zeros(4).number(count).number(count).number(length).number(start).number<std::uint16_t>(0);
  return out;
}

}  // namespace rookery::test
