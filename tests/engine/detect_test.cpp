// SPDX-License-Identifier: GPL-3.0-or-later
// Versions and dimensions from tensors, and weights under their official names whatever the container.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>

#include "formats/zip_archive.h"
#include "program/program.h"
#include "quant/convert.h"
#include "rookery/model.h"
#include "rookery/model_info.h"
#include "support/format_builders.h"
#include "support/golden.h"
#include "weights/rescale.h"
#include "weights/weight_source.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const std::filesystem::path kModels = std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models";

/// The tensors of an official RWKV-7 file: 2 layers, width 32, head 16, ffn 48, vocabulary 20.
std::vector<FakeTensor> tinyV7() {
  constexpr std::int64_t c = 32;
  std::vector<FakeTensor> all{{"emb.weight", {20, c}}, {"blocks.0.ln0.weight", {c}}, {"blocks.0.ln0.bias", {c}}, {"ln_out.weight", {c}},
                              {"ln_out.bias", {c}},    {"head.weight", {20, c}}};
  for (int layer = 0; layer < 2; ++layer) {
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) { all.push_back({"blocks." + std::to_string(layer) + "." + name, std::move(shape)}); };
    for (const char* name : {"ln1.weight", "ln1.bias", "ln2.weight", "ln2.bias", "att.ln_x.weight", "att.ln_x.bias"}) add(name, {c});
    for (const char* name : {"att.x_r", "att.x_w", "att.x_k", "att.x_v", "att.x_a", "att.x_g", "att.w0", "att.a0", "att.v0", "att.k_k", "att.k_a", "ffn.x_k"}) add(name, {1, 1, c});
    add("att.r_k", {2, 16});
    for (const auto& [name, rank] : {std::pair{"w", 8}, {"a", 12}, {"v", 4}, {"g", 6}}) {
      add(std::string("att.") + name + "1", {c, rank});
      add(std::string("att.") + name + "2", {rank, c});
    }
    for (const char* name : {"receptance", "key", "value", "output"}) add(std::string("att.") + name + ".weight", {c, c});
    add("ffn.key.weight", {48, c});
    add("ffn.value.weight", {c, 48});
  }
  return all;
}

/// With DeepEmbed of rank 5.
std::vector<FakeTensor> tinyV7a() {
  auto all = tinyV7();
  for (const char* layer : {"blocks.0.ffn.", "blocks.1.ffn."}) {
    const std::string prefix = layer;
    all.push_back({prefix + "s_emb.weight", {20, 25}});
    all.push_back({prefix + "s_emb_x.weight", {25, 32}});
    all.push_back({prefix + "s0", {1, 1, 48}});
    all.push_back({prefix + "s1", {32, 5}});
    all.push_back({prefix + "s2", {5, 48}});
  }
  return all;
}

/// The same dimensions in the generations before: 2 layers, width 32, heads of 16, ffn 48, vocabulary 20.
std::vector<FakeTensor> tinyOlder(RwkvVersion version) {
  constexpr std::int64_t c = 32;
  const bool v4 = version == RwkvVersion::V4, v6 = version == RwkvVersion::V6, perHead = version == RwkvVersion::V5_0 || version == RwkvVersion::V5_1;
  std::vector<FakeTensor> all{{"emb.weight", {20, c}}, {"blocks.0.ln0.weight", {c}}, {"blocks.0.ln0.bias", {c}}, {"ln_out.weight", {c}},
                              {"ln_out.bias", {c}},    {"head.weight", {20, c}}};
  for (int layer = 0; layer < 2; ++layer) {
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) { all.push_back({"blocks." + std::to_string(layer) + "." + name, std::move(shape)}); };
    for (const char* name : {"ln1.weight", "ln1.bias", "ln2.weight", "ln2.bias"}) add(name, {c});
    const std::string mix = v6 ? "time_maa_" : "time_mix_";
    for (const char* name : {"att.k", "att.v", "att.r", "ffn.k", "ffn.r"}) add(std::string(name).substr(0, 4) + mix + name[4], {1, 1, c});
    add("att.time_decay", v4 ? std::vector<std::int64_t>{c} : v6 ? std::vector<std::int64_t>{1, 1, c} : perHead ? std::vector<std::int64_t>{2} : std::vector<std::int64_t>{2, 16});
    add(v4 ? "att.time_first" : "att.time_faaaa", v4 ? std::vector<std::int64_t>{c} : perHead ? std::vector<std::int64_t>{2} : std::vector<std::int64_t>{2, 16});
    if (!v4)
      for (const char* name : {"att.ln_x.weight", "att.ln_x.bias"}) add(name, {c});
    for (const char* name : {"att.receptance", "att.key", "att.value", "att.output", "ffn.receptance"}) add(std::string(name) + ".weight", {c, c});
    if (!v4 && version != RwkvVersion::V5_0) {
      add("att." + mix + "g", {1, 1, c});
      add("att.gate.weight", {c, c});
    }
    if (v6) {
      for (const char* name : {"att.time_maa_x", "att.time_maa_w"}) add(name, {1, 1, c});
      add("att.time_maa_w1", {c, 5 * 6});
      add("att.time_maa_w2", {5, 6, c});
      add("att.time_decay_w1", {c, 10});
      add("att.time_decay_w2", {10, c});
    }
    add("ffn.key.weight", {48, c});
    add("ffn.value.weight", {c, 48});
  }
  return all;
}

