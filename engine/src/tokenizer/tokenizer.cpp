// SPDX-License-Identifier: GPL-3.0-or-later
#include "rookery/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <new>
#include <system_error>

#include "rookery/model_info.h"
#include "tokenizer/byte_trie.h"
#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/vocabulary.h"

namespace rookery::embedded {
#ifdef ROOKERY_HAVE_WORLD_VOCAB
std::span<const std::byte> world_vocabulary() noexcept;
#endif
#ifdef ROOKERY_HAVE_20B_TOKENIZER
std::span<const std::byte> tokenizer_20b() noexcept;
#endif
}  // namespace rookery::embedded

namespace rookery::engine {
namespace {

/// Greedy longest match: the World tokenizer.
struct TrieTokenizer final : Tokenizer::Impl {
  ByteTrie trie;

  bool encode(std::string_view text, std::vector<TokenId>& out, const std::stop_token& stop) const override {
    constexpr std::size_t kPollEvery = 4096;
    while (!text.empty()) {
      if (out.size() % kPollEvery == 0 && stop.stop_requested()) return false;
      const ByteTrie::Match match = trie.longestMatch(text);
      out.push_back(match.id);
      text.remove_prefix(match.length);  // never 0: every single byte is a token
    }
    return true;
  }
};

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl, std::filesystem::path file) : m_impl(std::move(impl)), m_file(std::move(file)) {}
Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> buildTokenizer(Vocabulary vocabulary, std::filesystem::path file) {
  const auto damaged = [](const Vocabulary::Entry& entry, std::string_view why) {
    const std::string where = entry.line != 0 ? fmt::format(" in line {}", entry.line) : std::string();
    return fail(ErrorCode::FileDamaged, fmt::format("The vocabulary is damaged{}: token {} {}.", where, entry.id, why));
  };
  auto& entries = vocabulary.entries;
  if (entries.empty()) return fail(ErrorCode::FileDamaged, "The vocabulary is empty.");
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.id != b.id ? a.id < b.id : a.line < b.line; });
  auto impl = std::make_unique<TrieTokenizer>();
  impl->bytes.reserve(vocabulary.bytes.size());
  impl->offsets.reserve(std::size_t{entries.back().id} + 2);
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
  if (!vocabulary.silent.empty() && vocabulary.silent.back() >= impl->offsets.size())
    impl->offsets.resize(std::size_t{vocabulary.silent.back()} + 1, static_cast<std::uint32_t>(impl->bytes.size()));
  impl->offsets.push_back(static_cast<std::uint32_t>(impl->bytes.size()));
  if (const auto lacking = std::count(std::begin(hasByte), std::end(hasByte), false); lacking > 0) {
    const auto first = std::find(std::begin(hasByte), std::end(hasByte), false) - std::begin(hasByte);
    return fail(ErrorCode::FormatUnknown,
                fmt::format("This is not a byte vocabulary: {} of the 256 single bytes have no token (0x{:02X} is one), so not every text could be read. "
                            "Vocabularies such as rwkv_vocab_v20230424.txt, which have them all, can be read.", lacking, first));
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
  impl->silent = std::move(vocabulary.silent);
  return std::make_shared<const Tokenizer>(std::move(impl), std::move(file));
}

