// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <new>
#include <system_error>

#include "tokenizer/byte_trie.h"
#include "tokenizer/vocabulary.h"

#ifdef ROOKERY_HAVE_WORLD_VOCAB
namespace rookery::embedded {
std::span<const std::byte> world_vocabulary() noexcept;
}
#endif

namespace rookery::engine {

struct Tokenizer::Impl {
  std::string bytes;                   ///< of all tokens, by ascending id
  std::vector<std::uint32_t> offsets;  ///< token id is bytes[offsets[id] .. offsets[id + 1]); empty: not in the vocabulary
  ByteTrie trie;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> buildTokenizer(Vocabulary vocabulary) {
  const auto damaged = [](const Vocabulary::Entry& entry, std::string_view why) {
    const std::string where = entry.line != 0 ? fmt::format(" in line {}", entry.line) : std::string();
    return fail(ErrorCode::FileDamaged, fmt::format("The vocabulary is damaged{}: token {} {}.", where, entry.id, why));
  };
  auto& entries = vocabulary.entries;
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.id != b.id ? a.id < b.id : a.line < b.line; });
  auto impl = std::make_unique<Tokenizer::Impl>();
  impl->bytes.reserve(vocabulary.bytes.size());
  impl->offsets.reserve(entries.empty() ? 1 : std::size_t{entries.back().id} + 2);
  bool hasByte[256] = {};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    if (entry.id == kEndOfText || entry.id > kHighestTokenId) return damaged(entry, "is out of range");
    if (i > 0 && entries[i - 1].id == entry.id) return damaged(entry, "is there twice");
    if (entry.length == 0) return damaged(entry, "is empty");
    const std::string_view bytes = vocabulary.bytesOf(entry);
    if (bytes.size() == 1) hasByte[static_cast<unsigned char>(bytes[0])] = true;
    impl->offsets.resize(std::size_t{entry.id} + 1, static_cast<std::uint32_t>(impl->bytes.size()));
    impl->bytes.append(bytes);
  }
  impl->offsets.push_back(static_cast<std::uint32_t>(impl->bytes.size()));
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!hasByte[byte]) {
      return fail(ErrorCode::FileDamaged,
                  fmt::format("The vocabulary is damaged: it has no token for the single byte 0x{:02X}.", byte));
    }
  }

  std::vector<ByteTrie::Token> sorted;
  sorted.reserve(entries.size());
  for (const auto& entry : entries) {
    const std::size_t offset = impl->offsets[entry.id];
    sorted.push_back({std::string_view(impl->bytes).substr(offset, entry.length), entry.id});
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.bytes != b.bytes ? a.bytes < b.bytes : a.id < b.id; });
  const auto twin = std::adjacent_find(sorted.begin(), sorted.end(),
                                       [](const auto& a, const auto& b) { return a.bytes == b.bytes; });
  if (twin != sorted.end()) {
    const auto later = std::lower_bound(entries.begin(), entries.end(), (twin + 1)->id,
                                        [](const auto& entry, TokenId id) { return entry.id < id; });
    return damaged(*later, fmt::format("has the same bytes as token {}", twin->id));
  }
  impl->trie = ByteTrie(sorted);
  return std::make_shared<const Tokenizer>(std::move(impl));
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::fromText(std::string_view vocabularyText) try {
  return parseVocabularyText(vocabularyText).and_then(buildTokenizer);
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "There is not enough memory for the vocabulary.");
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::fromFile(const std::filesystem::path& path) try {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return fail(ErrorCode::FileNotFound, fmt::format("There is no file {}.", path.string()));
  }
  if (!std::filesystem::is_regular_file(path, error)) {
    return fail(ErrorCode::FileUnreadable, fmt::format("{} is not a file.", path.string()));
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return fail(ErrorCode::FileUnreadable, fmt::format("{} cannot be read.", path.string()), error.message());
  if (size > kMaxVocabularyBytes) {
    return fail(ErrorCode::FileDamaged, fmt::format("{} is larger than 16 MiB, so it is no vocabulary.", path.string()));
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    return fail(ErrorCode::FileUnreadable, fmt::format("{} cannot be read.", path.string()));
  }
  return fromText(text);
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "There is not enough memory for the vocabulary.");
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::world() {
#ifdef ROOKERY_HAVE_WORLD_VOCAB
  // Immutable and the same for the whole program, so it is built once.
  static const Result<std::shared_ptr<const Tokenizer>> shared = [] {
    const auto bytes = embedded::world_vocabulary();
    return fromText({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }();
  return shared;
#else
  return fail(ErrorCode::VocabularyMissing,
              "This build has no World vocabulary; choose the file rwkv_vocab_v20230424.txt, or a GGUF that holds it.");
#endif
}

std::vector<TokenId> Tokenizer::encode(std::string_view bytes) const {
  std::vector<TokenId> ids;
  ids.reserve(bytes.size() / 3 + 1);
  while (!bytes.empty()) {
    const ByteTrie::Match match = m_impl->trie.longestMatch(bytes);
    ids.push_back(match.id);
    bytes.remove_prefix(match.length);  // never 0: every single byte is a token
  }
  return ids;
}

Result<std::string> Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string bytes;
  for (const TokenId id : ids) {
    if (!contains(id)) return fail(ErrorCode::FormatUnknown, fmt::format("The vocabulary has no token {}.", id));
    bytes.append(bytesOf(id));
  }
  return bytes;
}

std::string_view Tokenizer::bytesOf(TokenId id) const noexcept {
  if (id >= size()) return {};
  const std::size_t begin = m_impl->offsets[id];
  return std::string_view(m_impl->bytes).substr(begin, m_impl->offsets[id + 1] - begin);
}

bool Tokenizer::contains(TokenId id) const noexcept { return id == kEndOfText || !bytesOf(id).empty(); }

std::size_t Tokenizer::size() const noexcept { return m_impl->offsets.size() - 1; }

}  // namespace rookery::engine