FakeTensor& named(std::vector<FakeTensor>& all, const std::string& name) {
  return *std::find_if(all.begin(), all.end(), [&](const FakeTensor& t) { return t.name == name; });
}

Result<ModelInfo> detected(const std::vector<FakeTensor>& tensors) {
  const Bytes bytes = safetensors(tensors);
  const auto file = ModelFile::fromMemory(bytes, "tiny");
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  return detect(**file);
}

std::unique_ptr<WeightSource> bound(const std::filesystem::path& path) {
  auto file = ModelFile::open(path);
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  auto source = bindWeights(*file);
  REQUIRE_MESSAGE(source.has_value(), source.error().message);
  return std::move(*source);
}

/// A weight as y = W x sees it: [rows][cols].
std::vector<float> plain(const WeightView& view) {
  const auto rows = static_cast<std::size_t>(view.rows), cols = static_cast<std::size_t>(view.cols);
  std::vector<float> stored(rows * cols), out(rows * cols);
  decodeToF32(view.dtype, view.bytes, stored);
  if (!view.transposed) return stored;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) out[r * cols + c] = stored[c * rows + r];
  return out;
}

const std::vector<std::string> kBlockNames{"ln1.weight", "ln2.bias", "att.x_r", "att.x_w", "att.x_k", "att.x_v", "att.x_a", "att.x_g", "att.w0", "att.w1",
                                           "att.w2", "att.a0", "att.a1", "att.a2", "att.g1", "att.g2", "att.k_k", "att.k_a", "att.r_k", "att.receptance.weight",
                                           "att.key.weight", "att.value.weight", "att.output.weight", "att.ln_x.weight", "att.ln_x.bias", "ffn.x_k",
                                           "ffn.key.weight", "ffn.value.weight"};

std::vector<std::string> officialWeights(int layers) {
  std::vector<std::string> names{"emb.weight", "blocks.0.ln0.weight", "blocks.0.ln0.bias", "ln_out.weight", "ln_out.bias", "head.weight"};
  for (int layer = 0; layer < layers; ++layer) {
    const std::string prefix = "blocks." + std::to_string(layer) + ".";
    for (const auto& name : kBlockNames) names.push_back(prefix + name);
    if (layer > 0)
      for (const char* name : {"att.v0", "att.v1", "att.v2"}) names.push_back(prefix + name);
  }
  return names;
}

}  // namespace

