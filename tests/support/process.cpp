// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace rookery::test {

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "rookery-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  m_path = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(m_path, ignored);
}

void writeFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string readFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

ProcessResult runProcess(const std::vector<std::string>& command, const std::string& input, double timeoutSeconds,
                         int interruptAfterMs) {
  const TemporaryFolder folder;
  writeFile(folder.file("in"), input);
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::string in = folder.file("in"), out = folder.file("out"), err = folder.file("err");

  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    const auto redirect = [](const std::string& path, int flags, int to) {
      const int from = open(path.c_str(), flags, 0600);
      if (from < 0 || dup2(from, to) < 0) _exit(126);
    };
    redirect(in, O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  bool interrupted = false;
  rusage used{};
  while (wait4(child, &status, WNOHANG, &used) == 0) {
    if (elapsed() > timeoutSeconds) kill(child, SIGKILL);
    if (interruptAfterMs >= 0 && !interrupted && elapsed() * 1000 > interruptAfterMs) {
      kill(child, SIGINT);
      interrupted = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ProcessResult result;
  result.seconds = elapsed();
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  result.cpuSeconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  result.peakBytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  result.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = readFile(out);
  result.err = readFile(err);
  return result;
}

std::string cliPath() {
  const char* elsewhere = std::getenv("ROOKERY_CLI");  // tests that were carried to another machine
  return elsewhere != nullptr ? elsewhere : std::string(ROOKERY_BIN_DIR) + "/rookery-cli";
}

ProcessResult runCli(std::vector<std::string> arguments, const std::string& input) {
  arguments.insert(arguments.begin(), cliPath());
  return runProcess(arguments, input);
}

}  // namespace rookery::test
