// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/dialects.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <regex>
#include <span>

#include "quant/convert.h"
#include "rookery/model_file.h"
#include "support/process.h"

namespace rookery::test {

std::vector<Raw> tensorsOf(const std::filesystem::path& path) {
  const auto file = engine::ModelFile::open(path);
  REQUIRE_MESSAGE(file.has_value(), file.error().message);
  std::vector<Raw> out;
  for (const engine::TensorSource& t : (*file)->tensors()) {
    REQUIRE(t.dtype == engine::DType::BF16);
    out.push_back({t.name, "BF16", t.shape, {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()}});
  }
  return out;
}

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

void writeRaw(const std::string& path, const std::vector<Raw>& tensors) {
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

namespace {

bool contains(const std::string& name, const std::string& part) { return name.find(part) != std::string::npos; }

/// One number a head (version 5.1) becomes one a channel: unsqueeze(1).repeat(1, size).
Raw repeated(Raw t, std::int64_t size) {
  std::string bytes;
  for (std::size_t head = 0; head < t.bytes.size(); head += 2)
    for (std::int64_t i = 0; i < size; ++i) bytes += t.bytes.substr(head, 2);
  return {t.name, t.dtype, {t.shape[0], size}, bytes};
}

bool isVersion51(const std::vector<Raw>& tensors) {
  bool gate = false, perHead = false;
  for (const Raw& t : tensors) {
    gate |= contains(t.name, "gate.weight");
    perHead |= contains(t.name, "att.time_decay") && t.shape.size() == 1;
    if (contains(t.name, "time_maa")) return false;
  }
  return gate && perHead;
}

}  // namespace

std::vector<Raw> halves(std::vector<Raw> tensors) {
  for (Raw& t : tensors) {
    std::vector<float> values(t.bytes.size() / 2);
    engine::decodeToF32(engine::DType::BF16, std::as_bytes(std::span(t.bytes)), values);
    engine::encodeFromF32(engine::DType::F16, values, std::as_writable_bytes(std::span(t.bytes)));
    t.dtype = "F16";
  }
  return tensors;
}

std::vector<Raw> webRwkv(std::vector<Raw> tensors) {
  const bool version51 = isVersion51(tensors);
  const std::int64_t width = tensors.front().shape.back();  // of emb.weight
  for (Raw& t : tensors) {
    if (version51 && (contains(t.name, "time_decay") || contains(t.name, "time_faaaa"))) t = repeated(std::move(t), width / t.shape[0]);
    t.name = std::regex_replace(std::regex_replace(t.name, std::regex("time_faaaa"), "time_first"), std::regex("time_maa"), "time_mix");
    for (const char* word : {"time_mix_w1", "time_mix_w2", "time_decay_w1", "time_decay_w2", "w1", "w2", "a1", "a2", "g1", "g2", "v1", "v2", "time_state", "lora.0"})
      if (contains(t.name, word)) {
        t = turned(std::move(t));
        break;
      }
  }
  return tensors;
}

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

}  // namespace rookery::test
