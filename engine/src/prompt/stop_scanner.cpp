// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "rookery/prompt.h"

namespace rookery::engine {

StopScanner::StopScanner(std::vector<std::string> stopTexts) : m_stopTexts(std::move(stopTexts)) {
  std::erase(m_stopTexts, std::string());
}

std::string StopScanner::push(std::string_view text) {
  if (m_stopped) return {};
  m_pending.append(text);

  // The stop text that is complete first wins, and of those the longest: so chunks make no difference.
  std::size_t begin = std::string::npos, end = std::string::npos;
  for (const std::string& stop : m_stopTexts) {
    const std::size_t found = m_pending.find(stop);
    if (found == std::string::npos) continue;
    if (std::pair(found + stop.size(), found) < std::pair(end, begin)) {
      begin = found;
      end = found + stop.size();
    }
  }
  if (begin != std::string::npos) {
    m_stopped = true;
    m_pending.resize(begin);
    return std::exchange(m_pending, {});
  }

  std::size_t held = 0;  // length of the longest end of the text that a stop text starts with
  for (const std::string& stop : m_stopTexts) {
    for (std::size_t length = std::min(stop.size() - 1, m_pending.size()); length > held; --length) {
      if (m_pending.ends_with(std::string_view(stop).substr(0, length))) held = length;
    }
  }
  std::string certain = m_pending.substr(0, m_pending.size() - held);
  m_pending.erase(0, certain.size());
  return certain;
}

std::string StopScanner::flush() { return std::exchange(m_pending, {}); }

}  // namespace rookery::engine
