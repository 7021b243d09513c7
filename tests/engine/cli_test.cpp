// SPDX-License-Identifier: GPL-3.0-or-later
// The contract of the command line, with the real program.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "support/golden.h"
#include "support/process.h"

using namespace rookery::test;
using nlohmann::json;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

const std::filesystem::path kGolden = std::filesystem::path(ROOKERY_TEST_DATA) / "golden";
const std::string kSmall = (kGolden / "models/v7_small/model.pth").string();
const std::string kWithVocabulary = (kGolden / "models/v7_small/model.f16.gguf").string();

/// One line that starts with the program's name and ends a sentence; a second, indented line may give details.
bool isOneSentence(const std::string& text) {
  const std::string first = text.substr(0, text.find('\n'));
  const auto lines = std::count(text.begin(), text.end(), '\n');
  return first.starts_with("rookery-cli: ") && first.ends_with(".") && (lines == 1 || (lines == 2 && text.find("\n  ") != std::string::npos));
}

}  // namespace

TEST_CASE("help and version") {
  const auto help = runCli({"--help"});
  CHECK(help.exitCode == 0);
  for (const char* verb : {"devices", "info", "tokenize", "detokenize", "logits", "probs", "generate", "chat", "bench", "memory", "convert", "compare"}) {
    CHECK_MESSAGE(help.out.find(verb) != std::string::npos, verb);
    const auto own = runCli({verb, "--help"});
    CHECK_MESSAGE(own.exitCode == 0, verb);
    CHECK_MESSAGE(own.err.empty(), verb);
    CHECK_MESSAGE(runCli({verb, "--version"}).exitCode == 0, verb);
  }
  const auto version = runCli({"--version"});
  CHECK(version.exitCode == 0);
  CHECK(version.out.starts_with("rookery-cli "));
}

TEST_CASE("usage errors exit with 2 and say nothing on stdout") {
  const std::vector<std::vector<std::string>> wrong = {
      {}, {"fly"}, {"info"}, {"info", "--colour", "x"}, {"logits", "--model", kSmall}, {"bench"},
      {"bench", "--synthetic", "rwkv7-0.1b", "--guide"}, {"bench", "--synthetic", "rwkv7-0.1b"},
      {"bench", "--synthetic", "rwkv7-0.1b", "--precision", "fp16", "--mode", "fast"},
      {"bench", "--synthetic", "rwkv7-0.1b", "--precision", "fp17"}, {"memory"}, {"memory", "--shape", "rwkv9-1b"},
      {"memory", "--shape", "rwkv7-0.1b", "--format", "pdf"}, {"generate", "--model", kSmall},
      {"tokenize", "--vocab", "a", "--model", "b"}, {"probs", "--logits", "x", "--out", "y", "--top-p", "2"}};
  for (const auto& arguments : wrong) {
    const auto run = runCli(arguments);
    CAPTURE(json(arguments).dump());
    CHECK(run.exitCode == 2);
    CHECK(run.out.empty());
    CHECK_FALSE(run.err.empty());
  }
  const auto fast = runCli({"bench", "--synthetic", "rwkv7-0.1b", "--precision", "fp16", "--mode", "fast"});
  CHECK(fast.err.find("exact") != std::string::npos);
}

TEST_CASE("a missing or foreign file exits with 3, also as JSON") {
  const TemporaryFolder folder;
  writeFile(folder.file("text.txt"), "This is not a model.");
  for (const std::string& file : {folder.file("absent.pth"), folder.file("text.txt"), folder.path().string()}) {
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"info", file}, {"info", "--container", file}, {"chat", file}, {"memory", "--model", file},
             {"generate", "--model", file, "--prompt", "x"}, {"bench", "--model", file}, {"tokenize", "--model", file},
             {"tokenize", "--vocab", file}, {"logits", "--model", file, "--tokens", "t", "--out", folder.file("o")}}) {
      const auto run = runCli(arguments);
      CAPTURE(json(arguments).dump());
      CHECK(run.exitCode == 3);
      CHECK(run.out.empty());
    }
    CHECK_MESSAGE(isOneSentence(runCli({"info", file}).err), runCli({"info", file}).err);
    const auto asJson = runCli({"info", "--json", file});
    CHECK(asJson.exitCode == 3);
    CHECK(json::parse(asJson.out)["error"]["message"].is_string());
  }
}

