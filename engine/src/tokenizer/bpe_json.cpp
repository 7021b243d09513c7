// SPDX-License-Identifier: GPL-3.0-or-later
// The format is that of huggingface/tokenizers (tokenizer.json); the byte alphabet is GPT-2's (openai/gpt-2, encoder.py).
#include "tokenizer/bpe_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "formats/names.h"
#include "formats/strict_json.h"
#include "text/utf8.h"
#include "tokenizer/unicode_text.h"
#include "tokenizer/vocabulary.h"

namespace rookery::engine {
namespace {

using nlohmann::json;

/// Far above any real one (20B: 24 bytes). Every position of a text is compared with them.
constexpr std::size_t kLongestAdded = 256;
constexpr std::size_t kMostAdded = 65536;

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(ErrorCode::FileDamaged, fmt::format("The tokenizer file is damaged: {}.", what));
}

tl::unexpected<Error> notUnderstood(const std::string& what) {
  return fail(ErrorCode::FormatUnknown,
              fmt::format("The tokenizer file {}; only byte-level BPE as in 20B_tokenizer.json of RWKV-4 Pile, and the World vocabulary, can be read.", what));
}

/// Bytes that print stand for themselves, the others for the characters from U+0100 on.
std::array<std::uint32_t, 256> byteAlphabet() {
  std::array<std::uint32_t, 256> letters{};
  std::uint32_t next = 256;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    letters[byte] = prints ? byte : next++;
  }
  return letters;
}

/// The bytes that a token's letters stand for; nullopt if a character is no letter of the alphabet.
class ByteLetters {
 public:
  ByteLetters() {
    const auto letters = byteAlphabet();
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      std::string letter;
      appendUtf8(letter, letters[byte]);
      m_bytes.emplace(std::move(letter), static_cast<char>(byte));
    }
  }
  std::optional<std::string> bytesOf(std::string_view letters) const {
    std::string bytes;
    while (!letters.empty()) {
      const std::size_t length = charStep(letters).length;
      const auto found = m_bytes.find(std::string(letters.substr(0, length)));
      if (found == m_bytes.end()) return std::nullopt;
      bytes += found->second;
      letters.remove_prefix(length);
    }
    return bytes;
  }

 private:
  std::unordered_map<std::string, char> m_bytes;
};

const json* member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

/// A setting that must be absent, null or `wanted`.
bool isPlain(const json& object, const char* key, const json& wanted) {
  const json* value = member(object, key);
  return value == nullptr || *value == wanted;
}

std::optional<TokenId> idOf(const json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kHighestTokenId) return std::nullopt;
  return value.get<TokenId>();
}

std::string inQuotes(std::string_view text) { return "\"" + printable(text.substr(0, 60)) + "\""; }

Result<void> checkSettings(const json& file) {
  for (const char* key : {"truncation", "padding"})
    if (member(file, key) != nullptr) return notUnderstood(fmt::format("asks for {}", key));
  if (const json* normalizer = member(file, "normalizer"); normalizer != nullptr)
    if (!normalizer->is_object() || normalizer->value("type", json()) != "NFC") return notUnderstood("has a normaliser other than NFC");
  for (const char* part : {"pre_tokenizer", "decoder"}) {
    const json* level = member(file, part);
    if (level == nullptr || !level->is_object() || level->value("type", json()) != "ByteLevel")
      return notUnderstood(fmt::format("has a {} that is not ByteLevel", part));
    if (std::string_view(part) == "pre_tokenizer" &&
        (!isPlain(*level, "use_regex", true) || !level->contains("add_prefix_space") || !isPlain(*level, "add_prefix_space", false)))
      return notUnderstood("splits text in another way than GPT-2");
  }
  if (const json* post = member(file, "post_processor"); post != nullptr)  // ByteLevel: changes offsets only
    if (!post->is_object() || post->value("type", json()) != "ByteLevel") return notUnderstood("adds tokens to every text");
  return {};
}

/// Token texts as the file writes them, with their ids.
using Ids = std::unordered_map<std::string, TokenId>;

