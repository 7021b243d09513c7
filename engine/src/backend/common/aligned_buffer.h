// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "rookery/ledger.h"
#include "rookery/result.h"

namespace rookery::engine {

/// Page-aligned memory from the system, zeroed, huge pages where the system gives them; entered in the ledger for
/// as long as it lives. Pages are touched first by whoever writes them.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// OutOfMemory, also when the machine has less memory than asked for: a failed allocation is better than a
  /// process that the system kills later. `ledger` must outlive the buffer.
  static Result<AlignedBuffer> allocate(std::uint64_t bytes, Ledger& ledger, std::string component, std::string kind);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  std::byte* data() noexcept { return m_data; }
  const std::byte* data() const noexcept { return m_data; }
  float* floats() noexcept { return reinterpret_cast<float*>(m_data); }
  const float* floats() const noexcept { return reinterpret_cast<const float*>(m_data); }
  std::uint64_t bytes() const noexcept { return m_bytes; }

 private:
  std::byte* m_data = nullptr;
  std::uint64_t m_bytes = 0;
  Ledger* m_ledger = nullptr;
  std::string m_component, m_kind;
};

}  // namespace rookery::engine