TEST_CASE("devices lists the CPU first and a reason for what cannot be used") {
  const auto run = runCli({"devices", "--json"});
  REQUIRE(run.exitCode == 0);
  const json devices = json::parse(run.out)["devices"];
  REQUIRE(devices.size() >= 1);
  CHECK(devices[0]["id"] == "cpu");
  CHECK(devices[0]["usable"] == true);
  CHECK(devices[0]["memory_bytes"].get<std::uint64_t>() > 0);
  for (const json& device : devices) CHECK((device["usable"] == true || !device["reason"].get<std::string>().empty()));
  CHECK(runCli({"devices"}).out.starts_with("cpu: "));
}

TEST_CASE("info tells every dimension of every case") {
  int files = 0;
  for (const auto& folder : modelCases()) {
    const bool onlyGguf = !std::filesystem::exists(folder / "manifest.json");
    const json manifest = readJson(folder / (onlyGguf ? "gguf_manifest.json" : "manifest.json"));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension().string(), fileName = entry.path().filename().string();
      const bool isVariant = entry.path().parent_path().filename() == "variants" && extension == ".pth";
      if (!fileName.starts_with("model.") && !isVariant) continue;
      CAPTURE(entry.path().string());
      const auto run = runCli({"info", "--json", entry.path().string()});
      if (fileName == "legacy_format.pth" && run.exitCode == 3) continue;  // the format before zip
      ++files;
      REQUIRE_MESSAGE(run.exitCode == 0, run.err);
      const json info = json::parse(run.out);
      CHECK(info["format"] == extension.substr(1));
      const json& version = manifest["version"];
      CHECK(info["version"] == (version.is_string() ? version.get<std::string>() : version == 5 ? "5.2" : version.dump()));
      const bool v4 = version == 4;
      CHECK(info["layers"] == manifest["n_layer"]);
      CHECK(info["n_embd"] == manifest["n_embd"]);
      CHECK(info["head_size"] == (v4 ? json(0) : manifest["head_size"]));
      CHECK(info["dim_ffn"] == manifest["dim_ffn"]);
      CHECK(info["vocab"] == manifest["vocab_size"]);
      const json lora = manifest.value("lora", json::object());
      CHECK(info["lora"] == (version == 6 ? json{{"maa", lora["time_maa"]}, {"decay", lora["time_decay"]}} : lora));
      const auto layers = manifest["n_layer"].get<std::uint64_t>(), c = manifest["n_embd"].get<std::uint64_t>();
      CHECK(info["state_bytes"] == 4 * layers * (v4 ? 5 * c : 2 * c + c * manifest["head_size"].get<std::uint64_t>()));
      // Counted in the container: what is not used counts where official files hold it, but copies that llama.cpp wants
      // in place of layer 0's value residual are none of the model's.
      const json container = json::parse(runCli({"info", "--container", "--json", entry.path().string()}).out);
      std::uint64_t parameters = 0;
      std::map<std::string, std::uint64_t> bits;
      for (const json& tensor : container["tensors"]) {
        if (tensor["name"].get<std::string>().starts_with("blk.0.time_mix_v") && std::isdigit(tensor["name"].get<std::string>()[16]) != 0) continue;
        std::uint64_t count = 1;
        for (const json& dim : tensor["shape"]) count *= dim.get<std::uint64_t>();
        parameters += count;
        const std::string dtype = tensor["dtype"];
        bits[dtype] += count * (dtype == "fp32" ? 32 : dtype == "q8_0" ? 9 : dtype == "q6_k" ? 7 : dtype[0] == 'q' ? 5 : 16);
      }
      CHECK(info["parameters"] == parameters);
      CHECK(info["file_bytes"] == std::filesystem::file_size(entry.path()));
      const std::map<std::string, std::string> ofGguf{{"f16", "fp16"}, {"f32", "fp32"}, {"Q8_0", "q8_0"}, {"Q4_0", "q4_0"}, {"Q4_K_M", "q4_k"}};
      const std::string quantisation = entry.path().stem().extension().string();
      if (extension == ".gguf") CHECK(info["dtype"] == ofGguf.at(quantisation.substr(1)));
      else if (!isVariant) CHECK(info["dtype"] == "bf16");
      CHECK(info["dtype"] == std::max_element(bits.begin(), bits.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first);
      CHECK(info["tokenizer"] == (extension == ".gguf" ? "embedded" : manifest["vocab_size"] == 65536 ? "world" : "unknown"));
      const auto plain = runCli({"info", entry.path().string()});
      for (const char* key : {"format", "version", "layers", "n_embd", "head_size", "dim_ffn", "vocab", "lora", "parameters",
                              "dtype", "state_bytes", "tokenizer"})
        CHECK_MESSAGE(plain.out.find(std::string("\n") + key + " ") != std::string::npos, key);
    }
  }
  CHECK(files >= 20);
}

