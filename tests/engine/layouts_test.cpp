// SPDX-License-Identifier: GPL-3.0-or-later
// Every layout of a GGUF that llama.cpp's loaders of rwkv6 and rwkv7 take, and the numbers in its keys.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "rookery/convert.h"
#include "rookery/session.h"
#include "support/gguf_items.h"
#include "support/model_logits.h"
#include "support/process.h"

using namespace rookery::engine;
using namespace rookery::test;

namespace {

const std::filesystem::path kModels = std::filesystem::path(ROOKERY_TEST_DATA) / "golden/models";

Error refusal(const std::string& path) {
  const auto file = ModelFile::open(path);
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  const auto info = detect(**file);
  REQUIRE_FALSE(info.has_value());
  return info.error();
}

bool says(const Error& error, const std::string& part) { return error.message.find(part) != std::string::npos; }

/// RWKV-6 as it was written before January 2025: the five lerps apart.
GgufItems withSplitLerps(const std::filesystem::path& path, bool flat) {
  GgufItems items(path);
  std::vector<GgufItems::Tensor> out;
  for (const auto& t : items.tensors) {
    const std::size_t at = t.name.find("fused");
    if (at == std::string::npos) {
      out.push_back(t);
      continue;
    }
    const std::int64_t width = t.shape.back();
    const std::size_t part = t.bytes.size() / 5;
    for (std::size_t i = 0; i < 5; ++i) {
      auto one = t;
      one.name.replace(at, 5, 1, "wkvrg"[i]);
      one.shape = flat ? std::vector{width} : std::vector<std::int64_t>{1, 1, width};
      one.bytes.assign(t.bytes.begin() + static_cast<std::ptrdiff_t>(i * part),
                       t.bytes.begin() + static_cast<std::ptrdiff_t>((i + 1) * part));
      out.push_back(std::move(one));
    }
  }
  items.tensors = std::move(out);
  return items;
}

}  // namespace

TEST_CASE("RWKV-6 with its lerps apart gives bitwise the logits of the joined form") {
  const TemporaryFolder folder;
  for (const char* name : {"v6_small/model.f16.gguf", "v6_rescale/model.f32.gguf"}) {
    CAPTURE(name);
    const auto wanted = logitsOf(kModels / name);
    for (const bool flat : {false, true}) {
      withSplitLerps(kModels / name, flat).write(folder.file("old.gguf"));
      CHECK(logitsOf(folder.file("old.gguf")) == wanted);
    }
    // Where both are there, llama.cpp uses the joined one, whichever comes first.
    GgufItems both(kModels / name);
    const GgufItems apart = withSplitLerps(kModels / name, false);
    std::vector<GgufItems::Tensor> junk;
    for (auto t : apart.tensors)
      if (t.name.find("time_mix_lerp_") != std::string::npos && !t.name.ends_with("lerp_x.weight")) {
        std::fill(t.bytes.begin(), t.bytes.end(), std::byte{0x11});
        junk.push_back(std::move(t));
      }
    REQUIRE(junk.size() >= 10);
    for (const bool first : {true, false}) {
      auto items = both;
      items.tensors.insert(first ? items.tensors.begin() : items.tensors.end(), junk.begin(), junk.end());
      items.write(folder.file("both.gguf"));
      CHECK(logitsOf(folder.file("both.gguf")) == wanted);
    }
  }
}

TEST_CASE("vectors may be flat, of three dimensions or by heads; layer 0 needs no v") {
  const TemporaryFolder folder;
  for (const char* name : {"v7_micro/model.f32.gguf", "v7_small/model.f16.gguf", "v6_small/model.f16.gguf"}) {
    CAPTURE(name);
    const auto wanted = logitsOf(kModels / name);
    GgufItems items(kModels / name);
    for (auto& t : items.tensors) {
      const bool vector = t.shape.size() == 1 || (t.shape.size() == 3 && t.shape[0] == 1 && t.shape[1] == 1);
      const bool fused = t.name.ends_with("lerp_fused.weight");
      if (fused) t.shape = {t.shape[0], t.shape.back()};
      if (vector && t.name.find("time_mix_") != std::string::npos)
        t.shape = t.shape.size() == 1 ? std::vector<std::int64_t>{1, 1, t.shape[0]} : std::vector{t.shape[2]};
      if (t.name.ends_with("r_k.weight")) t.shape = {t.shape.back() / 64, 64};
    }
    if (std::string(name).starts_with("v7"))
      std::erase_if(items.tensors, [](const auto& t) {
        return t.name.starts_with("blk.0.time_mix_v0") || t.name.starts_with("blk.0.time_mix_v1") ||
               t.name.starts_with("blk.0.time_mix_v2");
      });
    items.write(folder.file("forms.gguf"));
    CHECK(logitsOf(folder.file("forms.gguf")) == wanted);
  }
}

