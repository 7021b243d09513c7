// SPDX-License-Identifier: GPL-3.0-or-later
// Keys as convert_hf_to_gguf.py of llama.cpp writes them for RWKV-6 and 7 with the World tokenizer.
#include "convert/gguf_metadata.h"

#include <fmt/format.h>

#include "formats/safetensors_writer.h"
#include "rookery/file_name.h"

namespace rookery::engine {

namespace {

constexpr std::int32_t kNormal = 1, kControl = 3, kUnused = 5;
constexpr const char* kTemplateKey = "tokenizer.chat_template";
constexpr const char* kRescale = "rwkv6.rescale_every_n_layers";
constexpr std::uint32_t kBlankLine = 261;  // "\n\n" of the World vocabulary ends a turn of a chat

// llama.cpp's LLAMA_FTYPE: what most tensors are.
std::uint32_t fileType(DType precision) {
  switch (precision) {
    case DType::F32: return 0;
    case DType::Q4_0: return 2;
    case DType::Q4_1: return 3;
    case DType::Q8_0: return 7;
    case DType::Q5_0: return 8;
    case DType::Q5_1: return 9;
    case DType::Q4_K: return 14;
    case DType::Q5_K: return 16;
    case DType::Q6_K: return 18;
    case DType::BF16: return 32;
    default: return 1;
  }
}

void addVocabulary(GgufKeys& keys, const Tokenizer* vocabulary, int count) {
  if (vocabulary == nullptr) return keys.text("tokenizer.ggml.model", "none");
  std::vector<std::string> tokens{"<s>"};
  std::vector<std::int32_t> types{kControl};
  for (TokenId id = 1; id < static_cast<TokenId>(count); ++id) {
    const bool known = vocabulary->contains(id);
    tokens.push_back(known ? pythonEscaped(vocabulary->bytesOf(id)) : fmt::format("[PAD{}]", id));
    types.push_back(known ? kNormal : kUnused);
  }
  keys.text("tokenizer.ggml.model", "rwkv");
  keys.texts("tokenizer.ggml.tokens", tokens);
  keys.i32s("tokenizer.ggml.token_type", types);
  const bool blankLine = vocabulary->bytesOf(kBlankLine) == "\n\n" && count > static_cast<int>(kBlankLine);
  keys.u32("tokenizer.ggml.eot_token_id", blankLine ? kBlankLine : kEndOfText);
  keys.u32("tokenizer.ggml.bos_token_id", kEndOfText);
  keys.u32("tokenizer.ggml.eos_token_id", kEndOfText);
  keys.text(kTemplateKey, kChatTemplate);
}

bool decidedHere(std::string_view key) {
  return key == "general.file_type" || key == "general.quantization_version" || key == "general.alignment" ||
         key == kRescale || key == kTemplateKey || key == kKindKey || key == kProgramKey;
}

}  // namespace

const std::string_view kChatTemplate =
    "{% for m in messages %}{% if m.role == 'assistant' %}{% set text = m.content | trim %}Assistant:"
    "{% else %}"
    "{% set text = (m.content | replace('\\r\\n', '\\n')).split('\\n') | reject('equalto', '') | join('\\n') | trim %}"
    "{% if m.role == 'user' %}User:{% else %}System:{% endif %}{% endif %}{% if text %}{{ ' ' + text }}"
    "{% endif %}{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\\n\\nAssistant:' }}{% if thinking == 'off' %}{{ ' <think></think' }}"
    "{% elif thinking == 'fast' %}{{ ' <think>\\n</think' }}{% elif thinking == 'on' %}{{ ' <think' }}"
    "{% endif %}{% endif %}";

std::string pythonEscaped(std::string_view bytes) {
  // repr() puts double quotes around what holds single quotes only, and then need not escape them.
  const bool escapeQuote = bytes.find('"') != std::string_view::npos;
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '\t': text += "\\t"; break;
      case '\n': text += "\\n"; break;
      case '\r': text += "\\r"; break;
      case '\\': text += "\\\\"; break;
      case '\'': text += escapeQuote ? "\\'" : "'"; break;
      default:
        if (byte < 0x20 || byte >= 0x7F) text += fmt::format("\\x{:02x}", byte);
        else text += c;
    }
  }
  return text;
}

GgufKeys ggufKeys(const ModelFile& file, const ModelInfo& info, DType precision, const Tokenizer* vocabulary) {
  GgufKeys keys;
  if (file.container() == Container::Gguf) {
    for (const auto& [key, value] : file.rawMetadata())
      if (!decidedHere(key)) keys.raw(key, value);
    // The name of a template that older llama.cpp had built in; today's takes it for the text of one.
    const auto given = file.metadata().find(kTemplateKey);
    const auto* text = given == file.metadata().end() ? nullptr : std::get_if<std::string>(&given->second);
    if (text != nullptr) keys.text(kTemplateKey, *text == "rwkv-world" ? kChatTemplate : *text);
  } else {
    const ModelShape& s = info.shape;
    const bool version6 = s.version == RwkvVersion::V6;
    const std::string architecture = version6 ? "rwkv6" : "rwkv7";
    const auto u32 = [&](const char* key, int value) { keys.u32(fmt::format("{}.{}", architecture, key), static_cast<std::uint32_t>(value)); };
    keys.text("general.architecture", architecture);
    keys.text("general.type", "model");
    keys.text("general.name", withoutSuffix(info.name));
    u32("context_length", 1048576);
    u32("embedding_length", s.nEmbd);
    u32("block_count", s.layers);
    keys.f32(architecture + ".attention.layer_norm_epsilon", s.normEps);
    u32("wkv.head_size", s.headSize);
    if (version6) {
      u32("time_mix_extra_dim", s.rankMaa);
      u32("time_decay_extra_dim", s.rankW);
    } else {
      u32("attention.decay_lora_rank", s.rankW);
      u32("attention.iclr_lora_rank", s.rankA);
      u32("attention.value_residual_mix_lora_rank", s.rankV);
      u32("attention.gate_lora_rank", s.rankG);
    }
    u32("feed_forward_length", s.dimFfn);
    u32("attention.head_count", 0);  // asked for, not used
    if (vocabulary == nullptr) u32("vocab_size", s.vocab);  // which llama.cpp else counts in the vocabulary
    addVocabulary(keys, vocabulary, s.vocab);
  }
  if (info.shape.version == RwkvVersion::V6) keys.u32(kRescale, 0);  // weights are written whole
  for (const auto& [key, value] : ownMetadata("model")) keys.text(key, value);
  keys.u32("general.quantization_version", 2);
  keys.u32("general.file_type", fileType(precision));
  return keys;
}

}  // namespace rookery::engine
