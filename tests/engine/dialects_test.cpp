// SPDX-License-Identifier: GPL-3.0-or-later
// The same model under the names of other programs: bitwise the same logits.
#include <doctest/doctest.h>

#include <algorithm>

#include "rookery/lora_order.h"
#include "rookery/session.h"
#include "rookery/state_file.h"
#include "support/dialects.h"
#include "support/golden.h"
#include "support/process.h"
#include "weights/official_names.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

std::filesystem::path golden(const std::string& name) { return std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models" / name; }

std::vector<float> logitsOf(const std::string& path, const std::vector<TokenId>& tokens) {
  const auto model = Model::load(path);
  REQUIRE_MESSAGE(model.has_value(), model.error().message);
  Session session(*model);
  REQUIRE(session.prefill(tokens).has_value());
  return {session.logits().begin(), session.logits().end()};
}

std::vector<TokenId> someTokens() {
  std::vector<TokenId> tokens;
  for (TokenId i = 0; i < 40; ++i) tokens.push_back((i * 37 + 11) % 200);
  return tokens;
}

}  // namespace

TEST_CASE("RWKV-7 under the names and layouts of other programs gives bitwise the same logits") {
  const TemporaryFolder folder;
  for (const auto& path : modelCases()) {
    const auto model = path / "model.pth";
    if (!path.filename().string().starts_with("v7_") || !std::filesystem::exists(model)) continue;
    CAPTURE(model.string());
    const auto tensors = tensorsOf(model);
    const auto wanted = logitsOf(model.string(), someTokens());
    for (const auto& [what, made] : {std::pair{std::string("web.st"), webRwkv(tensors)}, {"fla.safetensors", fla(tensors)}, {"fla_v1.safetensors", fusedMixes(fla(tensors))}}) {
      CAPTURE(what);
      writeRaw(folder.file(what), made);
      CHECK(logitsOf(folder.file(what), someTokens()) == wanted);
    }
  }
}

TEST_CASE("where all LoRA matrices are square, the suffix tells which way they lie, and info says so") {
  const TemporaryFolder folder;
  const std::filesystem::path model = golden("v7_micro/model.pth");
  CHECK_FALSE(squareLoraOutIn(**ModelFile::open(model)).has_value());
  CHECK_FALSE(squareLoraOutIn(**ModelFile::open(golden("v7_micro/model.f32.gguf"))).has_value());
  auto tensors = tensorsOf(model);
  const std::int64_t width = std::find_if(tensors.begin(), tensors.end(), [](const Raw& t) { return t.name == "emb.weight"; })->shape[1];
  for (Raw& t : tensors) {
    const std::string last = t.name.substr(t.name.rfind('.') + 1);
    if (last.size() != 2 || (last[1] != '1' && last[1] != '2')) continue;
    t.shape = {width, width};
    t.bytes.assign(static_cast<std::size_t>(width * width) * 2, '\0');
  }
  for (const auto& [name, outIn, words] : {std::tuple("square.safetensors", false, "[in, out] as in official files"),
                                           {"square.st", true, "[out, in] as in web-rwkv's files"}}) {
    writeRaw(folder.file(name), tensors);
    CHECK(squareLoraOutIn(**ModelFile::open(folder.file(name))) == outIn);
    const auto run = runCli({"info", folder.file(name)});
    CHECK_MESSAGE(run.out.find(std::string("lora order  ") + words + ", by the file's suffix") != std::string::npos, run.out);
  }
}

TEST_CASE("version 5.0 as web-rwkv's converter names it is refused: bonus and logarithm of the bonus have one name there") {
  const TemporaryFolder folder;
  for (const char* name : {"v50_tiny", "v50_log"}) {
    writeRaw(folder.file("web.st"), webRwkv(tensorsOf(std::filesystem::path(ROOKERY_TEST_DATA) / "data/rwkv5" / name / "model.pth")));
    const auto file = ModelFile::open(folder.file("web.st"));
    REQUIRE_MESSAGE(file.has_value(), file.error().message);
    const auto info = detect(**file);
    REQUIRE_FALSE(info);
    CHECK(info.error().code == ErrorCode::VersionUnsupported);
    CHECK(info.error().message.find("RWKV-5.0") != std::string::npos);
    CHECK(info.error().message.find(".pth") != std::string::npos);
  }
}

