// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/safetensors_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace rookery::engine {

namespace {

bool writeAll(int fd, const void* data, std::size_t bytes) {
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(fd, p, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    p += written;
    bytes -= static_cast<std::size_t>(written);
  }
  return true;
}

}  // namespace

Result<void> writeSafetensors(const std::filesystem::path& path, std::span<const OutputTensor> tensors) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::uint64_t offset = 0;
  for (const OutputTensor& tensor : tensors) {
    const std::uint64_t end = offset + tensor.data.size_bytes();
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts aligned
  const std::uint64_t length = text.size();

  std::string temporary = path.string() + ".XXXXXX";
  const int fd = ::mkstemp(temporary.data());
  const auto failed = [&](const char* what) {
    const std::string reason = std::strerror(errno);
    if (fd >= 0) {
      ::close(fd);
      ::unlink(temporary.c_str());
    }
    return fail(ErrorCode::FileWriteFailed, fmt::format("Could not {} {}: {}.", what, path.string(), reason));
  };
  if (fd < 0) return failed("create a file beside");
  ::fchmod(fd, 0644);
  bool good = writeAll(fd, &length, sizeof length) && writeAll(fd, text.data(), text.size());
  for (const OutputTensor& tensor : tensors) good = good && writeAll(fd, tensor.data.data(), tensor.data.size_bytes());
  if (!good) return failed("write");
  if (::fsync(fd) != 0) return failed("flush");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("replace");
  ::close(fd);
  return {};
}

}  // namespace rookery::engine