Result<Ids> readTokens(const json& model, BpeModel& out) {
  const json* vocabulary = member(model, "vocab");
  if (vocabulary == nullptr || !vocabulary->is_object()) return damaged("it has no vocabulary");
  if (vocabulary->size() > std::size_t{kHighestTokenId} + 1) return damaged("it has more tokens than any vocabulary");
  const ByteLetters letters;
  Ids ids;
  ids.reserve(vocabulary->size());
  out.tokens.reserve(vocabulary->size());
  out.byteTokens.fill(BpeModel::kNoToken);
  for (const auto& [text, value] : vocabulary->items()) {
    const auto id = idOf(value);
    if (!id) return damaged(fmt::format("the id of token {} is not a number from 0 to {}", inQuotes(text), kHighestTokenId));
    auto bytes = letters.bytesOf(text);
    if (!bytes || bytes->empty()) return damaged(fmt::format("token {} is not written in the byte alphabet", *id));
    if (bytes->size() == 1) out.byteTokens[static_cast<unsigned char>(bytes->front())] = *id;
    ids.emplace(text, *id);
    out.tokens.push_back({*id, std::move(*bytes)});
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool inUtf8 = byte != 0xC0 && byte != 0xC1 && byte < 0xF5;
    if (inUtf8 && out.byteTokens[byte] == BpeModel::kNoToken) return damaged(fmt::format("it has no token for the single byte 0x{:02X}", byte));
  }
  std::sort(out.tokens.begin(), out.tokens.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  const auto twin = std::adjacent_find(out.tokens.begin(), out.tokens.end(), [](const auto& a, const auto& b) { return a.id == b.id; });
  if (twin != out.tokens.end()) return damaged(fmt::format("token {} is there twice", twin->id));
  return ids;
}

/// "left right", or the newer form ["left", "right"].
std::optional<std::pair<std::string, std::string>> mergeParts(const json& merge) {
  if (merge.is_array()) {
    if (merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string()) return std::nullopt;
    return std::pair(merge[0].get<std::string>(), merge[1].get<std::string>());
  }
  if (!merge.is_string()) return std::nullopt;
  const auto& text = merge.get_ref<const std::string&>();
  const std::size_t space = text.find(' ');
  if (space == std::string::npos) return std::nullopt;
  return std::pair(text.substr(0, space), text.substr(space + 1));
}

Result<void> readMerges(const json& model, const Ids& ids, BpeModel& out) {
  const json* merges = member(model, "merges");
  if (merges == nullptr || !merges->is_array()) return damaged("it has no merges");
  out.merges.reserve(merges->size());
  std::set<std::pair<TokenId, TokenId>> pairs;
  for (const json& merge : *merges) {
    const auto bad = [&](const std::string& what) { return damaged(fmt::format("merge {} {}", out.merges.size() + 1, what)); };
    const auto parts = mergeParts(merge);
    if (!parts) return bad("is not a pair of tokens");
    const auto left = ids.find(parts->first), right = ids.find(parts->second);
    if (left == ids.end() || right == ids.end())
      return bad(fmt::format("joins {}, which is not in the vocabulary", inQuotes(left == ids.end() ? parts->first : parts->second)));
    const auto joined = ids.find(parts->first + parts->second);
    if (joined == ids.end()) return bad(fmt::format("makes {}, which is not in the vocabulary", inQuotes(parts->first + parts->second)));
    if (!pairs.emplace(left->second, right->second).second) return bad("is there twice");
    out.merges.push_back({left->second, right->second, joined->second});
  }
  return {};
}

Result<void> readAdded(const json& file, const Ids& ids, BpeModel& out) {
  const json* list = member(file, "added_tokens");
  if (list == nullptr) return {};
  if (!list->is_array() || list->size() > kMostAdded) return damaged("its added tokens are no list of tokens");
  std::set<std::string> texts;
  std::set<TokenId> added;
  for (const json& entry : *list) {
    const auto bad = [&](const std::string& what) { return damaged(fmt::format("added token {} {}", out.added.size() + 1, what)); };
    if (!entry.is_object() || !entry.contains("id") || !entry.contains("content") || !entry["content"].is_string())
      return bad("lacks its id or its text");
    const auto flag = [&](const char* key) { return entry.contains(key) && entry[key] == json(true); };
    const auto id = idOf(entry["id"]);
    if (!id) return bad(fmt::format("has an id that is not a number from 0 to {}", kHighestTokenId));
    for (const char* key : {"single_word", "lstrip", "rstrip"})
      if (flag(key)) return notUnderstood(fmt::format("has added tokens with {}", key));
    BpeModel::Added token{*id, entry["content"].get<std::string>(), {}, flag("special"), flag("normalized")};
    if (token.text.empty() || token.text.size() > kLongestAdded) return bad(fmt::format("has a text of {} bytes; 1 to {} are possible", token.text.size(), kLongestAdded));
    const auto inModel = ids.find(token.text);
    const auto owner = std::lower_bound(out.tokens.begin(), out.tokens.end(), *id, [](const auto& t, TokenId wanted) { return t.id < wanted; });
    const bool taken = owner != out.tokens.end() && owner->id == *id;
    if (inModel != ids.end() ? inModel->second != *id : taken) return bad(fmt::format("has the id {}, which belongs to another token", *id));
    token.found = token.normalized && out.nfc ? *toNfc(token.text) : token.text;
    if (!texts.insert(token.found).second || !added.insert(*id).second) return bad("is there twice");
    out.added.push_back(std::move(token));
  }
  return {};
}

}  // namespace

Result<BpeModel> readBpeJson(std::string_view jsonText) {
  constexpr int kDeepest = 16;
  const auto file = parseStrictJson(jsonText, kDeepest);
  if (!file || !file->is_object()) return damaged("it is not the JSON object it should be");
  const json* model = member(*file, "model");
  if (model == nullptr || !model->is_object()) return notUnderstood("names no model");
  if (model->value("type", json()) != "BPE") return notUnderstood("is not of the type BPE");
  for (const auto& [key, plain] : {std::pair{"dropout", json()}, {"unk_token", json()}, {"continuing_subword_prefix", json("")},
                                   {"end_of_word_suffix", json("")}, {"fuse_unk", json(false)}, {"byte_fallback", json(false)},
                                   {"ignore_merges", json(false)}})
    if (!isPlain(*model, key, plain)) return notUnderstood(fmt::format("sets {}", key));
  if (auto good = checkSettings(*file); !good) return tl::unexpected(good.error());

  BpeModel out;
  out.nfc = member(*file, "normalizer") != nullptr;
  const auto ids = readTokens(*model, out);
  if (!ids) return tl::unexpected(ids.error());
  if (auto good = readMerges(*model, *ids, out); !good) return tl::unexpected(good.error());
  if (auto good = readAdded(*file, *ids, out); !good) return tl::unexpected(good.error());
  return out;
}

}  // namespace rookery::engine
