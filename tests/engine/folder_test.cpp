// SPDX-License-Identifier: GPL-3.0-or-later
// What lies around and beside the weights: folders of Hugging Face, config.json, adapters, tensors that nobody uses,
// types that are not read.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "rookery/convert.h"
#include "rookery/session.h"
#include "support/dialects.h"
#include "support/model_logits.h"
#include "support/process.h"

using namespace rookery::engine;
using namespace rookery::test;
using nlohmann::json;

namespace {

const std::filesystem::path kModels = std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models";

Result<ModelInfo> detected(const std::filesystem::path& path) {
  const auto file = ModelFile::open(path);
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  return detect(**file);
}

void checkRefused(const std::filesystem::path& path, ErrorCode code, const std::string& says) {
  CAPTURE(says);
  const auto info = detected(path);
  REQUIRE_FALSE(info.has_value());
  CHECK_MESSAGE(info.error().code == code, info.error().message);
  CHECK_MESSAGE(info.error().message.find(says) != std::string::npos, info.error().message);
  CHECK(info.error().message.find("damaged") == std::string::npos);
}

Raw& named(std::vector<Raw>& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const Raw& t) { return t.name == name; });
  REQUIRE(found != tensors.end());
  return *found;
}

Raw zeros(const std::string& name, const std::string& dtype, std::vector<std::int64_t> shape, std::size_t bytes) {
  return {name, dtype, std::move(shape), std::string(bytes, '\0')};
}

std::vector<Raw> small() { return tensorsOf(kModels / "v7_small/model.pth"); }

json configOf(const std::vector<Raw>& official) {
  auto tensors = official;
  const auto width = named(tensors, "emb.weight").shape[1];
  const auto headSize = named(tensors, "blocks.0.att.r_k").shape[1];
  int layers = 0;
  for (const Raw& t : tensors) layers += t.name.ends_with(".ln1.weight") ? 1 : 0;
  return {{"model_type", "rwkv7"}, {"hidden_size", width}, {"num_hidden_layers", layers},
          {"head_dim", headSize},  {"norm_eps", 1e-5},     {"tie_word_embeddings", false}};
}

}  // namespace

