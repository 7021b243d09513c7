// SPDX-License-Identifier: GPL-3.0-or-later
// The command line in bad hands: arguments, files and machines that are not what they should be, and signals.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
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
    CHECK(runCli({"bench", "--model", path, "--pp", "2", "--tg", "2", "--reps", "1", "--no-bandwidth"}).exitCode == 1);
    writeFile(tokens, "[1, 2, 3]");
    writeFile(folder.file("text.txt"), "some text");
    std::string vocabulary;
    for (int byte = 0; byte < 256; ++byte) {
      char row[32];
      std::snprintf(row, sizeof row, "%d b'\\x%02x' 1\n", byte + 1, byte);
      vocabulary += row;
    }
    writeFile(folder.file("vocab.txt"), vocabulary);
    for (const auto& [arguments, position] : std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"generate", "--model", path, "--prompt-tokens", tokens, "--tokens", "2"}, "position 2"},
             {{"logits", "--model", path, "--tokens", tokens, "--out", folder.file("out")}, "position 2"},
             {{"logits", "--model", path, "--tokens", tokens, "--out", folder.file("out"), "--positions", "2,1"}, "position 1"},
             {{"logits", "--model", path, "--tokens", tokens, "--out", folder.file("out"), "--positions", "0,1", "--mode", "rnn"}, "position 0"},
             {{"compare", "--model", kMicro, "--against", path, "--text", folder.file("text.txt"), "--vocab", folder.file("vocab.txt")}, "position 0"},
             {{"convert", path, folder.file("new.safetensors"), "--precision", "fp16"}, "head.weight"},
             {{"convert", path, folder.file("new.safetensors"), "--precision", "bf16"}, "head.weight"},
             {{"convert", path, folder.file("new.gguf"), "--precision", "q8_0"}, "head.weight"}}) {
      const auto run = runCli(arguments);
      CAPTURE(json(arguments).dump());
      CHECK(run.exitCode == 1);
      CHECK_MESSAGE(run.err.find(position) != std::string::npos, run.err);
      CHECK(run.err.find("no numbers") != std::string::npos);
    }
    CHECK_FALSE(fs::exists(folder.file("out")));
    CHECK_FALSE(fs::exists(folder.file("new.gguf")));
  }
}