TEST_CASE("the World tokenizer matches every vector in both directions") {
  std::string vocabulary;  // the official file when the golden folder has it, else the built-in one
  for (const auto& folder : goldenFolders())
    if (std::filesystem::exists(folder / "tokenizer/rwkv_vocab_v20230424.txt")) vocabulary = (folder / "tokenizer/rwkv_vocab_v20230424.txt").string();
  std::vector<std::vector<std::string>> sources{{}};
  if (!vocabulary.empty()) sources.push_back({"--vocab", vocabulary});
  for (const auto& source : sources) {
    for (const auto& [verb, file, from, to] : {std::tuple{"tokenize", "encode.jsonl", "hex", "ids"}, std::tuple{"detokenize", "decode.jsonl", "ids", "hex"}}) {
      std::istringstream lines(readFile(kGolden / "tokenizer" / file));
      std::string input;
      std::vector<json> expected;
      for (std::string line; std::getline(lines, line);) {
        const json vector = json::parse(line);
        input += json{{from, vector[from]}}.dump() + "\n";
        expected.push_back(vector[to]);
      }
      std::vector<std::string> arguments{verb};
      arguments.insert(arguments.end(), source.begin(), source.end());
      const auto run = runCli(arguments, input);
      if (run.exitCode == 3 && source.empty()) {
        MESSAGE("SKIP: this build has no World vocabulary");
        continue;
      }
      REQUIRE_MESSAGE(run.exitCode == 0, run.err);
      std::istringstream answers(run.out);
      std::size_t number = 0;
      for (std::string line; std::getline(answers, line); ++number) {
        REQUIRE(number < expected.size());
        CHECK_MESSAGE(json::parse(line)[to] == expected[number], verb, " line ", number);
      }
      CHECK(number == expected.size());
    }
  }
  CHECK(runCli({"tokenize", "--model", kWithVocabulary}, "{\"hex\": \"4\"}\n").exitCode == 2);
  CHECK(runCli({"detokenize", "--model", kWithVocabulary}, "nonsense\n").exitCode == 2);
}

