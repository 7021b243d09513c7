// SPDX-License-Identifier: GPL-3.0-or-later
// One nasty name through every verb that prints one, and what a model writes on a terminal.
#include <doctest/doctest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/process.h"

using namespace rookery::test;
using nlohmann::json;

namespace {

const std::string kGguf = std::string(ROOKERY_TEST_DATA) + "/golden/models/v7_small/model.f16.gguf";
const std::string kNasty = std::string("模型 =1+1|<b>[a](b)`c`\n| forged | line |\r\x1b]0;title\x07\x1b[31m") + std::string(1, '\0') + "\u009b2J\u202egpj.\u2066";

/// The model under another name. A name that is longer by whole alignments moves nothing else.
std::string named(std::string_view name) {
  std::string file = readFile(kGguf);
  const std::string old = "golden-v7-small";
  const std::size_t at = file.find(old);
  REQUIRE(at != std::string::npos);
  std::string fresh(name);
  fresh.resize(old.size() + 96, 'x');
  const std::uint64_t length = fresh.size();
  file.replace(at, old.size(), fresh);
  std::memcpy(file.data() + at - sizeof length, &length, sizeof length);
  return file;
}

/// The first thing that a terminal would act on, or "".
std::string acting(std::string_view text, bool progress = false) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n' || (c == '\r' && progress)) continue;
    if (c < 0x20 || c == 0x7f || (c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0)) return std::string(text.substr(i, 20));
    if (c == 0xe2 && i + 2 < text.size()) {
      const auto second = static_cast<unsigned char>(text[i + 1]), third = static_cast<unsigned char>(text[i + 2]);
      if ((second == 0x80 && third >= 0xa8 && third <= 0xae) || (second == 0x81 && third >= 0xa6 && third <= 0xa9)) return std::string(text.substr(i, 20));
    }
  }
  return {};
}

void checkQuiet(const ProcessResult& run) {
  CHECK_MESSAGE(acting(run.out).empty(), run.out);
  CHECK_MESSAGE(acting(run.err).empty(), run.err);
}

std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

/// What a program shows on a terminal.
std::string onTerminal(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), cliPath());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int fd = -1;
  const pid_t child = forkpty(&fd, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    execv(argv[0], argv.data());
    _exit(127);
  }
  std::string shown;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(fd, buffer, sizeof buffer)) > 0;) shown.append(buffer, static_cast<std::size_t>(count));
  close(fd);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  return shown;
}

}  // namespace

TEST_CASE("a model's name does nothing in any verb, and is whole in JSON") {
  const TemporaryFolder folder;
  const std::string model = folder.file("模型\x1b[31m\u202e|`<i>.gguf");
  writeFile(model, named(kNasty));
  const auto plain = runCli({"info", kGguf});
  REQUIRE(plain.exitCode == 0);

  const auto info = runCli({"info", model});
  REQUIRE_MESSAGE(info.exitCode == 0, info.err);
  checkQuiet(info);
  CHECK(lines(info.out) == lines(plain.out));  // no forged line
  CHECK(info.out.starts_with("name        模型 =1+1|<b>[a](b)`c`\\x0a| forged | line |\\x0d\\x1b]0;title\\x07\\x1b[31m\\x00\\u009b2J\\u202egpj.\\u2066x"));
  for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{
           {"info", model, "--container"},
           {"memory", "--model", model},
           {"compare", "--model", model, "--precision-b", "int8", "--text", folder.file("text.txt")},
           {"convert", model, folder.file("\x1b[1mout\u202e.gguf"), "--precision", "fp16"},
           {"logits", "--model", model, "--tokens", folder.file("tokens.json"), "--out", folder.file("\x1b[1mout\n.safetensors")},
           {"generate", "--model", model, "--prompt", "a", "--tokens", "1", "--greedy"},
           {"tokenize", "--model", model}}) {
    writeFile(folder.file("text.txt"), "some text");
    writeFile(folder.file("tokens.json"), "[1, 2]");
    CAPTURE(verb[0]);
    const auto run = runCli(verb, verb[0] == "tokenize" ? "{\"hex\": \"61\"}\n" : "");
    CHECK_MESSAGE(run.exitCode == 0, run.err);
    checkQuiet(run);
  }
  const auto chat = runCli({"chat", model, "--tokens", "1", "--seed", "1"}, "/save " + folder.file("a\x1b[1m.safetensors") + "\n/load " + folder.file("no\x1b[1m") + "\n/quit\n");
  CHECK_MESSAGE(chat.exitCode == 0, chat.err);
  checkQuiet(chat);
  CHECK(chat.err.starts_with("模型 =1+1|"));

  const auto document = runCli({"info", model, "--json"});
  REQUIRE(document.exitCode == 0);
  checkQuiet(document);
  CHECK(json::parse(document.out)["name"].get<std::string>().starts_with(kNasty));
}

