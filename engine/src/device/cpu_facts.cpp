// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/cpu_facts.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <system_error>

namespace rookery::engine {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

}  // namespace

std::string cpuInfoField(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos && trimmed(std::string_view(line).substr(0, colon)) == key)
      return trimmed(std::string_view(line).substr(colon + 1));
  }
  return {};
}

std::string systemLine(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return trimmed(line);
}

std::uint64_t lastLevelCacheBytes() {
  std::uint64_t largest = 0;
  for (int index = 0; index < 8; ++index) {
    const std::string text =
        systemLine("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) continue;
    if (end != text.data() + text.size()) value *= *end == 'M' ? 1024 * 1024 : *end == 'K' ? 1024 : 1;
    largest = std::max(largest, value);
  }
  return largest;
}

}  // namespace rookery::engine
