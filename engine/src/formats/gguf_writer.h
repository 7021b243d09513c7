// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/output_file.h"
#include "rookery/model_file.h"

namespace rookery::engine {

/// Keys and values of a GGUF file, encoded one after the other.
class GgufKeys {
 public:
  void text(std::string_view key, std::string_view value);
  void u32(std::string_view key, std::uint32_t value);
  void f32(std::string_view key, float value);
  void texts(std::string_view key, std::span<const std::string> values);
  void i32s(std::string_view key, std::span<const std::int32_t> values);
  /// Type and value as another GGUF holds them.
  void raw(std::string_view key, std::span<const std::byte> typeAndValue);

  std::uint64_t count() const noexcept { return m_count; }
  const std::string& bytes() const noexcept { return m_bytes; }

 private:
  void start(std::string_view key, std::uint32_t type);
  void append(std::string_view text);
  template <class T>
  void put(T value) {
    m_bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::string m_bytes;
  std::uint64_t m_count = 0;
};

/// The number that GGUF has for a type; nullopt for our own types.
std::optional<std::uint32_t> ggufType(DType type) noexcept;

/// GGUF version 3, little-endian, alignment 32. `tensors` have types that ggufType() knows. Atomic; FileWriteFailed.
Result<void> writeGguf(const std::filesystem::path& path, const GgufKeys& keys, std::span<const OutputEntry> tensors);

}  // namespace rookery::engine
