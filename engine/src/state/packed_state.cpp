// SPDX-License-Identifier: GPL-3.0-or-later
// The compact form of a state for a database: a header, then zstd over the raw floats. Little-endian.
#include <fmt/format.h>
#include <xxhash.h>
#include <zstd.h>

#include <array>
#include <cstring>

#include "rookery/state.h"

namespace rookery::engine {

namespace {

struct Header {
  std::array<char, 4> magic{'R', 'K', 'S', 'T'};
  std::uint16_t format = 1;
  std::uint8_t version = 0;  ///< RwkvVersion of the layout
  std::uint8_t reserved = 0;
  std::uint32_t layers = 0;
  std::uint32_t floatsPerLayer = 0;
  std::uint64_t hash = 0;    ///< xxh3-64 of the floats
};
static_assert(sizeof(Header) == 24);

// States are nearly random mantissas: higher levels cost time and save nothing.
constexpr int kZstdLevel = 1;

}  // namespace

std::vector<std::byte> State::pack() const {
  Header header;
  header.version = static_cast<std::uint8_t>(m_layout.version);
  header.layers = static_cast<std::uint32_t>(m_layout.layers);
  header.floatsPerLayer = static_cast<std::uint32_t>(m_layout.floatsPerLayer);
  header.hash = XXH3_64bits(m_data.data(), m_data.size() * sizeof(float));
  const std::size_t raw = m_data.size() * sizeof(float);
  std::vector<std::byte> packed(sizeof header + ZSTD_compressBound(raw));
  std::memcpy(packed.data(), &header, sizeof header);
  const std::size_t size = ZSTD_compress(packed.data() + sizeof header, packed.size() - sizeof header, m_data.data(), raw, kZstdLevel);
  packed.resize(sizeof header + size);  // cannot fail: the destination is as large as the bound
  return packed;
}

Result<State> State::unpack(std::span<const std::byte> packed, const ModelShape& shape) {
  Header header;
  const Header expected;
  if (packed.size() < sizeof header) return fail(ErrorCode::FileDamaged, "A stored state is cut short.");
  std::memcpy(&header, packed.data(), sizeof header);
  if (header.magic != expected.magic || header.format != expected.format)
    return fail(ErrorCode::FileDamaged, "A stored state has an unknown form.");
  State state(shape);
  if (header.version != static_cast<std::uint8_t>(state.m_layout.version) || header.layers != static_cast<std::uint32_t>(shape.layers) ||
      header.floatsPerLayer != state.m_layout.floatsPerLayer)
    return fail(ErrorCode::StateMismatch, "A stored state belongs to a model of other dimensions.");
  const std::size_t raw = state.m_data.size() * sizeof(float);
  const std::size_t size = ZSTD_decompress(state.m_data.data(), raw, packed.data() + sizeof header, packed.size() - sizeof header);
  if (ZSTD_isError(size) || size != raw) return fail(ErrorCode::FileDamaged, "A stored state cannot be unpacked.");
  if (XXH3_64bits(state.m_data.data(), raw) != header.hash) return fail(ErrorCode::FileDamaged, "A stored state does not match its hash.");
  return state;
}

}  // namespace rookery::engine
