// SPDX-License-Identifier: GPL-3.0-or-later
// The same model under the names of other programs: bitwise the same logits. The names and layouts here are written down
// from the programs' own sources, not from the engine's tables: cryscan/web-rwkv, assets/scripts/convert_safetensors.py;
// fla-org/flash-linear-attention, utils/convert_from_rwkv7.py, fla/layers/rwkv7.py and fla/models/rwkv7/modeling_rwkv7.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>

#include "rookery/session.h"
#include "support/golden.h"
#include "support/process.h"
#include "weights/official_names.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

struct Raw {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

std::filesystem::path golden(const std::string& name) { return std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models" / name; }

std::vector<Raw> tensorsOf(const std::filesystem::path& path) {
  const auto file = ModelFile::open(path);
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  std::vector<Raw> out;
  for (const TensorSource& t : (*file)->tensors()) {
    REQUIRE(t.dtype == DType::BF16);
    out.push_back({t.name, "BF16", t.shape, {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()}});
  }
  return out;
}

/// The last two dimensions the other way round.
Raw turned(Raw t) {
  const auto rows = static_cast<std::size_t>(t.shape[t.shape.size() - 2]), cols = static_cast<std::size_t>(t.shape.back());
  const std::string from = t.bytes;
  const std::size_t count = from.size() / 2 / rows / cols;
  for (std::size_t m = 0; m < count; ++m)
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < cols; ++c)
        std::memcpy(&t.bytes[2 * ((m * cols + c) * rows + r)], &from[2 * ((m * rows + r) * cols + c)], 2);
  std::swap(t.shape[t.shape.size() - 2], t.shape.back());
  return t;
}

void write(const std::string& path, const std::vector<Raw>& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::size_t at = 0;
  for (const Raw& t : tensors) {
    header[t.name] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {at, at + t.bytes.size()}}};
    at += t.bytes.size();
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::string out(reinterpret_cast<const char*>(&length), sizeof length);
  out += text;
  for (const Raw& t : tensors) out += t.bytes;
  writeFile(path, out);
}

bool contains(const std::string& name, const std::string& part) { return name.find(part) != std::string::npos; }

/// What the converter's main() does: rename, then turn everything whose new name contains one of its words.
std::vector<Raw> webRwkv(std::vector<Raw> tensors) {
  for (Raw& t : tensors) {
    t.name = std::regex_replace(std::regex_replace(t.name, std::regex("time_faaaa"), "time_first"), std::regex("time_maa"), "time_mix");
    for (const char* word : {"time_mix_w1", "time_mix_w2", "time_decay_w1", "time_decay_w2", "w1", "w2", "a1", "a2", "g1", "g2", "v1", "v2", "time_state", "lora.0"})
      if (contains(t.name, word)) {
        t = turned(std::move(t));
        break;
      }
  }
  return tensors;
}

/// The attribute names of RWKV7ForCausalLM, its blocks, attention and LoRA.
std::vector<Raw> fla(const std::vector<Raw>& tensors) {
  std::vector<Raw> out;
  for (Raw t : tensors) {
    std::smatch m;
    if (t.name == "emb.weight") t.name = "model.embeddings.weight";
    if (t.name == "head.weight") t.name = "lm_head.weight";
    if (contains(t.name, "ln_out.")) t.name.replace(0, 6, "model.norm");
    if (std::regex_match(t.name, m, std::regex("blocks\\.([0-9]+)\\.(.*)"))) {
      const std::string layer = "model.layers." + m[1].str() + ".", rest = m[2];
      if (m[1] == "0" && std::regex_match(rest, std::regex("att\\.v[012]"))) continue;  // never used, not there
      if (rest.starts_with("ln0.")) t.name = layer + "pre_norm." + rest.substr(4);
      if (rest.starts_with("ln1.")) t.name = layer + "attn_norm." + rest.substr(4);
      if (rest.starts_with("ln2.")) t.name = layer + "ffn_norm." + rest.substr(4);
      if (rest.starts_with("ffn.")) t.name = layer + rest;
      if (rest == "ffn.x_k") t.shape = {t.shape.back()};
      if (rest.starts_with("att.")) t.name = layer + "attn." + rest.substr(4);
      if (rest == "att.k_k" || rest == "att.k_a") t.shape = {t.shape.back()};
      for (const auto& [official, theirs] : {std::pair{"att.receptance.", "attn.r_proj."}, {"att.key.", "attn.k_proj."}, {"att.value.", "attn.v_proj."},
                                             {"att.output.", "attn.o_proj."}, {"att.ln_x.", "attn.g_norm."}})
        if (rest.starts_with(official)) t.name = layer + theirs + rest.substr(std::strlen(official));
      if (std::regex_match(rest, m, std::regex("att\\.([wvag])([012])"))) {
        const std::string lora = layer + "attn." + m[1].str() + "_lora.lora.";
        t.name = lora + (m[2] == "0" ? "2.bias" : m[2] == "1" ? "0.weight" : "2.weight");
        if (m[2] == "0") {
          t.shape = {t.shape.back()};
        } else {
          t = turned(std::move(t));
        }
      }
    }
    out.push_back(std::move(t));
  }
  return out;
}