TEST_CASE("every golden model is recognised with its dimensions") {
  int seen = 0;
  for (const auto& entry : modelCases()) {
    for (const auto& model : std::filesystem::directory_iterator(entry)) {
      const std::string file = model.path().filename().string();
      if (!file.starts_with("model.") || file.find("Q4") != std::string::npos) continue;
      CAPTURE(model.path().string());
      const bool gguf = file.ends_with(".gguf");
      const auto manifest = readJson(entry / (gguf ? "gguf_manifest.json" : "manifest.json"));
      const auto opened = ModelFile::open(model.path());
      REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
      const auto info = detect(**opened);
      REQUIRE_MESSAGE(info.has_value(), info.error().message);
      const ModelShape& shape = info->shape;
      const auto& version = manifest["version"];
      CHECK(std::string(versionName(shape.version)) == (version.is_string() ? version.get<std::string>() : version == 5 ? "5.2" : version.dump()));
      CHECK(shape.layers == manifest["n_layer"]);
      CHECK(shape.nEmbd == manifest["n_embd"]);
      CHECK(shape.dimFfn == manifest["dim_ffn"]);
      CHECK(shape.vocab == manifest["vocab_size"]);
      if (shape.version != RwkvVersion::V4) CHECK(shape.headSize == manifest["head_size"]);
      if (shape.version == RwkvVersion::V7a) CHECK(shape.rankS == manifest["lora"]["s"]);
      if (isRwkv7(shape.version)) {
        CHECK(shape.rankW == manifest["lora"]["w"]);
        CHECK(shape.rankA == manifest["lora"]["a"]);
        CHECK(shape.rankV == manifest["lora"]["v"]);
        CHECK(shape.rankG == manifest["lora"]["g"]);
      }
      if (shape.version == RwkvVersion::V6) {
        CHECK(shape.rankMaa == manifest["lora"]["time_maa"]);
        CHECK(shape.rankW == manifest["lora"]["time_decay"]);
      }
      if (std::filesystem::exists(entry / "vectors.safetensors")) {
        std::size_t floats = 0;
        for (const auto& [name, tensor] : readTensors(entry / "vectors.safetensors"))
          if (name.starts_with("T64.rnn.state.")) floats += tensor.values.size();
        if (floats > 0) CHECK(shape.stateBytes() == floats * sizeof(float));
      }
      if (!gguf) {
        std::uint64_t stored = 0;
        for (const TensorSource& tensor : (*opened)->tensors()) stored += tensor.elementCount();
        CHECK(shape.parameters() == stored);
      }
      if (gguf) CHECK(info->tokenizer == TokenizerKind::Embedded);
      ++seen;
    }
  }
  CHECK(seen >= 15);
}

