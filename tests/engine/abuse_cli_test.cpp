// SPDX-License-Identifier: GPL-3.0-or-later
// The command line in bad hands: arguments, files and machines that are not what they should be, and signals.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
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

struct RawTensor {
  std::vector<std::int64_t> shape;
  std::string bytes;  ///< bf16
};
using RawModel = std::map<std::string, RawTensor>;

RawModel readModel() {
  const std::string file = readFile(kMicro);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  const json header = json::parse(file.substr(8, length));
  RawModel model;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const std::size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    model[name] = {entry["shape"], file.substr(8 + length + begin, end - begin)};
  }
  return model;
}

std::string writeModel(const TemporaryFolder& folder, const RawModel& model) {
  json header;
  std::string data;
  for (const auto& [name, tensor] : model) {
    header[name] = {{"dtype", "BF16"}, {"shape", tensor.shape}, {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  const std::string path = folder.file("model.safetensors");
  writeFile(path, std::string(reinterpret_cast<const char*>(&length), 8) + text + data);
  return path;
}

ProcessResult logitsOf(const TemporaryFolder& folder, const std::string& model, std::vector<std::string> more = {}) {
  writeFile(folder.file("tokens.json"), "[1, 2, 3]");
  std::vector<std::string> arguments{"logits", "--model", model, "--tokens", folder.file("tokens.json"), "--out", folder.file("out.safetensors")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return runCli(arguments);
}

ProcessResult shell(const std::string& script, int interruptAfterMs = -1) {
  return runProcess({"/bin/sh", "-c", script}, "", 20, interruptAfterMs);
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

}  // namespace

TEST_CASE("a model without a rank, or with a block that has no number, is unusable") {
  const TemporaryFolder folder;
  CHECK(logitsOf(folder, writeModel(folder, readModel())).exitCode == 0);
  for (const std::string lora : {"w", "a", "v", "g"}) {
    RawModel model = readModel();
    for (auto& [name, tensor] : model) {
      if (name.ends_with("att." + lora + "1")) tensor = {{64, 0}, ""};
      if (name.ends_with("att." + lora + "2")) tensor = {{0, 64}, ""};
    }
    CAPTURE(lora);
    CHECK(logitsOf(folder, writeModel(folder, model)).exitCode == 3);
  }
  for (const char* number : {"-1", "99999999999999999999", "x", "1000000", "1000", ""}) {
    RawModel model;
    for (const auto& [name, tensor] : readModel())
      model[name.starts_with("blocks.1.") ? "blocks." + std::string(number) + name.substr(8) : name] = tensor;
    CAPTURE(std::string(number));
    CHECK(logitsOf(folder, writeModel(folder, model)).exitCode == 3);
  }
}

TEST_CASE("a model that computes no numbers answers with an error, not with nothing") {
  const TemporaryFolder folder;
  for (const char* pattern : {"\xc0\x7f", "\x80\x7f"}) {  // bf16: NaN, infinity
    RawModel model = readModel();
    for (std::size_t i = 0; i < model["head.weight"].bytes.size(); ++i) model["head.weight"].bytes[i] = pattern[i % 2];
    const std::string path = writeModel(folder, model);
    const std::string tokens = folder.file("tokens.json");
    writeFile(tokens, "[1]");
    CHECK(runCli({"generate", "--model", path, "--prompt-tokens", tokens, "--tokens", "2"}).exitCode == 3);
    CHECK(runCli({"bench", "--model", path, "--pp", "2", "--tg", "2", "--reps", "1", "--no-bandwidth"}).exitCode == 3);
  }
}

TEST_CASE("a tuned state of as many numbers in another shape is another model's") {
  const TemporaryFolder folder;
  const auto with = [&](std::vector<std::int64_t> shape) {
    RawModel state;
    for (const char* layer : {"0", "1"}) state["blocks." + std::string(layer) + ".att.time_state"] = {shape, std::string(8192, '\0')};
    return logitsOf(folder, kMicro, {"--state-in", writeModel(folder, state)}).exitCode;
  };
  CHECK(with({1, 64, 64}) == 0);
  CHECK(with({64, 64}) == 0);
  CHECK(with({4096}) == 3);
  CHECK(with({4, 32, 32}) == 3);
  CHECK(with({2, 2048}) == 3);
}

TEST_CASE("numbers that are none and names that are empty are usage errors") {
  const TemporaryFolder folder;
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--chunk", "-1"}, {"--chunk", "99999999999999999999"}, {"--positions", "-1"}, {"--positions", ""}, {"--state-in", ""},
           {"--state-out", ""}, {"--vocab", ""}}) {
    CAPTURE(wrong[0] + " " + wrong[1]);
    CHECK(logitsOf(folder, kMicro, wrong).exitCode == 2);
  }
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--temperature", "nan"}, {"--top-p", "nan"}, {"--presence", "nan"}, {"--frequency", "inf"}, {"--penalty-decay", "nan"},
           {"--seed", "-1"}, {"--seed", "18446744073709551616"}}) {
    CAPTURE(wrong[0] + " " + wrong[1]);
    std::vector<std::string> arguments{"generate", "--model", kWithVocabulary, "--prompt", "a", "--tokens", "1"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    CHECK(runCli(arguments).exitCode == 2);
  }
  CHECK(runCli({"generate", "--model", kWithVocabulary, "--prompt-tokens", "", "--tokens", "1"}).exitCode == 2);
}

TEST_CASE("a named pipe is no token file") {
  const TemporaryFolder folder;
  REQUIRE(mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  CHECK(runProcess({cliPath(), "logits", "--model", kMicro, "--tokens", folder.file("pipe"), "--out", folder.file("o")}, "", 10).exitCode == 3);
}

TEST_CASE("results go through links into devices, and replace neither") {
  const TemporaryFolder folder;
  fs::create_symlink("/dev/full", folder.file("full"));
  fs::create_symlink("/dev/null", folder.file("null"));
  CHECK(logitsOf(folder, kMicro, {"--state-out", folder.file("full")}).exitCode == 1);
  CHECK(logitsOf(folder, kMicro, {"--state-out", folder.file("null")}).exitCode == 0);
  CHECK(fs::is_symlink(folder.file("full")));
  CHECK(fs::is_symlink(folder.file("null")));
  writeFile(folder.file("target"), "old");
  fs::create_symlink("target", folder.file("link"));
  CHECK(logitsOf(folder, kMicro, {"--state-out", folder.file("link")}).exitCode == 0);
  CHECK(fs::is_symlink(folder.file("link")));
  CHECK(readFile(folder.file("target")) != "old");
  for (const auto& entry : fs::directory_iterator(folder.path())) CHECK_FALSE(entry.path().string().ends_with(".part"));
}

TEST_CASE("output that does not arrive is a failure and ends an endless answer") {
  const std::string cli = quoted(cliPath());
  for (const std::string& verb : {std::string("devices"), std::string("--version"), "info " + quoted(kMicro),
                                  "generate --model " + quoted(kWithVocabulary) + " --prompt a --ignore-end --tokens 0"}) {
    CAPTURE(verb);
    CHECK(shell(cli + " " + verb + " > /dev/full").exitCode == 1);
  }
}

TEST_CASE("a benchmark that could not be written is refused before it is measured, and printed after") {
  const TemporaryFolder folder;
  const std::vector<std::string> base{"bench", "--model", kMicro, "--pp", "2", "--tg", "2", "--reps", "1", "--max-reps", "1", "--no-bandwidth", "--json", "--report"};
  const auto with = [&](const std::string& report) {
    auto arguments = base;
    arguments.push_back(report);
    return runCli(arguments);
  };
  const auto early = with(folder.file("missing/r.json"));
  CHECK(early.exitCode == 1);
  CHECK(early.err.find("first-token") == std::string::npos);
  fs::create_symlink("/dev/full", folder.file("full"));
  const auto late = with(folder.file("full"));
  CHECK(late.exitCode == 1);
  CHECK(json::parse(late.out)["kind"] == "rookery-benchmark");  // one document, the measured one
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // those need more address space than is left
TEST_CASE("too little memory is exit code 4") {
  const std::string cli = "exec " + quoted(cliPath());
  CHECK(shell("ulimit -v 300000; " + cli + " generate --model " + quoted(kWithVocabulary) + " --prompt a --tokens 1 --threads 200").exitCode == 4);
  CHECK(shell("ulimit -v 400000; " + cli + " bench --synthetic rwkv7-13.3b --precision fp32").exitCode == 4);
}
#endif

TEST_CASE("no result is written over what the run reads, nor over another result") {
  const TemporaryFolder folder;
  const std::string model = folder.file("model.pth"), tokens = folder.file("tokens.json"), out = folder.file("out.safetensors");
  fs::copy_file(kMicro, model);
  std::ofstream(tokens) << "[1, 2, 3]";
  fs::create_symlink(model, folder.file("link"));
  const std::vector<std::string> logits{"logits", "--model", model, "--tokens", tokens};
  const auto refused = [](std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runCli(arguments).exitCode == 2;
  };
  CHECK(refused(logits, {"--out", model}));
  CHECK(refused(logits, {"--out", folder.file("link")}));
  CHECK(refused(logits, {"--out", tokens}));
  CHECK(refused(logits, {"--out", out, "--state-out", model}));
  CHECK(refused(logits, {"--out", out, "--state-out", out}));
  CHECK(refused({"bench", "--model", model}, {"--report", model}));
  CHECK(refused({"bench", "--model", model}, {"--report", out, "--csv", folder.file("./out.safetensors")}));
  CHECK(fs::file_size(model) == fs::file_size(kMicro));
  REQUIRE(runCli({"logits", "--model", model, "--tokens", tokens, "--out", out}).exitCode == 0);
  CHECK(refused({"probs", "--logits", out}, {"--out", out}));
}

TEST_CASE("a pipe that nobody reads is refused as a result, not waited for") {
  const TemporaryFolder folder;
  const std::string pipe = folder.file("pipe.gguf");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const auto run = shell("exec timeout 20 " + quoted(cliPath()) + " convert " + quoted(kMicro) + " " + quoted(pipe) + " --precision fp16");
  CHECK(run.exitCode == 1);
}

TEST_CASE("a terminal that is closed ends a run as a signal does, not in the middle of a write") {
  const auto run = shell(quoted(cliPath()) + " generate --model " + quoted(kWithVocabulary) + " --prompt a --ignore-end --tokens 0 > /dev/null & pid=$!; "
                         "sleep 1; kill -HUP $pid; wait $pid");
  CHECK(run.exitCode == 130);
}

TEST_CASE("a file that another program cuts short is unusable, not a crash") {
  const TemporaryFolder folder;
  RawModel model = readModel();
  for (const char* name : {"emb.weight", "head.weight"}) model[name] = {{1'000'000, 64}, std::string(128'000'000, '\0')};
  const std::string path = writeModel(folder, model);
  const auto run = shell(quoted(cliPath()) + " bench --no-bandwidth --model " + quoted(path) + " & pid=$!; sleep 0.1; truncate -s 1000000 " +
                         quoted(path) + "; wait $pid");
  CHECK(run.exitCode == 3);
}

TEST_CASE("verbs that wait for input end at the first signal") {
  const TemporaryFolder folder;
  const std::string pipe = folder.file("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  // The shell keeps the pipe open for writing, so that reading from it does not end before the shell does.
  const std::string open = "exec 3<>" + quoted(pipe) + "; ";
  const auto tokenize = shell(open + "exec " + quoted(cliPath()) + " tokenize --model " + quoted(kWithVocabulary) + " <" + quoted(pipe), 500);
  CHECK(tokenize.exitCode == 130);
  CHECK(tokenize.seconds < 5);
  const auto chat = shell(open + "(head -c 1000000 /dev/zero | tr '\\0' a; echo) >&3 & " + quoted(cliPath()) + " chat " + quoted(kWithVocabulary) +
                          " --tokens 1 <" + quoted(pipe) + " 3>&- & pid=$!; sleep 1; kill -TERM $pid; wait $pid");
  CHECK(chat.exitCode == 130);
  CHECK(chat.seconds < 10);
}
