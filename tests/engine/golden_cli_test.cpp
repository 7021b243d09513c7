// SPDX-License-Identifier: GPL-3.0-or-later
// Every case of the golden data, all generations, through `rookery-cli logits`: both modes, all chunk sizes, all containers.
#include <doctest/doctest.h>

#include <optional>

#include "support/dialects.h"
#include "support/golden.h"
#include "support/process.h"
#include "support/test_strategy.h"

using namespace rookery::test;
using nlohmann::json;

namespace {

// All chunk sizes on the CPU; elsewhere two, for the sake of time: the backends' own tests compare all of them bit by bit.
const std::vector<int> kChunks = testStrategy() == nullptr ? std::vector<int>{1, 7, 16, 64, 256} : std::vector<int>{7, 64};

struct Output {
  Tensor logits;
  Tensors state;
};

struct Request {
  std::filesystem::path model;
  json tokens;
  std::vector<std::string> more;
  std::string positions;  ///< "" : the last
  std::string stateIn;
};

/// None of the Khronos validation layer, which CTest turns on for other devices than the CPU.
void checkNoMessages(const std::string& err) { CHECK_MESSAGE(err.find("vulkan: ") == std::string::npos, err); }

/// Runs `logits` and reads what it wrote; nothing when the program refused (the check has failed then).
std::optional<Output> run(const TemporaryFolder& folder, const Request& request) {
  writeFile(folder.file("tokens.json"), request.tokens.dump());
  std::vector<std::string> arguments{"logits", "--model", request.model.string(), "--tokens", folder.file("tokens.json"),
                                     "--out", folder.file("out.safetensors"), "--state-out", folder.file("state.safetensors")};
  if (!request.positions.empty()) arguments.insert(arguments.end(), {"--positions", request.positions});
  if (!request.stateIn.empty()) arguments.insert(arguments.end(), {"--state-in", request.stateIn});
  arguments.insert(arguments.end(), request.more.begin(), request.more.end());
  // The same cases on another device.
  if (const char* strategy = testStrategy()) arguments.insert(arguments.end(), {"--strategy", strategy});
  const auto process = runCli(arguments);
  CHECK_MESSAGE(process.exitCode == 0, process.err);
  checkNoMessages(process.err);
  if (process.exitCode != 0) return std::nullopt;
  return Output{readTensors(folder.file("out.safetensors")).at("logits"), readTensors(folder.file("state.safetensors"))};
}

const NeedsTestStrategy g_needsTestStrategy;

std::string join(const json& positions) {
  std::string text;
  for (const json& position : positions) text += (text.empty() ? "" : ",") + position.dump();
  return text;
}

/// States of the vectors are named "<S>.rnn.state.<name>.<layer>"; every one must have been saved.
void checkState(const Tensors& saved, const Tensors& vectors, const std::string& prefix, double tolerance) {
  std::size_t compared = 0;
  for (const auto& [name, expected] : vectors) {
    if (!name.starts_with(prefix)) continue;
    const auto it = saved.find(name.substr(prefix.size()));
    REQUIRE_MESSAGE(it != saved.end(), name);
    CHECK_MESSAGE(it->second.shape == expected.shape, name);
    CHECK_MESSAGE(maxDifference(it->second.values, expected.values) <= tolerance, name);
    ++compared;
  }
  if (compared > 0) CHECK(saved.size() == compared);
}

/// What a set of vectors says about one sequence.
struct Expected {
  const Tensors& vectors;
  std::string rnn, gpt, last, state;  ///< tensor names; absent ones are not compared
  double logitsTolerance, stateTolerance;
};

void checkSequence(const TemporaryFolder& folder, const std::filesystem::path& model, const json& sequence,
                   const Expected& e, const std::vector<int>& chunks, const std::string& stateIn = {}) {
  const json& positions = sequence["positions"];
  const std::size_t lastPosition = sequence["tokens"].size() - 1;
  std::optional<Output> first;
  const auto compare = [&](const Output& output, const std::string& rowsName, bool sameBits = true) {
    // Whatever the vectors say, all ways of reading give the same bits.
    if (!first) first = output;
    if (sameBits) CHECK(output.logits.values == first->logits.values);
    REQUIRE(output.state.size() == first->state.size());
    for (const auto& [name, tensor] : output.state)
      if (sameBits) CHECK_MESSAGE(tensor.values == first->state.at(name).values, name);
    if (const auto rows = e.vectors.find(rowsName); !positions.empty() && rows != e.vectors.end())
      CHECK(maxDifference(output.logits.values, rows->second.values) <= e.logitsTolerance);
    const bool endsWithLast = positions.empty() || positions.back() == lastPosition;
    if (const auto last = e.vectors.find(e.last); endsWithLast && last != e.vectors.end())
      CHECK(maxDifference(output.logits.row(output.logits.rows() - 1), last->second.values) <= e.logitsTolerance);
    if (!e.state.empty()) checkState(output.state, e.vectors, e.state, e.stateTolerance);
  };
  {
    CAPTURE("rnn");
    if (const auto output = run(folder, {model, sequence["tokens"], {"--mode", "rnn"}, join(positions), stateIn})) compare(*output, e.rnn);
  }
  for (const int chunk : chunks) {
    CAPTURE(chunk);
    const auto output = run(folder, {model, sequence["tokens"], {"--mode", "gpt", "--chunk", std::to_string(chunk)}, join(positions), stateIn});
    // On a graphics card longer chunks go by tiles, whose sums run in another order (engine.vulkan: not on llvmpipe).
    const bool sameBits = chunk <= 16 || testStrategy() == nullptr || std::string(testStrategy()).find("vulkan") == std::string::npos;
    if (output) compare(*output, e.vectors.contains(e.gpt) ? e.gpt : e.rnn, sameBits);
  }
}

std::vector<std::filesystem::path> variants(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::exists(folder / "variants"))
    for (const auto& entry : std::filesystem::directory_iterator(folder / "variants"))
      if (entry.path().extension() == ".pth") files.push_back(entry.path());
  return files;
}

