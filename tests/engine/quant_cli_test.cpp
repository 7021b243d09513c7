// SPDX-License-Identifier: GPL-3.0-or-later
// `convert`, `compare` and `--precision`, with the real program.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "support/golden.h"
#include "support/process.h"

using namespace rookery::test;
using nlohmann::json;

namespace {

const std::filesystem::path kModels = std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models";
const std::string kGguf = (kModels / "v7_quant/model.f16.gguf").string();  // 256 wide: every block type fits
const std::string kPth = (kModels / "v7_small/model.pth").string();
const std::string kDeep = std::string(ROOKERY_TEST_DATA) + "/data/rwkv7a/v7a_tiny/model.pth";

std::optional<std::vector<float>> logits(const TemporaryFolder& folder, const std::string& model, std::vector<std::string> more = {}) {
  writeFile(folder.file("t.json"), "[5, 17, 30, 3, 49, 41, 40, 7, 14, 28]");
  std::vector<std::string> arguments{"logits", "--model", model, "--tokens", folder.file("t.json"), "--out", folder.file("l.safetensors"), "--positions", "0,4,9"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto run = runCli(arguments);
  CHECK_MESSAGE(run.exitCode == 0, run.err);
  if (run.exitCode != 0) return std::nullopt;
  return readTensors(folder.file("l.safetensors")).at("logits").values;
}

json info(const std::string& model) {
  const auto run = runCli({"info", "--json", model});
  CHECK_MESSAGE(run.exitCode == 0, run.err);
  return run.exitCode == 0 ? json::parse(run.out) : json::object();
}

json container(const std::string& model) {
  const auto run = runCli({"info", "--container", "--json", model});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  const json document = json::parse(run.out);
  json types = json::object();
  for (const json& tensor : document["tensors"]) types[tensor["name"].get<std::string>()] = tensor["dtype"];
  return types;
}

bool convert(const std::string& in, const std::string& out, const std::string& precision) {
  const auto run = runCli({"convert", in, out, "--precision", precision});
  CHECK_MESSAGE(run.exitCode == 0, run.err);
  return run.exitCode == 0;
}

std::size_t filesIn(const TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

struct Refusal {
  std::vector<std::string> arguments;
  int exit;
  const char* says;
};

void checkRefused(const std::string& verb, const std::vector<Refusal>& refusals) {
  for (const Refusal& refusal : refusals) {
    std::vector<std::string> arguments{verb};
    arguments.insert(arguments.end(), refusal.arguments.begin(), refusal.arguments.end());
    CAPTURE(json(arguments).dump());
    const auto run = runCli(arguments);
    CHECK(run.exitCode == refusal.exit);
    CHECK(run.out.empty());
    CHECK_MESSAGE(run.err.find(refusal.says) != std::string::npos, run.err);
  }
}

}  // namespace

TEST_CASE("a lossless conversion gives bitwise the same logits, in every generation and container") {
  const TemporaryFolder folder;
  const std::filesystem::path data = std::filesystem::path(ROOKERY_TEST_DATA) / "data/rwkv5";
  // v6_rescale: halved weights in the GGUF are written whole. v50_log: a bonus stored as its logarithm.
  for (const std::filesystem::path& source : {kModels / "v4_small/model.pth", data / "v50_tiny/model.pth", data / "v50_log/model.pth", data / "v51_tiny/model.pth",
                                              kModels / "v5_small/model.pth", kModels / "v6_small/model.pth", kModels / "v6_small/model.f16.gguf",
                                              kModels / "v6_rescale/model.pth", kModels / "v6_rescale/model.f32.gguf", kModels / "v7_small/model.pth",
                                              kModels / "v7_micro/model.pth", kModels / "v7_quant/model.f16.gguf", std::filesystem::path(kDeep)}) {
    const auto original = logits(folder, source.string());
    REQUIRE(original);
    const json before = info(source.string());
    const std::string version = before["version"];
    const bool inGguf = version == "6" || version == "7";
    for (const char* name : {"out.safetensors", "out.gguf"}) {
      CAPTURE(source.string());
      CAPTURE(name);
      const bool gguf = name == std::string("out.gguf");
      if (gguf && !inGguf) {
        const auto refused = runCli({"convert", source.string(), folder.file(name), "--precision", "fp32"});
        CHECK(refused.exitCode == 3);
        CHECK_MESSAGE(refused.err.find("this model is RWKV-" + version + ". A .safetensors file can be written") != std::string::npos, refused.err);
        continue;
      }
      if (!convert(source.string(), folder.file(name), "fp32")) continue;
      CHECK(logits(folder, folder.file(name)) == original);
      const json after = info(folder.file(name));
      for (const char* key : {"version", "layers", "n_embd", "head_size", "dim_ffn", "vocab", "lora", "state_bytes"}) CHECK_MESSAGE(after[key] == before[key], key);
      CHECK(after["dtype"] == "fp32");
      // And once more across: what was written is a whole model.
      const std::string back = folder.file(gguf ? "back.safetensors" : "back.gguf");
      if (inGguf && convert(folder.file(name), back, "fp32")) CHECK(logits(folder, back) == original);
    }
  }
}

TEST_CASE("a quantised file is what quantising at load gives, bit for bit") {
  const TemporaryFolder folder;
  // How far single logits (deviation 1) of random weights may move; llama.cpp's own Q4_0 file moves them by 1.0.
  const std::vector<std::pair<std::string, double>> precisions{
      {"fp16", 1e-4}, {"bf16", 0}, {"int8", 0.2}, {"q8_0", 0.2}, {"q6_k", 0.6}, {"q5_0", 2}, {"q5_1", 2}, {"q5_k", 2},
      {"int4", 2}, {"nf4", 2}, {"q4_0", 2}, {"q4_1", 2}, {"q4_k", 2}};
  const auto original = logits(folder, kGguf);
  REQUIRE(original);
  for (const auto& [precision, most] : precisions) {
    CAPTURE(precision);
    const auto atLoad = logits(folder, kGguf, {"--precision", precision});
    REQUIRE(atLoad);
    CHECK(logits(folder, kGguf, {"--strategy", "cpu " + precision}) == atLoad);
    CHECK(maxDifference(*atLoad, *original) <= most);
    if (!convert(kGguf, folder.file("q.safetensors"), precision)) continue;
    CHECK(logits(folder, folder.file("q.safetensors")) == atLoad);
    CHECK(info(folder.file("q.safetensors"))["dtype"] == precision);
    CHECK(info(folder.file("q.safetensors"))["version"] == "7");
  }
  // Of DeepEmbed the table is quantised as the embedding is; the small matrices stay fp16.
  for (const char* precision : {"fp16", "int8", "q8_0", "q4_k"}) {
    CAPTURE(precision);
    const auto atLoad = logits(folder, kDeep, {"--precision", precision});
    REQUIRE(atLoad);
    CHECK(maxDifference(*atLoad, *logits(folder, kDeep)) <= 0.1);
    if (!convert(kDeep, folder.file("q.safetensors"), precision)) continue;
    CHECK(logits(folder, folder.file("q.safetensors")) == atLoad);
    const json types = container(folder.file("q.safetensors"));
    CHECK(types["blocks.1.ffn.s_emb.weight"] == (precision[0] == 'q' ? "q8_0" : "fp16"));
    CHECK(types["blocks.0.ffn.s1"] == "fp16");
  }
}

TEST_CASE("a GGUF keeps its keys and vocabulary, and types as llama.cpp has them") {
  const TemporaryFolder folder;
  REQUIRE(convert(kGguf, folder.file("q.gguf"), "q4_k"));
  const json types = container(folder.file("q.gguf")), before = container(kGguf);
  CHECK(types["blk.1.time_mix_key.weight"] == "q4_k");
  CHECK(types["blk.0.channel_mix_value.weight"] == "q4_k");
  CHECK(types["output.weight"] == "q6_k");
  CHECK(types["token_embd.weight"] == "q8_0");
  CHECK(types["blk.1.time_mix_a1.weight"] == "fp16");
  CHECK(types["blk.1.time_mix_w2.weight"] == "fp32");
  CHECK(types["blk.0.time_mix_lerp_fused.weight"] == "fp32");
  CHECK(types.size() == before.size());
  for (const auto& [name, type] : before.items()) CHECK_MESSAGE(types.contains(name), name);

  const auto metadata = [&](const std::string& file) { return json::parse(runCli({"info", "--container", "--json", file}).out)["metadata"]; };
  json kept = metadata(folder.file("q.gguf")), original = metadata(kGguf);
  CHECK(kept["general.file_type"] == 14);
  kept.erase("general.file_type");
  original.erase("general.file_type");
  kept.erase("general.quantization_version");
  original.erase("general.quantization_version");
  original["rookery.kind"] = "model";  // what tells it from files of others
  original["rookery.program"] = kept["rookery.program"];
  CHECK(original["tokenizer.chat_template"] == "rwkv-world");  // the name of one, see engine.other_tools
  original["tokenizer.chat_template"] = kept["tokenizer.chat_template"];
  CHECK(kept == original);
  const std::string text = R"({"hex": "48656c6c6f20776f726c64"})";
  CHECK(runCli({"tokenize", "--model", folder.file("q.gguf")}, text).out == runCli({"tokenize", "--model", kGguf}, text).out);
}

TEST_CASE("a vocabulary goes into a GGUF when it is given") {
  const TemporaryFolder folder;
  std::string vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    char line[32];
    std::snprintf(line, sizeof line, "%d b'\\x%02x' 1\n", byte + 1, static_cast<unsigned>(byte));
    vocabulary += line;
  }
  writeFile(folder.file("v.txt"), vocabulary + "257 'it\\'s' 4\n258 '\"\\'\\\\\\n' 4\n");
  const auto run = runCli({"convert", kPth, folder.file("m.gguf"), "--precision", "fp16", "--vocab", folder.file("v.txt"), "--json"});
  REQUIRE_MESSAGE(run.exitCode == 0, run.err);
  CHECK(json::parse(run.out)["vocabulary"] == true);
  CHECK(info(folder.file("m.gguf"))["tokenizer"] == "embedded");
  const auto ids = runCli({"tokenize", "--model", folder.file("m.gguf")}, R"({"hex": "69742773ff00225c"})" "\n" R"({"hex": "22275c0a"})");
  CHECK(ids.out == "{\"ids\":[257,256,1,35,93]}\n{\"ids\":[258]}\n");
  REQUIRE(convert(kPth, folder.file("none.gguf"), "fp16"));
  CHECK(info(folder.file("none.gguf"))["tokenizer"] == "unknown");
}

TEST_CASE("conversions that cannot be are refused, and leave everything as it was") {
  const TemporaryFolder folder;
  const std::string source = folder.file("model.gguf");
  std::filesystem::copy_file(kGguf, source);
  std::filesystem::create_hard_link(source, folder.file("twin.gguf"));
  std::filesystem::create_symlink(source, folder.file("link.gguf"));
  writeFile(folder.file("text.pth"), "This is not a model.");
  std::filesystem::create_directory(folder.file("folder.gguf"));
  const std::string before = readFile(source);
  const std::size_t files = filesIn(folder);
  const std::string nowhere = folder.file("absent/out.gguf"), out = folder.file("out.gguf"), own = folder.file("out.safetensors");
  checkRefused("convert", {{{source, source, "--precision", "q8_0"}, 2, "a file that is read"},
                           {{source, folder.file("twin.gguf"), "--precision", "q8_0"}, 2, "a file that is read"},
                           {{source, folder.file("link.gguf"), "--precision", "q8_0"}, 2, "a file that is read"},
                           {{source, folder.file("out.bin"), "--precision", "q8_0"}, 2, "neither"},
                           {{source, out, "--precision", "q9_0"}, 2, "not a precision"},
                           {{source, out, "--precision", "q2_k"}, 2, "not a precision"},
                           {{source, out, "--precision", "int8"}, 2, "own format"},
                           {{source, own, "--precision", "fp16i8"}, 2, "at load only"},
                           {{source, own, "--precision", "a16w4"}, 2, "at load only"},
                           {{source, out}, 2, "--precision"},
                           {{source, nowhere, "--precision", "q8_0"}, 1, "cannot be written"},
                           {{source, folder.file("folder.gguf"), "--precision", "q8_0"}, 1, "it is a folder"},
                           {{folder.file("absent.pth"), out, "--precision", "q8_0"}, 3, "No such file"},
                           {{folder.file("text.pth"), out, "--precision", "q8_0"}, 3, "."},
                           {{kPth, out, "--precision", "q8_0", "--vocab", folder.file("text.pth")}, 3, "vocabulary"},
                           {{source, out, "--precision", "q8_0", "--vocab", folder.file("text.pth")}, 2, "keeps its own"},
                           {{kPth, own, "--precision", "int8", "--vocab", folder.file("text.pth")}, 2, "no place"}});
  CHECK(readFile(source) == before);
  CHECK(filesIn(folder) == files);
}

TEST_CASE("compare: a model is itself, and coarser weights are farther away") {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 90; ++i) text += "Ravens nest in a rookery " + std::to_string(i) + "; ";
  writeFile(folder.file("text.txt"), text);
  const auto compare = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"compare", "--model", kGguf, "--text", folder.file("text.txt"), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto run = runCli(arguments);
    REQUIRE_MESSAGE(run.exitCode == 0, run.err);
    return json::parse(run.out);
  };
  const json same = compare({"--against", kGguf});
  CHECK(same["kl_mean"] == 0.0);
  CHECK(same["kl_999"] == 0.0);
  CHECK(same["top1"] == 1.0);
  CHECK(same["perplexity_a"] == same["perplexity_b"]);
  CHECK(same["tokens"] > 600);
  REQUIRE(same["drift"].size() >= 2);
  CHECK(same["drift"][0] == json{{"position", 512}, {"relative_rms", 0.0}});

  const json int8 = compare({"--precision-b", "int8"}), q6 = compare({"--precision-b", "q6_k"}), q4 = compare({"--precision-b", "q4_0"});
  CHECK(int8["kl_mean"] > 0);
  CHECK(int8["kl_mean"] < q6["kl_mean"]);
  CHECK(q6["kl_mean"] < q4["kl_mean"]);
  CHECK(q4["kl_mean"] < 0.1);
  CHECK(q4["kl_999"] > q4["kl_mean"]);
  CHECK(q4["top1"] < 1.0);
  CHECK(q4["drift"][0]["relative_rms"] > int8["drift"][0]["relative_rms"]);
  CHECK(q4["precision_b"] == "q4_0");
  CHECK(q4["bytes_per_token_b"] < int8["bytes_per_token_b"]);
  // The same numbers whichever way the other model comes, and the mirror image when the two change places.
  REQUIRE(convert(kGguf, folder.file("q.safetensors"), "q4_0"));
  CHECK(compare({"--against", folder.file("q.safetensors")})["kl_mean"] == q4["kl_mean"]);
  CHECK(compare({"--precision-a", "q4_0", "--precision-b", "fp16"})["perplexity_a"] == q4["perplexity_b"]);
}

