// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "rookery/model_file.h"
#include "rookery/result.h"

namespace rookery::engine {

using TokenId = std::uint32_t;
inline constexpr TokenId kEndOfText = 0;  ///< has no bytes

struct ModelInfo;

/// Text to tokens and back. Two kinds: greedy longest match over a byte trie (World; source: rwkv_tokenizer.py of
/// ChatRWKV), and the byte-level BPE of RWKV-4 Pile (20B_tokenizer.json; source: huggingface/tokenizers).
/// Immutable after construction, safe to share between threads.
class Tokenizer {
 public:
  /// The World vocabulary built into the program; VocabularyMissing if this build has none.
  static Result<std::shared_ptr<const Tokenizer>> world();
  /// The 20B tokenizer of RWKV-4 Pile built into the program; VocabularyMissing if this build has none.
  static Result<std::shared_ptr<const Tokenizer>> pile20b();
  /// rwkv_vocab_*.txt (lines of `id literal length`), the same as JSON ({"id": "text" or [bytes]}, web-rwkv and Ai00), or
  /// tokenizer.json, told apart by content. Errors: FileNotFound, FileUnreadable, FileDamaged; FormatUnknown for a
  /// tokenizer.json of another kind, and for a vocabulary that lacks single bytes, so that some text could not be read.
  static Result<std::shared_ptr<const Tokenizer>> fromFile(const std::filesystem::path& path);
  static Result<std::shared_ptr<const Tokenizer>> fromText(std::string_view fileText);
  /// tokenizer.ggml.tokens of a GGUF whose tokenizer.ggml.model is "rwkv". Control and unused entries
  /// (id 0, [PADn]) never match text.
  static Result<std::shared_ptr<const Tokenizer>> fromGguf(const ModelFile& file);
  /// What a model reads text with: `chosen` if it is not empty, else the vocabulary in the file, else the file of its
  /// official name beside the model, else the one built in. VocabularyMissing says which file is missing and where to put it;
  /// VocabularyMismatch: it has more ids than the model, or lacks more of them than a padded table of embeddings explains.
  static Result<std::shared_ptr<const Tokenizer>> forModel(const ModelFile& file, const ModelInfo& info,
                                                           const std::filesystem::path& chosen = {});

  /// Any bytes; never fails because every single byte is a token (checked at construction). The 20B tokenizer lacks
  /// some that no text has, and takes U+FFFD for them; it also reads decomposed letters as composed ones (NFC).
  std::vector<TokenId> encode(std::string_view bytes) const;
  /// The same; Cancelled if `stop` asks for it.
  Result<std::vector<TokenId>> encode(std::string_view bytes, std::stop_token stop) const;
  /// The bytes of the tokens. FormatUnknown if an id is not in the vocabulary; id 0 and other special tokens add nothing.
  Result<std::string> decode(std::span<const TokenId> ids) const;
  /// Bytes of one token; empty for special tokens (id 0 is one) and ids that are not in the vocabulary.
  std::string_view bytesOf(TokenId id) const noexcept;
  bool contains(TokenId id) const noexcept;
  std::size_t size() const noexcept;  ///< one more than the highest id
  const std::filesystem::path& file() const noexcept { return m_file; }  ///< that it was read from; empty: built in, or of the model
  bool isLongestMatch() const noexcept;  ///< false: BPE

  ~Tokenizer();

  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl, std::filesystem::path file = {});

 private:
  std::unique_ptr<Impl> m_impl;
  std::filesystem::path m_file;
};

/// Turns streamed bytes into valid UTF-8: holds back an unfinished character, replaces invalid bytes by U+FFFD.
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);  ///< the text that is complete now
  std::string flush();                       ///< the held-back rest, as U+FFFD where it is not a character
 private:
  std::string m_pending;
};

}  // namespace rookery::engine
