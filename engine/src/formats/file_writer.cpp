// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/file_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <system_error>
#include <utility>

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

/// Names of temporary files, for removeUnfinishedFiles(). Whoever takes one out owns it.
std::array<std::atomic<char*>, 16> g_unfinished;

std::atomic<char*>* note(const std::string& name) {
  char* copy = ::strdup(name.c_str());
  for (auto& slot : g_unfinished) {
    char* none = nullptr;
    if (copy != nullptr && slot.compare_exchange_strong(none, copy)) return &slot;
  }
  std::free(copy);  // more at once than anybody writes: these stay until sweepBeside()
  return nullptr;
}

/// A file beside the one that it will replace. Goes away unless replace() has succeeded, whatever ends its life.
class Temporary {
 public:
  /// With the rights that any new file gets (mkstemp would hide it from everyone else), or with those of `replaced`.
  Temporary(const std::string& target, const struct stat* replaced) {
    std::random_device random;
    for (int attempt = 0; attempt < 100; ++attempt) {
      m_name = fmt::format("{}.{:08x}.part", target, random());
      m_fd = ::open(m_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, replaced != nullptr ? 0600 : 0666);
      if (m_fd >= 0 || errno != EEXIST) break;
    }
    m_isThere = m_fd >= 0;
    if (!m_isThere) return;
    m_slot = note(m_name);
    ::flock(m_fd, LOCK_EX | LOCK_NB);  // until it is closed or the process dies, see sweepBeside()
    if (replaced == nullptr) return;
    // Not every file system has owners, and only root may give a file away: then the rights alone are handed on.
    if (::fchown(m_fd, replaced->st_uid, replaced->st_gid) != 0) (void)!::fchown(m_fd, static_cast<uid_t>(-1), replaced->st_gid);
    ::fchmod(m_fd, replaced->st_mode & 0777);
  }
  ~Temporary() {
    const int error = errno;
    if (m_fd >= 0) ::close(m_fd);
    if (m_isThere) ::unlink(m_name.c_str());
    if (m_slot != nullptr) std::free(m_slot->exchange(nullptr));
    errno = error;
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  int fd() const noexcept { return m_fd; }
  /// What could not be done, for a sentence, with errno; nullptr when the target is the new file.
  const char* replace(const std::string& target) noexcept {
    const bool isOnDisk = ::fsync(m_fd) == 0;
    if (!isOnDisk || ::close(std::exchange(m_fd, -1)) != 0) return "write";
    if (::rename(m_name.c_str(), target.c_str()) != 0) return "replace";
    m_isThere = false;
    return nullptr;
  }

 private:
  std::string m_name;
  int m_fd = -1;
  bool m_isThere = false;
  std::atomic<char*>* m_slot = nullptr;
};

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
  Temporary temporary(target, ::stat(target.c_str(), &status) == 0 ? &status : nullptr);
  if (temporary.fd() < 0) return failed(errno, "create a file beside");
  if (auto made = makeInto(temporary.fd()); !made) return made;
  if (const char* what = temporary.replace(target)) return failed(errno, what);
  return {};
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

void removeUnfinishedFiles() noexcept {
  for (auto& slot : g_unfinished)
    if (const char* name = slot.exchange(nullptr)) ::unlink(name);  // never freed: the program ends
}

}  // namespace rookery::engine