TEST_CASE("official shapes have the published numbers of parameters and state bytes") {
  const auto shape = [](const char* name) {
    const auto found = officialShape(name);
    REQUIRE_MESSAGE(found.has_value(), name);
    return *found;
  };
  CHECK(shape("rwkv7-0.1b").parameters() == 191'084'544);
  CHECK(shape("rwkv7-0.4b").parameters() == 450'834'432);
  CHECK(shape("rwkv7-1.5b").parameters() == 1'527'668'736);
  CHECK(shape("rwkv7-2.9b").parameters() == 2'948'065'280);
  CHECK(shape("rwkv7-7.2b").parameters() == 7'199'932'416);
  CHECK(shape("rwkv7-13.3b").parameters() == 13'270'298'624);
  ModelShape without = shape("rwkv7-2.9b");
  without.layer0HasV = false;
  CHECK(without.parameters() == 2'947'735'040);
  // Two bytes each give the sizes of the released files less their container (facts, section 7; model catalogue).
  CHECK(shape("rwkv6-1b6").parameters() * 2 == 3'199'746'048);
  CHECK(shape("rwkv6-3b").parameters() * 2 == 6'199'726'080);
  CHECK(shape("rwkv6-7b").parameters() * 2 == 15'271'493'632);
  CHECK(shape("rwkv6-14b").parameters() * 2 == 28'138'176'512);
  const auto container = [&](const char* name, std::uint64_t fileBytes) { return static_cast<std::int64_t>(fileBytes - shape(name).parameters() * 2); };
  for (const auto& [name, bytes] : {std::pair{"rwkv4-169m", 338'718'755ULL}, {"rwkv4-430m", 860'861'859ULL}, {"rwkv5-0.1b", 385'598'386ULL},
                                    {"rwkv5-0.4b", 923'523'954ULL}, {"rwkv5-1b5", 3'155'590'194ULL}, {"rwkv5-3b", 6'126'106'674ULL}, {"rwkv5-7b", 15'036'197'526ULL}}) {
    CAPTURE(name);
    CHECK(container(name, bytes) > 20'000);
    CHECK(container(name, bytes) < 300'000);
  }
  CHECK(shape("rwkv7-0.1b").stateBytes() == 2'433'024);
  CHECK(shape("rwkv6-14b").stateBytes() == 65'961'984);
  CHECK(shape("rwkv4-7b").stateBytes() == 20ULL * 4096 * 32);
  CHECK_FALSE(officialShape("rwkv9-1b").has_value());
  for (const auto& name : officialShapeNames()) CHECK(officialShape(name).has_value());
}

namespace {

/// Every tensor of `good` is needed, and with its shape; `also` are those that make it this version at all.
void checkEachIsNeeded(const std::vector<FakeTensor>& good, const std::vector<std::string>& also) {
  REQUIRE_MESSAGE(detected(good).has_value(), detected(good).error().message);
  for (const FakeTensor& tensor : good) {
    const bool optional = tensor.name.starts_with("blocks.0.att.v") && tensor.name.size() == 15;
    if (optional || std::find(also.begin(), also.end(), tensor.name) != also.end()) continue;
    CAPTURE(tensor.name);
    auto missing = good;
    std::erase_if(missing, [&](const FakeTensor& t) { return t.name == tensor.name; });
    const auto lacking = detected(missing);
    REQUIRE_FALSE(lacking.has_value());
    CHECK(lacking.error().code == ErrorCode::TensorMissing);
    CHECK(lacking.error().message.find(tensor.name) != std::string::npos);

    for (const bool extra : {false, true}) {
      auto wrong = good;
      auto& shape = named(wrong, tensor.name).shape;
      if (extra) {
        shape.push_back(2);
      } else {
        shape.back() += 16;
      }
      const auto odd = detected(wrong);
      REQUIRE_FALSE(odd.has_value());
      CHECK(odd.error().code == ErrorCode::TensorMismatch);
    }
  }
}

}  // namespace

TEST_CASE("a missing or mis-shaped tensor is an error that names it") {
  checkEachIsNeeded(tinyV7(), {"emb.weight", "blocks.0.att.r_k"});
  checkEachIsNeeded(tinyV7a(), {"emb.weight", "blocks.0.att.r_k"});
  for (const RwkvVersion version : {RwkvVersion::V4, RwkvVersion::V5_0, RwkvVersion::V5_1, RwkvVersion::V5_2, RwkvVersion::V6}) {
    CAPTURE(versionName(version));
    checkEachIsNeeded(tinyOlder(version), {"emb.weight"});
  }
}

TEST_CASE("generations 4 to 6 are told apart by their tensors") {
  for (const RwkvVersion version : {RwkvVersion::V4, RwkvVersion::V5_0, RwkvVersion::V5_1, RwkvVersion::V5_2, RwkvVersion::V6}) {
    const auto info = detected(tinyOlder(version));
    REQUIRE_MESSAGE(info.has_value(), info.error().message);
    CHECK(std::string(versionName(info->shape.version)) == versionName(version));
    CHECK(info->shape.headSize == (version == RwkvVersion::V4 ? 0 : 16));
    CHECK(info->shape.rankMaa == (version == RwkvVersion::V6 ? 6 : 0));
    CHECK(info->shape.rankW == (version == RwkvVersion::V6 ? 10 : 0));
  }
  auto log = tinyOlder(RwkvVersion::V5_0);  // as the oldest files call the bonus
  for (FakeTensor& tensor : log)
    if (tensor.name.ends_with("time_faaaa")) tensor.name.replace(tensor.name.size() - 10, 10, "time_first");
  CHECK(detected(log)->shape == detected(tinyOlder(RwkvVersion::V5_0))->shape);
}

TEST_CASE("the bonus of version 5 is the same under both names") {
  auto log = tinyOlder(RwkvVersion::V5_1);
  for (FakeTensor& tensor : log)
    if (tensor.name.ends_with("time_faaaa")) tensor.name.replace(tensor.name.size() - 10, 10, "time_first");
  const Bytes bytes = safetensors(log);
  const auto source = bindWeights(*ModelFile::fromMemory(bytes, "m"));
  REQUIRE(source.has_value());
  CHECK((*source)->has("blocks.1.att.time_faaaa"));
  const auto view = (*source)->get("blocks.1.att.time_faaaa");
  REQUIRE(view.has_value());
  const std::vector<float> bonus = plain(*view);  // element i of every tensor is i
  REQUIRE(bonus.size() == 2);
  CHECK(bonus[0] == doctest::Approx(1.0));
  CHECK(bonus[1] == doctest::Approx(2.718281828));
}

TEST_CASE("layer 0 may come without v0, v1 and v2") {
  auto tensors = tinyV7();
  CHECK(detected(tensors)->shape.layer0HasV);
  std::erase_if(tensors, [](const FakeTensor& t) { return t.name == "blocks.0.att.v0" || t.name == "blocks.0.att.v1" || t.name == "blocks.0.att.v2"; });
  const auto info = detected(tensors);
  REQUIRE(info.has_value());
  CHECK_FALSE(info->shape.layer0HasV);
  CHECK(info->shape.rankV == 4);
}

TEST_CASE("RWKV-7a: its dimensions, and tables and matrices of another model are refused by name") {
  const auto info = detected(tinyV7a());
  REQUIRE_MESSAGE(info.has_value(), info.error().message);
  CHECK(info->shape.version == RwkvVersion::V7a);
  CHECK(info->shape.rankS == 5);
  ModelShape seven = info->shape;
  seven.version = RwkvVersion::V7;
  seven.rankS = 0;
  CHECK(info->shape.stateBytes() == seven.stateBytes());
  CHECK(info->shape.parameters() - seven.parameters() == 2 * (20 * 25 + 25 * 32 + 48 + 32 * 5 + 5 * 48));

  struct Wrong {
    const char* name;
    std::vector<std::int64_t> shape;
    const char* says;
  };
  for (const Wrong& wrong : {Wrong{"blocks.1.ffn.s_emb.weight", {19, 25}, "[20, 25] is needed"}, {"blocks.0.ffn.s_emb.weight", {21, 25}, "[20, 25] is needed"},
                             {"blocks.0.ffn.s_emb.weight", {20, 24}, "[20, 25] is needed"}, {"blocks.0.ffn.s_emb.weight", {25, 20}, "[20, 25] is needed"},
                             {"blocks.1.ffn.s_emb_x.weight", {32, 25}, "[25, 32] is needed"}, {"blocks.1.ffn.s_emb_x.weight", {25}, "2 dimensions are needed"},
                             {"blocks.0.ffn.s0", {1, 1, 32}, "[48] is needed"}, {"blocks.1.ffn.s1", {32, 6}, "[32, 5] is needed"}, {"blocks.0.ffn.s1", {5, 32}, "is needed"},
                             {"blocks.0.ffn.s2", {48, 5}, "[5, 48] is needed"}, {"blocks.0.ffn.s1", {32, 300}, "impossible"}}) {
    CAPTURE(wrong.name);
    CAPTURE(wrong.says);
    auto tensors = tinyV7a();
    named(tensors, wrong.name).shape = wrong.shape;
    const auto refused = detected(tensors);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::TensorMismatch);
    CHECK(refused.error().message.find(wrong.says) != std::string::npos);
  }
  // A file that lost most of DeepEmbed does not run as version 7.
  for (const char* left : {"blocks.1.ffn.s0", "blocks.0.ffn.s1", "blocks.0.ffn.s2", "blocks.1.ffn.s_emb_x.weight"}) {
    CAPTURE(left);
    auto tensors = tinyV7a();
    std::erase_if(tensors, [&](const FakeTensor& t) { return t.name.find(".ffn.s") != std::string::npos && t.name != left; });
    CHECK(detected(tensors).error().code == ErrorCode::TensorMissing);
  }
}

TEST_CASE("other models are called what they are") {
  CHECK(detected({{"model.embed_tokens.weight", {4, 4}}, {"model.layers.0.self_attn.q_proj.weight", {4, 4}}}).error().code == ErrorCode::NotRwkv);
  for (const auto& [name, what] : {std::pair{"blocks.0.qkv.k_emb.weight", "RWKV-7b"}, {"blocks.1.qkv.qq.weight", "RWKV-7b"}, {"blocks.0.ffn.enn.weight", "RWKV-8"},
                                   {"blocks.0.rosa.x_q", "ROSA"}, {"blocks.0.rosa.rosa_qkv.emb", "ROSA"}, {"emb_rosa.emb.weight", "ROSA"}, {"rosa1.emb0", "ROSA"}}) {
    CAPTURE(name);
    for (auto relative : {tinyV7(), tinyV7a(), std::vector<FakeTensor>{}}) {
      relative.push_back({name, {20, 32}});
      CHECK(detected(relative).error().code == ErrorCode::VersionUnsupported);
      CHECK(detected(relative).error().message.find(what) != std::string::npos);
    }
  }
  auto layers = tinyV7();
  layers.push_back({"blocks.4000000000.ln1.weight", {32}});
  CHECK_FALSE(detected(layers).has_value());
  layers.back().name = "blocks.5000.ln1.weight";
  CHECK_FALSE(detected(layers).has_value());

  Bytes llama;
  llama.text("GGUF").number<std::uint32_t>(3).number<std::uint64_t>(1).number<std::uint64_t>(1);
  llama.counted("general.architecture").number<std::uint32_t>(8).counted("llama");
  llama.counted("token_embd.weight").number<std::uint32_t>(2).number<std::uint64_t>(4).number<std::uint64_t>(4).number<std::uint32_t>(0).number<std::uint64_t>(0);
  llama.alignTo(32).zeros(64);
  const auto file = ModelFile::fromMemory(llama, "llama.gguf");
  REQUIRE(file.has_value());
  const auto info = detect(**file);
  REQUIRE_FALSE(info.has_value());
  CHECK(info.error().code == ErrorCode::NotRwkv);
  CHECK(info.error().message.find("llama") != std::string::npos);
}

TEST_CASE("weights are the same under the same name in every container") {
  const auto reference = bound(kModels / "v7_micro/model.safetensors");
  for (const char* other : {"v7_micro/model.pth", "v7_micro/model.f32.gguf", "v7_micro/variants/transposed_strides.pth", "v7_micro/variants/legacy_format.pth"}) {
    const auto source = bound(kModels / other);
    CAPTURE(other);
    for (const auto& name : officialWeights(2)) {
      CAPTURE(name);
      const auto wanted = reference->get(name), got = source->get(name);
      REQUIRE(wanted.has_value());
      REQUIRE(got.has_value());
      CHECK(got->rows == wanted->rows);
      CHECK(got->cols == wanted->cols);
      CHECK(plain(*got) == plain(*wanted));
      CHECK(source->has(name));
    }
  }
  CHECK(reference->get("blocks.9.ln1.weight").error().code == ErrorCode::TensorMissing);
}

TEST_CASE("a big .pth is compared with its checksums when the model is loaded") {
  std::ifstream stream(kModels / "v7_micro/model.pth", std::ios::binary);
  const std::string original((std::istreambuf_iterator<char>(stream)), {});
  const auto directory = readZipDirectory(std::as_bytes(std::span(original)));
  REQUIRE(directory.has_value());
  std::vector<ZipPart> parts{{"padding", std::string(std::size_t{64} << 20U, '\0')}};  // over the size that open() checks
  std::size_t largest = 0;
  for (const auto& [name, entry] : *directory) {
    parts.push_back({name, {reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size()}, entry.crc32.value_or(0)});
    if (parts.back().data.size() > parts[largest].data.size() || largest == 0) largest = parts.size() - 1;
  }
  const auto fingerprint = [&] {
    const Bytes zip = storedZip(parts);
    const auto file = ModelFile::fromMemory(zip, "big.pth");
    REQUIRE(file.has_value());
    const auto source = bindWeights(*file);
    REQUIRE(source.has_value());
    return (*source)->fingerprint({});
  };
  CHECK(fingerprint().has_value());
  parts[largest].data[parts[largest].data.size() / 2] ^= 1;
  const auto damaged = fingerprint();
  REQUIRE_FALSE(damaged.has_value());
  CHECK(damaged.error().code == ErrorCode::FileDamaged);
  CHECK(damaged.error().message.find("checksum") != std::string::npos);
}

TEST_CASE("a GGUF of version 6 holds the weights of the official file, halved ones made whole") {
  const auto reference = bound(kModels / "v6_rescale/model.pth"), gguf = bound(kModels / "v6_rescale/model.f32.gguf");
  CHECK(gguf->info().shape == reference->info().shape);
  for (const Weight& weight : buildProgram(reference->info().shape, {0, reference->info().shape.layers, true, true}).weights) {
    CAPTURE(weight.name);
    const auto wanted = reference->get(weight.name);
    REQUIRE_MESSAGE(wanted.has_value(), wanted.error().message);
    const auto expected = plain(*wanted);
    const auto got = gguf->get(weight.name);
    REQUIRE_MESSAGE(got.has_value(), got.error().message);
    CHECK(got->rows == weight.rows);
    CHECK(got->cols == weight.cols);
    CHECK(plain(*got) == expected);
    const auto planned = gguf->describe(weight.name);
    CHECK(planned->rows == got->rows);
    CHECK(planned->dtype == got->dtype);
  }
}

TEST_CASE("a GGUF of version 6 whose matrices were halved impossibly often is refused") {
  std::ifstream in(kModels / "v6_rescale/model.f32.gguf", std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::string key = "rwkv6.rescale_every_n_layers";
  const std::size_t at = text.find(key) + key.size();
  REQUIRE(at < text.size());
  const std::uint32_t int32Type = 5;
  const std::int32_t every = -2;
  std::memcpy(text.data() + at, &int32Type, sizeof int32Type);
  std::memcpy(text.data() + at + 4, &every, sizeof every);
  const auto source = bindWeights(*ModelFile::fromMemory(std::as_bytes(std::span(text)), "m.gguf"));
  REQUIRE_FALSE(source.has_value());
  CHECK(source.error().code == ErrorCode::FileDamaged);
}

TEST_CASE("a GGUF whose keys say another size than its tensors is refused: layers may be missing") {
  for (const auto& [name, prefix] : {std::pair{"v6_small/model.f16.gguf", "rwkv6."}, {"v7_quant/model.Q8_0.gguf", "rwkv7."}}) {
    std::ifstream in(kModels / name, std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto with = [&](const std::string& key, std::uint32_t add) {
      std::string text = whole;
      const std::size_t at = text.find(prefix + key) + std::strlen(prefix) + key.size() + 4;  // behind the value's type
      REQUIRE(at < text.size());
      std::uint32_t value = 0;
      std::memcpy(&value, text.data() + at, sizeof value);
      value += add;
      std::memcpy(text.data() + at, &value, sizeof value);
      return detect(**ModelFile::fromMemory(std::as_bytes(std::span(text)), "m.gguf"));
    };
    for (const std::string key : {"block_count", "embedding_length", "feed_forward_length"}) {
      CAPTURE(key);
      CHECK(with(key, 0).has_value());
      const auto info = with(key, 1);
      REQUIRE_FALSE(info.has_value());
      CHECK(info.error().code == ErrorCode::TensorMismatch);
      CHECK_MESSAGE(info.error().message.find(prefix + key) != std::string::npos, info.error().message);
    }
  }
}

TEST_CASE("weights are scaled by powers of two in their own type") {
  const std::vector<float> some{1.0F, -0.375F, 0.0F, 96.0F};
  for (const DType type : {DType::F32, DType::F16, DType::BF16, DType::Q8_0}) {
    std::vector<float> before(64), after(64);
    for (std::size_t i = 0; i < before.size(); ++i) before[i] = some[i % some.size()];
    std::vector<std::byte> bytes(byteSize(type, before.size()));
    encodeFromF32(type, before, bytes);
    decodeToF32(type, bytes, before);
    scaleByPowerOfTwo(type, bytes, 3);
    decodeToF32(type, bytes, after);
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i] == 8 * before[i]);
  }
}

TEST_CASE("LoRA matrices stored [out][in], as web-rwkv's converter does, give the same weights") {
  auto turned = tinyV7();
  for (FakeTensor& tensor : turned) {
    const char kind = tensor.name[tensor.name.size() - 2], last = tensor.name.back();
    if (std::string_view("wavg").find(kind) != std::string_view::npos && (last == '1' || last == '2')) std::swap(tensor.shape[0], tensor.shape[1]);
  }
  const Bytes a = safetensors(tinyV7()), b = safetensors(turned);
  const auto official = bindWeights(*ModelFile::fromMemory(a, "a"));
  const auto web = bindWeights(*ModelFile::fromMemory(b, "b.st"));
  REQUIRE_MESSAGE(web.has_value(), web.error().message);
  CHECK((*web)->info().shape == (*official)->info().shape);
  for (const auto& [name, rows, cols] : {std::tuple{"blocks.1.att.w1", 8, 32}, {"blocks.1.att.w2", 32, 8}, {"blocks.0.att.g1", 6, 32}, {"blocks.1.att.v2", 32, 4}}) {
    const auto view = (*web)->get(name);
    REQUIRE(view.has_value());
    CHECK_FALSE(view->transposed);
    CHECK(view->rows == rows);
    CHECK(view->cols == cols);
    CHECK((*official)->get(name)->transposed);
    CHECK((*official)->get(name)->rows == rows);
  }
}

TEST_CASE("the fingerprint depends on every byte, and can be cancelled") {
  Bytes bytes = safetensors(tinyV7());
  const auto print = [&] {
    auto source = bindWeights(*ModelFile::fromMemory(bytes, "m"));
    REQUIRE(source.has_value());
    return (*source)->fingerprint({}).value();
  };
  const std::string first = print();
  CHECK(first.size() == 32);
  CHECK(print() == first);
  bytes.raw().back() ^= std::byte{1};
  CHECK(print() != first);
  auto source = bindWeights(*ModelFile::fromMemory(bytes, "m"));
  std::uint64_t done = 0;
  const auto stopped = (*source)->fingerprint([&](std::uint64_t bytesDone) {
    done = bytesDone;
    return false;
  });
  CHECK(stopped.error().code == ErrorCode::Cancelled);
  CHECK(done > 0);
}

TEST_CASE("whether a chat is possible is known from the headers") {
  const std::filesystem::path path = kModels / "v7_small/model.pth";
  const auto file = ModelFile::open(path).value();
  const ModelInfo info = detect(*file).value();
  CHECK(Tokenizer::forModel(*file, info).error().code == ErrorCode::VocabularyMissing);

  // Ids 1 to 256 are the bytes; `extra` more tokens follow.
  const auto vocabulary = [](int extra) {
    const auto target = std::filesystem::temp_directory_path() / ("rookery-detect-vocabulary-" + std::to_string(extra) + ".txt");
    std::ofstream out(target);
    for (int byte = 0; byte < 256; ++byte) out << byte + 1 << " b'\\x" << "0123456789abcdef"[byte / 16] << "0123456789abcdef"[byte % 16] << "' 1\n";
    for (int i = 0; i < extra; ++i) out << 257 + i << " 'word" << 1000 + i << "' 8\n";
    return target;
  };
  CHECK(Tokenizer::forModel(*file, info, vocabulary(0)).has_value());
  CHECK(Tokenizer::forModel(*file, info, vocabulary(info.shape.vocab)).error().code == ErrorCode::VocabularyMismatch);
  CHECK(Tokenizer::forModel(*file, info, "/nonexistent").error().code == ErrorCode::FileNotFound);
  CHECK(Tokenizer::forModel(*file, info, path).error().code == ErrorCode::FormatUnknown);
  LoadOptions options;
  options.vocabulary = vocabulary(0);
  const auto loaded = Model::load(path, options);
  REQUIRE(loaded.has_value());
  CHECK((*loaded)->tokenizer() != nullptr);
}
