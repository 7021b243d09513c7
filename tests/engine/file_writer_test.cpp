// SPDX-License-Identifier: GPL-3.0-or-later
// What a killed process leaves beside a file that it was writing.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <fstream>
#include <string>

#include "formats/file_writer.h"

using namespace rookery::engine;
namespace fs = std::filesystem;

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
