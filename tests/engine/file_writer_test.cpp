// SPDX-License-Identifier: GPL-3.0-or-later
// Writing whole files: what is left of one that was not finished, and whose it is.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <fstream>
#include <stdexcept>
#include <string>

#include "formats/file_writer.h"

using namespace rookery::engine;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "rookery-writer-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    m_path = pattern;
  }
  ~Folder() { fs::remove_all(m_path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path operator/(const char* name) const { return m_path / name; }
  std::ptrdiff_t count() const { return std::distance(fs::directory_iterator(m_path), fs::directory_iterator()); }

 private:
  fs::path m_path;
};

unsigned modeOf(const fs::path& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a part left by a killed process goes with the next writing of the same file, and nothing else does") {
  std::string pattern = (fs::temp_directory_path() / "rookery-parts-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  const fs::path folder = pattern, file = folder / "model.gguf";
  const auto others = {"model.gguf.part", "model.gguf.1234567g.part", "model.gguf.012345678.part", "other.gguf.01234567.part",
                       "model.gguf.01234567.part.gguf"};
  for (const char* name : others) std::ofstream(folder / name) << "x";

  const pid_t child = fork();
  if (child == 0) {  // killed in the middle
    (void)writeWholeFile(file, [](const PutBytes&) -> Result<void> { ::raise(SIGKILL); return {}; });
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  const auto count = [&] { return std::distance(fs::directory_iterator(folder), fs::directory_iterator()); };
  CHECK(count() == std::ssize(others) + 1);

  // One that is being written stays, also when this process writes the same file once more meanwhile.
  const auto outer = writeWholeFile(file, [&](const PutBytes& put) -> Result<void> {
    CHECK(count() == std::ssize(others) + 1);  // its own part; the left one is gone
    CHECK(writeWholeFile(file, "inner"));
    CHECK(count() == std::ssize(others) + 2);
    return put(std::as_bytes(std::span("outer", 5)));
  });
  CHECK(outer);
  CHECK(count() == std::ssize(others) + 1);
  CHECK(fs::file_size(file) == 5);
  for (const char* name : others) CHECK(fs::exists(folder / name));
  fs::remove_all(folder);
}

TEST_CASE("a file that is replaced hands on its rights, and a new one gets those of any new file") {
  const Folder folder;
  const fs::path file = folder / "state.safetensors";
  const mode_t before = ::umask(022);
  REQUIRE(writeWholeFile(file, "new"));
  CHECK(modeOf(file) == 0644);
  for (const mode_t mode : {0600U, 0640U, 0666U, 0444U, 0755U}) {
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    unsigned meanwhile = 07777;
    REQUIRE(writeWholeFile(file, [&](const PutBytes& put) -> Result<void> {
      for (const auto& entry : fs::directory_iterator(file.parent_path()))
        if (entry.path().extension() == ".part") meanwhile = modeOf(entry.path());
      return put(std::as_bytes(std::span("again", 5)));
    }));
    CHECK(modeOf(file) == mode);
    CHECK((meanwhile & ~mode) == 0);  // not even for a moment
  }
  ::umask(before);
  fs::create_symlink(file, folder / "link");
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  REQUIRE(writeWholeFile(folder / "link", "through"));
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(modeOf(file) == 0600);
  if (::geteuid() == 0) {  // only then can it be given away
    REQUIRE(::chown(file.c_str(), 1234, 4321) == 0);
    REQUIRE(writeWholeFile(file, "whose"));
    struct stat status{};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK(status.st_uid == 1234);
    CHECK(status.st_gid == 4321);
    CHECK(modeOf(file) == 0600);
  }
}

TEST_CASE("nothing is left of a file whose making failed, was thrown out of, or ended the program") {
  const Folder folder;
  const fs::path file = folder / "model.gguf";
  CHECK_FALSE(writeWholeFile(file, [](const PutBytes&) -> Result<void> { return fail(ErrorCode::Cancelled, "stopped"); }));
  CHECK(folder.count() == 0);
  CHECK_THROWS(writeWholeFile(file, [](const PutBytes&) -> Result<void> { throw std::runtime_error("out of memory"); }));
  CHECK(folder.count() == 0);
  const pid_t child = fork();
  if (child == 0) {  // as a second Ctrl+C, or a lost input, ends it
    (void)writeWholeFile(file, [&](const PutBytes& put) -> Result<void> {
      (void)put(std::as_bytes(std::span("half", 4)));
      (void)writeWholeFile(folder / "other", [](const PutBytes&) -> Result<void> { removeUnfinishedFiles(); ::_exit(3); });
      return {};
    });
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WEXITSTATUS(status) == 3);
  CHECK(folder.count() == 0);
  removeUnfinishedFiles();  // nothing to do
  REQUIRE(writeWholeFile(file, "whole"));
  removeUnfinishedFiles();
  CHECK(fs::exists(file));
}
