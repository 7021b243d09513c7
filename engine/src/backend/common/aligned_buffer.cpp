// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/aligned_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <utility>

#include "rookery/device.h"

namespace rookery::engine {

Result<AlignedBuffer> AlignedBuffer::allocate(std::uint64_t bytes, Ledger& ledger, std::string component,
                                              std::string kind) {
  constexpr std::uint64_t kHugePage = 2U << 20U;
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  const std::uint64_t available = availableBytes();
  void* memory = MAP_FAILED;
  if (available == 0 || bytes <= available)
    memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorCode::OutOfMemory,
                fmt::format("Not enough memory for {} ({}): {:.1f} MB are needed, {:.1f} MB are free.", component, kind,
                            static_cast<double>(bytes) / 1e6, static_cast<double>(available) / 1e6));
  }
  if (bytes >= kHugePage) ::madvise(memory, bytes, MADV_HUGEPAGE);
  buffer.m_data = static_cast<std::byte*>(memory);
  buffer.m_bytes = bytes;
  buffer.m_ledger = &ledger;
  buffer.m_component = std::move(component);
  buffer.m_kind = std::move(kind);
  ledger.add(kCpuId, buffer.m_component, buffer.m_kind, bytes);
  return buffer;
}

AlignedBuffer::~AlignedBuffer() {
  if (m_data == nullptr) return;
  ::munmap(m_data, m_bytes);
  m_ledger->remove(kCpuId, m_component, m_kind, m_bytes);
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept { *this = std::move(other); }

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(m_data, other.m_data);
  std::swap(m_bytes, other.m_bytes);
  std::swap(m_ledger, other.m_ledger);
  std::swap(m_component, other.m_component);
  std::swap(m_kind, other.m_kind);
  return *this;
}

}  // namespace rookery::engine