Expected officialVectors(const Tensors& vectors, const json& manifest, const std::string& sequence, double stateTolerance) {
  return {vectors, sequence + ".rnn.logits", sequence + ".gpt.logits", sequence + ".gpt.logits_last",
          sequence + ".rnn.state.", manifest["tolerance"]["logits_fp32"], stateTolerance};
}

}  // namespace

TEST_CASE("pth and safetensors: logits and states in both modes and all chunk sizes") {
  const TemporaryFolder folder;
  REQUIRE(modelCases().size() >= 10);
  for (const auto& golden : modelCases()) {
    if (!std::filesystem::exists(golden / "manifest.json")) continue;
    const json manifest = readJson(golden / "manifest.json");
    const Tensors vectors = readTensors(golden / "vectors.safetensors");
    for (const char* file : {"model.pth", "model.safetensors"}) {
      const auto model = golden / file;
      if (!std::filesystem::exists(model)) continue;
      CAPTURE(model.string());
      for (const auto& [name, sequence] : manifest["sequences"].items()) {
        CAPTURE(name);
        checkSequence(folder, model, sequence, officialVectors(vectors, manifest, name, manifest["tolerance"]["state_fp32"]), kChunks);
      }
    }
    for (const auto& model : variants(golden)) {
      CAPTURE(model.string());
      const bool optional = model.filename() == "legacy_format.pth";  // the format before zip
      if (optional && runCli({"info", model.string()}).exitCode == 3) continue;
      checkSequence(folder, model, manifest["sequences"]["T64"], officialVectors(vectors, manifest, "T64", manifest["tolerance"]["state_fp32"]), {16});
    }
  }
}

TEST_CASE("gguf: logits of the file's own weights within 1e-4") {
  const TemporaryFolder folder;
  int compared = 0;
  for (const auto& golden : modelCases()) {
    if (!std::filesystem::exists(golden / "gguf_manifest.json")) continue;
    const json manifest = readJson(golden / "gguf_manifest.json");
    const Tensors vectors = readTensors(golden / "gguf_vectors.safetensors");
    for (const auto& [quantisation, entry] : manifest["ggufs"].items()) {
      const auto model = golden / entry["file"].get<std::string>();
      if (!std::filesystem::exists(model)) continue;
      CAPTURE(model.string());
      // F16 and F32 files hold the official file's weights, so its states are theirs.
      const bool plain = (quantisation == "f16" || quantisation == "f32") && std::filesystem::exists(golden / "manifest.json");
      const Tensors official = plain ? readTensors(golden / "vectors.safetensors") : Tensors{};
      const double stateTolerance = plain ? readJson(golden / "manifest.json")["tolerance"]["state_fp32"].get<double>() : 0;
      for (const auto& [name, sequence] : manifest["sequences"].items()) {
        CAPTURE(name);
        const std::string prefix = quantisation + "." + name + ".dequantised.";
        checkSequence(folder, model, sequence, {vectors, prefix + "rnn.logits", "", prefix + "gpt.logits_last", "", entry["tolerance"]["dequantised_fp32"], 0}, kChunks);
        if (plain)
          checkSequence(folder, model, sequence, {official, "", "", "", name + ".rnn.state.", 0, stateTolerance}, {16});
        ++compared;
      }
    }
  }
  CHECK(compared >= 10);
}