TEST_CASE("probs matches every sampling vector") {
  const TemporaryFolder folder;
  const Tensors vectors = readTensors(kGolden / "sampling/sampling.safetensors");
  const json manifest = readJson(kGolden / "sampling/manifest.json");
  REQUIRE(manifest["rows"].size() > 200);
  for (const json& row : manifest["rows"]) {
    if (row["depends_on_float32_rounding"] == true) continue;  // the reference turns greedy there; top_p >= 1 is off here
    const std::string index = row["logits"].dump();
    const Tensor& logits = vectors.at("logits." + index);
    const Tensor& expected = vectors.at("probs." + index + "." + row["combo"].dump());
    std::string header = json{{"logits", {{"dtype", "F32"}, {"shape", {1, logits.values.size()}}, {"data_offsets", {0, logits.values.size() * 4}}}}}.dump();
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char*>(&length), 8);
    bytes += header;
    bytes.append(reinterpret_cast<const char*>(logits.values.data()), logits.values.size() * 4);
    writeFile(folder.file("logits.safetensors"), bytes);
    const auto run = runCli({"probs", "--logits", folder.file("logits.safetensors"), "--out", folder.file("probs.safetensors"),
                             "--temperature", row["temperature"].dump(), "--top-p", row["top_p"].dump(), "--top-k", row["top_k"].dump()});
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    CHECK_MESSAGE(maxDifference(readTensors(folder.file("probs.safetensors")).at("probs").values, expected.values) <= 2e-6, row.dump());
  }
}

