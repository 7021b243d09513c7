// SPDX-License-Identifier: GPL-3.0-or-later
// Texts that come from files, pipes and pastes, and results that would replace a file.
#include <doctest/doctest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/process.h"

using namespace rookery::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::string kModels = std::string(ROOKERY_TEST_DATA) + "/golden/models/";
const std::string kMicro = kModels + "v7_micro/model.safetensors";
const std::string kWithVocabulary = kModels + "v7_quant/model.Q8_0.gguf";

ProcessResult generate(std::vector<std::string> more, const std::string& input = {}) {
  std::vector<std::string> arguments{"generate", "--model", kWithVocabulary, "--greedy", "--json"};
  if (std::find(more.begin(), more.end(), "--tokens") == more.end()) arguments.insert(arguments.end(), {"--tokens", "4"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return runCli(arguments, input);
}

json promptIds(std::vector<std::string> more, const std::string& input = {}) {
  const auto run = generate(std::move(more), input);
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  return json::parse(run.out)["prompt_ids"];
}

std::string chat(const std::string& lines, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"chat", kWithVocabulary, "--greedy", "--tokens", "6"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto run = runCli(arguments, lines);
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  return run.out;
}

/// What `chat` answers to one message.
std::string answerTo(const std::string& message) {
  const auto run = generate({"--prompt", message, "--tokens", "6"});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  return json::parse(run.out)["text"].get<std::string>() + "\n";
}

/// The same chat in a terminal, with what a person types and pastes; all that the terminal shows. `later`: typed once a
/// line was said to be cut.
std::string chatInTerminal(const std::string& typed, std::string later = {}) {
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string program = cliPath();
    execl(program.c_str(), program.c_str(), "chat", kWithVocabulary.c_str(), "--greedy", "--tokens", "6", static_cast<char*>(nullptr));
    _exit(127);
  }
  std::string shown;
  bool sent = false;
  for (;;) {
    pollfd ready{terminal, POLLIN, 0};
    if (::poll(&ready, 1, 60'000) <= 0) break;
    char buffer[4096];
    const ssize_t count = ::read(terminal, buffer, sizeof buffer);
    if (count <= 0) break;  // EIO: it ended
    shown.append(buffer, static_cast<std::size_t>(count));
    if (!sent && shown.find("\x1b[?2004h> ") != std::string::npos) sent = ::write(terminal, typed.data(), typed.size()) > 0;
    if (!later.empty() && shown.find("its end is missing") != std::string::npos) {
      if (::write(terminal, later.data(), later.size()) < 0) break;
      later.clear();
    }
  }
  ::close(terminal);  // ends a chat that still waits
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  return shown;
}

std::size_t countOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace

TEST_CASE("a prompt can come from a file or from the standard input, whatever its line ends are") {
  const TemporaryFolder folder;
  const std::string file = folder.file("prompt.txt");
  const json wanted = promptIds({"--raw", "--prompt", "one\ntwo\n\nthree"});
  for (const char* text : {"one\ntwo\n\nthree", "one\ntwo\n\nthree\n", "one\r\ntwo\r\n\r\nthree\r\n", "\xEF\xBB\xBFone\ntwo\n\nthree\n"}) {
    CAPTURE(text);
    writeFile(file, text);
    CHECK(promptIds({"--raw", "--prompt-file", file}) == wanted);
    CHECK(promptIds({"--raw", "--prompt-file", "-"}, text) == wanted);
    // logits read the same tokens.
    const auto run = runCli({"logits", "--model", kWithVocabulary, "--prompt-file", "-", "--out", folder.file("out.safetensors"), "--force", "--json"}, text);
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    CHECK(json::parse(run.out)["tokens"] == wanted.size());
  }
  // One line break at the end is left out, not all.
  writeFile(file, "one\n\n");
  CHECK(promptIds({"--raw", "--prompt-file", file}) == promptIds({"--raw", "--prompt", "one\n"}));
  // In the chat form, with a system text from a file.
  writeFile(file, "hello\r\n");
  writeFile(folder.file("system.txt"), "Be brief.\n");
  CHECK(promptIds({"--prompt-file", file, "--system-file", folder.file("system.txt")}) == promptIds({"--prompt", "hello", "--system", "Be brief."}));
  CHECK(chat("", {"--prompt-file", file}) == answerTo("hello"));
  CHECK(chat("again\n", {"--prompt-file", file}) == chat("hello\nagain\n"));
  CHECK(chat("hello\n", {"--system-file", folder.file("system.txt")}) == chat("hello\n", {"--system", "Be brief."}));
  CHECK(chat("hello\n", {"--prompt-file", "-"}) == answerTo("hello"));  // all of it is the question
}

TEST_CASE("a prompt of 200 kB is read whole, and what is no text is refused in a sentence") {
  const TemporaryFolder folder;
  std::string text;
  while (text.size() < 200'000) text += "Line " + std::to_string(text.size()) + " of a long document.\n";
  writeFile(folder.file("long.txt"), text);
  const auto run = generate({"--raw", "--prompt-file", folder.file("long.txt"), "--tokens", "1"});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  const json ids = json::parse(run.out)["prompt_ids"];
  const auto back = runCli({"detokenize", "--model", kWithVocabulary}, json{{"ids", ids}}.dump() + "\n");
  REQUIRE_MESSAGE(back.exitCode == 0, back.err);
  CHECK(json::parse(back.out)["hex"].get<std::string>().size() == 2 * (text.size() - 1));
  const auto refused = [&](const std::string& contents, int code, const std::string& words) {
    writeFile(folder.file("odd.txt"), contents);
    const auto odd = generate({"--prompt-file", folder.file("odd.txt")});
    CHECK(odd.exitCode == code);
    CHECK_MESSAGE(odd.err.find(words) != std::string::npos, odd.err);
  };
  refused("", 2, "is empty");
  refused("\r\n", 2, "is empty");
  refused(std::string("\xFF\xFEh\0i\0", 6), 2, "is UTF-16 text. Save it as UTF-8");
  CHECK(generate({"--prompt-file", folder.file("absent")}).exitCode == 3);
  CHECK(generate({"--prompt-file", folder.path().string()}).exitCode == 3);
  CHECK(generate({"--prompt", "a", "--prompt-file", folder.file("long.txt")}).exitCode == 2);
  CHECK(generate({"--system", "a", "--system-file", folder.file("long.txt"), "--prompt", "a"}).exitCode == 2);
  CHECK(generate({"--prompt-file", "-", "--system-file", "-"}).exitCode == 2);
  CHECK(generate({}).exitCode == 2);
  CHECK(generate({"--prompt", "a", "--stop", "\\n\\n"}).err.find("not a line break") != std::string::npos);
}

TEST_CASE("a message of several lines is one question, in a pipe") {
  const std::string lines = answerTo("first line\nsecond line");
  CHECK(lines != answerTo("first line"));
  CHECK(chat("\"\"\"\nfirst line\nsecond line\n\"\"\"\n") == lines);
  CHECK(chat("\"\"\"first line\nsecond line\"\"\"\n") == lines);
  CHECK(chat("  \"\"\"\r\nfirst line\r\nsecond line\r\n\"\"\" \r\n") == lines);
  CHECK(chat("first line\\\nsecond line\n") == lines);
  CHECK(chat("\"\"\"first line\"\"\"\n") == answerTo("first line"));
  CHECK(chat("\"\"\"\nfirst line\n\n\nsecond line\n\"\"\"\n") == answerTo("first line\n\n\nsecond line"));  // empty lines inside
  CHECK(chat("\"\"\"\n/quit\n\"\"\"\n") == answerTo("/quit"));  // no command
  CHECK(chat("\"\"\"\ndef f():\n    \"\"\"Says so.\"\"\"\n    \"\"\"\n\"\"\"\n") == answerTo("def f():\n    \"\"\"Says so.\"\"\"\n    \"\"\""));
  CHECK(chat("C:\\dir\\\\\n") == answerTo("C:\\dir\\\\"));  // two backslashes are two
  CHECK(chat("\"\"\"\n\n\"\"\"\n").empty());
  const auto open = runCli({"chat", kWithVocabulary, "--greedy", "--tokens", "6"}, "\"\"\"\nfirst line\n");
  CHECK(open.out.empty());
  CHECK_MESSAGE(open.err.find("ended before the closing \"\"\"") != std::string::npos, open.err);
}

TEST_CASE("what is pasted into a terminal is one question") {
  const std::string speed = " tokens/s)";  // told after each answer
  const std::string pasted = chatInTerminal("\x1b[200~first line\n\nsecond line\n\x1b[201~\n/quit\n");
  CHECK(countOf(pasted, speed) == 1);
  CHECK(pasted.find("\x1b[?2004h") != std::string::npos);  // asked for, and taken back
  CHECK(pasted.find("\x1b[?2004l") != std::string::npos);
  CHECK(pasted.find("^[[200~") == std::string::npos);
  std::string answer = answerTo("first line\n\nsecond line");
  answer.pop_back();
  if (answer.find('\n') == std::string::npos) CHECK(pasted.find(answer) != std::string::npos);
  CHECK(countOf(chatInTerminal("Look: \x1b[200~one\ntwo\x1b[201~ and say\n/quit\n"), speed) == 1);
  CHECK(countOf(chatInTerminal("one\ntwo\n/quit\n"), speed) == 2);
  CHECK(countOf(chatInTerminal("\"\"\"\none\ntwo\n\"\"\"\n/quit\n"), speed) == 1);
  // A terminal drops the end of a line that is too long: such a half is not asked.
  const std::string cut = chatInTerminal(std::string(6000, 'a') + "\n/quit\n");
  CHECK(countOf(cut, speed) == 0);
  CHECK(cut.find("its end is missing") != std::string::npos);
  // With the line goes the mark that closes a paste; the chat goes on all the same.
  for (const char* before : {"", "short\n", "\"\"\""}) {
    CAPTURE(std::string(before));
    const std::string open = chatInTerminal("\x1b[200~" + (before + std::string(5000, 'y')) + "\x1b[201~\n", "hi\n/quit\n");
    CHECK(open.find("its end is missing") != std::string::npos);
    CHECK(countOf(open, speed) == 1);
  }
  // What follows such a line in the paste is no question of its own.
  const std::string rest = chatInTerminal("\x1b[200~" + std::string(5000, 'y') + "\nrest\nend\x1b[201~\n", "/quit\n");
  CHECK(rest.find("its end is missing") != std::string::npos);
  CHECK(countOf(rest, speed) == 0);
}

TEST_CASE("a result replaces only a file of its kind that Rookery wrote, unless it is forced") {
  const TemporaryFolder folder;
  writeFile(folder.file("tokens.json"), "[1, 2, 3]");
  writeFile(folder.file("notes.md"), "| mine |\n");
  writeFile(folder.file("empty"), "");
  fs::copy_file(kMicro, folder.file("model.safetensors"));
  fs::copy_file(kWithVocabulary, folder.file("model.gguf"));
  const std::string logits = folder.file("logits.safetensors"), state = folder.file("state.safetensors"), probs = folder.file("probs.safetensors"),
                    report = folder.file("r.json"), markdown = folder.file("r.md"), csv = folder.file("r.csv"), safetensors = folder.file("out.safetensors"),
                    gguf = folder.file("out.gguf");
  struct Case {
    std::string own;                     ///< a file of the kind, after the first run
    std::vector<std::string> arguments;  ///< the name of the result comes last
  };
  const std::vector<std::string> bench{"bench", "--model", kMicro, "--pp", "8", "--tg", "2", "--reps", "1", "--max-reps", "1", "--no-bandwidth"};
  const auto with = [](std::vector<std::string> arguments, const char* option) {
    arguments.push_back(option);
    return arguments;
  };
  const std::vector<Case> cases{
      {logits, {"logits", "--model", kMicro, "--tokens", folder.file("tokens.json"), "--out"}},
      {state, {"logits", "--model", kMicro, "--tokens", folder.file("tokens.json"), "--out", "/dev/null", "--state-out"}},
      {probs, {"probs", "--logits", logits, "--out"}},
      {report, with(bench, "--report")},
      {markdown, with(bench, "--markdown")},
      {csv, with(bench, "--csv")},
      {safetensors, {"convert", "--precision", "fp16", kMicro}},
      {gguf, {"convert", "--precision", "fp16", kWithVocabulary}},
  };
  const auto run = [](const Case& c, const std::string& result, bool force = false) {
    std::vector<std::string> arguments = c.arguments;
    arguments.push_back(result);
    if (force) arguments.push_back("--force");
    return runCli(arguments);
  };
  for (const Case& c : cases) {
    CAPTURE(c.own);
    const auto first = run(c, c.own);
    REQUIRE_MESSAGE(first.exitCode == 0, first.err);
    CHECK(run(c, c.own).exitCode == 0);  // the same again
  }
  for (const Case& c : cases) {
    CAPTURE(c.own);
    for (const std::string& there : {folder.file("notes.md"), folder.file("model.safetensors"), folder.file("model.gguf"), logits, state, probs, report, markdown, csv}) {
      if (there == c.own) continue;
      if (c.arguments[0] == "probs" && there == logits) continue;  // it is what is read
      CAPTURE(there);
      const std::string before = readFile(there);
      const auto refused = run(c, there);
      CHECK(refused.exitCode == 2);
      CHECK_MESSAGE(refused.err.find("is there already and is no ") != std::string::npos, refused.err);
      CHECK(readFile(there) == before);
    }
  }
  // A report that a person wrote into is theirs.
  writeFile(folder.file("edited.md"), readFile(markdown) + "\nMy own words.\n");
  CHECK(run(cases[4], folder.file("edited.md")).exitCode == 2);
  CHECK(run(cases[4], folder.file("edited.md"), true).exitCode == 0);
  CHECK(readFile(folder.file("edited.md")).find("My own words") == std::string::npos);
  CHECK(run(cases[0], folder.file("notes.md"), true).exitCode == 0);
  CHECK(run(cases[0], folder.file("empty")).exitCode == 0);  // nothing is lost
  // convert takes the kind of a file from its name, so only such names get that far.
  CHECK(run(cases[6], folder.file("model.gguf"), true).exitCode == 0);
}
