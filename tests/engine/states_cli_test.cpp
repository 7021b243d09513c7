// SPDX-License-Identifier: GPL-3.0-or-later
// State files: of other programs, tuned ones, whose they are, and what starts from them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rookery/model_info.h"
#include "rookery/state_file.h"
#include "support/dialects.h"
#include "support/golden.h"
#include "support/process.h"
#include "support/torch_writer.h"

using namespace rookery::engine;
using namespace rookery::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kModels = fs::path(ROOKERY_TEST_DATA) / "golden" / "models";
const std::string kWithVocabulary = (kModels / "v7_quant/model.Q8_0.gguf").string();

Raw f32(std::string name, const Tensor& tensor, std::vector<std::int64_t> shape = {}) {
  return {std::move(name), "F32", shape.empty() ? tensor.shape : std::move(shape),
          std::string(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float))};
}

/// The state that the reference had after T64, layer by layer.
struct Golden {
  Tensors vectors;
  bool v4, v7;
  int layers;

  explicit Golden(const fs::path& folder) : vectors(readTensors(folder / "vectors.safetensors")) {
    const json manifest = readJson(folder / "manifest.json");
    v4 = vectors.contains("T64.rnn.state.att_aa.0");
    v7 = vectors.contains("T64.rnn.state.att_x_prev.0");
    layers = 0;
    while (vectors.contains("T64.rnn.state." + std::string(v7 ? "att_x_prev." : "att_xx.") + std::to_string(layers))) ++layers;
  }
  const Tensor& at(const std::string& name, int layer) const { return vectors.at("T64.rnn.state." + name + "." + std::to_string(layer)); }
  std::vector<std::string> names() const {
    if (v4) return {"att_xx", "att_aa", "att_bb", "att_pp", "ffn_xx"};
    return v7 ? std::vector<std::string>{"att_x_prev", "att_kv", "ffn_x_prev"} : std::vector<std::string>{"att_xx", "att_kv", "ffn_xx"};
  }
  /// The list that the rwkv package keeps.
  std::vector<Raw> list(const std::string& prefix) const {
    std::vector<Raw> tensors;
    for (int layer = 0; layer < layers; ++layer)
      for (const auto& name : names()) tensors.push_back(f32(prefix + std::to_string(tensors.size()), at(name, layer)));
    return tensors;
  }
  std::vector<Raw> tl() const {
    std::vector<Raw> tensors;
    for (int layer = 0; layer < layers; ++layer) {
      const std::string number = std::to_string(layer);
      tensors.push_back(f32("tmix." + number + ".x", at("att_x_prev", layer)));
      tensors.push_back(f32("tmix." + number + ".rnn", at("att_kv", layer)));
      tensors.push_back(f32("cmix." + number + ".x", at("ffn_x_prev", layer)));
    }
    return tensors;
  }
  std::vector<Raw> metal() const {
    std::vector<Raw> tensors;
    for (const auto& [theirs, ours] : {std::pair("wkv", "att_kv"), std::pair("tmix_shift", "att_x_prev"), std::pair("cmix_shift", "ffn_x_prev")}) {
      Raw all{theirs, "F32", {layers, 1}, ""};
      for (int layer = 0; layer < layers; ++layer) all.bytes += f32("", at(ours, layer)).bytes;
      const auto& shape = at(ours, 0).shape;
      if (shape.size() == 1) all.shape.push_back(1);
      all.shape.insert(all.shape.end(), shape.begin(), shape.end());
      tensors.push_back(std::move(all));
    }
    return tensors;
  }
};

json infoOf(const std::string& path) {
  const auto run = runCli({"info", path, "--json"});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  return json::parse(run.out);
}

