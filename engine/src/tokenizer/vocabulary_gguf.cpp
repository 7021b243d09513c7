// SPDX-License-Identifier: GPL-3.0-or-later
// What convert_hf_to_gguf.py of llama.cpp writes for the World tokenizer: repr() of the bytes without the quotes.
#include <fmt/format.h>

#include <new>
#include <utility>
#include <variant>

#include "tokenizer/vocabulary.h"

namespace rookery::engine {
namespace {

/// Values of tokenizer.ggml.token_type that stand for text.
constexpr std::int64_t kNormal = 1, kControl = 3, kUserDefined = 4, kByte = 6;

template <class T>
const T* metadata(const ModelFile& file, std::string_view key) {
  const auto found = file.metadata().find(key);
  return found == file.metadata().end() ? nullptr : std::get_if<T>(&found->second);
}

}  // namespace

Result<Vocabulary> readGgufVocabulary(const ModelFile& file) {
  const auto* model = metadata<std::string>(file, "tokenizer.ggml.model");
  const auto* list = metadata<MetaArray>(file, "tokenizer.ggml.tokens");
  if (model == nullptr || list == nullptr || !list->holdsTexts()) {
    return fail(ErrorCode::VocabularyMissing, fmt::format("The file {} holds no vocabulary.", file.name()));
  }
  if (*model != "rwkv") {
    return fail(ErrorCode::FormatUnknown,
                fmt::format("The file {} holds a tokenizer of type \"{}\"; only \"rwkv\" is understood.", file.name(), *model));
  }
  const auto* typeList = metadata<MetaArray>(file, "tokenizer.ggml.token_type");
  if (typeList != nullptr && !typeList->holdsIntegers()) typeList = nullptr;
  if (list->size() > std::uint64_t{kHighestTokenId} + 1) {
    return fail(ErrorCode::FileDamaged, fmt::format("The file {} has {} tokens; at most {} are understood.",
                                                    file.name(), list->size(), kHighestTokenId + 1));
  }
  if (typeList != nullptr && typeList->size() != list->size()) {
    return fail(ErrorCode::FileDamaged, fmt::format("The file {} has {} tokens, but {} token types.", file.name(),
                                                    list->size(), typeList->size()));
  }
  const auto tokens = list->texts();
  const auto types = typeList == nullptr ? std::vector<std::int64_t>{} : typeList->integers();
  Vocabulary vocabulary;
  for (std::size_t id = 1; id < tokens.size(); ++id) {
    const std::string_view token = tokens[id];
    if (typeList != nullptr) {
      const std::int64_t type = types[id];
      if (type == kControl) vocabulary.silent.push_back(static_cast<TokenId>(id));
      if (type != kNormal && type != kUserDefined && type != kByte) continue;
    } else if (token == fmt::format("[PAD{}]", id)) {
      continue;
    }
    const std::size_t offset = vocabulary.bytes.size();
    if (offset + token.size() > kMaxVocabularyBytes || !appendUnescaped(vocabulary.bytes, token, true)) {
      return fail(ErrorCode::FileDamaged,
                  fmt::format("Token {} of the vocabulary in {} is damaged: an escape is not understood.", id, file.name()));
    }
    vocabulary.entries.push_back({static_cast<TokenId>(id), static_cast<std::uint32_t>(offset),
                                  static_cast<std::uint32_t>(vocabulary.bytes.size() - offset), 0});
  }
  return vocabulary;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::fromGguf(const ModelFile& file) try {
  return readGgufVocabulary(file).and_then([](Vocabulary vocabulary) { return buildTokenizer(std::move(vocabulary)); });
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "There is not enough memory for the vocabulary.");
}

}  // namespace rookery::engine
