// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace rookery::engine {

static_assert(std::endian::native == std::endian::little, "the file formats are little-endian and read in place");

/// Reads little-endian values from bytes that nobody has checked. Reading past the end gives zeros and
/// sets failed(), which stays set: a parser may read a whole record and ask once.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) noexcept : m_bytes(bytes) {}

  bool failed() const noexcept { return m_failed; }
  std::size_t position() const noexcept { return m_position; }
  std::size_t remaining() const noexcept { return m_bytes.size() - m_position; }

  template <class T>
  T read() noexcept {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    const auto raw = take(sizeof(T));
    if (raw.size() == sizeof(T)) {
      std::memcpy(&value, raw.data(), sizeof(T));
    }
    return value;
  }

  /// `count` bytes in place, or none at all when there are fewer.
  std::span<const std::byte> take(std::uint64_t count) noexcept {
    if (count > remaining()) {
      m_failed = true;
      m_position = m_bytes.size();
      return {};
    }
    const auto result = m_bytes.subspan(m_position, static_cast<std::size_t>(count));
    m_position += static_cast<std::size_t>(count);
    return result;
  }

  std::string_view text(std::uint64_t count) noexcept {
    const auto raw = take(count);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }

 private:
  std::span<const std::byte> m_bytes;
  std::size_t m_position = 0;
  bool m_failed = false;
};

/// a * b, or false when it does not fit.
inline bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) noexcept {
  return !__builtin_mul_overflow(a, b, &product);
}

}  // namespace rookery::engine