TEST_CASE("compare: what cannot be compared is refused") {
  const TemporaryFolder folder;
  writeFile(folder.file("text.txt"), "Ravens nest in a rookery.");
  writeFile(folder.file("short.txt"), "a");
  writeFile(folder.file("empty.txt"), "");
  const std::string text = folder.file("text.txt"), other = (kModels / "v7_small/model.f16.gguf").string();
  checkRefused("compare", {{{"--model", kGguf, "--text", text}, 2, "--against or --precision-b"},
                           {{"--model", kGguf, "--against", other, "--text", text}, 2, "different sizes"},
                           {{"--model", kGguf, "--against", kGguf, "--text", folder.file("absent.txt")}, 3, "no file"},
                           {{"--model", kGguf, "--against", kGguf, "--text", folder.file("empty.txt")}, 2, "too short"},
                           {{"--model", kGguf, "--against", kGguf, "--text", folder.file("short.txt")}, 2, "too short"},
                           {{"--model", kGguf, "--precision-b", "fp17", "--text", text}, 2, "not a type of weights"},
                           {{"--model", kGguf, "--against", folder.file("absent.gguf"), "--text", text}, 3, "No such file"},
                           {{"--model", kPth, "--precision-b", "int8", "--text", text}, 3, "vocabulary"}});
}