TEST_CASE("probabilities are not made of what is no number, nor weights that fp16 cannot hold") {
  const TemporaryFolder folder;
  const auto logits = [&](float bad) {
    const std::string header = R"({"logits":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";
    const std::uint64_t length = header.size();
    const float values[] = {1, 2, 3, 4, bad, 6};
    writeFile(folder.file("in.safetensors"), std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(reinterpret_cast<const char*>(values), 24));
    return runCli({"probs", "--logits", folder.file("in.safetensors"), "--out", folder.file("out.safetensors")});
  };
  CHECK(logits(5).exitCode == 0);
  CHECK(logits(-std::numeric_limits<float>::infinity()).exitCode == 0);  // a token that cannot be drawn
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const auto run = logits(bad);
    CHECK(run.exitCode == 1);
    CHECK_MESSAGE(run.err.find("Row 1 of the logits") != std::string::npos, run.err);
  }
  RawModel model = readModel();
  model["head.weight"].bytes.replace(0, 2, "\x80\x4f");  // bf16: 2^32
  const std::string path = writeModel(folder, model);
  const auto run = runCli({"convert", path, folder.file("new.safetensors"), "--precision", "fp16"});
  CHECK(run.exitCode == 1);
  CHECK_MESSAGE(run.err.find("head.weight has weights that are too large for fp16") != std::string::npos, run.err);
  CHECK(runCli({"convert", path, folder.file("new.safetensors"), "--precision", "bf16"}).exitCode == 0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
const std::string kLittleMemory;  // sanitizers need more address space than would be left
#else
const std::string kLittleMemory = "ulimit -v 700000; ";
#endif

TEST_CASE("hostile token files and lines are refused at once and cost no memory") {
  const TemporaryFolder folder;
  const std::string tokens = folder.file("tokens.json");
  const auto refused = [&](const std::string& text, const std::string& says) {
    writeFile(tokens, text);
    // Enough for the program, the model, the file and its ids.
    const auto run = shell(kLittleMemory + "exec " + quoted(cliPath()) + " logits --model " + quoted(kMicro) + " --threads 1 --tokens " + quoted(tokens) + " --out " + quoted(folder.file("o")));
    CHECK(run.exitCode == (says.find("larger") != std::string::npos ? 3 : 2));
    CHECK_MESSAGE(run.err.find(says) != std::string::npos, run.err);
  };
  refused(std::string(60'000'000, '['), "Entry 0 of the token file");
  std::string deep = "[1, 2";
  for (int i = 0; i < 1'000'000; ++i) deep += ",{\"a\":[";
  refused(deep, "Entry 2 of the token file");
  refused(std::string(64'000'001, ' '), "larger than 64 MB");
  refused("{\"a\": 1}", "is not a JSON array");
  refused("[1, 2", "is not a JSON array");
  refused("[1, 2] 3", "is not a JSON array");
  refused("7", "is not a JSON array");
  refused("[]", "is empty");
  refused("[1, -2]", "Entry 1");
  refused("[1, 270]", "Entry 1");
  writeFile(tokens, "\xEF\xBB\xBF[1, 2]");  // a byte order mark
  CHECK(runCli({"logits", "--model", kMicro, "--tokens", tokens, "--out", folder.file("o")}).exitCode == 0);

  const auto lines = [&](const std::string& input) {
    writeFile(folder.file("in"), input);
    return shell(kLittleMemory + "exec " + quoted(cliPath()) + " tokenize --model " + quoted(kWithVocabulary) + " <" + quoted(folder.file("in")));
  };
  const auto good = lines("\xEF\xBB\xBF{\"hex\": \"61\"}\n");
  CHECK_MESSAGE(good.exitCode == 0, good.err);
  CHECK(lines("{\"hex\": " + std::string(20'000'000, '[')).exitCode == 2);
  const auto late = lines("{\"hex\": \"61\"}\n\n" + std::string(32'000'001, ' '));
  CHECK(late.exitCode == 2);
  CHECK_MESSAGE(late.err.find("Line 3 of the input is longer than 32 MB") != std::string::npos, late.err);
  CHECK(late.out == good.out);
}

TEST_CASE("what is said about numbers and names is short, and says what can be") {
  const auto says = [](std::vector<std::string> arguments, int code, const std::string& part) {
    const auto run = runCli(arguments);
    CAPTURE(json(arguments).dump());
    CHECK(run.exitCode == code);
    CHECK_MESSAGE(run.err.find(part) != std::string::npos, run.err);
    CHECK(run.err.size() < 400);
  };
  const std::string many(310, '9');
  const auto generate = [&](const char* option, const std::string& value, const std::string& part) {
    says({"generate", "--model", kWithVocabulary, "--prompt", "a", option, value}, 2, part);
  };
  generate("--top-k", "-1", "is not a number from 0 to 2147483647");
  generate("--top-k", many, "is not a number from 0 to 2147483647");
  generate("--tokens", "1.5", "is not a number from 0 to");
  generate("--temperature", many, "is not a number from 0 to 100");
  generate("--top-p", "1.01", "is not a number from 0 to 1");
  generate("--presence", "1e300", "is not a number from -1000 to 1000");
  generate("--frequency", "-1e39", "is not a number from -1000 to 1000");
  generate("--threads", many, "is not a number from 0 to 4096");
  says({"bench", "--model", kMicro, "--pp", many}, 2, "is not a number from 0 to 1000000");
  says({"info", ""}, 3, "the name is empty");
  says({"chat", ""}, 3, "the name is empty");
  const auto list = runCli({"convert", kMicro, "x.safetensors", "--precision", "fp17"});
  CHECK(list.exitCode == 2);
  CHECK(list.err.find("q4_k") != std::string::npos);
  for (const char* loadOnly : {"fp16i8", "a16w8", "a16w4"}) CHECK(list.err.find(loadOnly) == std::string::npos);
}

TEST_CASE("convert takes the guide model and endings in capitals") {
  const TemporaryFolder folder;
  for (const char* out : {"GUIDE.GGUF", "Guide.SafeTensors"}) {
    const auto run = runCli({"convert", "guide", folder.file(out), "--precision", "q8_0"});
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    const auto info = runCli({"info", "--json", folder.file(out)});
    REQUIRE_MESSAGE(info.exitCode == 0, info.err);
    CHECK(json::parse(info.out)["version"] == "7");
    CHECK(json::parse(info.out)["format"] == (std::string(out).ends_with("F") ? "gguf" : "safetensors"));
  }
}

TEST_CASE("a chat saves over its own states and nothing else") {
  const TemporaryFolder folder;
  const std::string model = folder.file("model.gguf"), state = folder.file("state.safetensors");
  fs::copy_file(kWithVocabulary, model);
  fs::copy_file(kMicro, folder.file("other.safetensors"));
  writeFile(folder.file("notes.txt"), "mine");
  const auto chat = [&](const std::string& name) { return runCli({"chat", model, "--greedy", "--tokens", "2"}, "hello\n/save " + name + "\n/quit\n").err; };
  CHECK(chat(state).find("Saved the state") != std::string::npos);
  CHECK(chat(state).find("Saved the state") != std::string::npos);  // again
  for (const char* name : {"model.gguf", "other.safetensors", "notes.txt"}) {
    const std::string before = readFile(folder.file(name));
    const char* why = name == std::string("model.gguf") ? "is a file that is read" : "is no saved state that Rookery wrote";
    CHECK(chat(folder.file(name)).find(why) != std::string::npos);
    CHECK(readFile(folder.file(name)) == before);
  }
  CHECK(chat(folder.file("a") + std::string(1, '\0') + "b").find("zero byte") != std::string::npos);
  CHECK(chat(folder.path().string() + "/").find("it is a folder") != std::string::npos);
  CHECK(chat(folder.file("new") + "/").find("it names a folder") != std::string::npos);
  CHECK(chat(folder.path().string()).find("it is a folder") != std::string::npos);
  CHECK(chat(folder.file("absent/x")).find("its folder does not exist") != std::string::npos);
  CHECK_FALSE(fs::exists(folder.file("a")));
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

TEST_CASE("a tuned state merged into its model is not passed over in silence, and starts where it is asked for") {
  const TemporaryFolder folder;
  RawModel merged = readModel(), state;
  for (const char* layer : {"0", "1"}) state["blocks." + std::string(layer) + ".att.time_state"] = {{1, 64, 64}, std::string(4096, '\x3c') + std::string(4096, '\0')};
  const std::string alone = folder.file("state.safetensors");
  fs::rename(writeModel(folder, state), alone);
  merged.insert(state.begin(), state.end());
  const std::string both = writeModel(folder, merged);
  const auto result = [&](const std::string& model, std::vector<std::string> more) {
    const auto run = logitsOf(folder, model, std::move(more));
    CHECK_MESSAGE(run.exitCode == 0, run.err);
    CHECK((run.err.find("also holds a tuned state") != std::string::npos) == (model == both));
    return readFile(folder.file("out.safetensors"));
  };
  const std::string without = result(kMicro, {}), with = result(kMicro, {"--state-in", alone});
  CHECK(without != with);
  CHECK(result(both, {}) == without);
  CHECK(result(both, {"--state-in", both}) == with);
}

TEST_CASE("a state of a model with more layers, or of values that are no numbers, is refused as a state") {
  const TemporaryFolder folder;
  const auto with = [&](bool tuned, int layers, const char* first) {  // bf16
    RawModel state;
    const std::string values = std::string(first, 2) + std::string(8190, '\0');
    for (int layer = 0; layer < layers; ++layer) {
      const std::string number = std::to_string(layer);
      state[tuned ? "blocks." + number + ".att.time_state" : "att_kv." + number] = {{1, 64, 64}, values};
      for (const char* name : {"att_x_prev.", "ffn_x_prev."})
        if (!tuned) state[name + number] = {{64}, std::string(128, '\0')};
    }
    return logitsOf(folder, kMicro, {"--state-in", writeModel(folder, state)});
  };
  for (const bool tuned : {true, false}) {
    CAPTURE(tuned);
    CHECK(with(tuned, 2, "\x80\x3f").exitCode == 0);
    const auto longer = with(tuned, 3, "\x80\x3f");
    CHECK(longer.exitCode == 3);
    CHECK_MESSAGE(longer.err.find("a model with more layers than this one, which has 2") != std::string::npos, longer.err);
    for (const char* odd : {"\xc0\x7f", "\x80\x7f"}) {
      const auto refused = with(tuned, 2, odd);
      CHECK(refused.exitCode == 3);
      CHECK_MESSAGE(refused.err.find(std::string("State tensor ") + (tuned ? "blocks.0.att.time_state" : "att_kv.0") + " holds values that are no numbers") != std::string::npos, refused.err);
    }
  }
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
  CHECK(logitsOf(folder, kMicro, {"--state-out", folder.file("link")}).exitCode == 2);
  CHECK(readFile(folder.file("target")) == "old");  // no state that Rookery wrote
  CHECK(logitsOf(folder, kMicro, {"--state-out", folder.file("link"), "--force"}).exitCode == 0);
  CHECK(fs::is_symlink(folder.file("link")));
  CHECK(readFile(folder.file("target")) != "old");
  for (const auto& entry : fs::directory_iterator(folder.path())) CHECK_FALSE(entry.path().string().ends_with(".part"));
}

TEST_CASE("output that does not arrive is a failure and ends an endless answer") {
  const std::string cli = quoted(cliPath());
  for (const std::string& verb : {std::string("devices"), std::string("--version"), "info " + quoted(kMicro), "info --container --json " + quoted(kMicro),
                                  "generate --model " + quoted(kWithVocabulary) + " --prompt a --ignore-end --tokens 0"}) {
    CAPTURE(verb);
    const auto run = shell(cli + " " + verb + " > /dev/full");
    CHECK(run.exitCode == 1);
    CHECK_MESSAGE(run.err.find("could not be written to the standard output") != std::string::npos, run.err);
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
  // Stacks of 200 MB: there is room for the threads that run the model, and none for those that measure the memory.
  const auto noThread = shell("ulimit -s 200000; ulimit -v 600000; " + cli + " bench --guide --threads 2 --pp 2 --tg 2 --reps 1");
  CHECK(noThread.exitCode == 4);
  CHECK_MESSAGE(noThread.err.find("does not let this program start enough threads") != std::string::npos, noThread.err);
  const auto none = shell("ulimit -s 400000; ulimit -v 300000; " + cli + " devices");
  CHECK(none.exitCode == 4);
  CHECK_MESSAGE(none.err.find("does not let this program start a thread") != std::string::npos, none.err);
  const auto limited = shell("ulimit -v 400000; " + cli + " bench --synthetic rwkv7-13.3b --precision fp32");
  CHECK(limited.exitCode == 4);
  const std::size_t free = limited.err.find("MB are needed, ");
  REQUIRE_MESSAGE(free != std::string::npos, limited.err);
  CHECK_MESSAGE(std::stod(limited.err.substr(free + 15)) < 400, limited.err);  // what the limit leaves, not what the machine has
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