TEST_CASE("version 5.1 as web-rwkv's converter writes it is version 5.2 with the same results") {
  const TemporaryFolder folder;
  const auto path = std::filesystem::path(ROOKERY_TEST_DATA) / "data/rwkv5/v51_tiny/model.pth";
  writeRaw(folder.file("web.st"), webRwkv(tensorsOf(path)));
  const auto info = detect(**ModelFile::open(folder.file("web.st")));
  REQUIRE_MESSAGE(info.has_value(), info.error().message);
  CHECK(info->shape.version == RwkvVersion::V5_2);
  std::vector<TokenId> tokens;
  for (TokenId i = 0; i < 40; ++i) tokens.push_back((i * 37 + 11) % 131);
  CHECK(logitsOf(folder.file("web.st"), tokens) == logitsOf(path.string(), tokens));
}

TEST_CASE("older generations under web-rwkv's names have the same weights") {
  const TemporaryFolder folder;
  int seen = 0;
  for (const auto& golden : goldenFolders()) {
    for (const char* name : {"v4_small", "v5_small", "v6_small"}) {
      const auto path = golden / "models" / name / "model.pth";
      if (!std::filesystem::exists(path)) continue;
      CAPTURE(path.string());
      ++seen;
      writeRaw(folder.file("web.st"), webRwkv(tensorsOf(path)));
      const auto official = ModelFile::open(path), web = ModelFile::open(folder.file("web.st"));
      REQUIRE_MESSAGE(web.has_value(), web.error().message);
      const auto wanted = officialNames(**official), got = officialNames(**web);
      CHECK(got.size() == wanted.size());
      for (const auto& [tensor, w] : wanted) {
        CAPTURE(tensor);
        REQUIRE(got.contains(tensor));
        const NamedTensor& g = got.at(tensor);
        const auto raw = [](const NamedTensor& t) { return Raw{"", "BF16", t.shape, {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()}}; };
        const Raw a = w.transposed ? turned(raw(w)) : raw(w), b = g.transposed ? turned(raw(g)) : raw(g);
        CHECK(a.shape == b.shape);
        CHECK(a.bytes == b.bytes);
      }
    }
  }
  if (seen == 0) MESSAGE("SKIP: no golden models of versions 4 to 6 here");
}