namespace {

Result<std::shared_ptr<const Tokenizer>> parse(std::string_view text, const std::filesystem::path& file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // what some editors put in front
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const auto build = [&](Vocabulary vocabulary) { return buildTokenizer(std::move(vocabulary), file); };
  if (text.size() > kMaxVocabularyBytes || first == std::string_view::npos || text[first] != '{') return parseVocabularyText(text).and_then(build);
  if (looksLikeVocabularyJson(text)) return parseVocabularyJson(text).and_then(build);
  return buildBpeTokenizer(text, file);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::fromText(std::string_view vocabularyText) try {
  return parse(vocabularyText, {});
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
  return parse(text, path);
} catch (const std::bad_alloc&) {
  return fail(ErrorCode::OutOfMemory, "There is not enough memory for the vocabulary.");
}

namespace {

/// Immutable and the same for the whole program, so each is built once.
[[maybe_unused]] Result<std::shared_ptr<const Tokenizer>> builtIn(std::span<const std::byte> bytes) {
  return Tokenizer::fromText({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::world() {
#ifdef ROOKERY_HAVE_WORLD_VOCAB
  static const auto shared = builtIn(embedded::world_vocabulary());
  return shared;
#else
  return fail(ErrorCode::VocabularyMissing,
              "This build has no World vocabulary; choose the file rwkv_vocab_v20230424.txt, or a GGUF that holds it.");
#endif
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::pile20b() {
#ifdef ROOKERY_HAVE_20B_TOKENIZER
  static const auto shared = builtIn(embedded::tokenizer_20b());
  return shared;
#else
  return fail(ErrorCode::VocabularyMissing, "This build has no tokenizer of RWKV-4 Pile; choose the file 20B_tokenizer.json.");
#endif
}

namespace {

using Found = Result<std::shared_ptr<const Tokenizer>>;

/// One that fits the model; `what` names it in the sentence that says it does not, `instead` says what to do then.
Found fitting(Found found, const ModelInfo& info, const std::string& what, std::string_view instead) {
  if (!found) return found;
  if (auto fits = checkFit(**found, info.shape.vocab, what); !fits)
    return fail(fits.error().code, fmt::format("{} {}", fits.error().message, instead));
  return found;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::forModel(const ModelFile& file, const ModelInfo& info,
                                                             const std::filesystem::path& chosen) {
  constexpr std::string_view kChoose = "Choose the file that came with the model (--vocab on the command line).";
  if (!chosen.empty()) return fitting(fromFile(chosen), info, fmt::format("The vocabulary {}", chosen.string()), kChoose);
  if (info.tokenizer == TokenizerKind::Embedded) return fitting(fromGguf(file), info, fmt::format("The vocabulary in {}", file.name()), kChoose);
  const bool world = info.tokenizer == TokenizerKind::World;
  if (!world && info.tokenizer != TokenizerKind::Pile20B)
    return fail(ErrorCode::VocabularyMissing,
                fmt::format("No tokenizer is known for a model with {} tokens. Choose the file that came with it (--vocab on the command line): a "
                            "vocabulary such as rwkv_vocab_v20230424.txt, or a tokenizer.json.", info.shape.vocab));
  const char* name = world ? "rwkv_vocab_v20230424.txt" : "20B_tokenizer.json";
  std::error_code ignored;
  const std::filesystem::path beside = file.path().parent_path() / name;
  if (!file.path().empty() && std::filesystem::is_regular_file(beside, ignored)) {
    auto found = fitting(fromFile(beside), info, fmt::format("The vocabulary {}", beside.string()), "Put the right file there, or take this one away.");
    if (!found && found.error().code != ErrorCode::VocabularyMismatch)
      found.error().message += fmt::format(" (It was read from {}, beside the model.)", beside.string());
    return found;
  }
  auto own = world ? Tokenizer::world() : pile20b();
  if (own || own.error().code != ErrorCode::VocabularyMissing) return own;
  return fail(ErrorCode::VocabularyMissing,
              fmt::format("The model {} reads text with the {} tokenizer, whose file {} is missing. Put that file beside the model, or choose it (--vocab on the command line); "
                          "the repository BlinkDL/ChatRWKV on GitHub has it.", file.name(), world ? "World" : "20B", name));
}

std::vector<TokenId> Tokenizer::encode(std::string_view bytes) const {
  std::vector<TokenId> ids;
  ids.reserve(bytes.size() / 3 + 1);
  m_impl->encode(bytes, ids, {});
  return ids;
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view bytes, std::stop_token stop) const {
  std::vector<TokenId> ids;
  ids.reserve(bytes.size() / 3 + 1);
  if (!m_impl->encode(bytes, ids, stop)) return fail(ErrorCode::Cancelled, "Turning the text into tokens was stopped.");
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

bool Tokenizer::isLongestMatch() const noexcept { return m_impl->isLongestMatch(); }

std::string_view Tokenizer::bytesOf(TokenId id) const noexcept {
  if (id >= size()) return {};
  const std::size_t begin = m_impl->offsets[id];
  return std::string_view(m_impl->bytes).substr(begin, m_impl->offsets[id + 1] - begin);
}

bool Tokenizer::contains(TokenId id) const noexcept {
  return id == kEndOfText || !bytesOf(id).empty() || std::binary_search(m_impl->silent.begin(), m_impl->silent.end(), id);
}

std::size_t Tokenizer::size() const noexcept { return m_impl->offsets.size() - 1; }

}  // namespace rookery::engine