TEST_CASE("every precision runs, alike whatever the chunks and threads, and tells its bytes per token") {
  const TemporaryFolder folder;
  for (const char* precision : {"int8", "int4", "nf4", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q5_k", "q6_k", "fp16i8", "a16w8", "a16w4"}) {
    CAPTURE(precision);
    const auto whole = logits(folder, kGguf, {"--precision", precision, "--threads", "1"});
    REQUIRE(whole);
    CHECK(logits(folder, kGguf, {"--precision", precision, "--threads", "3", "--mode", "rnn"}) == whole);
    CHECK(logits(folder, kGguf, {"--precision", precision, "--threads", "2", "--chunk", "3"}) == whole);
    const auto memory = runCli({"memory", "--model", kGguf, "--precision", precision, "--json"});
    REQUIRE_MESSAGE(memory.exitCode == 0, memory.err);
    // Planned from shapes and measured after loading: the same but for padding.
    const json document = json::parse(memory.out);
    for (const json& component : document["components"]) {
      std::uint64_t measured = 0;
      for (const json& entry : document["measured"])
        if (entry["component"] == component["component"] && entry["kind"] == "weights") measured += entry["bytes"].get<std::uint64_t>();
      const double planned = component["bytes"].get<double>();
      CAPTURE(component["component"].get<std::string>());
      CHECK(static_cast<double>(measured) >= 0.99 * planned);
      CHECK(static_cast<double>(measured) <= 1.03 * planned + 4096);
    }
  }
  CHECK(runCli({"logits", "--model", kGguf, "--strategy", "cpu fp16", "--precision", "int8", "--tokens", folder.file("t.json"), "--out", folder.file("o")}).exitCode == 2);
  const auto answer = runCli({"generate", "--model", "guide", "--precision", "int4", "--prompt", "What is Rookery?", "--greedy", "--tokens", "40"});
  CHECK(answer.exitCode == 0);
  CHECK(answer.out.find("Rookery") != std::string::npos);
}