TEST_CASE("a state is checked whole without its model") {
  const TemporaryFolder folder;
  const auto checked = [](const std::filesystem::path& path) {
    const auto file = ModelFile::open(path);
    REQUIRE(file.has_value());
    const auto info = describeState(**file);
    REQUIRE_MESSAGE(info.has_value(), info.error().message);
    return checkState(**file, *info);
  };
  for (const char* model : {"v6_small", "v7_small"}) {
    const auto tensors = tensorsOf(golden(std::string(model) + "/state_tuned.pth"));
    writeRaw(folder.file("good.safetensors"), tensors);
    CHECK(checked(folder.file("good.safetensors")).has_value());
    auto bad = tensors;
    bad.back().bytes.replace(bad.back().bytes.size() - 2, 2, "\xFF\xFF");
    writeRaw(folder.file("bad.safetensors"), bad);
    const auto refused = checked(folder.file("bad.safetensors"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::FileDamaged);
    CHECK_MESSAGE(refused.error().message.find("no numbers (NaN") != std::string::npos, refused.error().message);
  }
  // One big layer and many that only have a name: no memory for that many big ones.
  std::vector<Raw> uneven = tensorsOf(golden("v7_small/state_tuned.pth"));
  uneven.resize(1);
  uneven[0].name = "blocks.0.att.time_state";
  for (int layer = 1; layer < 900; ++layer)
    uneven.push_back({"blocks." + std::to_string(layer) + ".att.time_state", "F32", {1}, std::string(4, '\0')});
  writeRaw(folder.file("uneven.safetensors"), uneven);
  const auto refused = checked(folder.file("uneven.safetensors"));
  REQUIRE_FALSE(refused.has_value());
  CHECK_MESSAGE(refused.error().message.find("its layers are not of one size") != std::string::npos, refused.error().message);
}

TEST_CASE("a tuned state in a .st file has its last two dimensions the other way round") {
  const TemporaryFolder folder;
  const auto state = golden("v7_small/state_tuned.pth");
  writeRaw(folder.file("state.st"), webRwkv(tensorsOf(state)));
  const auto info = detect(**ModelFile::open(golden("v7_small/model.pth")));
  const auto official = loadState(state, info->shape), web = loadState(folder.file("state.st"), info->shape);
  REQUIRE_MESSAGE(official.has_value(), official.error().message);
  REQUIRE_MESSAGE(web.has_value(), web.error().message);
  CHECK(official->state.compare(web->state).maxAbs == 0);
  CHECK(std::any_of(official->state.data().begin(), official->state.data().end(), [](float v) { return v != 0; }));
}

TEST_CASE("a part, an adapter, a state or a model of another family is told apart, in one sentence") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& file, const std::vector<std::string>& names, ErrorCode code, const std::string& part) {
    std::vector<Raw> tensors;
    for (const auto& name : names) tensors.push_back({name, "F32", {2}, std::string(8, '\0')});
    writeRaw(folder.file(file), tensors);
    const auto opened = ModelFile::open(folder.file(file));
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    const auto info = detect(**opened);
    REQUIRE_FALSE(info);
    CHECK(info.error().code == code);
    CHECK_MESSAGE(info.error().message.find(part) != std::string::npos, info.error().message);
  };
  says("model-00002-of-00003.safetensors", {"model.layers.9.attn.r_proj.weight", "lm_head.weight"}, ErrorCode::TensorMissing,
       "only part 2 of 3 of a model. Put all parts and their list, model.safetensors.index.json, into one folder");
  says("llama.safetensors", {"model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight"}, ErrorCode::NotRwkv, "holds a Transformer");
  says("gpt2.safetensors", {"h.0.attn.c_attn.weight"}, ErrorCode::NotRwkv, "holds a Transformer");
  says("mamba.safetensors", {"backbone.layers.0.mixer.A_log"}, ErrorCode::NotRwkv, "holds a Mamba model");
  says("gla.safetensors", {"model.embeddings.weight", "model.layers.0.attn.gk_proj.0.weight"}, ErrorCode::NotRwkv, "other than RWKV-7");
  says("hf4.safetensors", {"rwkv.embeddings.weight", "rwkv.blocks.0.attention.key.weight", "head.weight"}, ErrorCode::VersionUnsupported, "early Hugging Face form");
  says("lora.safetensors", {"blocks.0.att.key.lora_A", "blocks.0.att.key.lora_B"}, ErrorCode::NotRwkv, "is an adapter");
  says("tuned.safetensors", {"blocks.0.att.time_state"}, ErrorCode::NotRwkv, "is a tuned state");
  says("state.safetensors", {"att_kv.0", "att_x_prev.0", "ffn_x_prev.0"}, ErrorCode::NotRwkv, "is a saved state");
  says("other.safetensors", {"weight"}, ErrorCode::NotRwkv, "holds no RWKV model");
}

