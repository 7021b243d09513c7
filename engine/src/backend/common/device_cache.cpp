// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/common/device_cache.h"

#include <xxhash.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "formats/file_writer.h"

namespace rookery::engine {

namespace {

constexpr std::uintmax_t kMostBytes = 256'000'000;  // a file larger than that is not ours

std::filesystem::path fileOf(std::string_view kind, const std::string& key) {
  std::filesystem::path folder;
  if (const char* own = std::getenv("ROOKERY_CACHE_DIR"); own != nullptr && *own != '\0') {
    folder = own;
  } else if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != '\0') {
    folder = std::filesystem::path(xdg) / "rookery";
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    folder = std::filesystem::path(home) / ".cache" / "rookery";
  } else {
    return {};
  }
  return folder / kind / (key + ".bin");
}

}  // namespace

std::vector<std::byte> readCached(std::string_view kind, const std::string& key) {
  const auto path = fileOf(kind, key);
  std::error_code problem;
  const auto size = std::filesystem::file_size(path, problem);
  if (problem || size <= sizeof(std::uint64_t) || size > kMostBytes) return {};
  std::ifstream file(path, std::ios::binary);
  std::uint64_t hash = 0;
  std::vector<std::byte> bytes(size - sizeof hash);
  file.read(reinterpret_cast<char*>(&hash), sizeof hash);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file || XXH3_64bits(bytes.data(), bytes.size()) != hash) return {};
  return bytes;
}

void writeCached(std::string_view kind, const std::string& key, std::span<const std::byte> bytes) {
  const auto path = fileOf(kind, key);
  if (path.empty()) return;
  std::error_code problem;
  std::filesystem::create_directories(path.parent_path(), problem);
  if (problem) return;
  const std::uint64_t hash = XXH3_64bits(bytes.data(), bytes.size());
  const std::array parts{std::as_bytes(std::span(&hash, 1)), bytes};
  (void)writeWholeFile(path, parts);
}

}  // namespace rookery::engine
