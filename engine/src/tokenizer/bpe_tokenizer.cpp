// SPDX-License-Identifier: GPL-3.0-or-later
// Byte-level BPE: added tokens are cut out of the text, the rest is normalised, split as GPT-2 does, and in each piece
// the pair of tokens whose merge comes first in the file is joined, leftmost first, until no merge is left (Sennrich et
// al., arXiv 1508.07909; order of the steps as in huggingface/tokenizers).
#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "tokenizer/bpe_json.h"
#include "tokenizer/byte_trie.h"
#include "tokenizer/gpt2_split.h"
#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/unicode_text.h"

namespace rookery::engine {
namespace {

constexpr std::uint32_t kPollEvery = 4096;

/// Added tokens of one kind, found leftmost first, the longest where several start.
class AddedTokens {
 public:
  AddedTokens() = default;
  AddedTokens(const std::vector<BpeModel::Added>& added, bool normalized) {
    std::vector<ByteTrie::Token> sorted;
    for (const auto& token : added)
      if (token.normalized == normalized) {
        m_ids.push_back(token.id);
        sorted.push_back({token.found, static_cast<TokenId>(m_ids.size())});  // the trie keeps 0 for "none"
      }
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
    if (!sorted.empty()) m_trie = ByteTrie(sorted);
  }

  /// Calls between(text) for what lies between added tokens (never empty) and appends the tokens' ids. Ends, with
  /// false, when that returns false.
  template <class Between>
  bool split(std::string_view text, std::vector<TokenId>& out, const std::stop_token& stop, const Between& between) const {
    std::size_t start = 0;
    for (std::size_t at = 0, count = 1; !m_ids.empty() && at < text.size(); ++count) {
      if (count % kPollEvery == 0 && stop.stop_requested()) return false;
      const ByteTrie::Match match = m_trie.longestMatch(text.substr(at));
      if (match.length == 0) {
        ++at;
        continue;
      }
      if (at > start && !between(text.substr(start, at - start))) return false;
      out.push_back(m_ids[match.id - 1]);
      at += match.length;
      start = at;
    }
    return start == text.size() || between(text.substr(start));
  }

 private:
  std::vector<TokenId> m_ids;
  ByteTrie m_trie;
};

class BpeTokenizer final : public Tokenizer::Impl {
 public:
  explicit BpeTokenizer(BpeModel model)
      : m_byteTokens(model.byteTokens), m_nfc(model.nfc), m_raw(model.added, false), m_normalized(model.added, true) {
    m_merges.reserve(model.merges.size());
    for (std::uint32_t rank = 0; rank < model.merges.size(); ++rank) {
      const BpeModel::Merge& merge = model.merges[rank];
      m_merges.emplace(pairOf(merge.left, merge.right), Merge{rank, merge.joined});
    }
    addBytes(std::move(model));
  }

  bool isLongestMatch() const noexcept override { return false; }
  bool encode(std::string_view text, std::vector<TokenId>& out, const std::stop_token& stop) const override {
    return m_raw.split(text, out, stop, [&](std::string_view part) {
      const auto normal = normalized(part, stop);
      return normal && m_normalized.split(*normal, out, stop, [&](std::string_view rest) {
        while (!rest.empty()) {
          const std::size_t length = gpt2PieceLength(rest, stop);
          if (stop.stop_requested() || !encodePiece(rest.substr(0, length), out, stop)) return false;
          rest.remove_prefix(length);
        }
        return true;
      });
    });
  }

 private:
  /// Bytes that no text has and the vocabulary lacks become U+FFFD.
  std::optional<std::string> normalized(std::string_view text, const std::stop_token& stop) const {
    const auto lacks = [&](char byte) { return m_byteTokens[static_cast<unsigned char>(byte)] == BpeModel::kNoToken; };
    std::string out;
    if (std::any_of(text.begin(), text.end(), lacks)) {
      for (const char byte : text) lacks(byte) ? out += "\xEF\xBF\xBD" : out += byte;
    } else {
      out = text;
    }
    return m_nfc ? toNfc(out, stop) : std::optional(std::move(out));
  }

