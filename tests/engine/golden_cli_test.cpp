// SPDX-License-Identifier: GPL-3.0-or-later
// Every case of the golden data, all generations, both modes, all chunk sizes, all containers: on the CPU through
// `rookery-cli logits`, elsewhere (ROOKERY_TEST_STRATEGY) in this process, for opening a device takes longer than a case.
// Greedy text goes through the command line everywhere.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

#include "rookery/session.h"
#include "rookery/state_file.h"
#include "support/dialects.h"
#include "support/golden.h"
#include "support/process.h"
#include "support/test_strategy.h"

using namespace rookery::test;
using nlohmann::json;
namespace engine = rookery::engine;

namespace {

// All chunk sizes on the CPU; elsewhere two, for the sake of time: the backends' own tests compare all of them bit by bit.
const std::vector<int> kChunks = testStrategy() == nullptr ? std::vector<int>{1, 7, 16, 64, 256} : std::vector<int>{7, 64};

struct Output {
  Tensor logits;
  Tensors state;
};

struct Request {
  std::filesystem::path model;
  std::vector<engine::TokenId> tokens;
  std::string mode = "gpt";
  std::size_t chunk = 0;
  std::vector<std::size_t> positions = {};  ///< none: the last
  std::string stateIn = {};
  int threads = 0;
};

/// None of the Khronos validation layer, which CTest turns on for other devices than the CPU.
void checkNoMessages(const std::string& err) { CHECK_MESSAGE(err.find("vulkan: ") == std::string::npos, err); }

Output runCommandLine(const TemporaryFolder& folder, const Request& request) {
  writeFile(folder.file("tokens.json"), json(request.tokens).dump());
  std::vector<std::string> arguments{"logits", "--model", request.model.string(), "--tokens", folder.file("tokens.json"),
                                     "--out", folder.file("out.safetensors"), "--state-out", folder.file("state.safetensors"),
                                     "--mode", request.mode, "--chunk", std::to_string(request.chunk), "--threads", std::to_string(request.threads)};
  std::string positions;
  for (const std::size_t position : request.positions) positions += (positions.empty() ? "" : ",") + std::to_string(position);
  if (!positions.empty()) arguments.insert(arguments.end(), {"--positions", positions});
  if (!request.stateIn.empty()) arguments.insert(arguments.end(), {"--state-in", request.stateIn});
  const auto process = runCli(arguments);
  REQUIRE_MESSAGE(process.exitCode == 0, process.err);
  return Output{readTensors(folder.file("out.safetensors")).at("logits"), readTensors(folder.file("state.safetensors"))};
}

/// The model of the case before stays, and with it its device.
std::shared_ptr<const engine::Model> loaded(const Request& request) {
  static auto& last = *new std::shared_ptr<const engine::Model>;  // for good: at the end of the program its driver goes first
  static std::filesystem::path path;
  static engine::LoadOptions options;
  if (last && path == request.model && options.threads == request.threads) return last;
  options.strategy = testStrategy();
  options.threads = request.threads;
  auto model = engine::Model::load(request.model, options);
  REQUIRE_MESSAGE(model.has_value(), model.error().message);
  last = *model;
  path = request.model;
  return last;
}

Output runHere(const TemporaryFolder& folder, const Request& request) {
  std::string messages;
  engine::setDriverLog([&](std::string_view line) { messages += line; });
  const auto model = loaded(request);
  engine::Session session(model);
  if (!request.stateIn.empty()) {
    auto start = engine::loadState(request.stateIn, model->info().shape);
    REQUIRE_MESSAGE(start.has_value(), start.error().message);
    REQUIRE(session.restore({std::move(start->state), {}, 0}).has_value());
  }
  const std::vector<std::size_t> positions = request.positions.empty() ? std::vector{request.tokens.size() - 1} : request.positions;
  std::vector<float> rows;
  if (request.mode == "rnn") {
    for (std::size_t i = 0; i < request.tokens.size(); ++i) {
      REQUIRE(session.decode(request.tokens[i]).has_value());
      if (std::find(positions.begin(), positions.end(), i) != positions.end())
        rows.insert(rows.end(), session.logits().begin(), session.logits().end());
    }
  } else {
    auto read = session.evaluate(request.tokens, positions, request.chunk);
    REQUIRE_MESSAGE(read.has_value(), read.error().message);
    rows = std::move(*read);
  }
  const auto snapshot = session.snapshot();
  REQUIRE(snapshot.has_value());
  REQUIRE(snapshot->state.save(folder.file("state.safetensors"), {}).has_value());
  engine::setDriverLog(nullptr);
  checkNoMessages(messages);
  return {{{static_cast<std::int64_t>(positions.size()), static_cast<std::int64_t>(rows.size() / positions.size())}, rows}, readTensors(folder.file("state.safetensors"))};
}

Output run(const TemporaryFolder& folder, const Request& request) {
  return testStrategy() == nullptr ? runCommandLine(folder, request) : runHere(folder, request);
}

const NeedsTestStrategy g_needsTestStrategy;

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
  Request request{model, sequence["tokens"]};
  request.positions = sequence["positions"].get<std::vector<std::size_t>>();
  request.stateIn = stateIn;
  const auto& positions = request.positions;
  const auto compare = [&](const Output& output, const Output& first, const std::string& rowsName, bool sameBits) {
    // Whatever the vectors say, all ways of reading give the same bits.
    if (sameBits) CHECK(output.logits.values == first.logits.values);
    REQUIRE(output.state.size() == first.state.size());
    for (const auto& [name, tensor] : output.state)
      if (sameBits) CHECK_MESSAGE(tensor.values == first.state.at(name).values, name);
    if (const auto rows = e.vectors.find(rowsName); !positions.empty() && rows != e.vectors.end())
      CHECK(maxDifference(output.logits.values, rows->second.values) <= e.logitsTolerance);
    const bool endsWithLast = positions.empty() || positions.back() == request.tokens.size() - 1;
    if (const auto last = e.vectors.find(e.last); endsWithLast && last != e.vectors.end())
      CHECK(maxDifference(output.logits.row(output.logits.rows() - 1), last->second.values) <= e.logitsTolerance);
    if (!e.state.empty()) checkState(output.state, e.vectors, e.state, e.stateTolerance);
  };
  request.mode = "rnn";
  const Output oneByOne = run(folder, request);
  compare(oneByOne, oneByOne, e.rnn, true);
  request.mode = "gpt";
  for (const int chunk : chunks) {
    CAPTURE(chunk);
    request.chunk = static_cast<std::size_t>(chunk);
    // On a graphics card longer chunks go by tiles, whose sums run in another order (engine.vulkan: not on llvmpipe).
    const bool sameBits = chunk <= 16 || testStrategy() == nullptr || std::string(testStrategy()).find("vulkan") == std::string::npos;
    compare(run(folder, request), oneByOne, e.vectors.contains(e.gpt) ? e.gpt : e.rnn, sameBits);
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
      // A name that no case before had: what is loaded is known by it.
      const std::string path = folder.file(std::to_string(compared) + file);
      writeRaw(path, made);
      for (const auto& [name, sequence] : manifest["sequences"].items()) {
        CAPTURE(name);
        checkSequence(folder, path, sequence, officialVectors(vectors, manifest, name, manifest["tolerance"]["state_fp32"]), {16, 256});
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
      run(folder, {golden / file, manifest["sequences"]["T64"]["tokens"]});
      std::filesystem::rename(folder.file("state.safetensors"), folder.file("after.safetensors"));
      for (const char* mode : {"gpt", "rnn"}) {
        const auto output = run(folder, {golden / file, manifest["resume"]["tokens"], mode, 0, {}, folder.file("after.safetensors")});
        CHECK(maxDifference(output.logits.values, vectors.at("resume.gpt.logits_last").values) <= manifest["tolerance"]["logits_fp32"].get<double>());
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
      const Output first = run(folder, {golden / "model.pth", tokens, mode, 0, {}, {}, 1});
      for (const int threads : {2, 3}) {
        CAPTURE(threads);
        CHECK(first.logits.values == run(folder, {golden / "model.pth", tokens, mode, 0, {}, {}, threads}).logits.values);
      }
    }
  }
}
