// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rookery::engine {

/// What an allocation is for. Component names: "embedding", "ln0", "deep_embedding" (version 7a), "block0".., "ln_out",
/// "head", "state", "scratch", "staging". Bytes are exact; MB means 10^6 bytes.
struct LedgerEntry {
  std::string device;     ///< "cpu", "cuda:0", "vulkan:0"
  std::string component;
  std::string kind;       ///< "weights", "state", "scratch", ...
  std::uint64_t bytes = 0;
};

/// Whether a component is tables of which a token reads a row each. Some backends leave those in the computer's memory,
/// others put them on their device like other weights: each says so.
constexpr bool isLookedUp(std::string_view component) noexcept { return component == "embedding" || component == "deep_embedding"; }

/// Sum of live allocations by {device, component, kind}. Thread-safe.
class Ledger {
 public:
  void add(const std::string& device, const std::string& component, const std::string& kind, std::uint64_t bytes);
  void remove(const std::string& device, const std::string& component, const std::string& kind, std::uint64_t bytes);
  std::vector<LedgerEntry> entries() const;  ///< in the order in which components first appeared
  std::uint64_t total() const;

 private:
  mutable std::mutex m_mutex;
  std::vector<LedgerEntry> m_entries;
};

/// Resident set size of this process as the operating system sees it; 0 where it cannot be read.
std::uint64_t residentBytes() noexcept;
/// Memory that could be allocated without swapping; 0 where it cannot be read.
std::uint64_t availableBytes() noexcept;
std::uint64_t totalMemoryBytes() noexcept;

}  // namespace rookery::engine