  struct Merge {
    std::uint32_t rank = 0;
    TokenId joined = 0;
  };
  /// A token of the piece in a doubly linked list; joining keeps the left one and empties the right one.
  struct Symbol {
    TokenId id = 0;
    std::uint32_t previous = 0, next = 0;
    bool gone = false;
  };
  struct Candidate {
    std::uint32_t rank = 0, left = 0;
    TokenId joined = 0;
    bool operator<(const Candidate& other) const {  // the queue's top is the largest
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };
  static constexpr std::uint32_t kEnd = 0xFFFFFFFF;

  static std::uint64_t pairOf(TokenId left, TokenId right) noexcept { return std::uint64_t{left} << 32U | right; }

  bool encodePiece(std::string_view piece, std::vector<TokenId>& out, const std::stop_token& stop) const {
    std::vector<Symbol> symbols;
    symbols.reserve(piece.size());
    const auto count = static_cast<std::uint32_t>(piece.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i % kPollEvery == kPollEvery - 1 && stop.stop_requested()) return false;
      symbols.push_back({m_byteTokens[static_cast<unsigned char>(piece[i])], i == 0 ? kEnd : i - 1, i + 1 == count ? kEnd : i + 1, false});
    }
    std::vector<Candidate> room;
    room.reserve(count);
    std::priority_queue<Candidate> queue(std::less<Candidate>(), std::move(room));
    const auto offer = [&](std::uint32_t left) {
      if (left == kEnd || symbols[left].next == kEnd) return;
      const auto merge = m_merges.find(pairOf(symbols[left].id, symbols[symbols[left].next].id));
      if (merge != m_merges.end()) queue.push({merge->second.rank, left, merge->second.joined});
    };
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i % kPollEvery == kPollEvery - 1 && stop.stop_requested()) return false;
      offer(i);
    }
    for (std::uint32_t steps = 1; !queue.empty(); ++steps) {
      if (steps % kPollEvery == 0 && stop.stop_requested()) return false;
      const Candidate best = queue.top();
      queue.pop();
      Symbol& left = symbols[best.left];
      if (left.gone || left.next == kEnd) continue;
      // The pair may have changed since it was offered.
      const auto merge = m_merges.find(pairOf(left.id, symbols[left.next].id));
      if (merge == m_merges.end() || merge->second.rank != best.rank) continue;
      Symbol& right = symbols[left.next];
      left.id = best.joined;
      left.next = right.next;
      right.gone = true;
      if (left.next != kEnd) symbols[left.next].previous = best.left;
      offer(left.previous);
      offer(best.left);
    }
    for (std::uint32_t i = 0; i != kEnd; i = symbols[i].next) out.push_back(symbols[i].id);
    return true;
  }

  /// The table of what tokens stand for. Special tokens stand for no text.
  void addBytes(BpeModel model) {
    for (const auto& added : model.added) {
      if (added.special) silent.push_back(added.id);
      model.tokens.push_back({added.id, added.special ? std::string() : added.text});
    }
    std::sort(silent.begin(), silent.end());
    // Added ones come after the model's own of the same id, and win.
    std::stable_sort(model.tokens.begin(), model.tokens.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (std::size_t i = 0; i < model.tokens.size(); ++i) {
      if (i + 1 < model.tokens.size() && model.tokens[i + 1].id == model.tokens[i].id) continue;
      offsets.resize(std::size_t{model.tokens[i].id} + 1, static_cast<std::uint32_t>(bytes.size()));
      bytes += model.tokens[i].bytes;
    }
    offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
  }

  std::array<TokenId, 256> m_byteTokens;
  std::unordered_map<std::uint64_t, Merge> m_merges;
  bool m_nfc;
  AddedTokens m_raw, m_normalized;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> buildBpeTokenizer(std::string_view jsonText, std::filesystem::path file) {
  auto model = readBpeJson(jsonText);
  if (!model) return tl::unexpected(model.error());
  return std::make_shared<const Tokenizer>(std::make_unique<BpeTokenizer>(std::move(*model)), std::move(file));
}

}  // namespace rookery::engine