TEST_CASE("a layout that is not known is called that; a model that lacks a tensor, incomplete") {
  const TemporaryFolder folder;
  GgufItems items(kModels / "v6_small/model.f16.gguf");
  for (auto* t : items.ending("time_mix_lerp_fused.weight"))
    t->name.replace(t->name.find("lerp_fused"), 10, "lerp_other");
  items.write(folder.file("unknown.gguf"));
  const Error unknown = refusal(folder.file("unknown.gguf"));
  CHECK(unknown.code == ErrorCode::FormatUnknown);
  for (const char* part :
       {"unknown.gguf was written by an older converter", "blk.0.time_mix_lerp_other.weight", "convert it again."})
    CHECK_MESSAGE(says(unknown, part), unknown.message);
  CHECK(unknown.message.find("incomplete") == std::string::npos);

  GgufItems less(kModels / "v6_small/model.f16.gguf");
  std::erase_if(less.tensors, [](const auto& t) { return t.name == "blk.1.time_mix_lerp_fused.weight"; });
  less.write(folder.file("less.gguf"));
  const Error missing = refusal(folder.file("less.gguf"));
  CHECK(missing.code == ErrorCode::TensorMissing);
  CHECK_MESSAGE(says(missing, "is incomplete: tensor blocks.1.att.time_maa_w"), missing.message);
}

TEST_CASE("a block format that is not read matters only where a tensor is needed") {
  const TemporaryFolder folder;
  const auto path = folder.file("formats.gguf");
  const auto model = kModels / "v7_small/model.f16.gguf";
  // Numbers of ggml (IQ2_XXS, MXFP4) and none.
  for (const auto& [number, name] : {std::pair{16U, "block format IQ2_XXS"}, {39U, "block format MXFP4"}, {250U, "block format number 250"}}) {
    CAPTURE(name);
    const auto writeWith = [&](const std::string& tensor, const GgufItems& items) {
      items.write(path);
      std::string bytes = readFile(path);
      const auto& shape = std::find_if(items.tensors.begin(), items.tensors.end(), [&](const auto& t) { return t.name == tensor; })->shape;
      const std::size_t at = bytes.find(tensor) + tensor.size() + 4 + 8 * shape.size();
      std::memcpy(bytes.data() + at, &number, sizeof number);
      writeFile(path, bytes);
    };
    GgufItems items(model);
    items.tensors.push_back({"extra.weight", {256}, DType::F32, std::vector<std::byte>(1024)});
    writeWith("extra.weight", items);
    CHECK(logitsOf(path) == logitsOf(model));
    const auto file = ModelFile::open(path);
    REQUIRE(file.has_value());
    CHECK((*file)->find("extra.weight") == nullptr);
    CHECK(std::get<std::string>((*file)->metadata().at("rookery.not_read.extra.weight")) == name);
    for (const char* needed : {"blk.1.channel_mix_key.weight", "token_embd.weight", "blk.0.time_mix_r_k.weight"}) {
      writeWith(needed, GgufItems(model));
      const Error error = refusal(path);
      CHECK(error.code == ErrorCode::FormatUnknown);
      CHECK_MESSAGE(says(error, std::string("formats.gguf holds weights of the ") + name + ", which is not read (" + needed + ")"), error.message);
    }
  }
}