TEST_CASE("safetensors, and files as web-rwkv and fla write them: logits and states in both modes") {
  const TemporaryFolder folder;
  int compared = 0;
  for (const auto& golden : modelCases()) {
    if (!std::filesystem::exists(golden / "manifest.json")) continue;
    const json manifest = readJson(golden / "manifest.json");
    const Tensors vectors = readTensors(golden / "vectors.safetensors");
    const auto tensors = tensorsOf(golden / "model.pth");
    std::vector<std::pair<std::string, std::vector<Raw>>> files;
    if (manifest["version"] != "5.0") files.emplace_back("web.st", halves(webRwkv(tensors)));  // refused, see engine.dialects
    if (!std::filesystem::exists(golden / "model.safetensors")) files.emplace_back("official.safetensors", tensors);
    if (manifest["version"] == 7) {
      files.emplace_back("fla.safetensors", fla(tensors));
      files.emplace_back("fla_v1.safetensors", fusedMixes(fla(tensors)));
    }
    for (const auto& [file, made] : files) {
      CAPTURE(golden.string());
      CAPTURE(file);
      writeRaw(folder.file(file), made);
      for (const auto& [name, sequence] : manifest["sequences"].items()) {
        CAPTURE(name);
        checkSequence(folder, folder.file(file), sequence, officialVectors(vectors, manifest, name, manifest["tolerance"]["state_fp32"]), {16, 256});
        ++compared;
      }
    }
  }
  CHECK(compared >= 25);
}

TEST_CASE("a saved state goes on where the text ended") {
  const TemporaryFolder folder;
  for (const auto& golden : modelCases()) {
    if (!std::filesystem::exists(golden / "manifest.json")) continue;
    const json manifest = readJson(golden / "manifest.json");
    if (!manifest.contains("resume")) continue;
    const Tensors vectors = readTensors(golden / "vectors.safetensors");
    for (const char* file : {"model.pth", "model.safetensors"}) {
      if (!std::filesystem::exists(golden / file)) continue;
      CAPTURE((golden / file).string());
      if (!run(folder, {golden / file, manifest["sequences"]["T64"]["tokens"], {}, "", ""})) continue;
      std::filesystem::rename(folder.file("state.safetensors"), folder.file("after.safetensors"));
      for (const char* mode : {"gpt", "rnn"}) {
        const auto output = run(folder, {golden / file, manifest["resume"]["tokens"], {"--mode", mode}, "", folder.file("after.safetensors")});
        if (output) CHECK(maxDifference(output->logits.values, vectors.at("resume.gpt.logits_last").values) <= manifest["tolerance"]["logits_fp32"].get<double>());
      }
    }
  }
}

TEST_CASE("greedy text is the reference's, token for token") {
  const TemporaryFolder folder;
  for (const auto& golden : modelCases()) {
    if (!std::filesystem::exists(golden / "manifest.json")) continue;
    const json manifest = readJson(golden / "manifest.json");
    CAPTURE(golden.string());
    const json& tokens = manifest["greedy"]["tokens"];
    writeFile(folder.file("tokens.json"), manifest["sequences"][manifest["greedy"]["prompt"].get<std::string>()]["tokens"].dump());
    std::vector<std::string> arguments{"generate", "--model", (golden / "model.pth").string(), "--prompt-tokens", folder.file("tokens.json"),
                                       "--greedy", "--tokens", std::to_string(tokens.size()), "--ignore-end", "--json"};
    if (testStrategy() != nullptr) arguments.insert(arguments.end(), {"--strategy", testStrategy()});
    const auto process = runCli(arguments);
    REQUIRE_MESSAGE(process.exitCode == 0, process.err);
    checkNoMessages(process.err);
    CHECK(json::parse(process.out)["ids"] == tokens);
  }
}

TEST_CASE("a tuned state starts as the reference starts it") {
  const TemporaryFolder folder;
  int compared = 0;
  for (const auto& golden : modelCases()) {
    if (!std::filesystem::exists(golden / "state_manifest.json")) continue;
    const json manifest = readJson(golden / "state_manifest.json");
    const double stateTolerance = readJson(golden / "manifest.json")["tolerance"]["state_fp32"];
    const Tensors vectors = readTensors(golden / "state_vectors.safetensors");
    for (const char* state : {"state_tuned.pth", "state_tuned.safetensors"}) {
      CAPTURE(state);
      for (const auto& [name, sequence] : manifest["sequences"].items()) {
        CAPTURE(name);
        checkSequence(folder, golden / "model.pth", sequence, officialVectors(vectors, manifest, name, stateTolerance), {16, 256}, (golden / state).string());
        ++compared;
      }
    }
  }
  CHECK(compared >= 8);
}

TEST_CASE("the number of threads does not change a bit") {
  const TemporaryFolder folder;
  for (const auto& golden : modelCases()) {
    if (!std::filesystem::exists(golden / "manifest.json")) continue;
    CAPTURE(golden.string());
    const json tokens = readJson(golden / "manifest.json")["sequences"]["T64"]["tokens"];
    for (const char* mode : {"gpt", "rnn"}) {
      std::optional<Output> first;
      for (const char* threads : {"1", "2", "3"}) {
        CAPTURE(threads);
        const auto output = run(folder, {golden / "model.pth", tokens, {"--mode", mode, "--threads", threads}, "", ""});
        if (!first) first = output;
        if (first && output) CHECK(first->logits.values == output->logits.values);
      }
    }
  }
}