ProcessResult logits(const TemporaryFolder& folder, const std::string& model, const json& tokens, std::vector<std::string> more) {
  writeFile(folder.file("tokens.json"), tokens.dump());
  std::vector<std::string> arguments{"logits", "--model", model, "--tokens", folder.file("tokens.json"), "--out", folder.file("out.safetensors")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return runCli(arguments);
}

/// A tuned state of zeros for the model with a vocabulary, which is no state at all.
std::string zeroState(const TemporaryFolder& folder, const std::string& name = "zero.st") {
  std::vector<Raw> tensors;
  for (const char* layer : {"0", "1"}) tensors.push_back({"blocks." + std::string(layer) + ".att.time_state", "F16", {4, 64, 64}, std::string(2 * 4 * 64 * 64, '\0')});
  writeRaw(folder.file(name), tensors);
  return folder.file(name);
}

ProcessResult chat(std::vector<std::string> more, const std::string& lines) {
  std::vector<std::string> arguments{"chat", kWithVocabulary, "--greedy", "--tokens", "6"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  auto run = runCli(arguments, lines);
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  return run;
}

bool says(const ProcessResult& run, const std::string& words) { return run.err.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("states of other programs go on as the reference goes on, and say what they are") {
  const TemporaryFolder folder;
  int compared = 0;
  for (const auto& model : modelCases()) {
    const fs::path file = model / "model.pth";
    if (!fs::exists(model / "manifest.json") || !fs::exists(file)) continue;
    const json manifest = readJson(model / "manifest.json");
    if (!manifest.contains("resume")) continue;
    CAPTURE(model.string());
    const Golden golden(model);
    std::vector<std::pair<std::string, std::string>> files;
    const auto safetensors = [&](const char* form, const std::string& name, const std::vector<Raw>& tensors) {
      files.emplace_back(form, folder.file(name + ".safetensors"));
      writeRaw(files.back().second, tensors);
    };
    const auto torch = [&](const char* form, const std::string& name, const TorchWriter& writer, const py::Value& root) {
      files.emplace_back(form, folder.file(name + ".pth"));
      const Bytes zip = writer.zip(root);
      const std::span<const std::byte> bytes = zip;
      writeFile(files.back().second, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    };
    safetensors("rwkv", "list", golden.list(""));
    TorchWriter writer;
    std::vector<py::Value> items;
    for (const Raw& t : golden.list("")) items.push_back(writer.tensor(t.shape, t.bytes));
    torch("rwkv", "list", writer, py::list(items));
    torch("rwkv", "tuple", writer, py::tuple(items));
    torch("rwkv", "nested", writer, py::dict({{py::text("tokens"), py::number(64)}, {py::text("state"), py::list(items)}}));
    if (golden.v7) {
      safetensors("rwkv-tl", "tl", golden.tl());
      safetensors("rwkv-metal", "metal", golden.metal());
      std::vector<py::Value> tmix, cmix;
      for (std::size_t i = 0; i < items.size(); i += 3) {
        tmix.push_back(py::dict({{py::text("x"), items[i]}, {py::text("rnn"), items[i + 1]}}));
        cmix.push_back(py::dict({{py::text("x"), items[i + 2]}}));
      }
      torch("rwkv-tl", "tl", writer, py::dict({{py::text("tmix"), py::list(tmix)}, {py::text("cmix"), py::list(cmix)}}));
    }
    for (const auto& [form, path] : files) {
      CAPTURE(path);
      const json state = infoOf(path)["state"];
      CHECK(state["kind"] == "foreign");
      CHECK(state["form"] == form);
      CHECK(state["layers"] == golden.layers);
      CHECK(state["n_embd"] == manifest["n_embd"]);
      CHECK(state["chat"] == false);
      CHECK(state["generations"] == (golden.v4 ? json{4} : form == "rwkv" ? json{5, 6, 7} : json{7}));
      const auto run = logits(folder, file.string(), manifest["resume"]["tokens"], {"--state-in", path});
      REQUIRE_MESSAGE(run.exitCode == 0, run.err);
      CHECK(maxDifference(readTensors(folder.file("out.safetensors")).at("logits").values, golden.vectors.at("resume.gpt.logits_last").values) <=
            manifest["tolerance"]["logits_fp32"].get<double>());
      ++compared;
    }
  }
  CHECK(compared >= 20);
}

TEST_CASE("a tuned state of rwkv-metal is a start like any tuned one") {
  const TemporaryFolder folder;
  const std::string path = folder.file("state.safetensors");
  writeRaw(path, Golden(kModels / "v7_small").metal());
  std::string file = readFile(path);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  json header = json::parse(file.substr(8, length));
  header["__metadata__"] = {{"format", "rwkv-state"}, {"version", "1"}, {"kind", "tuned"}, {"base_fingerprint", "theirs"}};
  const std::string text = header.dump(), data = file.substr(8 + length);
  length = text.size();
  writeFile(path, std::string(reinterpret_cast<const char*>(&length), sizeof length) + text + data);
  const json state = infoOf(path)["state"];
  CHECK(state["kind"] == "tuned");
  CHECK(state["form"] == "rwkv-metal");
  CHECK(state["fingerprint"] == nullptr);  // theirs means nothing here
  CHECK(logits(folder, (kModels / "v7_small/model.pth").string(), {1, 2}, {"--state-in", path}).exitCode == 0);
}

TEST_CASE("a state of another generation or of other dimensions is refused, and none is taken for a model") {
  const TemporaryFolder folder;
  const Golden four(kModels / "v4_small"), six(kModels / "v6_small"), seven(kModels / "v7_small");
  const auto refused = [&](const char* model, const std::vector<Raw>& tensors, const std::string& words) {
    writeRaw(folder.file("state.safetensors"), tensors);
    const auto run = logits(folder, (kModels / model / "model.pth").string(), {1, 2}, {"--state-in", folder.file("state.safetensors")});
    CHECK(run.exitCode == 3);
    CHECK_MESSAGE(says(run, words), run.err);
  };
  refused("v7_small", four.list(""), "is a state of RWKV-4; this model is RWKV-7");
  refused("v4_small", seven.list(""), "is a state of RWKV-5, 6 or 7; this model is RWKV-4");
  refused("v6_small", seven.tl(), "is a state of RWKV-7; this model is RWKV-6");
  refused("v6_small", seven.metal(), "is a state of RWKV-7; this model is RWKV-6");
  refused("v7_micro", seven.list(""), "a model with more layers than this one");
  std::vector<Raw> odd = seven.list("");
  odd.pop_back();
  refused("v7_small", odd, "holds no state");
  odd = seven.metal();
  odd[0].shape[1] = 2;  // a batch of two
  odd[0].bytes += odd[0].bytes;
  refused("v7_small", odd, "holds the states of 2 texts at once; one is needed");
  // One head and two texts, which are as many numbers as two heads; the model has two.
  odd = seven.metal();
  for (Raw& tensor : odd)
    tensor.shape = tensor.name == "wkv" ? std::vector<std::int64_t>{seven.layers, 2, 1, 64, 64} : std::vector<std::int64_t>{seven.layers, 2, 1, 64};
  refused("v7_small", odd, "holds the states of 2 texts at once; one is needed");
  const auto described = runCli({"info", folder.file("state.safetensors")});
  CHECK(described.exitCode == 3);
  CHECK_MESSAGE(says(described, "holds the states of 2 texts at once"), described.err);
  odd = {{"blocks.0.att.time_state", "F32", {2, 1, 64, 64}, odd[0].bytes.substr(0, 2 * 64 * 64 * 4)}};
  writeRaw(folder.file("state.safetensors"), odd);
  const auto between = runCli({"info", folder.file("state.safetensors")});
  CHECK_MESSAGE(says(between, "has the shape [2, 1, 64, 64], which no state has"), between.err);
  for (const auto& tensors : {six.list(""), seven.tl(), seven.metal()}) {
    writeRaw(folder.file("state.safetensors"), tensors);
    const auto run = runCli({"generate", "--model", folder.file("state.safetensors"), "--prompt", "hello"});
    CHECK(run.exitCode == 3);
    CHECK_MESSAGE(says(run, "is a state of another program, not a model"), run.err);
  }
  // No note of what else a file holds before it has turned out to be a model.
  writeRaw(folder.file("tuned.st"), tensorsOf(kModels / "v7_small/state_tuned.pth"));
  const auto tuned = runCli({"generate", "--model", folder.file("tuned.st"), "--prompt", "hello"});
  CHECK_MESSAGE(says(tuned, "is a tuned state, not a model"), tuned.err);
  CHECK_MESSAGE(!says(tuned, "also holds"), tuned.err);
}

TEST_CASE("which way a tuned state lies is told by the kind of file, whatever the case of its letters, and said") {
  const TemporaryFolder folder;
  for (const char* name : {"v7_small", "v6_small"}) {
    CAPTURE(name);
    const fs::path model = kModels / name;
    const auto info = detect(**ModelFile::open(model / "model.pth"));
    const auto official = loadState(model / "state_tuned.pth", info->shape);
    REQUIRE_MESSAGE(official.has_value(), official.error().message);
    const auto same = tensorsOf(model / "state_tuned.pth"), turnedRound = webRwkv(same);
    for (const auto& [file, keyFirst] : {std::pair("tuned.st", true), {"tuned.ST", true}, {"tuned.state", true}, {"Tuned.State", true}, {"renamed.pth", true},
                                         {"renamed", false}, {"tuned.safetensors", false}, {"tuned.SafeTensors", false}}) {
      CAPTURE(file);
      writeRaw(folder.file(file), keyFirst ? turnedRound : same);
      const auto loaded = loadState(folder.file(file), info->shape);
      REQUIRE_MESSAGE(loaded.has_value(), loaded.error().message);
      CHECK(loaded->info.keyFirst == keyFirst);
      CHECK(loaded->state.compare(official->state).maxAbs == 0);
      const json state = infoOf(folder.file(file))["state"];
      CHECK(state["kind"] == "tuned");
      CHECK(state["key_first"] == keyFirst);
      CHECK(state["layers"] == info->shape.layers);
      CHECK(state["n_embd"] == info->shape.nEmbd);
      CHECK(state["head_size"] == info->shape.headSize);
      const auto run = logits(folder, (model / "model.pth").string(), {1, 2}, {"--state-in", folder.file(file)});
      CHECK(run.exitCode == 0);
      CHECK(says(run, "with the key before the value") == keyFirst);
    }
  }
  CHECK(runCli({"info", zeroState(folder)}).out.find("a tuned state for RWKV-5, 6 or 7, 2 layers, width 256, heads of 64") != std::string::npos);
}

TEST_CASE("a saved state says whose it is, and another model does not take it unasked") {
  const TemporaryFolder folder;
  const std::string micro = (kModels / "v7_micro/model.safetensors").string(), state = folder.file("state.safetensors");
  REQUIRE(logits(folder, micro, {1, 2, 3}, {"--state-out", state}).exitCode == 0);
  const json saved = infoOf(state)["state"];
  CHECK(saved["kind"] == "saved");
  CHECK(saved["generations"] == json{7});
  CHECK(saved["model"] == "v7_micro");
  CHECK(saved["fingerprint"].get<std::string>().size() >= 16);
  CHECK(saved["tokens"] == 3);
  CHECK(saved["program"].get<std::string>().starts_with("Rookery "));
  CHECK(saved["date"].get<std::string>().ends_with("Z"));
  CHECK(saved["chat"] == false);
  // Reading on counts on.
  REQUIRE(logits(folder, micro, {4, 5}, {"--state-in", state, "--state-out", folder.file("longer.safetensors")}).exitCode == 0);
  CHECK(infoOf(folder.file("longer.safetensors"))["state"]["tokens"] == 5);

  // Another model of the same shape: its embedding rows the other way round.
  std::vector<Raw> other = tensorsOf(micro);
  for (Raw& t : other) {
    if (t.name != "emb.weight") continue;
    const std::size_t row = t.bytes.size() / static_cast<std::size_t>(t.shape[0]);
    std::string bytes;
    for (std::size_t at = t.bytes.size(); at > 0; at -= row) bytes += t.bytes.substr(at - row, row);
    t.bytes = bytes;
  }
  const std::string turnedRound = folder.file("other.safetensors");
  writeRaw(turnedRound, other);
  const auto refused = logits(folder, turnedRound, {1}, {"--state-in", state});
  CHECK(refused.exitCode == 3);
  CHECK_MESSAGE(says(refused, "was saved by another model (v7_micro)"), refused.err);
  CHECK(says(refused, "--force"));
  CHECK(logits(folder, turnedRound, {1}, {"--state-in", state, "--force"}).exitCode == 0);
  CHECK(logits(folder, micro, {1}, {"--state-in", state}).exitCode == 0);
  // One of before there were labels.
  std::vector<Raw> old;
  for (const auto& [name, tensor] : readTensors(state)) old.push_back(f32(name, tensor));
  writeRaw(folder.file("old.safetensors"), old);
  CHECK(logits(folder, turnedRound, {1}, {"--state-in", folder.file("old.safetensors")}).exitCode == 0);
  CHECK(infoOf(folder.file("old.safetensors"))["state"]["model"] == nullptr);
  CHECK(infoOf(folder.file("old.safetensors"))["state"]["chat"] == true);
}

TEST_CASE("a name that is no text does no harm to the state that is saved") {
  const TemporaryFolder folder;
  const std::string model = folder.file("odd \xff name.safetensors"), state = folder.file("state.safetensors");
  fs::copy_file(kModels / "v7_micro/model.safetensors", model);
  const auto run = logits(folder, model, {1}, {"--state-out", state});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  CHECK(infoOf(state)["state"]["model"].get<std::string>().starts_with("odd "));
  CHECK(logits(folder, model, {1}, {"--state-in", state}).exitCode == 0);
}

TEST_CASE("a chat begins on a tuned state as it begins on none, with its system text; a saved chat goes on") {
  const TemporaryFolder folder;
  const std::string zero = zeroState(folder), state = folder.file("state.safetensors"), second = folder.file("second.safetensors");
  const std::vector<std::string> system{"--system", "You answer briefly."};
  for (const bool withSystem : {false, true}) {
    CAPTURE(withSystem);
    const auto more = withSystem ? system : std::vector<std::string>();
    const auto plain = chat(more, "hello\n/save " + state + "\nagain\n/quit\n");
    const json saved = infoOf(state)["state"];
    CHECK(saved["chat"] == true);
    const auto loaded = chat(more, "/load " + zero + "\nhello\n/save " + second + "\nagain\n/quit\n");
    CHECK(loaded.out == plain.out);
    CHECK(infoOf(second)["state"]["tokens"] == saved["tokens"]);
    CHECK(readTensors(second).at("att_kv.0").values == readTensors(state).at("att_kv.0").values);
    auto start = more;
    start.insert(start.end(), {"--state-in", zero});
    CHECK(chat(start, "hello\nagain\n").out == plain.out);
    CHECK(chat(start, "first\n/undo\nhello\nagain\n").out.ends_with(plain.out));  // back to the state, not to nothing
    // What was saved is a chat: the next question is its second one.
    const std::string answer = plain.out.substr(plain.out.find('\n') + 1);
    const auto on = chat(more, "/load " + state + "\nagain\n");
    CHECK(on.out == answer);
    CHECK(says(on, "the system text is not read again") == withSystem);
  }
  // A state that was saved before the first question is a start.
  chat({}, "/load " + zero + "\n/save --force " + state + "\n");
  CHECK(infoOf(state)["state"]["chat"] == false);
}

TEST_CASE("generate starts from a state: before the first question, or after a saved chat") {
  const TemporaryFolder folder;
  const std::string zero = zeroState(folder), state = folder.file("state.safetensors");
  const auto generate = [](std::vector<std::string> more) {
    std::vector<std::string> arguments{"generate", "--model", kWithVocabulary, "--greedy", "--tokens", "6", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runCli(arguments);
  };
  const auto ids = [&](std::vector<std::string> more) {
    const auto run = generate(std::move(more));
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    return json::parse(run.out);
  };
  const json plain = ids({"--prompt", "hello", "--system", "Be brief."});
  const json started = ids({"--prompt", "hello", "--system", "Be brief.", "--state-in", zero});
  CHECK(started["ids"] == plain["ids"]);
  CHECK(started["prompt_ids"] == plain["prompt_ids"]);
  const auto talk = chat({}, "hello\n/save " + state + "\nagain\n");
  const std::string second = talk.out.substr(talk.out.find('\n') + 1);
  const json on = ids({"--prompt", "again", "--state-in", state});
  CHECK(on["text"].get<std::string>() + "\n" == second);
  CHECK(on["prompt_ids"].size() > ids({"--prompt", "again"})["prompt_ids"].size());  // the empty line between turns
  CHECK(generate({"--prompt", "again", "--system", "Be brief.", "--state-in", state}).exitCode == 2);
  CHECK(ids({"--raw", "--prompt", "again", "--state-in", zero})["ids"] == ids({"--raw", "--prompt", "again"})["ids"]);
}