TEST_CASE("a nasty name in the benchmark's table, Markdown, CSV and report") {
  const TemporaryFolder folder;
  const std::string model = folder.file("m.gguf"), markdown = folder.file("r.md"), csv = folder.file("r.csv"), report = folder.file("r.json");
  writeFile(model, named("=" + kNasty));
  const auto run = runCli({"bench", "--model", model, "--pp", "2", "--tg", "2", "--reps", "1", "--no-bandwidth", "--markdown", markdown, "--csv", csv, "--report", report});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  checkQuiet(run);
  CHECK_MESSAGE(acting(readFile(markdown)).empty(), readFile(markdown));
  CHECK(run.out == readFile(markdown));
  CHECK_MESSAGE(run.out.find("| =模型 =1+1\\|&lt;b>\\[a\\](b)\\`c\\` \\| forged \\| line \\|") != std::string::npos, run.out);
  const std::string table = readFile(csv);
  CHECK_MESSAGE(table.find("\"'=模型 =1+1|<b>[a](b)`c` | forged | line |") != std::string::npos, table);
  const std::string first = table.substr(0, table.find('\n'));
  CHECK(std::count(first.begin(), first.end(), ',') > 0);
  const auto again = runCli({"bench", "--model", model, "--pp", "2", "--tg", "0", "--reps", "1", "--no-bandwidth", "--json"});
  REQUIRE(again.exitCode == 0);
  checkQuiet(again);
  CHECK(json::parse(again.out)["model"].get<std::string>().starts_with("=" + kNasty));
}

TEST_CASE("errors and usage do not hand on what an argument or a file name holds") {
  const TemporaryFolder folder;
  const std::string bad = folder.file("模型\x1b[31m\n\u202e.pth");
  writeFile(bad, "");
  for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{
           {"info", bad}, {"info", folder.file("gone\x1b[1m")}, {"info", folder.path().string() + "/\u009b1m/x"}, {"generate", "--model", bad, "--prompt", "a"},
           {"tokenize", "--vocab", bad}, {"\x1b[31mverb"}, {"info", "--\x1b[31moption"}, {"bench", "--model", bad, "--threads", "\x1b[31m"},
           {"memory", "--shape", "\x1b[31m\u202e"}, {"bench", "--model", kGguf, "--precision", "\x1b[1m"}, {"generate", "--model", kGguf, "--strategy", "\x1b[1m", "--prompt", "a"}}) {
    const auto run = runCli(verb);
    CAPTURE(run.err);
    CHECK(run.exitCode != 0);
    CHECK(!run.err.empty());
    checkQuiet(run);
  }
  const auto named = runCli({"info", bad});
  CHECK_MESSAGE(named.err.find("模型\\x1b[31m\\x0a\\u202e.pth is empty.") != std::string::npos, named.err);
  const auto document = runCli({"info", bad, "--json"});
  checkQuiet(document);
  CHECK(json::parse(document.out)["error"]["message"].get<std::string>().find("模型") != std::string::npos);
}

TEST_CASE("control bytes that a model writes are escaped on a terminal and kept in a pipe") {
  const std::vector<std::string> arguments{"generate", "--model", kGguf, "--prompt", "a", "--raw", "--tokens", "600", "--seed", "2", "--temperature", "4",
                                           "--top-p", "1", "--ignore-end"};
  const auto piped = runCli(arguments);
  REQUIRE(piped.exitCode == 0);
  REQUIRE(piped.out.find('\x1b') != std::string::npos);  // else this model and seed show nothing
  auto wanted = arguments;
  wanted.push_back("--json");
  CHECK(json::parse(runCli(wanted).out)["text"].get<std::string>() + "\n" == piped.out);
  const std::string shown = onTerminal(arguments);
  std::string withoutTabs = shown;
  std::erase(withoutTabs, '\t');
  CHECK_MESSAGE(acting(withoutTabs, true).empty(), acting(withoutTabs, true));
  CHECK(shown.find("\\x1b") != std::string::npos);
}