/// Version 1 of fla's attention: the mixes as one parameter.
std::vector<Raw> fusedMixes(const std::vector<Raw>& tensors) {
  std::vector<Raw> out;
  for (const Raw& t : tensors) {
    const bool mix = contains(t.name, ".attn.x_");
    if (mix && !t.name.ends_with("x_r")) continue;
    if (mix) {
      const std::string prefix = t.name.substr(0, t.name.size() - 1);
      std::string bytes;
      for (const char kind : std::string("rwkvag"))
        bytes += std::find_if(tensors.begin(), tensors.end(), [&](const Raw& other) { return other.name == prefix + kind; })->bytes;
      out.push_back({prefix + "x", t.dtype, {6, t.shape.back()}, bytes});
    } else {
      out.push_back(t);
    }
  }
  return out;
}

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
      write(folder.file(what), made);
      CHECK(logitsOf(folder.file(what), someTokens()) == wanted);
    }
  }
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
      write(folder.file("web.st"), webRwkv(tensorsOf(path)));
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

TEST_CASE("a tuned state in a .st file has its last two dimensions the other way round") {
  const TemporaryFolder folder;
  const auto state = golden("v7_small/state_tuned.pth");
  write(folder.file("state.st"), webRwkv(tensorsOf(state)));
  const auto info = detect(**ModelFile::open(golden("v7_small/model.pth")));
  const auto official = State::load(state, info->shape), web = State::load(folder.file("state.st"), info->shape);
  REQUIRE_MESSAGE(official.has_value(), official.error().message);
  REQUIRE_MESSAGE(web.has_value(), web.error().message);
  CHECK(official->compare(*web).maxAbs == 0);
  CHECK(std::any_of(official->data().begin(), official->data().end(), [](float v) { return v != 0; }));
}

TEST_CASE("a part, an adapter, a state or a model of another family is told apart, in one sentence") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& file, const std::vector<std::string>& names, ErrorCode code, const std::string& part) {
    std::vector<Raw> tensors;
    for (const auto& name : names) tensors.push_back({name, "F32", {2}, std::string(8, '\0')});
    write(folder.file(file), tensors);
    const auto opened = ModelFile::open(folder.file(file));
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    const auto info = detect(**opened);
    REQUIRE_FALSE(info);
    CHECK(info.error().code == code);
    CHECK_MESSAGE(info.error().message.find(part) != std::string::npos, info.error().message);
  };
  says("model-00002-of-00003.safetensors", {"model.layers.9.attn.r_proj.weight", "lm_head.weight"}, ErrorCode::TensorMissing, "only part 2 of 3");
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
  const auto damaged = ErrorCode::FileDamaged, other = ErrorCode::FormatUnknown;
  says("lfs.pth", "version https://git-lfs.github.com/spec/v1\noid sha256:713c6f61\nsize 338718755\n", damaged, "Git LFS pointer, a note that stands for the model of 338718755 bytes");
  says("page.pth", "<!DOCTYPE html>\n<html><head><title>404</title></head></html>", damaged, "is a web page");
  says("page2.gguf", "\n  <html lang=\"en\">", damaged, "is a web page");
  says("old.bin", std::string("fmgg") + std::string("\x65\0\0\0", 4) + std::string(64, '\1'), other, "old ggml format");
  says("old2.bin", std::string("tjgg") + std::string("\x03\0\0\0", 4) + std::string(64, '\1'), other, "old ggml format");
  says("model.prefab", std::string("\xA5\x67" "context\xF6\x64info\xA7", 16) + std::string(64, '\1'), other, "is a .prefab of web-rwkv");
  says("renamed.st", std::string("\xA4\x64" "info\xA7", 7) + std::string(64, '\1'), other, "is a .prefab of web-rwkv");
  says("model.pth.gz", std::string("\x1F\x8B\x08\x00", 4) + std::string(64, '\1'), other, "compressed file (gzip)");
  says("model.7z", std::string("7z\xBC\xAF\x27\x1C", 6) + std::string(64, '\1'), other, "compressed file (7-Zip)");
  says("config.json", "{\n  \"architectures\": [\"RWKV7ForCausalLM\"]\n}", other, "a description that comes with a model");
  says("model.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": {}}", other, "the list of a model's parts");
  says("notes.txt", "just some text, long enough to be one", other, "is none of the model files");
}

TEST_CASE("a download that is not complete is called that") {
  const TemporaryFolder folder;
  const std::string whole = readFile(golden("v7_micro/model.safetensors"));
  const auto says = [&](const std::string& file, const std::string& bytes, const std::string& part) {
    CAPTURE(file);
    writeFile(folder.file(file), bytes);
    const auto opened = ModelFile::open(folder.file(file));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::FileDamaged);
    CHECK_MESSAGE(opened.error().message.find(part) != std::string::npos, opened.error().message);
  };
  says("half.safetensors", whole.substr(0, whole.size() / 2), "bytes too early; the download may not be complete");
  says("start.safetensors", whole.substr(0, 100), "the download may not be complete");
  const std::string pth = readFile(golden("v7_small/model.pth"));
  says("half.pth", pth.substr(0, pth.size() / 2), "the download may not be complete");
  says("model.pth.part", pth.substr(0, pth.size() / 2), "is a download that is not complete");
  says("model.safetensors.crdownload", whole.substr(0, whole.size() / 2), "is a download that is not complete");
  writeFile(folder.file("late.safetensors.aria2"), "x");
  says("late.safetensors", whole, "is still being downloaded");
  writeFile(folder.file("done.pth.part"), pth);  // all there, only the name is wrong
  CHECK(ModelFile::open(folder.file("done.pth.part")).has_value());
}
