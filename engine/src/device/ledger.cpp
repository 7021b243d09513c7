// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/ledger.h"

#include <algorithm>

namespace rookery::engine {

void Ledger::add(const std::string& device, const std::string& component, const std::string& kind, std::uint64_t bytes) {
  const std::lock_guard lock(m_mutex);
  auto afterComponent = m_entries.end();
  for (auto entry = m_entries.begin(); entry != m_entries.end(); ++entry) {
    if (entry->component != component) continue;
    if (entry->device == device && entry->kind == kind) {
      entry->bytes += bytes;
      return;
    }
    afterComponent = entry + 1;
  }
  m_entries.insert(afterComponent, {device, component, kind, bytes});
}

void Ledger::remove(const std::string& device, const std::string& component, const std::string& kind, std::uint64_t bytes) {
  const std::lock_guard lock(m_mutex);
  for (LedgerEntry& entry : m_entries) {
    if (entry.device == device && entry.component == component && entry.kind == kind) {
      entry.bytes -= std::min(bytes, entry.bytes);
      return;
    }
  }
}

std::vector<LedgerEntry> Ledger::entries() const {
  const std::lock_guard lock(m_mutex);
  std::vector<LedgerEntry> live;  // an emptied entry keeps its place, in case it comes back
  std::copy_if(m_entries.begin(), m_entries.end(), std::back_inserter(live), [](const auto& entry) { return entry.bytes > 0; });
  return live;
}

std::uint64_t Ledger::total() const {
  const std::lock_guard lock(m_mutex);
  std::uint64_t sum = 0;
  for (const LedgerEntry& entry : m_entries) sum += entry.bytes;
  return sum;
}

}  // namespace rookery::engine
