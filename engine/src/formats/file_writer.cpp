// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/file_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <system_error>

namespace rookery::engine {

namespace {

bool writeAll(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// Creates a file beside `path`, with the rights that any new file gets (mkstemp would hide it from everyone else).
int openBeside(const std::string& path, std::string& name) {
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    name = fmt::format("{}.{:08x}.part", path, random());
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) ::flock(fd, LOCK_EX | LOCK_NB);  // until it is closed or the process dies, see sweepBeside()
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

bool isOurs(std::string_view name, std::string_view target) {
  constexpr std::string_view kEnd = ".part";
  constexpr std::size_t kDigits = 8;
  if (name.size() != target.size() + 1 + kDigits + kEnd.size() || !name.starts_with(target) || !name.ends_with(kEnd)) return false;
  const std::string_view middle = name.substr(target.size(), 1 + kDigits);
  return middle[0] == '.' && middle.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
}

/// Removes what a killed process left of the same file: a part that nobody holds locked. One that is being written, by
/// this process or another, stays.
void sweepBeside(const std::filesystem::path& target) {
  std::error_code ignored;
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
  for (std::filesystem::directory_iterator entry(folder, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    if (!isOurs(entry->path().filename().native(), target.filename().native())) continue;
    const int fd = ::open(entry->path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) continue;
    struct stat status{};
    const bool left = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (left) ::unlink(entry->path().c_str());
    ::close(fd);
  }
}

}  // namespace

Result<void> writeWholeFile(const std::filesystem::path& path, const std::function<Result<void>(const PutBytes& put)>& make) {
  const auto failed = [&](int error, const char* what) {
    return fail(ErrorCode::FileWriteFailed, fmt::format("Could not {} {}: {}.", what, path.string(), std::strerror(error)));
  };
  const auto makeInto = [&](int fd) {
    return make([&](std::span<const std::byte> part) -> Result<void> {
      if (writeAll(fd, part)) return {};
      return failed(errno, "write");
    });
  };

  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    // A folder is refused here, and so is a pipe that nobody reads: opening it would wait for ever.
    const int fd = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return failed(errno, "write");
    ::fcntl(fd, F_SETFL, O_WRONLY);
    auto made = makeInto(fd);
    ::close(fd);
    return made;
  }

  std::error_code ignored;
  const auto resolved = std::filesystem::weakly_canonical(path, ignored);
  const std::string target = ignored || resolved.empty() ? path.string() : resolved.string();
  sweepBeside(target);
  std::string temporary;
  const int fd = openBeside(target, temporary);
  if (fd < 0) return failed(errno, "create a file beside");
  Result<void> made = makeInto(fd);
  if (made && ::fsync(fd) != 0) made = failed(errno, "write");
  if (::close(fd) != 0 && made) made = failed(errno, "write");
  if (made && ::rename(temporary.c_str(), target.c_str()) != 0) made = failed(errno, "replace");
  if (!made) ::unlink(temporary.c_str());
  return made;
}

Result<void> writeWholeFile(const std::filesystem::path& path, std::span<const std::span<const std::byte>> parts) {
  return writeWholeFile(path, [&](const PutBytes& put) -> Result<void> {
    for (const auto part : parts)
      if (auto good = put(part); !good) return good;
    return {};
  });
}

Result<void> writeWholeFile(const std::filesystem::path& path, std::string_view text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text));
  return writeWholeFile(path, {&part, 1});
}

}  // namespace rookery::engine