TEST_CASE("the size of heads is read or derived, never guessed") {
  const TemporaryFolder folder;
  const auto path = folder.file("heads.gguf");
  const auto micro = kModels / "v7_micro/model.f32.gguf", small = kModels / "v7_small/model.f16.gguf";
  for (const auto& model : {micro, small}) {
    GgufItems items(model);
    items.dropKey("rwkv7.wkv.head_size");
    for (const bool line : {false, true}) {  // [C], and [1, C], which looks like one head
      for (auto* t : items.ending("r_k.weight"))
        t->shape = line ? std::vector<std::int64_t>{1, t->shape.back()} : std::vector{t->shape.back()};
      items.write(path);
      const Error error = refusal(path);
      CHECK(error.code == ErrorCode::TensorMissing);
      CHECK_MESSAGE(says(error, "its key rwkv7.wkv.head_size is missing"), error.message);
    }
  }
  GgufItems items(small);
  for (auto* t : items.ending("r_k.weight")) t->shape = {t->shape.back() / 64, 64};
  auto less = items;
  less.dropKey("rwkv7.wkv.head_size");
  less.write(path);
  CHECK(logitsOf(path) == logitsOf(small));
  items.setKey("rwkv7.wkv.head_size", std::uint32_t{32});
  items.write(path);
  CHECK_MESSAGE(says(refusal(path), "contradicts itself: its heads are said to have 32 channels"),
                refusal(path).message);

  GgufItems six(kModels / "v6_small/model.f16.gguf");
  six.dropKey("rwkv6.wkv.head_size");
  six.write(path);
  CHECK(logitsOf(path) == logitsOf(kModels / "v6_small/model.f16.gguf"));  // time_mix_first is [head, size]
  for (auto* t : six.ending("time_mix_first.weight")) t->shape = {t->shape[0] * t->shape[1]};
  six.write(path);
  CHECK_MESSAGE(says(refusal(path), "its key rwkv6.wkv.head_size is missing"), refusal(path).message);
}

TEST_CASE("an epsilon in the keys is used, kept by conversion, and never lost in silence") {
  const TemporaryFolder folder;
  for (const auto& [name, key] : {std::pair{"v7_small/model.f16.gguf", "rwkv7.attention.layer_norm_epsilon"},
                                  {"v6_small/model.f16.gguf", "rwkv6.attention.layer_norm_epsilon"}}) {
    CAPTURE(name);
    GgufItems items(kModels / name);
    items.setKey(key, 0.01F);
    items.write(folder.file("eps.gguf"));
    const auto file = ModelFile::open(folder.file("eps.gguf"));
    CHECK(detect(**file)->shape.normEps == 0.01F);
    const auto logits = logitsOf(folder.file("eps.gguf"));
    CHECK(logits != logitsOf(kModels / name));
    CHECK((*Model::load(folder.file("eps.gguf")))->fingerprint() != (*Model::load(kModels / name))->fingerprint());
    ConvertOptions options;
    options.precision = DType::F16;
    REQUIRE(convertModel(*file, folder.file("again.gguf"), options).has_value());
    CHECK(detect(**ModelFile::open(folder.file("again.gguf")))->shape.normEps == 0.01F);
    const auto lost = convertModel(*file, folder.file("lost.safetensors"), options);
    REQUIRE_FALSE(lost.has_value());
    CHECK_MESSAGE(says(lost.error(), "an epsilon of 0.01, which a .safetensors cannot say"), lost.error().message);
    for (const float wrong : {0.0F, -1.0F, 2.0F, NAN}) {
      items.setKey(key, wrong);
      items.write(folder.file("eps.gguf"));
      CHECK(says(refusal(folder.file("eps.gguf")), "which is impossible"));
    }
  }
}

TEST_CASE("a GGUF without a vocabulary says how many tokens it has, or llama.cpp would count none") {
  const TemporaryFolder folder;
  ConvertOptions options;
  options.precision = DType::F16;
  for (const auto& [name, key] : {std::pair{"v7_small", "rwkv7.vocab_size"}, {"v6_small", "rwkv6.vocab_size"}}) {
    const auto file = ModelFile::open(kModels / name / "model.pth");
    REQUIRE(file.has_value());
    REQUIRE(convertModel(*file, folder.file("new.gguf"), options).has_value());
    const auto written = ModelFile::open(folder.file("new.gguf"));
    REQUIRE(written.has_value());
    CHECK(std::get<std::string>((*written)->metadata().at("tokenizer.ggml.model")) == "none");
    CHECK(std::get<std::int64_t>((*written)->metadata().at(key)) == detect(**file)->shape.vocab);
  }
}