TEST_CASE("logits refuses tokens and positions that do not exist") {
  const TemporaryFolder folder;
  const auto with = [&](const std::string& tokens, std::vector<std::string> more = {}) {
    writeFile(folder.file("tokens.json"), tokens);
    std::vector<std::string> arguments{"logits", "--model", kSmall, "--tokens", folder.file("tokens.json"), "--out", folder.file("out.safetensors")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runCli(arguments);
  };
  for (const char* tokens : {"", "[]", "{}", "[320]", "[-1]", "[1.5]", "[\"a\"]", "[99999999999999999999]"}) {
    CAPTURE(tokens);
    CHECK(with(tokens).exitCode == 2);
  }
  CHECK(with("[1,2]", {"--positions", "2"}).exitCode == 2);
  CHECK(with("[1,2]", {"--mode", "fast"}).exitCode == 2);
  CHECK(with("[1,2]", {"--strategy", "cpu fp99"}).exitCode == 2);
  CHECK(with("[1,2]", {"--state-in", kSmall}).exitCode == 3);
  CHECK_FALSE(std::filesystem::exists(folder.file("out.safetensors")));
  CHECK(with("[1,2,3]", {"--positions", "2,0,2"}).exitCode == 0);
  const Tensor rows = readTensors(folder.file("out.safetensors")).at("logits");
  REQUIRE(rows.shape == std::vector<std::int64_t>{3, 320});
  CHECK(maxDifference(rows.row(0), rows.row(2)) == 0);
  CHECK(maxDifference(rows.row(0), rows.row(1)) > 0);
}

TEST_CASE("generate is repeatable by its seed and says what it did") {
  const std::vector<std::string> base{"generate", "--model", kWithVocabulary, "--raw", "--prompt", "abc", "--tokens", "24",
                                      "--ignore-end", "--temperature", "1", "--top-p", "0.9", "--json"};
  const auto with = [&](const char* seed) {
    auto arguments = base;
    arguments.insert(arguments.end(), {"--seed", seed});
    const auto run = runCli(arguments);
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    return json::parse(run.out);
  };
  const json first = with("7"), again = with("7"), other = with("8");
  CHECK(first["ids"].size() == 24);
  CHECK(first["ids"] == again["ids"]);
  CHECK(first["text"] == again["text"]);
  CHECK(first["ids"] != other["ids"]);
  CHECK(first["reason"] == "max-tokens");
  CHECK(first["seed"] == 7);
  CHECK(first["timings"]["tokens_per_second"].get<double>() > 0);
  auto plain = base;
  plain.back() = "--seed";
  plain.push_back("7");
  const auto streamed = runCli(plain);
  CHECK(streamed.out == first["text"].get<std::string>() + "\n");
  CHECK(streamed.err.find("wrote 24") != std::string::npos);
}

TEST_CASE("Ctrl+C ends an endless answer with 130 and keeps what was written") {
  const auto run = runProcess({cliPath(), "generate", "--model", kWithVocabulary, "--raw", "--prompt", "abc", "--tokens", "0",
                               "--ignore-end", "--json"}, "", 20, 800);
  CHECK(run.exitCode == 130);
  const json answer = json::parse(run.out);
  CHECK(answer["reason"] == "cancelled");
  CHECK(answer["ids"].size() > 0);
}

TEST_CASE("a chat can be saved, loaded and undone") {
  const TemporaryFolder folder;
  const std::string state = folder.file("state.safetensors");
  const auto chat = [&](const std::string& lines) {
    const auto run = runCli({"chat", kWithVocabulary, "--greedy", "--tokens", "12"}, lines);
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    return run;
  };
  const auto talk = chat("first\nsecond\n/undo\nsecond\n/quit\nnot read\n");
  const auto saved = chat("first\n/save " + state + "\nsecond\n");
  const auto loaded = chat("/load " + state + "\nsecond\n");
  // talk = A1 A2 A2, saved = A1 A2, loaded = A2
  REQUIRE(talk.out.starts_with(saved.out));
  const std::string second = talk.out.substr(saved.out.size());
  CHECK_FALSE(second.empty());
  CHECK(saved.out.ends_with(second));
  CHECK(loaded.out == second);
  // What /undo takes back is what it says.
  const auto says = [](const auto& run, const char* words) { return run.err.find(words) != std::string::npos; };
  const auto back = chat("/load " + state + "\n/undo\nfirst\n");
  CHECK(says(back, "The state that was loaded is left again"));
  CHECK_FALSE(says(back, "are forgotten"));
  CHECK(saved.out.starts_with(back.out));
  CHECK(says(talk, "The last question and its answer are forgotten."));
  const auto confused = chat("/fly\n/undo\n/load\n/load /nonexistent\n/quit\n");
  CHECK(confused.out.empty());
  CHECK(std::count(confused.err.begin(), confused.err.end(), '\n') == 5);
}

TEST_CASE("bench writes one report in four forms") {
  const TemporaryFolder folder;
  const auto run = runCli({"bench", "--model", kSmall, "--pp", "64", "--tg", "16", "--reps", "2", "--max-reps", "3",
                           "--no-bandwidth", "--json", "--report", folder.file("r.json"), "--markdown", folder.file("r.md"),
                           "--csv", folder.file("r.csv")});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  const json report = json::parse(run.out);
  CHECK(run.out == readFile(folder.file("r.json")));
  CHECK(report["weights"] == "file");
  CHECK(report["mode"] == "exact");
  CHECK(report["precision"] == "bf16");
  CHECK(report["model_sha256"].get<std::string>().size() == 64);
  CHECK(report["greedy_tokens"].size() == 32);
  CHECK(report["partial"] == false);
  CHECK(report["resident_bytes"].get<std::uint64_t>() > 0);
  std::vector<std::string> tests;
  for (const json& series : report["series"]) {
    tests.push_back(series["test"]);
    CHECK(series["median"].get<double>() > 0);
    CHECK(series["samples"].size() >= 1);
  }
  for (const char* test : {"load", "first-token", "pp64", "tg16", "state-save", "state-restore", "state-fork", "tg16-sparse", "tg16-chat"})
    CHECK_MESSAGE(std::find(tests.begin(), tests.end(), test) != tests.end(), test);
  CHECK(readFile(folder.file("r.md")).starts_with("| model | size | params |"));
  CHECK(readFile(folder.file("r.csv")).find(",tg16,tokens/s,measured,1,") != std::string::npos);
  // The same weights in the same mode give the same tokens, however many threads there are.
  const auto other = runCli({"bench", "--model", kSmall, "--pp", "0", "--tg", "4", "--reps", "1", "--threads", "1", "--no-bandwidth", "--json"});
  REQUIRE(other.exitCode == 0);
  CHECK(json::parse(other.out)["greedy_tokens"] == report["greedy_tokens"]);
  CHECK(json::parse(other.out)["fingerprint"] == report["fingerprint"]);
}

TEST_CASE("bench: one run is told without a spread") {
  const std::vector<std::string> once{"bench", "--model", kSmall, "--pp", "0", "--tg", "4", "--reps", "1", "--max-reps", "1", "--no-bandwidth"};
  const auto table = runCli(once);
  REQUIRE_MESSAGE(table.exitCode == 0, table.err);
  const auto row = table.out.find("| tg4 | ");
  REQUIRE(row != std::string::npos);
  const std::string line = table.out.substr(row, table.out.find('\n', row) - row);
  CHECK_MESSAGE(line.find("±") == std::string::npos, line);
  CHECK_MESSAGE(line.ends_with(" | 1 |"), line);
  CHECK(table.out.find("One run has no spread.") != std::string::npos);
  auto asJson = once;
  asJson.push_back("--json");
  const auto document = runCli(asJson);
  REQUIRE(document.exitCode == 0);
  for (const json& series : json::parse(document.out)["series"]) {
    CHECK(series["mad"].is_null() == (series["samples"].size() == 1));
    CHECK(series["sd"].is_null() == (series["samples"].size() == 1));
  }
}

TEST_CASE("an interrupted benchmark keeps its finished steps, says partial, and exits with 130") {
  // Far more runs than fit in the time: the interrupt comes in the middle of a series, after loading.
  const auto run = runProcess({cliPath(), "bench", "--model", kSmall, "--pp", "100000", "--tg", "100000", "--reps", "1000", "--max-reps", "1000",
                               "--no-bandwidth", "--json"}, "", 60, 3000);
  CHECK(run.exitCode == 130);
  const json report = json::parse(run.out);
  CHECK(report["partial"] == true);
  CHECK(report["series"].size() >= 1);
  CHECK(report["sha256"].get<std::string>().size() == 64);
}

TEST_CASE("a model that does not fit exits with 4") {
  const char* prlimit = "/usr/bin/prlimit";
  if (kSanitized || !std::filesystem::exists(prlimit)) {
    MESSAGE("SKIP: needs prlimit and a build without sanitizers");
    return;
  }
  const auto run = runProcess({prlimit, "--as=1000000000", cliPath(), "bench", "--synthetic", "rwkv7-2.9b", "--precision", "fp16", "--no-bandwidth"});
  CHECK_MESSAGE(run.exitCode == 4, run.err);
}

TEST_CASE("the built-in guide model answers without any file") {
  const auto info = runCli({"info", "guide", "--json"});
  REQUIRE_MESSAGE(info.exitCode == 0, info.err);
  CHECK(json::parse(info.out)["version"] == "7");
  const auto run = runCli({"generate", "--model", "guide", "--prompt", "What is a state?", "--greedy", "--json"});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  const json answer = json::parse(run.out);
  CHECK(answer["text"].get<std::string>().size() > 10);
  CHECK(answer["text"].get<std::string>().front() != ' ');
  CHECK((answer["reason"] == "end-of-text" || answer["reason"] == "stop-text"));
}

TEST_CASE("memory reproduces every published cumulative figure from shapes") {
  const json published = readJson(std::filesystem::path(ROOKERY_TEST_DATA) / "engine/data/rwkv6_component_memory.json");
  REQUIRE(published.size() == 4);
  for (const auto& [shape, table] : published.items()) {
    const auto run = runCli({"memory", "--shape", shape, "--precision", "fp16", "--format", "json", "--allocator", table["allocator"]});
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    const json document = json::parse(run.out);
    CHECK(document["model"] == shape);
    CHECK(document["precision"] == "fp16");
    CHECK(document["components"].size() == table["cumulative_mb"].size());
    double before = 0;
    for (const json& row : document["components"]) {
      const std::string component = row["component"];
      const double cumulative = row["cumulative_mb"];
      CHECK_MESSAGE(std::abs(cumulative - table["cumulative_mb"][component].get<double>()) < 0.001, shape, " ", component);
      CHECK_MESSAGE(std::abs(row["component_mb"].get<double>() - (cumulative - before)) < 0.001, shape, " ", component);
      CHECK(row["bytes"].get<std::uint64_t>() > 0);
      before = cumulative;
    }
    const auto markdown = runCli({"memory", "--shape", shape, "--allocator", table["allocator"]});
    CHECK(markdown.out.find("| Component | Cumulative GPU Memory (MB) | Memory per Component (MB) |") != std::string::npos);
  }
}

TEST_CASE("memory tells the size of a state from the shape, and the same of a file") {
  for (const auto& [shape, bytes] : {std::pair{"rwkv4-7b", 2'621'440}, {"rwkv6-1b6", 12'976'128}, {"rwkv6-14b", 65'961'984}, {"rwkv7-0.1b", 2'433'024}, {"rwkv7-2.9b", 21'626'880}}) {
    const auto run = runCli({"memory", "--shape", shape, "--precision", "int8", "--json"});
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    CHECK(json::parse(run.out)["state_bytes"] == bytes);
  }
  CHECK(runCli({"memory", "--shape", "rwkv7-0.1b"}).out.find("State of a conversation: 2.43 MB") != std::string::npos);
  CHECK(json::parse(runCli({"memory", "--model", kSmall, "--json"}).out)["state_bytes"] == json::parse(runCli({"info", kSmall, "--json"}).out)["state_bytes"]);
}

TEST_CASE("memory of a model shows planned and measured side by side") {
  const auto run = runCli({"memory", "--model", kSmall});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  CHECK(run.out.find("| component | planned, MB | measured, MB |") != std::string::npos);
  CHECK(run.out.find("| unexplained |") != std::string::npos);
  CHECK_MESSAGE(run.out.find("| state | 0.20 | 0.20 |") != std::string::npos, run.out);  // 101,376 bytes twice
  CHECK_MESSAGE(run.out.find("| scratch |  | ") != std::string::npos, run.out);          // not planned
  const auto asJson = runCli({"memory", "--model", kSmall, "--json"});
  REQUIRE(asJson.exitCode == 0);
  const json document = json::parse(asJson.out);
  CHECK(document["precision"] == "bf16");
  CHECK(document["components"].size() == 3 + 4);
  CHECK(document["measured"].size() > 3);
  CHECK(document["resident_bytes"].get<std::uint64_t>() > 0);
}

TEST_CASE("memory of a model: what is planned is what is measured, also of mixed block formats") {
  const std::filesystem::path quant = std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models/v7_quant/model.Q4_K_M.gguf";
  for (const auto& more : std::vector<std::vector<std::string>>{{}, {"--precision", "nf4"}, {"--strategy", "cpu q8_0"}}) {
    for (const std::string& model : {quant.string(), std::string("guide")}) {
      std::vector<std::string> arguments{"memory", "--model", model, "--json"};
      arguments.insert(arguments.end(), more.begin(), more.end());
      const auto run = runCli(arguments);
      REQUIRE_MESSAGE(run.exitCode == 0, run.err);
      const json document = json::parse(run.out);
      std::size_t compared = 0;
      for (const json& row : document["components"])
        for (const json& entry : document["measured"])
          if (entry["component"] == row["component"] && entry["kind"] == "weights") {
            CHECK_MESSAGE(entry["bytes"] == row["bytes"], row.dump());
            ++compared;
          }
      CHECK(compared == document["components"].size());
    }
  }
}
