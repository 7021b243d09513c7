// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rookery::test {

struct ProcessResult {
  int exitCode = -1;   ///< 128 + signal when killed, as shells count
  std::string out, err;
  double seconds = 0;
  double cpuSeconds = 0;           ///< of all its threads
  std::uint64_t peakBytes = 0;     ///< most memory it had at once, mapped files included
};

/// Runs a program to its end with `input` on stdin; killed after `timeoutSeconds`. Never through a shell.
ProcessResult runProcess(const std::vector<std::string>& command, const std::string& input = {}, double timeoutSeconds = 100,
                         int interruptAfterMs = -1);
/// The same for bin/rookery-cli of this build.
ProcessResult runCli(std::vector<std::string> arguments, const std::string& input = {});
std::string cliPath();

/// A folder that is removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return m_path; }
  std::string file(const std::string& name) const { return (m_path / name).string(); }

 private:
  std::filesystem::path m_path;
};

void writeFile(const std::filesystem::path& path, const std::string& text);
std::string readFile(const std::filesystem::path& path);

}  // namespace rookery::test