TEST_CASE("every type of safetensors 0.8.0 is known by name") {
  const TemporaryFolder folder;
  // Name in the format, bits of an element.
  const std::vector<std::pair<std::string, std::size_t>> types{
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
      {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
      {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
  CHECK(types.size() == 22);
  std::vector<Raw> tensors;
  for (const auto& [name, bits] : types) tensors.push_back(zeros("of_" + name, name, {8, 3}, 24 * bits / 8));
  writeRaw(folder.file("types.safetensors"), tensors);
  const auto file = ModelFile::open(folder.file("types.safetensors"));
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  for (const auto& [name, bits] : types) {
    CAPTURE(name);
    const TensorSource* tensor = (*file)->find("of_" + name);
    REQUIRE(tensor != nullptr);
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (const auto& [theirs, ours] :
         {std::pair<std::string, std::string>{"f16", "fp16"}, {"f32", "fp32"}, {"f64", "fp64"}})
      if (lower == theirs) lower = ours;
    CHECK(traits(tensor->dtype).name == lower);
    CHECK(tensor->bytes.size() == 24 * bits / 8);
  }
  writeRaw(folder.file("types.safetensors"), {zeros("x", "F4", {3}, 2)});  // one and a half bytes
  CHECK(ModelFile::open(folder.file("types.safetensors")).error().code == ErrorCode::FileDamaged);
  writeRaw(folder.file("types.safetensors"), {zeros("x", "F5", {8}, 5)});
  CHECK(ModelFile::open(folder.file("types.safetensors")).error().message.find("unknown dtype") != std::string::npos);
}

TEST_CASE("weights of a type that is not read are refused by its name; where no weight has it, it does not matter") {
  const TemporaryFolder folder;
  const auto path = folder.file("typed.safetensors");
  const auto wanted = logitsOf(kModels / "v7_small/model.pth");
  for (const char* type : {"F8_E4M3", "F8_E5M2", "I8", "U8"}) {
    auto tensors = small();
    for (Raw& t : tensors)
      if (t.name.starts_with("blocks.") && t.name.ends_with(".weight") && t.shape.size() == 2) {
        t.dtype = type;
        t.bytes.resize(t.bytes.size() / 2);
      }
    writeRaw(path, tensors);
    checkRefused(path, ErrorCode::FormatUnknown,
                 std::string("typed.safetensors holds weights of the type ") + type + ", which is not read (blocks.0.");
    checkRefused(path, ErrorCode::FormatUnknown, "get a bf16, fp16 or Q8_0 file");
  }
  auto tensors = small();
  tensors.push_back(zeros("step", "U64", {}, 8));
  tensors.push_back(zeros("blocks.0.att.key.weight.fp8_scale", "F8_E8M0", {4}, 4));
  writeRaw(path, tensors);
  CHECK(logitsOf(path) == wanted);
  CHECK(detected(path)->unused == std::vector<std::string>{"blocks.0.att.key.weight.fp8_scale", "step"});

  tensors = small();
  Raw& key = named(tensors, "blocks.0.att.key.weight");
  tensors.push_back(
      zeros("blocks.0.att.key.scales", "BF16", {key.shape[0], 2}, static_cast<std::size_t>(key.shape[0]) * 4));
  named(tensors, "blocks.0.att.key.weight") = zeros("blocks.0.att.key.weight", "U32", {key.shape[0], key.shape[1] / 8},
                                                    static_cast<std::size_t>(key.shape[0] * key.shape[1]) / 2);
  writeRaw(path, tensors);
  checkRefused(path, ErrorCode::FormatUnknown, "is quantised by MLX");

  writeRaw(path, {zeros("blocks.0.att.key.weight::codes", "I8", {8}, 8),
                  zeros("blocks.0.att.key.weight::gw_d", "F16", {8}, 16)});
  checkRefused(path, ErrorCode::FormatUnknown, "is quantised by rwkv-quant (.rwkvq)");
}

TEST_CASE("metadata may be null, as MLX writes it") {
  const TemporaryFolder folder;
  writeRaw(folder.file("model.safetensors"), small());
  std::string bytes = readFile(folder.file("model.safetensors"));
  const std::string metadata = R"({"format":"pt"})", null = "null";
  const std::size_t at = bytes.find(metadata);
  REQUIRE(at != std::string::npos);
  bytes.replace(at, metadata.size(), null + std::string(metadata.size() - null.size(), ' '));
  writeFile(folder.file("model.safetensors"), bytes);
  CHECK(logitsOf(folder.file("model.safetensors")) == logitsOf(kModels / "v7_small/model.pth"));
}

TEST_CASE("a tensor with an impossible name is refused for that; the file is whole") {
  const TemporaryFolder folder;
  const auto path = folder.file("named.safetensors");
  for (const auto& [name, says] : {std::pair<std::string, std::string>{"", "a tensor whose name is empty."},
                                   {"a\tb", "a tensor whose name holds control characters or is no UTF-8 (\"a\\x09b\")."},
                                   {std::string(1025, 'x'), "a tensor whose name is longer than 1024 bytes (\"xxx"}}) {
    auto tensors = small();
    tensors.push_back(zeros(name, "BF16", {4}, 8));
    writeRaw(path, tensors);
    const auto file = ModelFile::open(path);
    REQUIRE_FALSE(file.has_value());
    CHECK(file.error().code == ErrorCode::FormatUnknown);
    CHECK_MESSAGE(file.error().message.find(says) != std::string::npos, file.error().message);
    CHECK(file.error().message.find("damaged") == std::string::npos);
  }
}

TEST_CASE("logits and probabilities are no model, and called what they are") {
  const TemporaryFolder folder;
  for (const char* name : {"logits", "probs"}) {
    writeRaw(folder.file("out.safetensors"), {zeros(name, "F32", {1, 8}, 32)});
    checkRefused(folder.file("out.safetensors"), ErrorCode::NotRwkv, "out.safetensors holds what a model answered (");
  }
}

TEST_CASE("an adapter beside the weights is refused, whatever it is called") {
  const TemporaryFolder folder;
  const auto path = folder.file("tuned.safetensors");
  for (const char* part : {"blocks.0.att.key.lora_A", "blocks.1.ffn.key.lora_B", "blocks.0.att.key.lora_a",
                           "blocks.0.att.key.lora_b.weight", "blocks.0.att.key.disha", "blocks.1.att.value.bone",
                           "blocks.0.att.receptance.base_layer.weight", "blocks.0.att.key.lora_A.default.weight",
                           "blocks.0.att.key.ia3_l", "blocks.0.att.key.hada_w1_a", "blocks.0.att.key.oft_r.default",
                           "blocks.0.att.key.vera_lambda_b", "blocks.1.att.key.lokr_w1"}) {
    CAPTURE(part);
    for (const bool hf : {false, true}) {
      auto tensors = small();
      tensors.push_back(zeros(part, "BF16", {8, 8}, 128));
      writeRaw(path, hf ? fla(tensors) : tensors);
      checkRefused(path, ErrorCode::FormatUnknown, "tuned.safetensors holds an adapter that is not merged into its model (");
    }
    writeRaw(path, {zeros(part, "BF16", {8, 8}, 128), zeros("emb.weight", "BF16", {8, 8}, 128)});
    if (std::string(part).find("base_layer") == std::string::npos)
      checkRefused(path, ErrorCode::NotRwkv, "is an adapter");
  }
  auto wrapped = small();  // what training with rwkvtune saves
  named(wrapped, "blocks.0.att.key.weight").name = "blocks.0.att.key.base_layer.weight";
  wrapped.push_back(zeros("blocks.0.att.key.lora_A", "BF16", {8, 8}, 128));
  writeRaw(path, wrapped);
  checkRefused(path, ErrorCode::FormatUnknown, "holds an adapter that is not merged");
}

TEST_CASE("tensors that no model has are named; a tuned state and layer 0's v are none") {
  const TemporaryFolder folder;
  const auto path = folder.file("more.safetensors");
  auto tensors = small();
  writeRaw(path, tensors);
  CHECK(detected(path)->unused.empty());
  CHECK(unusedTensors(*detected(path)).empty());
  for (const auto& name :
       {kModels / "v4_small/model.pth", kModels / "v5_small/model.pth", kModels / "v6_small/model.pth",
        kModels / "v6_small/model.f16.gguf", kModels / "v7_small/model.f16.gguf", kModels / "v7_quant/model.Q8_0.gguf"})
    CHECK_MESSAGE(unusedTensors(*detected(name)).empty(), unusedTensors(*detected(name)));
  tensors.push_back(zeros("blocks.0.att.time_state", "BF16", {2, 64, 64}, 2 * 64 * 64 * 2));
  writeRaw(path, tensors);
  CHECK(detected(path)->unused.empty());
  for (const char* name : {"blocks.0.att.key.bias", "blocks.1.ffn.gate.weight", "extra", "a", "b", "c", "d"})
    tensors.push_back(zeros(name, "BF16", {4}, 8));
  writeRaw(path, tensors);
  CHECK(detected(path)->unused.size() == 7);
  CHECK(unusedTensors(*detected(path)) ==
        "7 tensors of the file are not used, since RWKV-7 has none of these names: a, b, blocks.0.att.key.bias, "
        "blocks.1.ffn.gate.weight, c and 2 more");
  CHECK(detected(path)->dtype == DType::BF16);
}

TEST_CASE("r_k stored flat is no single head") {
  const TemporaryFolder folder;
  const auto path = folder.file("flat.safetensors");
  const auto wanted = logitsOf(kModels / "v7_small/model.pth");
  const auto official = small();
  for (const bool three : {false, true}) {
    auto tensors = official;
    for (Raw& t : tensors)
      if (t.name.ends_with(".r_k"))
        t.shape =
            three ? std::vector<std::int64_t>{1, 1, t.shape[0] * t.shape[1]} : std::vector{t.shape[0] * t.shape[1]};
    std::filesystem::remove(folder.file("config.json"));
    writeRaw(path, tensors);
    checkRefused(path, ErrorCode::TensorMissing, "tensor blocks.0.att.r_k is stored flat");
    json config = configOf(official);
    writeFile(folder.file("config.json"), config.dump());
    CHECK(logitsOf(path) == wanted);
    config["hidden_size"] = 4096;  // another model's
    writeFile(folder.file("config.json"), config.dump());
    checkRefused(path, ErrorCode::TensorMissing, "is stored flat");
  }
}

TEST_CASE("config.json decides what the tensors do not tell") {
  const TemporaryFolder folder;
  const auto path = folder.file("model.safetensors"), config = folder.file("config.json");
  auto official = small();
  const json good = configOf(official);
  const auto with = [&](const char* key, const json& value) {
    json changed = good;
    changed[key] = value;
    writeFile(config, changed.dump());
  };

  // Tied embeddings: the embedding as it is stored is the head.
  auto same = official;
  named(same, "head.weight").bytes = named(same, "emb.weight").bytes;
  writeRaw(folder.file("same.safetensors"), same);
  const auto wanted = logitsOf(folder.file("same.safetensors"));
  auto tied = fla(official);
  std::erase_if(tied, [](const Raw& t) { return t.name == "lm_head.weight"; });
  writeRaw(path, tied);
  checkRefused(path, ErrorCode::TensorMissing,
               "has no lm_head.weight. If its embeddings are tied, put its config.json beside it");
  with("tie_word_embeddings", true);
  CHECK(logitsOf(path) == wanted);
  with("tie_word_embeddings", false);
  checkRefused(path, ErrorCode::TensorMissing, "tensor head.weight is missing");
  ConvertOptions options;
  options.precision = DType::BF16;
  with("tie_word_embeddings", true);
  REQUIRE(convertModel(*ModelFile::open(path), folder.file("whole.safetensors"), options).has_value());
  CHECK(logitsOf(folder.file("whole.safetensors")) == wanted);

  // Under official names as well.
  tied = official;
  std::erase_if(tied, [](const Raw& t) { return t.name == "head.weight"; });
  writeRaw(path, tied);
  CHECK(logitsOf(path) == wanted);
  for (const auto& [key, value] : {std::pair<const char*, json>{"tie_word_embeddings", false}, {"hidden_size", 4096}}) {
    json changed = good;
    changed["tie_word_embeddings"] = true;
    changed[key] = value;
    writeFile(config, changed.dump());
    checkRefused(path, ErrorCode::TensorMissing, "tensor head.weight is missing");
  }

  // A model that lost a layer.
  auto less = official;
  const std::string last = "blocks." + std::to_string(good["num_hidden_layers"].get<int>() - 1) + ".";
  std::erase_if(less, [&](const Raw& t) { return t.name.starts_with(last); });
  for (const auto& tensors : {fla(less), less}) {
    writeRaw(path, tensors);
    writeFile(config, good.dump());
    checkRefused(path, ErrorCode::TensorMismatch, "The config.json beside the model says that it has");
    with("hidden_size", 4096);
    CHECK(detected(path).has_value());
    with("model_type", "llama");
    CHECK(detected(path).has_value());
  }

  // Beside a .pth, too.
  std::filesystem::copy_file(kModels / "v7_small/model.pth", folder.file("model.pth"));
  with("num_hidden_layers", good["num_hidden_layers"].get<int>() + 1);
  checkRefused(folder.file("model.pth"), ErrorCode::TensorMismatch, "The config.json beside the model says that it has");
  with("norm_eps", 1e-3);
  CHECK(detected(folder.file("model.pth"))->shape.normEps == 1e-3F);

  // Other numbers than those of official models.
  writeRaw(path, fla(official));
  with("norm_eps", 1e-3);
  checkRefused(path, ErrorCode::FormatUnknown, "an epsilon of 0.001");
  writeFile(config, good.dump());
  CHECK(logitsOf(path) == logitsOf(kModels / "v7_small/model.pth"));
  for (const char* text : {"", "[]", "{\"hidden_size\": \"x\"}", "{\"hidden_size\": -1, \"head_dim\": 1e99}"}) {
    writeFile(config, text);
    CHECK(detected(path).has_value());
  }
}

TEST_CASE("a folder opens as the model in it, or says what it holds") {
  const TemporaryFolder folder;
  const auto wanted = logitsOf(kModels / "v7_small/model.pth");
  const auto empty = ModelFile::open(folder.path());
  REQUIRE_FALSE(empty.has_value());
  CHECK(empty.error().code == ErrorCode::FormatUnknown);
  CHECK_MESSAGE(empty.error().message.find("is a folder, and none with a model.safetensors") != std::string::npos,
                empty.error().message);
  CHECK(empty.error().message.find("It holds no model file.") != std::string::npos);
  for (const char* name : {"b.pth", "a.gguf", "notes.txt"}) writeFile(folder.file(name), "x");
  CHECK(ModelFile::open(folder.path()).error().message.find("It holds a.gguf, b.pth; name the one to open.") !=
        std::string::npos);

  writeRaw(folder.file("model.safetensors"), fla(small()));
  CHECK(logitsOf(folder.path()) == wanted);
  CHECK((*ModelFile::open(folder.path()))->path() == folder.path() / "model.safetensors");
  CHECK(logitsOf(folder.path().string() + "/") == wanted);
  std::filesystem::remove(folder.file("model.safetensors"));

  const auto tensors = fla(small());
  json list = {{"weight_map", json::object()}};
  std::vector<std::vector<Raw>> parts(2);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    parts[i % 2].push_back(tensors[i]);
    list["weight_map"][tensors[i].name] = "model-0000" + std::to_string(i % 2 + 1) + "-of-00002.safetensors";
  }
  for (std::size_t p = 0; p < 2; ++p)
    writeRaw(folder.file("model-0000" + std::to_string(p + 1) + "-of-00002.safetensors"), parts[p]);
  writeFile(folder.file("model.safetensors.index.json"), list.dump());
  CHECK(logitsOf(folder.path()) == wanted);
  CHECK(detect(**ModelFile::open(folder.path()))->name == folder.path().filename().string());
}

TEST_CASE("a model in a folder of Hugging Face is called as the folder, also where it is converted") {
  const TemporaryFolder folder;
  const auto model = folder.path() / "rwkv7-0.4B-g1";
  std::filesystem::create_directory(model);
  writeRaw((model / "model.safetensors").string(), fla(small()));
  const auto file = ModelFile::open(model);
  REQUIRE(file.has_value());
  CHECK(detect(**file)->name == "rwkv7-0.4B-g1");
  const auto report = convertModel(*file, folder.file("out.gguf"), {.precision = DType::F16});
  REQUIRE_MESSAGE(report.has_value(), report.error().message);
  CHECK(detect(**ModelFile::open(folder.file("out.gguf")))->name == "rwkv7-0.4B-g1");  // not cut at its dot
}