TEST_CASE("a file that is no container is called what it is") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& file, const std::string& bytes, ErrorCode code, const std::string& part) {
    CAPTURE(file);
    writeFile(folder.file(file), bytes);
    const auto opened = ModelFile::open(folder.file(file));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == code);
    CHECK_MESSAGE(opened.error().message.find(part) != std::string::npos, opened.error().message);
    CHECK_MESSAGE(opened.error().message.find(file) != std::string::npos, opened.error().message);
  };
  const auto none = ErrorCode::FileIncomplete, other = ErrorCode::FormatUnknown;
  says("lfs.pth", "version https://git-lfs.github.com/spec/v1\noid sha256:713c6f61\nsize 338718755\n", none, "Git LFS pointer, a note that stands for the model of 338718755 bytes");
  says("page.pth", "<!DOCTYPE html>\n<html><head><title>404</title></head></html>", none, "is a web page");
  says("page2.gguf", "\n  <html lang=\"en\">", none, "is a web page");
  says("old.bin", std::string("fmgg") + std::string("\x65\0\0\0", 4) + std::string(64, '\1'), other, "old ggml format");
  says("old2.bin", std::string("tjgg") + std::string("\x03\0\0\0", 4) + std::string(64, '\1'), other, "old ggml format");
  says("model.prefab", std::string("\xA5\x67" "context\xF6\x64info\xA7", 16) + std::string(64, '\1'), other, "is a .prefab of web-rwkv");
  says("renamed.st", std::string("\xA4\x64" "info\xA7", 7) + std::string(64, '\1'), other, "is a .prefab of web-rwkv");
  says("model.pth.gz", std::string("\x1F\x8B\x08\x00", 4) + std::string(64, '\1'), other, "compressed file (gzip)");
  says("model.7z", std::string("7z\xBC\xAF\x27\x1C", 6) + std::string(64, '\1'), other, "compressed file (7-Zip)");
  says("config.json", "{\n  \"architectures\": [\"RWKV7ForCausalLM\"]\n}", other, "a description that comes with a model");
  says("pytorch_model.bin.index.json", "{\"metadata\": {}, \"weight_map\": {}}", other, "the list of a model's parts");
  says("notes.bin", std::string("just\0some bytes", 15), other, "is none of the model files");
}

TEST_CASE("a download that is not complete is called that") {
  const TemporaryFolder folder;
  const std::string whole = readFile(golden("v7_micro/model.safetensors"));
  const auto says = [&](const std::string& file, const std::string& bytes, const std::string& part, ErrorCode code = ErrorCode::FileDamaged) {
    CAPTURE(file);
    writeFile(folder.file(file), bytes);
    const auto opened = ModelFile::open(folder.file(file));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == code);
    CHECK_MESSAGE(opened.error().message.find(part) != std::string::npos, opened.error().message);
  };
  says("half.safetensors", whole.substr(0, whole.size() / 2), "bytes too early; the download may not be complete");
  says("start.safetensors", whole.substr(0, 100), "the download may not be complete");
  const std::string pth = readFile(golden("v7_small/model.pth"));
  says("half.pth", pth.substr(0, pth.size() / 2), "the download may not be complete");
  const std::string gguf = readFile(golden("v7_quant/model.Q8_0.gguf"));
  for (const std::size_t size : {gguf.size() / 2, gguf.size() - 1, std::size_t{3000}, std::size_t{700}, std::size_t{20}}) says("half.gguf", gguf.substr(0, size), "the download may not be complete");
  says("model.pth.part", pth.substr(0, pth.size() / 2), "is a download that is not complete", ErrorCode::FileIncomplete);
  says("model.safetensors.crdownload", whole.substr(0, whole.size() / 2), "is a download that is not complete", ErrorCode::FileIncomplete);
  writeFile(folder.file("late.safetensors.aria2"), "x");
  says("late.safetensors", whole, "is still being downloaded", ErrorCode::FileIncomplete);
  writeFile(folder.file("done.pth.part"), pth);  // all there, only the name is wrong
  CHECK(ModelFile::open(folder.file("done.pth.part")).has_value());
}
